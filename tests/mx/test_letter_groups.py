"""Dead letters by what is wrong: shown as one, run again or dropped by one request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.core.commands import CommandKind, CommandState, Only
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.letter_groups import ERROR
from synergy.core.records import Outcome, uow_id_of
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from tests.mx.dashboard_harness import NOW, DashboardHarness
from tests.mx.test_dead_letters import SWEEP, letters, scheduler, step
from tests.mx.test_freeruns import ended
from tests.mx.test_job_actions import fields
from tests.view.test_why import leading

COUNT = 14


@pytest.fixture
def broker(pages: DashboardHarness, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with closing(EmbeddedBroker.open(tmp_path / 'broker', clock=pages.runtime.clock)) as opened:
        yield opened


@pytest.fixture
def failed(pages: DashboardHarness) -> DashboardHarness:
    """Return the dashboard of a store where fourteen hours failed for one reason."""
    keys = [pages.key('SiteHourly', f'20261122{hour:02}') for hour in range(10, 10 + COUNT)]
    rows = pages.store.jobs(keys)
    runs = {key: pages.store.units([uow_id_of(key, 1)])[uow_id_of(key, 1)] for key in keys}
    saves: list[Any] = []
    for number, key in enumerate(keys):
        error = f'ConnectionError: db-{number}.example refused 0x{number:06x}'
        dead = replace(
            runs[key],
            id=uow_id_of(key, 2),
            run=2,
            state=UnitState.DEAD,
            error=error,
            finished_at=NOW - timedelta(seconds=COUNT - number),
        )
        job = replace(
            rows[key],
            rev=rows[key].rev + 1,
            run=2,
            uow_id=dead.id,
            state=JobState.IN_PROGRESS,
            is_held=True,
            reason=f'run 2 failed: {error}',
        )
        saves += [InsertUnit(dead), SaveJob(job, 'held')]
    pages.store.commit(leading(pages), saves)
    return pages


def get(pages: DashboardHarness, address: str) -> Any:
    return pages.get(f'/api/v1/{address}').json


def test_they_are_one_entry_with_what_they_hold_up(failed: DashboardHarness) -> None:
    first, second = get(failed, 'dead/groups')['items']

    assert (first['process'], first['count'], first['held']) == ('SiteHourly', COUNT, COUNT)
    assert (first['first_timeperiod'], first['last_timeperiod']) == ('2026112210', '2026112223')
    assert first['said'].startswith('ConnectionError: db-13.example')
    assert {'process': 'SiteDaily', 'count': 1} in first['holds_up']
    assert second['count'] == 1

    text = failed.get('/dead').text
    assert 'Run all 14 again' in text
    assert 'holds up' in text


def test_all_of_them_run_again_by_one_request_that_names_the_error(
    failed: DashboardHarness, broker: EmbeddedBroker
) -> None:
    group = get(failed, 'dead/groups')['items'][0]
    place = f'dead/groups/retry?process=SiteHourly&error={group["error"].replace("#", "%23")}'

    plan = get(failed, place)
    assert 'runs again: 14 SiteHourly' in plan['says']
    assert not failed.store.commands((CommandState.REQUESTED,), 9)

    answer: Any = failed.client.post(
        '/api/v1/dead/groups/retry',
        # As it was said: digits do not matter.
        json={'process': 'SiteHourly', 'error': group['said'].replace('13', '4')},
        headers={'Idempotency-Key': 'one'},
        environ_overrides=failed.place,
    )
    assert answer.status_code == 202, answer.text
    (command,) = failed.store.commands((CommandState.REQUESTED,), 9)
    assert (command.kind, command.only) == (CommandKind.REPROCESS, Only.FAILED)
    assert command.details == {ERROR: group['error']}
    step(failed, scheduler(failed, broker))
    done = failed.store.command(command.id)
    assert done is not None
    assert done.applied_count >= COUNT
    # The hour that failed for another reason stays as it is.
    (other,) = [
        item for item in get(failed, 'dead/groups')['items'] if 'ValueError' in item['said']
    ]
    assert other['count'] == 1


def test_the_page_previews_the_retry_and_asks_for_it(failed: DashboardHarness) -> None:
    page = failed.get('/dead').text
    at = page.index('/change/reprocess?process=SiteHourly&amp;first=2026112210')
    address = page[at : page.index('"', at)].replace('&amp;', '&')

    shown = failed.get(address)
    assert '14 intervals' in shown.text
    sent = failed.post('/change/reprocess', {**fields(shown.text), 'reason': 'host is back'})

    assert sent.status_code == 303, sent.text
    (command,) = failed.store.commands((CommandState.REQUESTED,), 9)
    assert 'ConnectionError' in str(command.details[ERROR])


def test_all_of_them_are_dropped_by_one_command(
    failed: DashboardHarness, broker: EmbeddedBroker
) -> None:
    group = get(failed, 'dead/groups')['items'][0]
    wanted = {'process': group['process'], 'error': group['error']}

    refused = failed.post('/dead/groups/drop', wanted)
    assert refused.status_code == 400
    sent = failed.post('/dead/groups/drop', {**wanted, 'reason': 'repaired by hand'})
    assert sent.status_code == 303, sent.text
    step(failed, scheduler(failed, broker))

    assert len(letters(failed)) == 1
    (command,) = failed.store.commands((CommandState.DONE,), 9, (CommandKind.DROP,))
    assert command.outcome == '14 dead letters'


def test_letters_of_a_free_run_go_together_and_it_runs_once(
    pages: DashboardHarness, broker: EmbeddedBroker
) -> None:
    leader = scheduler(pages, broker)
    for number in (1, 2, 3):
        ended(pages, SWEEP, number, Outcome.failed(f'disk {number} is full'))
    (group,) = [item for item in get(pages, 'dead/groups')['items'] if item['process'] == SWEEP]
    assert group['count'] == 3

    pages.post('/dead/groups/retry', {'process': SWEEP, 'error': group['error']})
    step(pages, leader)

    assert not [unit for unit in letters(pages) if unit.process == SWEEP]
    assert len(pages.store.freerun_units(SWEEP, 9)) == 4


@pytest.mark.parametrize(
    ('query', 'status'),
    [
        ('process=SiteHourly&error=nothing+like+it', 404),
        ('process=Nobody&error=x', 404),
        ('error=x', 400),
    ],
)
def test_what_is_not_there_is_refused(pages: DashboardHarness, query: str, status: int) -> None:
    assert pages.get(f'/dead/groups/drop?{query}').status_code == status
    assert pages.get(f'/api/v1/dead/groups/drop?{query}').status_code == status


def test_they_need_somebody_as_one(failed: DashboardHarness) -> None:
    text = failed.get('/').text
    needs = get(failed, 'overview')['needs']

    assert 'Run all 14 again' in text
    assert [need['count'] for need in needs if need['kind'] == 'failed'] == [COUNT, 1]
    (one,) = [need for need in get(failed, 'status')['needs'] if need['count'] == COUNT]
    assert 'SiteHourly: 14 intervals, 2026112210 – 2026112223, ConnectionError' in one['text']
