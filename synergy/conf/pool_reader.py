"""Read pools, and what the entries of a context take of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from synergy.conf.entries import RawEntry
from synergy.conf.model import FreerunEntry
from synergy.core import readers
from synergy.core.bounded import shortened
from synergy.core.nearest import nearest
from synergy.core.pool_record import (
    PER_MINUTE_MAX,
    SLOTS_MAX,
    Demand,
    Pool,
    PoolName,
    SharedPools,
)
from synergy.core.records import ProcessName

#: More pools of one entry than anybody can follow.
_POOLS_MAX: Final = 20
_SHARE: Final = readers.whole(1, SLOTS_MAX)
_READERS: Final[Mapping[str, readers.Reader[Any]]] = {
    'slots': readers.whole(1, SLOTS_MAX),
    'per_minute': readers.optional(readers.whole(1, PER_MINUTE_MAX)),
    'closed': readers.closed_hours,
}


def shares(value: object) -> tuple[tuple[PoolName, int], ...]:
    """Return how many slots an entry takes of which pools."""
    if value is None:
        return ()
    if isinstance(value, str):
        return ((PoolName(readers.name(value)), 1),)
    if not isinstance(value, Mapping) or not value:
        raise ValueError("give a pool, as in 'warehouse', or slots by pool, as {'warehouse': 2}")
    if len(value) > _POOLS_MAX:
        raise ValueError(f'give at most {_POOLS_MAX} pools')
    found = []
    for name, share in value.items():
        try:
            found.append((PoolName(readers.name(name)), _SHARE(share)))
        except ValueError as error:
            raise ValueError(f'{shortened(name)}: {shortened(share)}: {error}') from error
    return tuple(found)


def pools(given: object, file: str, problems: list[str]) -> Mapping[PoolName, Pool]:
    """Return the pools of `pool_context`; add what is wrong with them to `problems`."""
    if not isinstance(given, Mapping):
        problems.append(
            f'`pool_context` in {file} is not a dict of pools by their names; write it as in '
            "{'warehouse': pool(slots=8)}"
        )
        return {}
    found: dict[PoolName, Pool] = {}
    for name, entry in given.items():
        place = f'pool {shortened(name)} in {file}'
        try:
            known = PoolName(readers.name(name))
        except ValueError as error:
            problems.append(f'{place}: its name: {error}')
            continue
        if not isinstance(entry, RawEntry) or entry.kind != 'pool':
            problems.append(f'{place} is not a pool; make it with pool(slots=8)')
            continue
        if entry.mistakes:
            problems += [f'{mistake}: {place}' for mistake in entry.mistakes]
            continue
        try:
            fields = readers.read_fields(entry.fields, _READERS)
        except ValueError as error:
            problems.append(f'{place}: {error}')
        else:
            found[known] = Pool(name=known, **fields)
    return found


def shared(
    given: object,
    managed: Mapping[ProcessName, Demand],
    freeruns: Iterable[FreerunEntry],
    file: str,
    problems: list[str],
) -> SharedPools:
    """Return the pools of a context; add what is wrong with them, and between entries and them."""
    sizes = pools(given, file, problems)
    demands: dict[ProcessName, Demand] = {}
    for entry in freeruns:
        demands[entry.full_name] = entry.demand
        demands.setdefault(entry.name, entry.demand)
    entries = {entry.full_name: entry.demand for entry in freeruns}
    # Those with a fault of their own, too: such a fault is told once.
    names = {str(name) for name in given} if isinstance(given, Mapping) else set()
    problems += _demand_problems({**managed, **entries}, sizes, names, file)
    return SharedPools(sizes=sizes, freerun_demands=demands)


def _demand_problems(
    demands: Mapping[ProcessName, Demand],
    known: Mapping[PoolName, Pool],
    names: Collection[str],
    file: str,
) -> list[str]:
    """Return what is wrong between entries and pools. names: of all that are written."""
    problems = []
    for label, demand in demands.items():
        for pool, share in demand.shares:
            said = f'pools of {label} in {file}: {pool!r}'
            if pool not in names:
                defined = ', '.join(sorted(names)) or 'none'
                problems.append(
                    f'{said} is not a pool{nearest(pool, names)}; define it in pool_context, as in '
                    f'{{{pool!r}: pool(slots=8)}} (there: {defined})'
                )
            elif pool in known and share > known[pool].slots:
                problems.append(
                    f'{said} has {known[pool].slots} slots, and a run takes {share}: it would '
                    'never start; take less, or make the pool bigger'
                )
    return problems
