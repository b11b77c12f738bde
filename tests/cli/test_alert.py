"""`launch.py alert`, on the store of this machine and through a dashboard."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from synergy import bootstrap
from synergy.cli import local_alerting, remote_alerting
from synergy.cli.commands import alert as command
from synergy.core.alert_outbox import Delivery, Refused, arrived, refused
from synergy.core.alert_requests import AlertRequest, AlertRequestState, group_of_test
from synergy.core.structs import replace
from synergy.core.watching import AlertOutcome
from synergy.operations import alerts
from synergy.ports.store import Store
from synergy.view.alert_links import AlertLinks
from tests.cli.conftest import Said
from tests.cli.test_remote import history as history
from tests.cli.test_remote import pages as pages
from tests.cli.test_remote import remote as remote
from tests.mx.alerted import OPEN_GROUP, SEEN_GROUP, alerted
from tests.mx.dashboard_harness import DashboardHarness
from tests.pipelines.pages import HUSH

Launch = Callable[..., Said]


@pytest.fixture
def here(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Return `launch` on a store of its own with alerts."""
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.pages')
    monkeypatch.delenv('SYNERGY_END_TIMEPERIOD')
    monkeypatch.setattr(local_alerting, 'ANSWER_SECONDS', 0.0)
    assert launch('db', '--update').code == 0
    settings, context = bootstrap.load(reads_sources=False)
    with bootstrap.open_runtime(settings, context) as runtime:
        alerted(runtime.open_store(create=False), context.alerts, AlertLinks('s'), 'r0')
    return launch


@pytest.fixture
def asked(remote: Launch, monkeypatch: pytest.MonkeyPatch) -> Launch:
    """Return `launch` on the dashboard of the tests of pages."""
    monkeypatch.setattr(remote_alerting, 'ANSWER_SECONDS', 0.0)
    return remote


def told(ask: Launch) -> None:
    """Look at what is open, and at what was told."""
    said = ask('alert')
    assert said.code == 0
    assert f'{OPEN_GROUP}  error: ' in said.out
    assert f'./launch.py alert ack {OPEN_GROUP}' in said.out
    assert 'acknowledged by ben@10.0.0.8' in said.out
    assert 'what helps: ./launch.py reprocess SiteHourly 2026112209' in said.out
    assert 'muted until' in said.out
    assert 'does not take messages: 2 since' in said.out
    found = json.loads(ask('alert', 'ls', '--json').out)
    assert found['open'][0]['id'] == OPEN_GROUP
    assert SEEN_GROUP in [group['id'] for group in found['open']]
    said = ask('alert', 'history')
    assert 'given up' in said.out
    assert 'arrived' in said.out
    items = json.loads(ask('alert', 'history', SEEN_GROUP, '--limit', '1', '--json').out)
    assert [item['group'] for item in items] == [SEEN_GROUP]
    for words in (('alert',), ('alert', '--json'), ('alert', 'history', '--json')):
        said = ask(*words)
        assert HUSH not in said.out + said.err
        assert 'hooks.example' not in said.out + said.err


def changed(ask: Launch) -> None:
    """Acknowledge and mute."""
    said = ask('alert', 'ack', OPEN_GROUP, '--reason', 'I look')
    assert (said.code, 'it is done once Watch runs' in said.out) == (0, True)
    found = json.loads(ask('alert', '--json').out)
    assert found['open'][0]['acknowledgement'] in ('asked', 'acknowledged')
    said = ask('alert', 'mute', 'night', '--until', '+2 hours', '--name', 'm1', '--json')
    assert json.loads(said.out)['state'] == 'waiting'
    again = ask('alert', 'mute', 'night', '--until', '+2 hours', '--name', 'm1', '--json')
    assert json.loads(again.out)['id'] == json.loads(said.out)['id']


def test_alerts_are_told_here(here: Launch) -> None:
    told(here)


def test_alerts_are_told_through_a_dashboard(asked: Launch) -> None:
    told(asked)


def test_alerts_are_acknowledged_and_muted_here(here: Launch) -> None:
    changed(here)


def test_alerts_are_acknowledged_and_muted_through_a_dashboard(
    asked: Launch, pages: DashboardHarness
) -> None:
    changed(asked)

    assert {item.named for item in pages.store.open_alert_requests(9)} == {OPEN_GROUP, 'night'}
    assert all(item.by.startswith('anna@') for item in pages.store.open_alert_requests(9))


