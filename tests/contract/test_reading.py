"""Reading: lists in their order, page by page, and what is kept of the past."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from synergy.core.commands import CommandKind, CommandState
from synergy.core.effects import (
    InsertUnit,
    MoveUnit,
    SaveJob,
)
from synergy.core.records import (
    RUNS_PER_JOB_MAX,
    Outcome,
    ProcessName,
    Unit,
    UowId,
    uow_id_of,
)
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.ports.store import JobChange, JobFilter, LiveRun, Store
from tests.builders import key
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, claim, command, finish, job_of, leader, start, unit_of


def test_live_units_come_in_the_order_in_which_they_matter(store: Store) -> None:
    lead = leader(store)
    hours = [JobKey(HOUR.process, HOUR.timeperiod.shift(number)) for number in range(4)]
    runs, waits, retries, began_first = (
        unit_of(hours[0], state=UnitState.IN_PROGRESS, started_at=NOW + timedelta(seconds=5)),
        unit_of(hours[1]),
        unit_of(hours[2], state=UnitState.INVALID, started_at=NOW),
        unit_of(hours[3], state=UnitState.IN_PROGRESS, started_at=NOW + timedelta(seconds=4)),
    )
    ended = unit_of(HOUR, run=2, state=UnitState.PROCESSED)
    store.commit(lead, [InsertUnit(item) for item in (runs, waits, retries, began_first, ended)])

    assert list(store.live_units()) == [began_first, runs, retries, waits]
    assert list(store.live_units(2)) == [began_first, runs]


def test_live_runs_are_the_live_units_and_tell_how_they_stand(store: Store) -> None:
    lead = leader(store)
    hours = [JobKey(HOUR.process, HOUR.timeperiod.shift(number)) for number in range(3)]
    later = NOW + timedelta(minutes=5)
    runs, retries, waits = (
        unit_of(hours[0], state=UnitState.IN_PROGRESS, started_at=NOW),
        unit_of(hours[1], attempt=2, not_before=later),
        unit_of(hours[2]),
    )
    ended = unit_of(HOUR, run=2, state=UnitState.PROCESSED)
    store.commit(lead, [InsertUnit(item) for item in (runs, retries, waits, ended)])

    assert set(store.live_runs()) == {
        LiveRun(runs.id, hours[0], UnitState.IN_PROGRESS, None),
        LiveRun(retries.id, hours[1], UnitState.REQUESTED, later),
        LiveRun(waits.id, hours[2], UnitState.REQUESTED, None),
    }


def test_a_job_keeps_its_newest_runs_and_every_dead_letter(store: Store) -> None:
    leadership = leader(store)
    for run in (1, 2):
        store.commit(leadership, [InsertUnit(unit_of(run=run))])
        claim(store, uow_id_of(HOUR, run), 'w')
    finish(store, uow_id_of(HOUR, 1), 1, Outcome.processed(1))
    finish(store, uow_id_of(HOUR, 2), 1, Outcome.failed('no data'))
    dead = MoveUnit(
        uow_id=uow_id_of(HOUR, 2),
        from_state=UnitState.INVALID,
        from_fence=1,
        to_state=UnitState.DEAD,
        at=NOW,
    )
    store.commit(leadership, [dead])

    for run in (RUNS_PER_JOB_MAX + 1, RUNS_PER_JOB_MAX + 2):
        store.commit(leadership, [InsertUnit(unit_of(run=run))])

    kept = [unit.run for unit in store.runs(HOUR)]
    assert kept == [2, RUNS_PER_JOB_MAX + 1, RUNS_PER_JOB_MAX + 2]


def test_jobs_are_found_by_process_time_and_state_page_by_page(store: Store) -> None:
    keys = [key(f'SiteHourly@20261122{hour:02d}') for hour in range(4)]
    for job_key in keys:
        start(store, job_key)
    start(store, key('SiteDaily@2026112200'))
    store.commit(leader(store), [SaveJob(job_of(keys[1], rev=2, state=JobState.NOOP), 'nothing')])
    hourly = JobFilter(processes=(ProcessName('SiteHourly'),))

    first = store.find_jobs(hourly, 3)
    rest = store.find_jobs(hourly, 3, first[-1].key)

    assert [job.key for job in [*first, *rest]] == keys
    found = store.find_jobs(replace(hourly, start='2026112201', end='2026112203'), 9)
    assert [job.key for job in found] == keys[1:3]
    assert [job.key for job in store.find_jobs(JobFilter(states=(JobState.NOOP,)), 9)] == keys[1:2]
    assert store.count_jobs() == {
        ('SiteDaily', JobState.IN_PROGRESS): 1,
        ('SiteHourly', JobState.IN_PROGRESS): 3,
        ('SiteHourly', JobState.NOOP): 1,
    }


def ended(timeperiod: str, run: int, seconds: int, state: UnitState) -> Unit:
    """Return a run of SiteHourly that took so many seconds."""
    return unit_of(
        key(f'SiteHourly@{timeperiod}'),
        run,
        state=state,
        started_at=NOW,
        finished_at=NOW + timedelta(seconds=seconds),
    )


def test_runs_that_have_ended_are_found_newest_interval_first(store: Store) -> None:
    units = [
        replace(ended('2026112301', 1, 4, UnitState.PROCESSED), attempt=4, lost_count=1),
        ended('2026112303', 1, 7, UnitState.DEAD),
        ended('2026112302', 1, 5, UnitState.CANCELED),
        ended('2026112302', 2, 6, UnitState.NOOP),
        # None of these has begun and ended: one waits, one is tried again, one never began.
        unit_of(key('SiteHourly@2026112304'), 1),
        ended('2026112305', 1, 8, UnitState.INVALID),
        unit_of(key('SiteHourly@2026112306'), 1, state=UnitState.CANCELED, finished_at=NOW),
        replace(
            ended('2026112303', 1, 9, UnitState.PROCESSED),
            id=UowId('f' * 24),
            process=ProcessName('Other'),
        ),
    ]
    store.commit(leader(store), [InsertUnit(unit) for unit in units])
    name = ProcessName('SiteHourly')

    found = store.ended_runs(name, 9)

    assert [(str(item.key[1]), item.run, item.took.seconds) for item in found] == [
        ('2026112303', 1, 7),
        ('2026112302', 2, 6),
        ('2026112302', 1, 5),
        ('2026112301', 1, 4),
    ]
    assert [item.state for item in found[:2]] == [UnitState.DEAD, UnitState.NOOP]
    assert [item.attempt for item in found] == [1, 1, 1, 3]  # Those that were lost do not count.
    assert (found[0].key.process, found[0].started_at) == (name, NOW)
    assert store.ended_runs(name, 2) == found[:2]
    before = key('SiteHourly@2026112303').timeperiod
    assert store.ended_runs(name, 9, before) == found[1:]
    assert store.ended_runs(ProcessName('SiteYearly'), 9) == []


def test_dead_letters_are_listed_until_they_are_moved(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    finish(store, unit.id, 1, Outcome.failed('no data'))

    def move(before: UnitState, after: UnitState) -> MoveUnit:
        return MoveUnit(
            uow_id=unit.id, from_state=before, from_fence=1, to_state=after, at=NOW, error='no data'
        )

    store.commit(leader(store), [move(UnitState.INVALID, UnitState.DEAD)])
    assert [item.id for item in store.dead_units(10)] == [unit.id]
    store.commit(leader(store), [move(UnitState.DEAD, UnitState.CANCELED)])
    assert store.dead_units(10) == []


def test_commands_and_dead_letters_are_read_page_by_page(store: Store) -> None:
    for number in range(5):
        at = NOW - timedelta(seconds=number // 2)
        store.insert_command(command(f'c{number}', created_at=at))
        unit = start(store, key(f'SiteHourly@202611220{number}'))
        claim(store, unit.id, 'w')
        finish(store, unit.id, 1, Outcome.failed('no data'))
        dead = MoveUnit(
            uow_id=unit.id,
            from_state=UnitState.INVALID,
            from_fence=1,
            to_state=UnitState.DEAD,
            at=at,
        )
        store.commit(leader(store), [dead])
    store.insert_command(command('other', kind=CommandKind.USER, created_at=NOW))

    commands = list(store.commands(tuple(CommandState), 2, [CommandKind.REPROCESS]))
    units = list(store.dead_units(2))
    for _ in range(3):
        commands += store.commands(
            tuple(CommandState), 2, [CommandKind.REPROCESS], after=commands[-1]
        )
        units += store.dead_units(2, after=units[-1])

    assert [item.id for item in commands] == ['c0', 'c1', 'c2', 'c3', 'c4']
    assert len({unit.id for unit in units}) == len(units) == 5
    found = [unit.finished_at for unit in units if unit.finished_at is not None]
    assert found == sorted(found, reverse=True)
    assert [item.id for item in store.commands(tuple(CommandState), 9, [CommandKind.USER])] == [
        'other'
    ]


def test_failed_jobs_are_found_whatever_else_was_skipped(store: Store) -> None:
    keys = [key(f'SiteHourly@20261122{hour:02d}') for hour in range(4)]
    for job_key in keys:
        start(store, job_key)
    skipped: dict[str, Any] = {'rev': 2, 'state': JobState.SKIPPED}
    store.commit(
        leader(store),
        [
            SaveJob(job_of(keys[0], **skipped, failure_count=3), 'gave up'),
            SaveJob(job_of(keys[1], **skipped), 'skipped'),
            SaveJob(job_of(keys[2], rev=2, is_held=True, failure_count=3), 'held'),
        ],
    )

    found = store.find_jobs(JobFilter(is_failed=True), 10)

    assert [job.key for job in found] == [keys[0], keys[2]]


def test_changed_jobs_come_in_the_order_of_change_page_by_page(store: Store) -> None:
    leadership = leader(store)
    hours = [key(f'SiteHourly@20261122{hour:02d}') for hour in range(6)]
    jobs = [
        job_of(hour, changed_at=NOW + timedelta(seconds=(5 - number) // 2), state=state)
        for number, (hour, state) in enumerate(zip(hours, JobState, strict=True))
    ]
    store.commit(leadership, [SaveJob(job, 'made') for job in jobs])
    ordered = sorted(jobs, key=lambda job: (job.changed_at, str(job.timeperiod)))
    expected = [JobChange.of(job) for job in ordered]

    first = store.changed_jobs(NOW, 4)
    rest = store.changed_jobs(NOW, 4, first[-1])

    found = [*first, *rest]
    assert [item._replace(job=None) for item in found] == [
        item._replace(job=None) for item in expected
    ]
    for item, job in zip(found, ordered, strict=True):
        assert item.job == job or (item.job is None and job.state is JobState.PROCESSED)
    assert store.changed_jobs(NOW + timedelta(seconds=2), 9) == found[4:]
