"""Ids of units: the same for the same run, in the order in which units are made, never twice."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as some

from synergy.core.records import ProcessName, Unit, outlived_by, uow_id_of, uow_ids_of
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from tests.builders import key
from tests.contract.conftest import NOW

KEYS = some.builds(
    JobKey,
    some.sampled_from(['SiteHourly', 'SiteDaily', 'Zoé', 'a b']).map(ProcessName),
    some.builds(Timeperiod, some.sampled_from(Qualifier), some.integers(0, 2**32 - 1)),
)
RUNS = some.integers(1, 2**16 - 1)


def test_ids_are_what_they_always_were() -> None:
    # Stored in jobs, units and messages: never to be changed.
    hour = key('SiteHourly@2026112200')

    assert uow_ids_of(hour, 1) == ('745141db280400079c080001', '12556a36b5ba284db264ae54')


@given(KEYS, RUNS, KEYS, RUNS)
def test_no_two_runs_have_the_same_id(one: JobKey, run: int, other: JobKey, second: int) -> None:
    assert (uow_id_of(one, run) == uow_id_of(other, second)) == ((one, run) == (other, second))


@given(KEYS.map(lambda where: where.process), RUNS, some.integers(0, 2**32 - 1))
def test_runs_of_no_two_levels_have_the_same_id(name: ProcessName, run: int, ordinal: int) -> None:
    # A process may have had another level before: it had the same intervals by number.
    keys = [JobKey(name, Timeperiod(level, ordinal)) for level in Qualifier]

    assert len({uow_id_of(where, run) for where in keys}) == len(Qualifier)


@given(KEYS, RUNS)
def test_ids_have_the_form_of_those_of_synergy_2(where: JobKey, run: int) -> None:
    assert re.fullmatch('[0-9a-f]{24}', uow_id_of(where, run))


@given(KEYS, some.integers(0, 2**32 - 1), RUNS, RUNS)
def test_ids_of_a_process_sort_by_timeperiod_and_run(
    where: JobKey, ordinal: int, run: int, second: int
) -> None:
    later = JobKey(where.process, Timeperiod(where.timeperiod.qualifier, ordinal))
    ids = [uow_id_of(where, run), uow_id_of(later, second)]
    order = [(where.timeperiod.ordinal, run), (ordinal, second)]

    assert (sorted(ids) == ids) == (sorted(order) == order)


def test_a_run_of_more_digits_has_an_id_of_its_own_all_the_same() -> None:
    # A year that lives runs every minute, and dead letters of its first runs may still be there.
    hour = key('SiteHourly@2026112200')
    unit = Unit(
        id=uow_id_of(hour, 65_537), process=hour.process, timeperiod=hour.timeperiod,
        start=hour.timeperiod, end=hour.timeperiod.shift(1), run=65_537, created_at=NOW,
    )  # fmt: skip

    ids = {uow_id_of(hour, run) for run in (1, 65_535, 65_536, 65_537, 131_073)}
    assert len(ids) == 5
    assert uow_ids_of(hour, 65_536) == (uow_id_of(hour, 65_536),) * 2
    assert outlived_by(unit) == uow_ids_of(hour, 65_537 - 128)
    assert outlived_by(replace(unit, run=128)) == ()
