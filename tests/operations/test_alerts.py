"""What operators ask of alerts: once, by rules and groups that there are, kept in the audit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.alert_requests import MUTE_MAX, AlertRequest, AlertRequestKind, AlertRequestState
from synergy.core.commands import CommandId, CommandKind
from synergy.core.structs import replace
from synergy.core.watching import AlertOutcome, WatchLease
from synergy.operations.alerts import ask, known_request
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.view.alert_links import AlertLinks
from tests.mx.alerted import OPEN_GROUP, SEEN_GROUP, alerted
from tests.mx.dashboard_harness import NOW
from tests.operations.test_operations import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store = SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOW))
    found = Desk(store)
    found.lease = alerted(store, found.caller.context.alerts, AlertLinks('s'), 'r0')
    yield found
    store.close()


def ended(desk: Desk, lease: WatchLease, request: AlertRequest) -> None:
    """Let Watch have done it."""
    done = replace(request, state=AlertRequestState.DONE, ended_at=NOW, outcome='done')
    rev = desk.store.alert_memory().rev
    assert desk.store.save_alerts(lease, rev, AlertOutcome(requests=[done]))


def test_an_acknowledgement_is_a_request_and_a_record_of_one_id(desk: Desk) -> None:
    asked = ask(desk.caller, 'ack', OPEN_GROUP)

    assert desk.store.open_alert_requests(9) == [asked]
    assert (asked.kind, asked.named, asked.by) == (AlertRequestKind.ACK, OPEN_GROUP, 'anna@here')
    assert asked.reason == 'because'
    (record,) = desk.audit(CommandKind.ALERT)
    assert (record.id, record.process, dict(record.details)) == (
        asked.id,
        OPEN_GROUP,
        {'action': 'ack'},
    )
    assert desk.rung == []


def test_a_mute_says_until_when(desk: Desk) -> None:
    asked = ask(desk.caller, 'mute', 'night', '+2 hours')

    assert asked.until == NOW + timedelta(hours=2)
    (record,) = desk.audit(CommandKind.ALERT)
    assert record.details == {'action': 'mute', 'until': asked.until.isoformat()}
    assert ask(desk.caller, 'unmute', 'night').kind is AlertRequestKind.UNMUTE


def test_what_is_asked_twice_is_asked_once_however_it_stands_by_then(desk: Desk) -> None:
    caller = desk.keyed('k1', 'f1')
    first = ask(caller, 'mute', 'night', '+2 hours')
    ended(desk, desk.lease, first)

    later = replace(caller, now=NOW + timedelta(days=1))
    again = ask(later, 'mute', 'night', '+2 hours')

    assert (again.id, again.until, again.state) == (first.id, first.until, AlertRequestState.DONE)
    assert len(desk.audit(CommandKind.ALERT)) == 1


def test_one_who_died_before_the_record_was_written_asks_once(desk: Desk) -> None:
    caller = desk.keyed('k1', 'f1')
    first = ask(caller, 'ack', OPEN_GROUP)
    other = SqliteStore.open(Path(':memory:'), clock=SimulatedClock(NOW))
    other.insert_alert_request(first)

    # The group is not open there any more, which would be refused.
    assert ask(replace(caller, store=other), 'ack', OPEN_GROUP) == first
    assert other.command(CommandId('k1')) is not None
    other.close()


def test_a_request_that_is_gone_is_known_by_the_audit(desk: Desk) -> None:
    caller = desk.keyed('k1', 'f1')
    ended(desk, desk.lease, ask(caller, 'ack', OPEN_GROUP))
    assert desk.store.prune_alerts(NOW + timedelta(days=1), 100) > 0
    assert desk.store.alert_request('k1') is None

    again = ask(caller, 'ack', OPEN_GROUP)

    assert (again.id, again.state) == ('k1', AlertRequestState.DONE)
    assert desk.store.open_alert_requests(9) == []


def test_a_name_is_of_one_request(desk: Desk) -> None:
    def named() -> Caller:
        return replace(desk.caller, id_of=lambda *_: CommandId('mine'), has_name=True)

    ask(named(), 'ack', OPEN_GROUP)
    for action, alert in (('ack', 'night'), ('mute', OPEN_GROUP)):
        with pytest.raises(OperationRefused) as refused:
            ask(named(), action, alert, '+1 hour' if action == 'mute' else None)
        assert refused.value.kind is RefusalKind.REUSED


@pytest.mark.parametrize(
    ('action', 'alert', 'until', 'kind', 'said'),
    [
        ('ack', None, None, RefusalKind.MALFORMED, 'no alert is named'),
        ('ack', 'nigt', None, RefusalKind.UNKNOWN, "did you mean 'night'"),
        ('ack', 'night/99', None, RefusalKind.UNKNOWN, 'that is open'),
        ('ack', SEEN_GROUP, None, RefusalKind.NOTHING, 'was acknowledged by ben@10.0.0.8'),
        ('ack', 'night', '+1 hour', RefusalKind.MALFORMED, 'it is of mute'),
        ('mute', 'night', None, RefusalKind.MALFORMED, 'until is missing'),
        ('mute', 'night', 'soon', RefusalKind.MALFORMED, 'cannot be read'),
        ('mute', 'night', '2020-01-01', RefusalKind.MALFORMED, 'in the past'),
        ('mute', 'night', '+31 days', RefusalKind.MALFORMED, 'more than 30 days'),
        ('mute', 'nigth', '+1 hour', RefusalKind.UNKNOWN, "did you mean 'night'"),
        ('unmute', 'night', None, RefusalKind.NOTHING, 'is not muted'),
        ('test', 'nobody', None, RefusalKind.UNKNOWN, 'there is no alert'),
        ('silence', 'night', None, RefusalKind.UNKNOWN, 'cannot be done to an alert'),
    ],
)
def test_what_makes_no_sense_is_refused_and_written_nowhere(
    desk: Desk, action: str, alert: str | None, until: str | None, kind: RefusalKind, said: str
) -> None:
    with pytest.raises(OperationRefused) as refused:
        ask(desk.caller, action, alert, until)

    assert refused.value.kind is kind
    assert said in str(refused.value)
    assert desk.store.open_alert_requests(9) == []
    assert desk.audit(CommandKind.ALERT) == []


def test_what_was_told_and_is_over_is_said_to_be(desk: Desk) -> None:
    memory = desk.store.alert_memory()
    none = replace(memory.alerts, alerts=(), groups=())
    assert desk.store.save_alerts(desk.lease, memory.rev, AlertOutcome(alerts=none))

    with pytest.raises(OperationRefused, match='night/1 is over'):
        ask(desk.caller, 'ack', OPEN_GROUP)
    with pytest.raises(OperationRefused, match='nothing of night is open'):
        ask(desk.caller, 'ack', 'night')


def test_a_test_needs_somebody_who_sends(desk: Desk) -> None:
    assert ask(desk.caller, 'test', 'night').kind is AlertRequestKind.TEST
    desk.store.stop_watching(desk.lease)

    with pytest.raises(OperationRefused, match='no Watch runs'):
        ask(desk.caller, 'test', 'night')
    # The others wait for one.
    assert ask(desk.caller, 'mute', 'night', '+1 hour').state is AlertRequestState.WAITING
    assert timedelta(hours=1) < MUTE_MAX


def test_what_was_never_asked_is_unknown(desk: Desk) -> None:
    assert known_request(desk.store, 'r0').kind is AlertRequestKind.MUTE
    with pytest.raises(OperationRefused, match='nothing was asked'):
        known_request(desk.store, 'nothing')
