"""Dead letters over HTTP: one goes off the list when, and only when, what was asked for is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from synergy.adapters.embedded.broker import EmbeddedBroker
from synergy.core.commands import Command, CommandId, CommandState
from synergy.core.freerun_record import Freerun, Overlap
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import Outcome, ProcessName, Unit
from synergy.core.structs import replace
from synergy.core.trigger import Every
from synergy.ports.errors import StoreUnavailable
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.main import pipeline_of
from synergy.scheduler.pipeline import Pipeline
from tests.mx.dashboard_harness import NOW, DashboardHarness
from tests.mx.test_freeruns import ended
from tests.mx.test_job_actions import fields

SWEEP = ProcessName('Shell::sweep')


@pytest.fixture
def broker(pages: DashboardHarness, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with closing(EmbeddedBroker.open(tmp_path / 'broker', clock=pages.runtime.clock)) as opened:
        yield opened


def scheduler(
    pages: DashboardHarness, broker: EmbeddedBroker, pipeline: Pipeline | None = None
) -> Scheduler:
    """Return a Scheduler that goes on with the term of the history."""
    clock = pages.runtime.clock
    return Scheduler(
        pipeline or pipeline_of(pages.runtime.context, clock),
        store=pages.runtime.open_store(),
        broker=broker,
        clock=clock,
        settings=LoopSettings(
            owner='dev:4711',
            leader_lease=timedelta(days=1000),
            sweep_period=timedelta(seconds=1),
            inbox_batch_max=10,
        ),
    )


def without_sites(pages: DashboardHarness) -> Pipeline:
    """Return the pipeline once the trees of all sites have left the context."""
    pipeline = pipeline_of(pages.runtime.context, pages.runtime.clock)
    return replace(pipeline, hierarchy=Hierarchy({}))


def step(pages: DashboardHarness, leading: Scheduler) -> None:
    for _ in range(3):
        leading.step()
        pages.runtime.clock.advance(timedelta(seconds=2))


def asked(pages: DashboardHarness, uow_id: str, action: str = 'retry') -> CommandId:
    answer: Any = pages.client.post(
        f'/api/v1/dead/{uow_id}/{action}',
        json={'reason': 'why not'},
        headers={'Idempotency-Key': f'{uow_id} {action} {pages.runtime.clock.now()}'},
        environ_overrides=pages.place,
    )
    assert answer.status_code == 202, answer.text
    return CommandId(answer.json['id'])


def command(pages: DashboardHarness, command_id: CommandId) -> Command:
    found = pages.store.command(command_id)
    assert found is not None
    return found


def letters(pages: DashboardHarness) -> Sequence[Unit]:
    return pages.store.dead_units(10)


def test_a_letter_whose_job_runs_again_goes_with_it(
    pages: DashboardHarness, broker: EmbeddedBroker
) -> None:
    (dead,) = letters(pages)
    command_id = asked(pages, dead.id)
    assert letters(pages) == [dead]

    step(pages, scheduler(pages, broker))

    assert command(pages, command_id).state is CommandState.RUNNING
    assert letters(pages) == []
    left = pages.store.units([dead.id])[dead.id]
    assert 'why not' in str(left.error)


@pytest.mark.parametrize('is_freerun', [False, True], ids=['job', 'free run'])
@pytest.mark.parametrize('first', ['retry', 'drop'])
def test_a_letter_that_was_dealt_with_is_not_retried_once_more(
    pages: DashboardHarness, broker: EmbeddedBroker, first: str, is_freerun: bool
) -> None:
    leading = scheduler(pages, broker)
    if is_freerun:
        dead = ended(pages, SWEEP, 1, Outcome.failed('no disk'))
    else:
        (dead,) = letters(pages)
    ids = []
    for action in (first, 'retry', 'retry'):
        ids.append(asked(pages, dead.id, action))
        pages.runtime.clock.advance(timedelta(milliseconds=1))

    step(pages, leading)

    states = [command(pages, item).state for item in ids]
    assert states[0] in (CommandState.RUNNING, CommandState.DONE)
    assert states[1:] == [CommandState.REFUSED, CommandState.REFUSED]
    assert 'was dealt with before' in str(command(pages, ids[1]).outcome)
    assert dead.id not in {unit.id for unit in letters(pages)}


def test_a_letter_whose_process_has_left_the_context_stays(
    pages: DashboardHarness, broker: EmbeddedBroker
) -> None:
    (dead,) = letters(pages)
    command_id = asked(pages, dead.id)

    leading = scheduler(pages, broker, without_sites(pages))
    step(pages, leading)

    refused = command(pages, command_id)
    assert refused.state is CommandState.REFUSED
    assert 'SiteHourly' in str(refused.outcome)
    assert letters(pages) == [dead]
    # Dropping it is possible all the same.
    dropped = asked(pages, dead.id, 'drop')
    step(pages, leading)
    assert command(pages, dropped).state is CommandState.DONE
    assert letters(pages) == []


@pytest.fixture
def moved_on(history: Path, tmp_path: Path) -> Iterator[DashboardHarness]:
    """Return a dashboard whose context has none of the processes that the store has a past of."""
    home = tmp_path / 'moved on'
    home.mkdir()
    shutil.copy(history, home / 'store.db')
    found = DashboardHarness(home, 'tests.pipelines.governed')
    yield found
    found.close()


def test_the_retry_of_a_letter_whose_process_has_left_is_refused_at_the_door(
    moved_on: DashboardHarness,
) -> None:
    (of_job,) = letters(moved_on)
    of_entry = ended(moved_on, ProcessName('Gone::sweep'), 1, Outcome.failed('no disk'))

    addresses = [f'/dead/{dead.id}/retry' for dead in (of_job, of_entry)]

    for address in addresses:
        answer: Any = moved_on.client.post(
            f'/api/v1{address}',
            json={},
            headers={'Idempotency-Key': address},
            environ_overrides=moved_on.place,
        )
        assert answer.status_code == 409, answer.text
        assert 'has left the context' in answer.json['detail']
    dropped = asked(moved_on, of_job.id, 'drop')
    for address in addresses:
        assert moved_on.get(address).status_code == 409
        assert moved_on.post(address, {'reason': 'again'}).status_code == 409

    assert {unit.id for unit in letters(moved_on)} == {of_job.id, of_entry.id}
    # Dropping one is possible all the same.
    open_ = moved_on.store.commands((CommandState.REQUESTED,), 9)
    assert [item.id for item in open_] == [dropped]


def test_a_letter_whose_preview_is_not_what_would_be_done_any_more_stays(
    pages: DashboardHarness, broker: EmbeddedBroker
) -> None:
    (dead,) = letters(pages)
    preview = pages.get(f'/dead/{dead.id}/retry').headers['Location']
    form = {**fields(pages.get(preview).text), 'reason': 'the row is there now'}
    assert pages.post('/change/reprocess', form).status_code == 303

    step(pages, scheduler(pages, broker, without_sites(pages)))

    assert letters(pages) == [dead]


def test_a_letter_beyond_what_is_asked_for_stays(
    pages: DashboardHarness, broker: EmbeddedBroker
) -> None:
    (dead,) = letters(pages)
    preview = pages.get(f'/dead/{dead.id}/retry').headers['Location']
    other = preview.replace('first=2026112209', 'first=2026112203')
    assert other != preview
    form = {**fields(pages.get(other).text), 'reason': 'something else'}
    assert pages.post('/change/reprocess', form).status_code == 303

    step(pages, scheduler(pages, broker))

    assert letters(pages) == [dead]


def test_of_many_only_those_go_that_are_not_refused(
    pages: DashboardHarness, broker: EmbeddedBroker
) -> None:
    (of_job,) = letters(pages)
    of_entry = ended(pages, SWEEP, 1, Outcome.failed('no disk'))
    gone = ended(pages, ProcessName('Shell::gone'), 1, Outcome.failed('no disk'))
    ids = [asked(pages, unit.id) for unit in (of_job, of_entry, gone)]

    step(pages, scheduler(pages, broker))

    assert [unit.id for unit in letters(pages)] == [gone.id]
    assert [command(pages, item).state for item in ids] == [
        CommandState.RUNNING,
        CommandState.DONE,
        CommandState.REFUSED,
    ]
    assert 'there is no free run Shell::gone' in str(command(pages, ids[2]).outcome)


@pytest.mark.parametrize(
    ('overlap', 'stays'), [(Overlap.SKIP, True), (Overlap.QUEUE, False), (Overlap.ALLOW, False)]
)
def test_a_letter_of_a_free_run_stays_when_nothing_was_started(
    pages: DashboardHarness, broker: EmbeddedBroker, overlap: Overlap, stays: bool
) -> None:
    entry = Freerun(
        name=SWEEP, trigger=Every(seconds=600), overlap=overlap, definition='1', changed_at=NOW
    )
    pipeline = replace(without_sites(pages), freeruns=[entry])
    leading = scheduler(pages, broker, pipeline)
    step(pages, leading)
    dead = ended(pages, SWEEP, 1, Outcome.failed('no disk'))
    pages.runtime.clock.advance(timedelta(seconds=600))
    step(pages, leading)  # It fires: a run is under way.
    command_id = asked(pages, dead.id)

    step(pages, leading)

    assert (dead.id in {unit.id for unit in letters(pages)}) is stays
    state = CommandState.REFUSED if stays else CommandState.DONE
    assert command(pages, command_id).state is state


def test_a_store_that_goes_away_midway_leaves_the_letter_or_does_all(
    pages: DashboardHarness, broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    (dead,) = letters(pages)
    leading = scheduler(pages, broker)
    step(pages, leading)
    command_id = asked(pages, dead.id)

    def gone(*_: object, **__: object) -> None:
        raise StoreUnavailable('gone')

    with monkeypatch.context() as patch:
        patch.setattr(leading._store, 'commit', gone)
        step(pages, leading)
    assert letters(pages) == [dead]
    assert command(pages, command_id).state is CommandState.REQUESTED

    step(pages, leading)
    assert letters(pages) == []
    assert command(pages, command_id).state is CommandState.RUNNING


def test_the_list_says_how_intervals_stand_now_and_when_they_died(pages: DashboardHarness) -> None:
    text = pages.get('/dead').text
    (letter,) = pages.get('/api/v1/dead').get_json()['items']

    assert letter['interval'] == 'held'
    assert 'Interval now' in text
    assert 'failed and held' in text
    assert 'today ' in text


@pytest.mark.parametrize(
    ('query', 'count'),
    [
        ('process=SiteHourly', 1),
        ('process=SiteDaily', 0),
        ('interval=held', 1),
        ('interval=failed', 0),
        ('text=NO', 1),
        ('text=nothing+like+that', 0),
        ('process=SiteHourly&interval=held&limit=1', 1),
    ],
)
def test_letters_are_found_by_process_state_and_text(
    pages: DashboardHarness, query: str, count: int
) -> None:
    found = pages.get(f'/api/v1/dead?{query}').get_json()

    assert len(found['items']) == count
    assert found['next_cursor'] is None
    assert (pages.get(f'/dead?{query}').text.count('/retry"') > 0) is bool(count)


def test_an_unknown_state_of_an_interval_is_refused(pages: DashboardHarness) -> None:
    assert pages.get('/dead?interval=sleeping').status_code == 400
    assert pages.get('/api/v1/dead?interval=sleeping').status_code == 400