@pytest.mark.parametrize(
    ('words', 'code', 'said'),
    [
        (['ack'], 2, 'its id as alert ls tells it'),
        (['test'], 2, 'give the alert'),
        (['mute', 'night'], 2, 'give --until'),
        (['ack', OPEN_GROUP, '--until', '+1 hour'], 2, '--until is of alert mute'),
        (['ls', 'night'], 2, 'takes no name'),
        (['mute', 'nigth', '--until', '+1 hour'], 3, "did you mean 'night'"),
        (['mute', 'night', '--until', 'soon'], 2, 'cannot be read'),
        (['ack', SEEN_GROUP], 3, 'was acknowledged by ben@10.0.0.8'),
        (['unmute', 'night'], 3, 'is not muted'),
        (['history', 'nigth'], 3, "did you mean 'night'"),
        (['history', 'night/99'], 3, 'nothing was told of'),
    ],
)
def test_mistakes_are_told(here: Launch, words: list[str], code: int, said: str) -> None:
    found = here('alert', *words)

    assert (found.code, said in found.err) == (code, True), found


@pytest.mark.parametrize(
    ('outcomes', 'code', 'told'),
    [
        ([None, None, None], 0, 'arrived'),
        ([None, Refused(error='it answered 503'), None], 1, 'tried again later: it answered 503'),
        ([None, None, Refused(error='it answered 400', is_final=True)], 1, 'refused for good'),
    ],
)
def test_a_test_tells_what_each_receiver_says(
    here: Launch,
    monkeypatch: pytest.MonkeyPatch,
    outcomes: list[Refused | None],
    code: int,
    told: str,
) -> None:
    """Watch is played: it does what is asked while the command line waits for that."""
    ask = alerts.ask

    def done(caller: Any, *given: Any) -> AlertRequest:
        return play(caller.store, caller.context.alerts, ask(caller, *given), outcomes)

    monkeypatch.setattr(alerts, 'ask', done)
    monkeypatch.setattr(command, '_TEST_SECONDS', 0.0)

    said = here('alert', 'test', 'night')

    assert (said.code, told in said.out) == (code, True), said
    assert len(said.out.splitlines()) == len(outcomes)
    assert HUSH not in said.out


def play(
    store: Store, rules: Any, request: AlertRequest, outcomes: list[Refused | None]
) -> AlertRequest:
    """Do what Watch does with a test."""
    lease, now = store.watching(), store.store_now()
    assert lease is not None
    memory = store.alert_memory()
    rule = next(rule for rule in rules if rule.name == request.named)
    deliveries = [
        Delivery(
            number=memory.alerts.sent + place,
            key=group_of_test(request.id),
            group=group_of_test(request.id),
            receiver=receiver.id,
            document=json.dumps({'kind': 'test', 'alert': rule.name, 'title': 'Test'}),
            made_at=now,
            next_at=now + timedelta(seconds=1),
        )
        for place, receiver in enumerate((*rule.to, *rule.escalate_to), 1)
    ]
    done = replace(request, state=AlertRequestState.DONE, ended_at=now, outcome='sent')
    told = [
        arrived(item, now) if error is None else refused(item, error, now)
        for item, error in zip(deliveries, outcomes, strict=True)
    ]
    after = replace(memory.alerts, sent=memory.alerts.sent + len(told))
    outcome = AlertOutcome(alerts=after, deliveries=told, requests=[done])
    assert store.save_alerts(lease, memory.rev, outcome)
    return done


def test_check_lists_alerts_and_none_of_their_addresses(here: Launch) -> None:
    for words in (('check', '--no-import'), ('check', '--no-import', '--json'), ('list',)):
        said = here(*words)
        assert said.code == 0
        assert HUSH not in said.out + said.err
    found = json.loads(here('check', '--no-import', '--json').out)['alerts']
    assert [item['alert'] for item in found] == ['night', 'quiet']
    assert found[0]['on'] == ['failed', 'held', 'late', 'no_leader']
    assert [text.partition(':')[0] for text in found[0]['to']] == ['hooks', 'mailto']
    assert 'alert night tells hooks:' in here('check', '--no-import').out


def test_without_alerts_that_is_said(launch: Launch) -> None:
    assert launch('db', '--update').code == 0

    said = launch('alert')

    assert said.code == 0
    assert 'define alert_context in context.py' in said.err
