"""Units made within the last minute, for pools that limit how many start: a narrow read.

Whoever was started within the minute has a row that was changed in it. So the changed rows are
read, and then the units that they tell of, newest run first, until they are older: few reads, and
no index of units by the time at which they were made, which every start would have to pay for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from synergy.core.freerun_record import Freerun
from synergy.core.pool_rates import RATE_WINDOW
from synergy.core.pool_record import Demand
from synergy.core.pools import Pools
from synergy.core.records import ProcessName, UowId, uow_ids_of
from synergy.core.timeperiod import JobKey
from synergy.ports.store import FreerunReader, JobReader, TimetableReader, UnitReader

_PAGE: Final = 500


class StartsReader(TimetableReader, JobReader, UnitReader, FreerunReader, Protocol):
    """What tells which units were made lately."""


class Start(NamedTuple):
    """That a unit of a process or free run was made."""

    at: datetime
    name: ProcessName


def recent_starts(
    store: StartsReader,
    limited: Collection[ProcessName],
    freeruns: Sequence[Freerun],
    now: datetime,
) -> Sequence[Start]:
    """Return what was started within the last minute, earliest first.

    limited: the processes and free runs of which that is asked. freeruns: all, as the store has
    them. What is said to be of later than now was started before the clock was set back.
    """
    since = now - RATE_WINDOW
    keys = {
        JobKey(stretch.process, stretch.first.shift(number))
        for stretch in store.index_stretches(since)
        if stretch.process in limited
        for number in range(len(stretch.codes))
    }
    runs = {job.key: job.run for job in store.jobs(keys).values()} if keys else {}
    found = [*_of_jobs(store, runs, since)]
    for freerun in freeruns:
        if freerun.name in limited and freerun.changed_at > since:
            found += _of_freerun(store, freerun, since)
    return sorted(start for start in found if start.at <= now)


def _of_jobs(store: UnitReader, run_by_key: dict[JobKey, int], since: datetime) -> Iterator[Start]:
    """Yield the starts of jobs: of each its runs, newest first, until one is older."""
    while run_by_key:
        key_by_id: dict[UowId, JobKey] = {
            uow_id: key for key, run in run_by_key.items() for uow_id in uow_ids_of(key, run)
        }
        earlier: dict[JobKey, int] = {}
        for uow_id, unit in store.units(key_by_id).items():
            if unit.created_at > since:
                yield Start(unit.created_at, unit.process)
                if unit.run > 1:
                    earlier[key_by_id[uow_id]] = unit.run - 1
        run_by_key = earlier


def _of_freerun(store: FreerunReader, freerun: Freerun, since: datetime) -> Iterator[Start]:
    most, units = _PAGE, store.freerun_units(freerun.name, _PAGE)
    while len(units) == most and units[-1].created_at > since:
        most *= 2
        units = store.freerun_units(freerun.name, most)
    yield from (Start(unit.created_at, freerun.name) for unit in units if unit.created_at > since)


def fill(
    store: StartsReader,
    pools: Pools,
    freeruns: Sequence[Freerun],
    gone: Mapping[ProcessName, Demand],
    now: datetime,
) -> None:
    """Count the starts of the last minute where the number of starts is limited.

    gone: what those took that have left the context; they may have started something just before.
    """
    names = pools.limited(freerun.name for freerun in freeruns)
    left = {name: limited for name in gone if (limited := pools.rates.limited(gone[name].shares))}
    if not names and not left:
        return
    for start in recent_starts(store, {*names, *left}, freeruns, now):
        shares = left.get(start.name) or pools.taker(start.name).shares
        pools.rates.note(shares, [start.at])
