"""Any past instant on pages and in the API: shown where it is known, refused everywhere else."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.core.commands import OPEN_COMMAND_STATES, CommandId, CommandState
from synergy.core.effects import SaveCommand
from synergy.core.journal import Happened
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.mx.live.past_model import PastModel
from synergy.mx.routes import ROUTES
from synergy.mx.web import pasts
from synergy.mx.web.route import Route
from synergy.operations.past import past_of
from synergy.view.past_store import then as then_of
from tests.mx.addresses import address_of
from tests.mx.dashboard_harness import NOW, REQUEST_ID, DashboardHarness
from tests.mx.pasts import THEN, give_past

#: What is the same at any time: files, and who comes in.
TIMELESS = ('static', 'login')
READING = [route for route in ROUTES if route.method == 'GET' and route.endpoint not in TIMELESS]
CHANGING = [route for route in ROUTES if route.method == 'POST']
HOUR = '/i/SiteHourly/2026112209'


@pytest.fixture(scope='module')
def then(tmp_path_factory: pytest.TempPathFactory, history: Path) -> Iterator[DashboardHarness]:
    """Return a dashboard with a past, of which nobody changes anything."""
    home = tmp_path_factory.mktemp('past')
    shutil.copy(history, home / 'store.db')
    found = DashboardHarness(home)
    give_past(found)
    yield found
    found.close()


def json_of(then: DashboardHarness, address: str) -> Any:
    return then.get(f'/api/v1/{address}').json


def as_of(route: Route, text: str = THEN, name: str | None = None) -> str:
    name = name or ('at' if route.is_api and not route.has_own_at else 'as_of')
    address = address_of(route)
    return f'{address}{"&" if "?" in address else "?"}{name}={text}'


@pytest.mark.parametrize('route', READING, ids=lambda route: route.rule)
def test_each_address_shows_the_past_or_says_that_there_is_none(
    then: DashboardHarness, route: Route
) -> None:
    answer = then.get(as_of(route), Accept='application/json' if route.is_api else 'text/html')

    if not route.has_past:
        assert answer.status_code == 400, answer.text[:500]
        assert 'There is no past of this' in answer.text or 'is not a parameter' in answer.text
    elif answer.status_code in (302, 404):
        # An address that leads to another one, or names what did not exist.
        assert route.endpoint in ('heatmaps', 'api_log')
    else:
        assert answer.status_code == 200, answer.text[:500]
        assert answer.headers['As-Of'] == '2026-11-23T11:32:00Z'
        if not route.is_api:
            assert 'You look at <b class="nowrap">2026-11-23 11:32 UTC</b>' in answer.text
            assert 'live.js' not in answer.text
            posts = re.findall(r'<form[^>]*method="post" action="([^"]*)"', answer.text)
            assert {*posts} <= {'/theme', '/logout'}


@pytest.mark.parametrize('route', CHANGING, ids=lambda route: route.rule)
def test_nothing_is_changed_in_the_past(then: DashboardHarness, route: Route) -> None:
    before = then.dump()

    answer = then.post(as_of(route, name='as_of'), {'reason': 'why'})

    assert answer.status_code == 400, answer.text[:300]
    assert 'The past stays as it is' in answer.text or 'is not a parameter' in answer.text
    assert then.dump() == before


def test_jobs_stand_as_they_stood(then: DashboardHarness) -> None:
    now, past = then.get(HOUR).text, then.get(f'{HOUR}?at={THEN}').text

    assert 'failed and held' in now
    assert 'failed and held' not in past
    assert 'Reprocess' not in past
    (why,) = json_of(then, f'jobs/SiteDaily/2026112200/why?at={THEN}')['causes'][-1:]
    assert (why['process'], why['kind']) != ('SiteHourly', 'failed')
    found = json_of(then, f'jobs?process=SiteHourly&state=held&at={THEN}')
    assert found['items'] == []
    later = json_of(then, 'jobs?process=SiteHourly&state=held&at=2026-11-23T11:50')
    assert [item['timeperiod'] for item in later['items']] == ['2026112209']
    assert json_of(then, f'status?at={THEN}')['at'] == '2026-11-23T11:32:00Z'


def test_events_of_then_say_how_a_job_stood_at_each(then: DashboardHarness) -> None:
    site = then.site
    found = site.pasts.of(site.context, then.store, site.clock, NOW - timedelta(minutes=25), NOW)
    past = found.model.past
    (held,) = past.recent
    ended = replace(held, what=Happened.ENDED, to_state=JobState.PROCESSED, is_held=False, run=0)
    told = [
        ended,
        replace(held, what=Happened.RESET, to_state=JobState.EMBRYO, is_held=False),
        replace(held, what=Happened.STARTED, is_held=False),
        replace(held, what=Happened.RETRIED, is_held=False),
        held,
    ]
    lines = [replace(line, number=number) for number, line in enumerate(told, 1)]

    model = PastModel(replace(past, recent=lines), then_of(then.store, past), site.clock)

    assert [change.mark.word for change in model.recent] == [
        'processed',
        'between attempts',
        'failed and held',
    ]


def test_links_and_forms_stay_in_the_past_where_there_is_one(then: DashboardHarness) -> None:
    text = then.get(f'/t/site?z=month&at=20261122&as_of={THEN}').text

    places = re.findall(r'href="(/(?:t|i)/[^"]*)"', text)
    assert len(places) > 20
    assert all('as_of=' in place for place in places if place not in _now(text))
    assert f'<a href="/processes?as_of={THEN}"' in text
    assert '<a href="/boxes"' in text
    assert f'action="/search"><input type="hidden" name="as_of" value="{THEN}">' in text
    assert _now(text) == ['/t/site?z=month&amp;at=20261122']
    # Neither before history begins, nor ahead.
    labels = re.findall(r'>([^<>]* (?:earlier|later))</a>', text)
    assert labels == ['10 minutes earlier', '10 minutes later']


def _now(text: str) -> list[str]:
    return re.findall(r'data-now href="([^"]*)">Back to now', text)


def test_one_gets_there_by_a_date_or_a_slider_without_any_script(then: DashboardHarness) -> None:
    for address in ('/', '/t/site'):
        text = then.get(address).text
        assert 'type="datetime-local"' in text
        assert 'min="2026-11-23T11:18"' in text
        least = re.search(r'type="range" min="(-[0-9.]+)" max="0"', text)
        assert least is not None
        assert -1 <= float(least[1]) < -0.9
    answer = then.get('/?back=-0.75')
    assert (answer.status_code, answer.headers['Location']) == (302, '/?as_of=2026-11-23T11%3A32')
    assert then.get('/?back=0').headers['Location'] == '/'
    statuses = {then.get(f'/?back={text}').status_code for text in ('x', '1', '-9999', 'nan')}
    assert statuses == {400}
    assert then.get('/?as_of=').status_code == 200


@pytest.mark.parametrize(
    ('text', 'status', 'said'),
    [
        ('soon', 400, 'cannot be read'),
        ('2026-13-01', 400, 'cannot be read'),
        ('2026-11-24', 400, 'is not past yet: it is 2026-11-23 12:17:00 UTC'),
        ('2026-11-23T11:16', 404, 'history begins with 2026-11-23 11:17:00 UTC'),
        ('2020', 404, 'give 2026-11-23 11:17:00 UTC or later'),
        ('2026-11-23T11:32:00%20CET', 400, 'cannot be read'),
        ('9' * 400, 400, 'cannot be read'),
    ],
)
def test_what_makes_no_sense_is_refused(
    then: DashboardHarness, text: str, status: int, said: str
) -> None:
    for address in ('/?at=', '/t/site?as_of=', '/api/v1/jobs?at='):
        answer = then.get(address + text)
        assert (answer.status_code, said in answer.text) == (status, True), answer.text[-900:]


def test_a_few_instants_are_kept_and_rebuilt_once(
    then: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuilt = []

    def counting(*given: object) -> object:
        rebuilt.append(given[2])
        return past_of(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(pasts, 'past_of', counting)
    minutes = [NOW - timedelta(minutes=3 + number) for number in range(pasts.KEPT + 1)]
    for at in [*minutes, minutes[-1], minutes[0]]:
        assert then.get(f'/runs?at={at:%Y-%m-%dT%H:%M}').status_code == 200

    assert rebuilt == [*minutes, minutes[0]]


def test_an_operator_looks_on_in_the_past_and_a_stranger_not_at_all(
    pages: DashboardHarness,
) -> None:
    give_past(pages)
    pages.add_user('olga', Role.OPERATOR)

    assert pages.get(f'/?at={THEN}').status_code == 303
    pages.log_in('olga')
    assert '/change/reprocess' in pages.get(HOUR).text
    assert '/change/' not in pages.get(f'{HOUR}?at={THEN}').text


def test_requests_stand_as_they_stood(pages: DashboardHarness) -> None:
    give_past(pages)
    request = pages.store.command(CommandId(REQUEST_ID))
    led = pages.store.leadership()
    assert request is not None
    assert led is not None
    ended = replace(request, state=CommandState.DONE, finished_at=NOW, outcome='done')
    pages.store.commit(led, [SaveCommand(ended)])
    pages.store.insert_command(replace(request, id=CommandId('later'), created_at=NOW))
    at = request.created_at + timedelta(minutes=1)

    site = pages.site
    found = site.pasts.of(site.context, pages.store, site.clock, at, NOW)
    store = then_of(pages.store, found.model.past)

    assert request.id not in [item.id for item in pages.store.open_commands(10)]
    names = [item.id for item in store.open_commands(10)]
    assert request.id in names
    assert 'later' not in names
    assert store.command(CommandId('later')) is None
    assert names[0] == [item.id for item in store.commands(OPEN_COMMAND_STATES, 10)][-1]
