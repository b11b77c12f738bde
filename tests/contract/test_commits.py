"""What a leader commits: conditional saves of units and jobs, all of them or none."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from synergy.core.commands import CommandId
from synergy.core.effects import (
    CancelUnit,
    EndLetters,
    InsertUnit,
    MoveUnit,
    SaveJob,
)
from synergy.core.job_transitions import put_back, reset
from synergy.core.records import (
    Outcome,
    uow_ids_of,
)
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.ports.errors import CommitRefused
from synergy.ports.store import Store
from tests.builders import index_rows, key
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, LEASE, claim, command, finish, job_of, leader, start, unit_of


def test_what_is_committed_is_read_back(store: Store) -> None:
    unit = start(store)

    assert store.jobs([HOUR]) == {HOUR: job_of()}
    assert store.units([unit.id]) == {unit.id: unit}
    assert list(store.live_units()) == [unit]
    assert list(store.open_jobs()) == [job_of()]
    row = (HOUR.process, HOUR.timeperiod, JobState.IN_PROGRESS)
    assert index_rows(store) == index_rows(store, NOW) == [row]
    assert index_rows(store, NOW + timedelta(seconds=1)) == []
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


def test_a_unit_says_for_which_request_it_was_made_and_so_does_one_that_is_adopted(
    store: Store,
) -> None:
    unit = unit_of(request_id=CommandId('c1'))
    store.commit(leader(store), [InsertUnit(unit)])
    found = [store.units([unit.id])[unit.id].request_id]

    for asked in (CommandId('c2'), None):
        store.commit(leader(store), [InsertUnit(replace(unit, request_id=asked))])
        found.append(store.units([unit.id])[unit.id].request_id)
    store.commit(leader(store), [CancelUnit(unit.id, 'stray', NOW)])
    store.commit(leader(store), [InsertUnit(replace(unit, request_id=CommandId('c3')))])
    claimed = claim(store, unit.id, 'w')

    assert found == ['c1', 'c2', None]
    assert claimed is not None
    assert claimed.request_id == 'c3'


def test_what_an_earlier_version_left_of_a_broken_off_commit_makes_room(store: Store) -> None:
    unit = unit_of()
    _, earlier = uow_ids_of(HOUR, 1)
    store.commit(leader(store), [InsertUnit(replace(unit, id=earlier))])

    store.commit(leader(store), [InsertUnit(unit), SaveJob(job_of(), 'started')])

    assert [found.id for found in store.runs(HOUR)] == [unit.id]
    assert store.jobs([HOUR])[HOUR].uow_id == unit.id


def test_a_unit_of_an_earlier_version_that_was_worked_on_stays(store: Store) -> None:
    _, earlier = uow_ids_of(HOUR, 1)
    store.commit(leader(store), [InsertUnit(unit_of(id=earlier))])
    claim(store, earlier, 'w')

    with pytest.raises(CommitRefused):
        store.commit(leader(store), [InsertUnit(unit_of()), SaveJob(job_of(), 'started')])

    assert [found.id for found in store.runs(HOUR)] == [earlier]
    assert finish(store, earlier, 1, Outcome.processed(1))


@pytest.mark.parametrize('count', [2, 40])
def test_the_save_that_does_not_match_is_named_among_many(store: Store, count: int) -> None:
    hours = [key(f'SiteHourly@20261121{hour:02d}') for hour in range(24)]
    hours += [key(f'SiteHourly@20261120{hour:02d}') for hour in range(24)]
    start(store, hours[count // 2])
    saves = [SaveJob(job_of(hour), 'started') for hour in hours[:count]]

    with pytest.raises(CommitRefused) as caught:
        store.commit(leader(store), saves)

    assert [item.save for item in caught.value.refused] == [saves[count // 2]]


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


def test_lost_workers_are_counted_on_units_and_jobs(store: Store) -> None:
    unit = start(store)
    dead = MoveUnit(
        uow_id=unit.id,
        from_state=UnitState.IN_PROGRESS,
        from_fence=3,
        to_state=UnitState.DEAD,
        at=NOW,
        raises_fence=True,
        lost_count=2,
    )
    again = replace(dead, from_fence=1, to_state=UnitState.REQUESTED, attempt=2, lost_count=1)
    saved = job_of(rev=2, lost_count=1)

    claim(store, unit.id, 'w')
    store.commit(leader(store), [again, SaveJob(saved, 'lost')])
    found, job = store.units([unit.id])[unit.id], store.jobs([HOUR])[HOUR]
    claim(store, unit.id, 'w')
    store.commit(leader(store), [dead])
    ended = store.units([unit.id])[unit.id]
    dropped = replace(dead, from_state=UnitState.DEAD, from_fence=4, lost_count=None)
    store.commit(leader(store), [replace(dropped, to_state=UnitState.CANCELED)])

    assert (found.attempt, found.lost_count, job) == (2, 1, saved)
    assert (ended.attempt, ended.lost_count) == (2, 2)
    assert store.units([unit.id])[unit.id].lost_count == 2


def test_a_reset_job_remembers_how_it_had_ended_and_may_be_as_old_again(store: Store) -> None:
    start(store)
    first = leader(store)
    ended = job_of(rev=2, state=JobState.SKIPPED, reason='no data', failure_count=1)
    store.commit(first, [SaveJob(ended, 'skipped')])
    store.resign(first)
    second = leader(store, 'two')

    saved = store.jobs([HOUR])[HOUR]
    waiting = reset(saved, 'again', NOW, CommandId('c1'))
    store.commit(second, [SaveJob(waiting, 'reset')])
    remembered = store.jobs([HOUR])[HOUR]
    assert remembered.former is not None
    back, _ = put_back(remembered, remembered.former, command('c2'), NOW)
    store.commit(second, [SaveJob(back, 'as before', term=remembered.former.term)])
    again = store.jobs([HOUR])[HOUR]

    assert remembered == waiting
    assert (remembered.term, remembered.former.term) == (second.term, first.term)
    assert (again, again.term) == (replace(ended, rev=4), first.term)
    assert list(store.open_jobs()) == []


def test_letters_of_a_job_end_but_for_one_and_keep_their_day(store: Store) -> None:
    later = NOW + timedelta(minutes=5)
    dead = [
        unit_of(run=run, state=UnitState.DEAD, fence=1, error=error, finished_at=NOW)
        for run, error in ((1, 'no $host'), (2, None), (3, 'new'))
    ]
    other = unit_of(key('SiteHourly@2026112201'), state=UnitState.DEAD, fence=1, finished_at=later)
    store.commit(leader(store), [InsertUnit(unit) for unit in (*dead, other)])

    store.commit(leader(store), [EndLetters(HOUR, 'run 3 $died', but=3)])
    left = [unit.id for unit in store.dead_units(10)]
    ended = store.units([unit.id for unit in dead])
    store.commit(leader(store), [EndLetters(HOUR, 'processed')])

    assert left == [other.id, dead[2].id]
    told = [(ended[unit.id].error, ended[unit.id].finished_at) for unit in dead[:2]]
    assert told == [('no $host; run 3 $died', NOW), ('run 3 $died', NOW)]
    assert [unit.id for unit in store.dead_units(10)] == [other.id]
    assert store.units([dead[2].id])[dead[2].id].state is UnitState.CANCELED


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


def test_a_job_keeps_a_bounded_history(store: Store) -> None:
    leadership = leader(store)
    for rev in range(1, 140):
        store.commit(leadership, [SaveJob(job_of(rev=rev), f'event {rev}')])

    events = store.events(HOUR, 1000)

    assert len(events) == 128
    assert [event.text for event in events] == [f'event {rev}' for rev in range(139, 11, -1)]
    assert [event.text for event in store.events(HOUR, 2)] == ['event 139', 'event 138']


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
