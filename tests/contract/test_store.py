"""The contract of the store: conditional transitions, leases, leadership, reading."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.commands import Command, CommandId, CommandKind, CommandState, Only
from synergy.core.effects import (
    CancelUnit,
    InsertCommand,
    InsertUnit,
    MoveUnit,
    RemoveFreerun,
    RemoveOverride,
    SaveCommand,
    SaveContext,
    SaveFreerun,
    SaveJob,
    SaveOverride,
)
from synergy.core.freerun_record import Freerun
from synergy.core.led_context import LedContext, LedProcess
from synergy.core.records import (
    RUNS_PER_JOB_MAX,
    Box,
    BoxLoad,
    BoxProcess,
    IndexCopy,
    IndexPage,
    Job,
    Leadership,
    LogLine,
    Outcome,
    Override,
    ProcessLoad,
    ProcessName,
    Unit,
    UnitEnd,
    UowId,
    uow_id_of,
)
from synergy.core.standing import Isolated, Standing, Subject, SubjectKind
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from synergy.ports.errors import CommitRefused, LeadershipLost, LeaseLost
from synergy.ports.store import JobChange, JobFilter, Store
from tests.builders import key
from tests.contract.conftest import NOW

LEASE = timedelta(seconds=10)
HOUR = key('SiteHourly@2026112200')


def leader(store: Store, owner: str = 'one') -> Leadership:
    leadership = store.lead(owner, timedelta(hours=1))
    assert leadership is not None
    return leadership


def unit_of(job_key: JobKey = HOUR, run: int = 1, **fields: object) -> Unit:
    unit = Unit(
        id=uow_id_of(job_key, run),
        process=job_key.process,
        timeperiod=job_key.timeperiod,
        start=job_key.timeperiod,
        end=job_key.timeperiod.shift(1),
        run=run,
        created_at=NOW,
        arguments={'depth': 3, 'names': ['a', 'b']},
    )
    return replace(unit, **fields)  # type: ignore[arg-type]


def job_of(job_key: JobKey = HOUR, rev: int = 1, **fields: object) -> Job:
    job = Job(
        process=job_key.process,
        timeperiod=job_key.timeperiod,
        state=JobState.IN_PROGRESS,
        rev=rev,
        run=1,
        uow_id=uow_id_of(job_key, 1),
        changed_at=NOW,
    )
    return replace(job, **fields)  # type: ignore[arg-type]


def start(store: Store, job_key: JobKey = HOUR) -> Unit:
    """Save a running job with its unit."""
    unit = unit_of(job_key)
    store.commit(leader(store), [InsertUnit(unit), SaveJob(job_of(job_key), 'started')])
    return unit


def claim(store: Store, uow_id: UowId, owner: str) -> Unit | None:
    """Claim one unit."""
    return next(iter(store.claim([uow_id], owner, LEASE)), None)


def finish(
    store: Store, uow_id: UowId, fence: int, outcome: Outcome, log: Sequence[LogLine] = ()
) -> bool:
    """Finish one unit; tell whether that was accepted."""
    return not store.finish([UnitEnd(uow_id=uow_id, fence=fence, outcome=outcome, log=tuple(log))])


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


def test_what_is_committed_is_read_back(store: Store) -> None:
    unit = start(store)

    assert store.jobs([HOUR]) == {HOUR: job_of()}
    assert store.units([unit.id]) == {unit.id: unit}
    assert list(store.live_units()) == [unit]
    assert list(store.open_jobs()) == [job_of()]
    row = (HOUR.process, HOUR.timeperiod, JobState.IN_PROGRESS)
    assert list(store.index_rows()) == list(store.index_rows(NOW)) == [row]
    assert list(store.index_rows(NOW + timedelta(seconds=1))) == []
    assert list(store.runs(HOUR)) == [unit]
    assert [event.text for event in store.events(HOUR, 10)] == ['started']


def test_a_job_is_saved_only_over_the_rev_before(store: Store) -> None:
    start(store)

    for rev in (1, 3):
        with pytest.raises(CommitRefused, match='SiteHourly@2026112200'):
            store.commit(leader(store), [SaveJob(job_of(rev=rev), 'again')])

    store.commit(leader(store), [SaveJob(job_of(rev=2, state=JobState.PROCESSED), 'done')])
    assert store.jobs([HOUR])[HOUR].state is JobState.PROCESSED
    assert store.open_jobs() == []


def test_an_unclaimed_identical_unit_is_adopted_and_a_claimed_one_is_not(store: Store) -> None:
    unit = start(store)

    store.commit(leader(store), [InsertUnit(unit)])
    claim(store, unit.id, 'w')

    with pytest.raises(CommitRefused):
        store.commit(leader(store), [InsertUnit(unit)])


def test_a_unit_that_was_cancelled_before_it_started_is_requested_again(store: Store) -> None:
    unit = start(store)
    store.commit(leader(store), [CancelUnit(unit.id, 'stray', NOW)])

    store.commit(leader(store), [InsertUnit(unit)])

    again = store.units([unit.id])[unit.id]
    assert (again.state, again.fence, again.error) == (UnitState.REQUESTED, 2, None)
    claim(store, unit.id, 'w')
    store.commit(leader(store), [CancelUnit(unit.id, 'skipped', NOW)])
    with pytest.raises(CommitRefused):
        store.commit(leader(store), [InsertUnit(unit)])


def test_only_one_claim_succeeds(open_store: Callable[[], Store]) -> None:
    first, second = open_store(), open_store()
    unit = start(first)

    claimed = claim(first, unit.id, 'w1')

    assert claimed is not None
    assert (claimed.state, claimed.fence, claimed.owner) == (UnitState.IN_PROGRESS, 1, 'w1')
    assert claimed.lease_until == NOW + LEASE
    assert claimed.started_at == NOW
    assert claim(second, unit.id, 'w2') is None


def test_a_unit_is_not_claimed_before_its_time(store: Store, clock: SimulatedClock) -> None:
    unit = unit_of(not_before=NOW + timedelta(seconds=5))
    store.commit(leader(store), [InsertUnit(unit)])

    assert claim(store, unit.id, 'w') is None

    clock.advance(timedelta(seconds=5))
    assert claim(store, unit.id, 'w') is not None


def test_an_unknown_unit_is_not_claimed(store: Store) -> None:
    assert claim(store, uow_id_of(HOUR, 9), 'w') is None


def test_finish_is_recorded_once_and_repeating_it_does_nothing(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    log = [LogLine(attempt=1, at=NOW, level='INFO', text='counted')]

    assert finish(store, unit.id, 1, Outcome.processed(7), log)
    assert finish(store, unit.id, 1, Outcome.processed(7), log)

    ended = store.units([unit.id])[unit.id]
    assert (ended.state, ended.processed_count) == (UnitState.PROCESSED, 7)
    assert (ended.finished_at, ended.lease_until) == (NOW, None)
    assert list(store.log(unit.id)) == log


@pytest.mark.parametrize('outcome', [Outcome.processed(8), Outcome.noop(), Outcome.failed('x')])
def test_a_second_different_finish_is_refused(store: Store, outcome: Outcome) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    finish(store, unit.id, 1, Outcome.processed(7))

    assert not finish(store, unit.id, 1, outcome)


def test_several_are_claimed_and_finished_at_once_each_on_its_own(store: Store) -> None:
    units = [start(store, key(f'SiteHourly@201311010{hour}')) for hour in range(4)]
    claim(store, units[1].id, 'other')

    claimed = store.claim([unit.id for unit in units], 'w', LEASE)

    assert [unit.id for unit in claimed] == [units[0].id, units[2].id, units[3].id]
    store.commit(leader(store), [CancelUnit(units[2].id, 'skipped', NOW)])
    line = LogLine(attempt=1, at=NOW, level='INFO', text='counted')
    ends = [
        UnitEnd(uow_id=unit.id, fence=1, outcome=Outcome.processed(3), log=(line,))
        for unit in claimed
    ]
    assert list(store.finish(ends)) == [units[2].id]
    found = store.units([unit.id for unit in units])
    assert [found[unit.id].state for unit in units] == [
        UnitState.PROCESSED,
        UnitState.IN_PROGRESS,
        UnitState.CANCELED,
        UnitState.PROCESSED,
    ]
    assert [len(store.log(unit.id)) for unit in units] == [1, 0, 0, 1]


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


def test_zombie_finish_renew_and_release_are_refused_after_a_rescue(store: Store) -> None:
    unit = start(store)
    claimed = claim(store, unit.id, 'w')
    assert claimed is not None
    rescue = MoveUnit(
        uow_id=unit.id,
        from_state=UnitState.IN_PROGRESS,
        from_fence=1,
        to_state=UnitState.REQUESTED,
        at=NOW,
        raises_fence=True,
        attempt=2,
    )
    store.commit(leader(store), [rescue])

    assert not finish(store, unit.id, 1, Outcome.processed(1))
    with pytest.raises(LeaseLost):
        store.renew(unit.id, 1, LEASE)
    with pytest.raises(LeaseLost):
        store.release(unit.id, 1)
    again = claim(store, unit.id, 'w2')
    assert again is not None
    assert (again.fence, again.attempt) == (3, 2)
    finish(store, unit.id, 3, Outcome.processed(1))


def test_move_is_refused_when_the_unit_moved_on(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    finish(store, unit.id, 1, Outcome.noop())

    with pytest.raises(CommitRefused):
        store.commit(
            leader(store),
            [
                MoveUnit(
                    uow_id=unit.id,
                    from_state=UnitState.IN_PROGRESS,
                    from_fence=1,
                    to_state=UnitState.DEAD,
                    at=NOW,
                )
            ],
        )


def test_cancel_ends_a_live_unit_and_leaves_an_ended_one(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')

    store.commit(leader(store), [CancelUnit(unit.id, 'skipped by anna', NOW)])

    cancelled = store.units([unit.id])[unit.id]
    assert (cancelled.state, cancelled.fence) == (UnitState.CANCELED, 2)
    assert cancelled.error == 'skipped by anna'
    assert not finish(store, unit.id, 1, Outcome.processed(1))
    store.commit(leader(store), [CancelUnit(unit.id, 'again', NOW)])
    assert store.units([unit.id])[unit.id].error == 'skipped by anna'


def test_leadership_given_by_a_clock_that_was_ahead_does_not_hold(
    store: Store, clock: SimulatedClock
) -> None:
    before = leader(store)
    clock.step(NOW - timedelta(hours=2))
    assert store.lead('two', timedelta(hours=1)) is None

    clock.step(NOW - timedelta(days=1))
    after = store.lead('two', timedelta(hours=1))

    assert after is not None
    assert after.term == before.term + 1
    with pytest.raises(LeadershipLost):
        store.commit(before, [])


def test_renew_extends_the_lease(store: Store, clock: SimulatedClock) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    clock.advance(timedelta(seconds=5))

    store.renew(unit.id, 1, LEASE)

    assert store.units([unit.id])[unit.id].lease_until == NOW + timedelta(seconds=15)


def test_a_released_unit_is_requested_again_in_the_same_attempt(store: Store) -> None:
    unit = start(store)
    claim(store, unit.id, 'w')
    store.commit(leader(store), [], announced={unit.id: NOW})

    store.release(unit.id, 1, [LogLine(attempt=1, at=NOW, level='INFO', text='stopped')])

    released = store.units([unit.id])[unit.id]
    assert (released.state, released.attempt, released.fence) == (UnitState.REQUESTED, 1, 2)
    assert (released.owner, released.announced_at) == (None, None)
    assert [line.text for line in store.log(unit.id)] == ['stopped']


def test_announcements_are_marked_on_units_that_still_wait(store: Store) -> None:
    first, second = start(store), start(store, key('SiteHourly@2026112201'))
    claim(store, second.id, 'w')

    store.commit(leader(store), [], announced={first.id: NOW, second.id: NOW})

    # A mark may be seen a moment later: nothing depends on it but one more ring.
    until = time.monotonic() + 5
    while store.units([first.id])[first.id].announced_at is None and time.monotonic() < until:
        time.sleep(0.01)
    assert store.units([first.id])[first.id].announced_at == NOW
    assert store.units([second.id])[second.id].announced_at is None


def test_logs_keep_their_order_over_appends(store: Store) -> None:
    unit = start(store)
    lines = [LogLine(attempt=1, at=NOW, level='INFO', text=f'line {n}') for n in range(5)]

    store.append_log(unit.id, lines[:2])
    store.append_log(unit.id, lines[2:])

    assert list(store.log(unit.id)) == lines


def test_leadership_is_held_by_one_until_its_lease_runs_out(
    open_store: Callable[[], Store], clock: SimulatedClock
) -> None:
    first, second = open_store(), open_store()

    held = first.lead('one', LEASE)

    assert held == Leadership(owner='one', term=1, until=NOW + LEASE)
    assert second.lead('two', LEASE) is None
    clock.advance(timedelta(seconds=5))
    renewed = first.lead('one', LEASE)
    assert renewed is not None
    assert renewed.term == 1
    clock.advance(timedelta(seconds=10))
    taken = second.lead('two', LEASE)
    assert taken is not None
    assert taken.term == 2
    assert store_leader(first) == 'two'


def store_leader(store: Store) -> str:
    leadership = store.leadership()
    assert leadership is not None
    return leadership.owner


def test_taking_up_ones_own_expired_lease_is_a_new_term(
    store: Store, clock: SimulatedClock
) -> None:
    store.lead('one', LEASE)
    clock.advance(LEASE)

    again = store.lead('one', LEASE)

    assert again is not None
    assert again.term == 2


def test_resigning_lets_another_lead_at_once(open_store: Callable[[], Store]) -> None:
    first, second = open_store(), open_store()
    held = first.lead('one', LEASE)
    assert held is not None

    first.resign(held)

    taken = second.lead('two', LEASE)
    assert taken is not None
    assert taken.term == 2
    first.resign(held)
    assert store_leader(second) == 'two'


def test_commit_of_a_lost_or_expired_term_is_refused_and_changes_nothing(
    store: Store, clock: SimulatedClock
) -> None:
    held = store.lead('one', LEASE)
    assert held is not None
    clock.advance(LEASE)

    with pytest.raises(LeadershipLost):
        store.commit(held, [SaveJob(job_of(), 'late')])
    store.lead('two', LEASE)
    with pytest.raises(LeadershipLost):
        store.commit(held, [SaveJob(job_of(), 'late')])

    assert store.jobs([HOUR]) == {}


def command(text: str = 'c1', **fields: object) -> Command:
    made = Command(
        id=CommandId(text),
        kind=CommandKind.REPROCESS,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(1),
        actor='anna',
        reason='late data',
        created_at=NOW,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_command_is_inserted_once_and_settled_once(store: Store) -> None:
    store.insert_command(command())
    store.insert_command(command(actor='bert'))

    assert list(store.open_commands(10)) == [command()]
    done_command = replace(command(), state=CommandState.DONE, outcome='1 job', finished_at=NOW)
    settle = SaveCommand(done_command)
    store.commit(leader(store), [settle])

    assert store.open_commands(10) == []
    done = store.command(CommandId('c1'))
    assert done is not None
    assert (done.state, done.outcome, done.finished_at) == (CommandState.DONE, '1 job', NOW)
    assert list(store.commands([CommandState.DONE], 10)) == [done]
    with pytest.raises(CommitRefused):
        store.commit(leader(store), [settle])


def test_commands_come_oldest_first_and_limited(store: Store) -> None:
    for number in range(3):
        store.insert_command(command(f'c{number}', created_at=NOW - timedelta(seconds=number)))

    assert [item.id for item in store.open_commands(2)] == ['c2', 'c1']


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


def test_desired_and_actual_state_of_a_box_do_not_overwrite_each_other(store: Store) -> None:
    store.set_desired('box', 'SiteHourly', is_on=False)
    row = BoxProcess(
        box_id='box',
        process='SiteHourly',
        is_on=True,
        state='running',
        pids=(4711,),
        restart_count=2,
        changed_at=NOW,
    )

    store.report_actual([row])

    assert list(store.box_processes('box')) == [replace(row, is_on=False)]
    store.set_desired('box', 'SiteHourly', is_on=True)
    assert list(store.box_processes('box')) == [replace(row, start_asked_at=NOW)]
    assert store.box_processes('elsewhere') == []


def test_the_newest_wish_for_a_start_is_kept_whatever_is_reported(
    store: Store, clock: SimulatedClock
) -> None:
    def asked_at() -> datetime | None:
        return store.box_processes('box')[0].start_asked_at

    store.set_desired('box', 'SiteHourly', is_on=True)
    assert asked_at() == NOW
    clock.advance(timedelta(seconds=1))
    store.set_desired('box', 'SiteHourly', is_on=True)

    store.set_desired('box', 'SiteHourly', is_on=False)
    store.report_actual([BoxProcess(box_id='box', process='SiteHourly', is_on=True)])

    assert asked_at() == NOW + timedelta(seconds=1)


def box_at(host: str, **fields: object) -> Box:
    box = Box(box_id='box', host=host, home='/h', pid=7, version='3.0')
    return replace(box, **fields)  # type: ignore[arg-type]


def test_a_heartbeat_is_dated_by_the_store_and_keeps_what_is_desired(
    store: Store, clock: SimulatedClock
) -> None:
    assert store.heartbeat(box_at('a'), LEASE) == box_at('a', seen_at=NOW)
    store.set_drained('box', is_draining=True)
    clock.advance(LEASE)

    again = store.heartbeat(box_at('a', pid=8, version='3.1', seen_at=NOW), LEASE)

    assert again == box_at('a', pid=8, version='3.1', seen_at=NOW + LEASE, is_draining=True)
    assert list(store.boxes()) == [again]
    store.set_drained('box', is_draining=False)
    assert not store.boxes()[0].is_draining


def test_a_heartbeat_says_how_busy_the_box_is(store: Store) -> None:
    process = ProcessLoad(
        process='MX', pid=8, started_at=NOW, cpu_percent=12.5, memory_bytes=80_000_000
    )
    load = BoxLoad(load_average=0.7, cpu_count=2, memory_percent=41.5, processes=(process,))

    found = store.heartbeat(box_at('a', load=load), LEASE)

    assert found.load == load
    assert [box.load for box in store.boxes()] == [load]
    assert store.heartbeat(box_at('a'), LEASE).load is None


def test_a_box_that_another_place_holds_is_not_taken_before_it_has_vanished(
    store: Store, clock: SimulatedClock
) -> None:
    held = store.heartbeat(box_at('a'), LEASE)
    clock.advance(LEASE - timedelta(seconds=1))

    assert store.heartbeat(box_at('b'), LEASE) == held
    assert store.heartbeat(box_at('a', home='/other'), LEASE) == held
    clock.advance(timedelta(seconds=1))
    assert store.heartbeat(box_at('b'), LEASE).host == 'b'


def test_a_box_whose_supervisor_stopped_in_order_is_free_at_once(store: Store) -> None:
    store.heartbeat(box_at('a'), LEASE)

    store.heartbeat(box_at('a', pid=None), LEASE)

    assert store.heartbeat(box_at('b'), LEASE).host == 'b'


def test_a_box_may_be_drained_before_it_is_seen_and_forgotten_at_any_time(store: Store) -> None:
    store.set_drained('box', is_draining=True)
    store.set_desired('box', 'SiteHourly', is_on=False)
    store.set_desired('alone', 'SiteHourly', is_on=True)

    assert list(store.boxes()) == [Box(box_id='box', is_draining=True)]
    assert store.heartbeat(box_at('a'), LEASE).is_draining
    assert [row.box_id for row in store.box_processes()] == ['alone', 'box']
    assert store.forget_box('box') == 2
    assert store.forget_box('box') == 0
    assert store.boxes() == []
    assert [row.box_id for row in store.box_processes()] == ['alone']


def test_a_job_keeps_a_bounded_history(store: Store) -> None:
    leadership = leader(store)
    for rev in range(1, 140):
        store.commit(leadership, [SaveJob(job_of(rev=rev), f'event {rev}')])

    events = store.events(HOUR, 1000)

    assert len(events) == 128
    assert events[0].text == 'event 139'


def freerun_of(**fields: object) -> Freerun:
    made = Freerun(
        name=ProcessName('Cleaner::nightly'),
        trigger=parse_trigger('at 02:30'),
        arguments={'depth': 2},
        definition='abc',
        rev=1,
        last_fire=NOW,
        last_run=3,
        live=(uow_id_of(HOUR, 1),),
        queued_at=NOW + LEASE,
        changed_at=NOW,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_free_run_is_saved_only_over_the_rev_before_and_can_be_removed(store: Store) -> None:
    store.commit(leader(store), [SaveFreerun(freerun_of(), 'added')])

    assert list(store.freeruns()) == [freerun_of()]
    with pytest.raises(CommitRefused, match='Cleaner::nightly'):
        store.commit(leader(store), [SaveFreerun(freerun_of(), 'again')])
    store.commit(leader(store), [SaveFreerun(freerun_of(rev=2, is_on=False), 'switched off')])
    assert list(store.freeruns()) == [freerun_of(rev=2, is_on=False)]
    events = store.freerun_events(freerun_of().name, 10)
    assert [event.text for event in events] == ['switched off', 'added']
    store.commit(leader(store), [RemoveFreerun(freerun_of())])
    assert list(store.freeruns()) == []


def test_ended_units_of_all_free_runs_are_found_those_that_ended_last_first(
    store: Store, clock: SimulatedClock
) -> None:
    stamp = containing_utc(Qualifier.REAL_TIME, NOW)
    names = [ProcessName('Cleaner::a'), ProcessName('Cleaner::b'), ProcessName('Cleaner::c')]
    units = [unit_of(JobKey(name, stamp), 1) for name in names]
    store.commit(leader(store), [InsertUnit(unit) for unit in units])
    for unit, outcome in zip(units[:2], (Outcome.processed(1), Outcome.noop()), strict=True):
        (claimed,) = store.claim([unit.id], 'w', LEASE)
        store.finish([UnitEnd(uow_id=unit.id, fence=claimed.fence, outcome=outcome)])
        clock.advance(timedelta(seconds=1))
    states = (UnitState.PROCESSED, UnitState.NOOP)

    found = store.ended_freerun_units(NOW, states, 9)

    assert [unit.process for unit in found] == ['Cleaner::b', 'Cleaner::a']
    assert [unit.process for unit in store.ended_freerun_units(NOW, states, 1)] == ['Cleaner::b']
    after = store.ended_freerun_units(NOW, states, 9, found[0])
    assert [unit.process for unit in after] == ['Cleaner::a']
    later = NOW + timedelta(seconds=1)
    assert [unit.process for unit in store.ended_freerun_units(later, states, 9)] == ['Cleaner::b']
    found = store.ended_freerun_units(NOW, [UnitState.PROCESSED], 9)
    assert [unit.process for unit in found] == ['Cleaner::a']


def test_units_of_a_free_run_are_found_newest_first(store: Store) -> None:
    stamps = [containing_utc(Qualifier.REAL_TIME, NOW + timedelta(seconds=n)) for n in range(3)]
    name = freerun_of().name
    for run, stamp in enumerate(stamps, 1):
        job_key = JobKey(name, stamp)
        store.commit(leader(store), [InsertUnit(unit_of(job_key, run))])

    assert [unit.run for unit in store.freerun_units(name, 2)] == [3, 2]


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
        ended('2026112301', 1, 4, UnitState.PROCESSED),
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
    assert (found[0].key.process, found[0].started_at) == (name, NOW)
    assert store.ended_runs(name, 2) == found[:2]
    before = key('SiteHourly@2026112303').timeperiod
    assert store.ended_runs(name, 9, before) == found[1:]
    assert store.ended_runs(ProcessName('SiteYearly'), 9) == []


def override_of(**fields: Any) -> Override:
    made = Override(
        process=ProcessName('SiteHourly'),
        is_on=False,
        is_on_at=NOW,
        is_on_by='anna: migration',
        definition='f00',
    )
    return replace(made, **fields)


def test_an_override_is_kept_changed_and_removed(store: Store) -> None:
    store.commit(leader(store), [SaveOverride(override_of())])
    assert list(store.overrides()) == [override_of()]
    with pytest.raises(CommitRefused):
        store.commit(leader(store), [SaveOverride(override_of())])

    trigger = parse_trigger('at 17:00')
    later = override_of(rev=2, is_on=None, trigger=trigger, trigger_at=NOW, trigger_by='bob')
    store.commit(leader(store), [SaveOverride(later)])
    assert list(store.overrides()) == [later]
    with pytest.raises(CommitRefused):
        store.commit(leader(store), [SaveOverride(override_of(rev=4))])

    store.commit(leader(store), [RemoveOverride(later.process)] * 2)
    assert list(store.overrides()) == []
    store.commit(leader(store), [SaveOverride(override_of())])
    assert list(store.overrides()) == [override_of()]


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


def test_a_request_counts_the_jobs_that_it_reset(store: Store) -> None:
    start(store)
    request = CommandId('c1')
    reset = job_of(rev=2, state=JobState.EMBRYO, uow_id=None, request_id=request)
    store.commit(leader(store), [SaveJob(reset, 'reset')])

    assert store.request_progress(request) == {JobState.EMBRYO: 1}
    assert store.request_progress(CommandId('c2')) == {}
    assert store.open_jobs()[0].request_id == request


def test_a_command_keeps_its_plan_and_how_far_it_is(store: Store) -> None:
    store.insert_command(command(only=Only.FAILED, details={'is_on': True}, target=CommandId('c0')))
    moved = command(
        state=CommandState.APPLYING,
        only=Only.FAILED,
        details={'is_on': True},
        target=CommandId('c0'),
        is_paused=True,
        plan={HOUR.process: ((10, 12), (20, 21))},
        planned_count=3,
        applied_count=1,
    )

    store.commit(leader(store), [SaveCommand(moved)])

    assert store.command(moved.id) == moved
    assert list(store.open_commands(10)) == [moved]


def test_old_logs_are_pruned_and_new_ones_kept(store: Store) -> None:
    unit = start(store)
    for days, text in ((100, 'old'), (1, 'new')):
        at = NOW - timedelta(days=days)
        store.append_log(unit.id, [LogLine(attempt=1, at=at, level='INFO', text=text)])

    assert store.prune(NOW - timedelta(days=90), 100) == 1

    assert [line.text for line in store.log(unit.id)] == ['new']


def page_of(process: str, codes: bytes) -> IndexPage:
    return IndexPage(process=ProcessName(process), qualifier=Qualifier.HOURLY, first=7, codes=codes)


def test_a_copy_of_the_index_is_kept_page_by_page_by_the_leader_alone(store: Store) -> None:
    one, two = page_of('One', b'\x05\x00'), page_of('Two', b'\x06' * 10_000)
    leadership = leader(store)
    assert store.index_copy() is None

    store.save_index_copy(leadership, IndexCopy(as_of=NOW, pages=(one, two)))
    newer = NOW + timedelta(minutes=5)
    changed = page_of('One', b'\x05\x05')
    store.save_index_copy(leadership, IndexCopy(as_of=newer, pages=(changed,)))

    copy = store.index_copy()
    assert copy is not None
    assert copy.as_of == newer
    assert {page.process: page for page in copy.pages} == {'One': changed, 'Two': two}
    store.resign(leadership)
    with pytest.raises(LeadershipLost):
        store.save_index_copy(leadership, copy)


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


def test_the_first_secret_is_kept(open_store: Callable[[], Store]) -> None:
    assert open_store().kept_secret('one') == 'one'
    assert open_store().kept_secret('two') == 'one'


def test_the_rows_of_all_boxes_are_listed(store: Store) -> None:
    store.set_desired('b2', 'Worker', is_on=True)
    store.set_desired('b1', 'Worker', is_on=False)

    assert [row.box_id for row in store.box_processes(None)] == ['b1', 'b2']


def test_the_context_that_is_led_is_remembered_revision_by_revision(store: Store) -> None:
    first = LedContext(
        rev=1, processes={ProcessName('SiteHourly'): LedProcess(qualifier=Qualifier.HOURLY)}
    )
    later = replace(first, rev=2, processes={})
    assert store.led_context() is None

    store.commit(leader(store), [SaveContext(first)])
    assert store.led_context() == first
    for refused in (first, replace(first, rev=3)):
        with pytest.raises(CommitRefused, match='context that is led'):
            store.commit(leader(store), [SaveContext(refused)])
    store.commit(leader(store), [SaveContext(later)])

    assert store.led_context() == later


def test_a_leader_whose_term_is_over_remembers_nothing(store: Store) -> None:
    old = leader(store)
    store.resign(old)
    leader(store, 'two')

    with pytest.raises(LeadershipLost):
        store.commit(old, [SaveContext(LedContext(rev=1))])

    assert store.led_context() is None


def test_a_command_of_the_scheduler_is_inserted_once(store: Store) -> None:
    made = command('c1')
    store.commit(leader(store), [InsertCommand(made), SaveContext(LedContext(rev=1))])

    store.commit(leader(store), [InsertCommand(replace(made, reason='another'))])

    assert store.command(made.id) == made


def test_a_job_says_in_which_term_it_was_written(store: Store) -> None:
    first = leader(store)
    store.commit(first, [SaveJob(job_of(), 'one')])
    store.resign(first)
    second = leader(store, 'two')
    other = key('SiteHourly@2026112201')
    store.commit(second, [SaveJob(job_of(other), 'one')])

    assert [job.term for job in store.find_jobs(JobFilter(), 10)] == [first.term, second.term]
    assert store.jobs([HOUR])[HOUR].term == first.term


def test_a_refused_commit_names_what_was_refused_and_why(store: Store) -> None:
    leadership = leader(store)
    first, second = (unit_of(key(f'SiteHourly@202611220{hour}')) for hour in (0, 1))
    store.commit(leadership, [InsertUnit(first), InsertUnit(second)])
    store.claim([first.id, second.id], 'worker', LEASE)
    other = unit_of(key('SiteHourly@2026112202'))

    with pytest.raises(CommitRefused, match=f'{first.id} is there already.* and 1 more') as caught:
        store.commit(leadership, [InsertUnit(first), InsertUnit(other), InsertUnit(second)])

    assert [item.save for item in caught.value.refused] == [InsertUnit(first), InsertUnit(second)]


def test_a_row_that_cannot_be_stored_is_refused_and_named(store: Store) -> None:
    leadership = leader(store)
    good = unit_of(key('SiteHourly@2026112200'))
    for number, bad in enumerate(
        (
            replace(unit_of(key('SiteHourly@2026112201')), attempt=2**70),
            replace(unit_of(key('SiteHourly@2026112202')), error='half a pair \ud800'),
        )
    ):
        with pytest.raises(CommitRefused, match=f'{bad.id} cannot be stored') as caught:
            store.commit(leadership, [InsertUnit(replace(good, run=number + 1)), InsertUnit(bad)])
        assert [item.save for item in caught.value.refused] == [InsertUnit(bad)]


def test_what_a_leader_says_of_itself_stands_until_it_says_something_else(
    store: Store, clock: SimulatedClock
) -> None:
    assert store.standing() == Standing()
    leadership = leader(store)
    assert store.standing() == Standing()
    said = Standing(
        isolated=(
            Isolated(
                subject=Subject(SubjectKind.PROCESS, 'SiteHourly'),
                reason='x',
                since=clock.now(),
                refusal_count=3,
                next_at=None,
            ),
        ),
        stuck_since=clock.now(),
        stuck_because='y',
    )

    store.report_standing(leadership, said)
    store.lead(leadership.owner, LEASE)  # A renewal says nothing.

    assert store.standing() == said
    clock.advance(2 * LEASE)
    later = store.lead('other', LEASE)
    assert later is not None
    assert store.standing() == said
    with pytest.raises(LeadershipLost):
        store.report_standing(leadership, Standing())
    store.report_standing(later, Standing())
    assert store.standing() == Standing()
