"""How failed jobs failed, in both stores: by their dead letters, or by their last run."""

from __future__ import annotations

from datetime import timedelta

from synergy.core.commands import Command, CommandKind, Only
from synergy.core.dead_letters import dropped
from synergy.core.effects import InsertUnit, SaveJob
from synergy.core.error_kinds import folded
from synergy.core.letter_groups import ERROR, grouped
from synergy.core.records import Unit, uow_id_of
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.ports.failed import failed_ordinals, failures
from synergy.ports.store import Store
from tests.builders import key
from tests.contract.conftest import NOW
from tests.contract.rows import command, job_of, leader, unit_of

HOURS = [key(f'SiteHourly@20261122{hour:02}') for hour in range(6)]
AWAY = 'host {} is away'


def failed(store: Store) -> list[Unit]:
    """Save six held hours: five of one error, the last of another; return their units."""
    units = [
        unit_of(
            hour,
            state=UnitState.DEAD,
            fence=1,
            error=AWAY.format(number) if number < 5 else 'disk is full',
            finished_at=NOW + timedelta(seconds=number),
        )
        for number, hour in enumerate(HOURS)
    ]
    jobs = [
        job_of(hour, is_held=True, failure_count=1, uow_id=unit.id, reason=f'run 1: {unit.error}')
        for hour, unit in zip(HOURS, units, strict=True)
    ]
    inserts = [InsertUnit(unit) for unit in units]
    store.commit(leader(store), [*inserts, *(SaveJob(job, 'held') for job in jobs)])
    return units


def about(error: str, first: JobKey = HOURS[0], last: JobKey = HOURS[-1]) -> Command:
    return replace(
        command('again'),
        kind=CommandKind.REPROCESS,
        process=first.process,
        start=first.timeperiod,
        end=last.timeperiod.shift(1),
        only=Only.FAILED,
        details={ERROR: folded(error)},
    )


def test_each_failed_job_has_one_error_the_last_to_die_first(store: Store) -> None:
    failed(store)

    found = failures(store, HOURS)

    assert [letter.timeperiod for letter in found] == [hour.timeperiod for hour in HOURS[::-1]]
    assert [group.count for group in grouped(found)] == [5, 1]
    assert failures(store, HOURS[:2]) == found[-2:]
    assert failures(store, []) == []


def test_what_was_dropped_keeps_its_error(store: Store) -> None:
    units = failed(store)
    by = replace(command('d'), kind=CommandKind.DROP, actor='anna', reason='seen; known')
    store.commit(leader(store), [dropped(unit, by, NOW) for unit in units[:2]])

    assert len(store.dead_letters()) == 4
    assert [group.count for group in grouped(failures(store, HOURS))] == [5, 1]
    assert failed_ordinals(store, about(AWAY.format(0))) == [
        hour.timeperiod.ordinal for hour in HOURS[:5]
    ]


def test_a_command_about_an_error_means_what_failed_with_it_in_its_range(store: Store) -> None:
    failed(store)
    ordinals = [hour.timeperiod.ordinal for hour in HOURS]

    assert failed_ordinals(store, about(AWAY.format(0))) == ordinals[:5]
    assert failed_ordinals(store, about('host 77 is away', HOURS[1], HOURS[2])) == ordinals[1:3]
    assert failed_ordinals(store, about('disk is full')) == ordinals[5:]
    assert failed_ordinals(store, about('something else')) == []
    assert failed_ordinals(store, replace(about(AWAY.format(0)), only=Only.ALL)) == []


def test_a_job_whose_runs_are_gone_fails_for_its_reason(store: Store) -> None:
    held = job_of(HOURS[0], is_held=True, failure_count=1, uow_id=None, reason='lost long ago')
    store.commit(leader(store), [SaveJob(held, 'held')])

    (found,) = failures(store, HOURS[:2])

    assert (found.error, found.id) == ('lost long ago', uow_id_of(HOURS[0], held.run))
