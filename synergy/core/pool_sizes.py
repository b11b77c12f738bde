"""Pools as operators have resized them at run time.

An override holds until context.py says something else about the size of its pool; then it is void,
like that of a process. Whoever decides or explains uses the same `resized`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from synergy.core import readers
from synergy.core.commands import Command
from synergy.core.effects import Effects, Note, RemovePool, SavePool
from synergy.core.nearest import nearest
from synergy.core.pool_record import PER_MINUTE_MAX, SLOTS_MAX, Pool, PoolName, PoolOverride
from synergy.core.pools import Pools
from synergy.core.readers import Reader, read_fields
from synergy.core.records import Json
from synergy.core.structs import replace

_READERS: Final[Mapping[str, Reader[Any]]] = {
    'slots': readers.optional(readers.whole(1, SLOTS_MAX)),
    'per_minute': readers.optional(readers.whole(0, PER_MINUTE_MAX)),
}


class PoolRefused(ValueError):
    """The change makes no size of a pool; the message says why and what to do."""


class PoolSizes:
    """The sizes of all pools, as of the last commit; dropped when a save is refused."""

    def __init__(self, defined: Mapping[PoolName, Pool], stored: Iterable[PoolOverride]) -> None:
        """Take over what the store has. defined: as context.py has them."""
        self._defined = defined
        self._overrides = {override.pool: override for override in stored}
        #: Who goes by them; None: nobody takes of any.
        self.in_use: Pools | None = None

    @property
    def sizes(self) -> Mapping[PoolName, Pool]:
        """Return the pools as they are now."""
        return resized(self._defined, self._overrides.values())

    def void(self) -> Effects:
        """Forget what context.py has overtaken; return what is to be saved for it."""
        gone = [
            override for override in self._overrides.values() if not _holds(self._defined, override)
        ]
        for override in gone:
            del self._overrides[override.pool]
        return Effects(
            [RemovePool(override.pool) for override in gone],
            notes=[
                Note('pool_void', f'pool {override.pool} is as in the context again')
                for override in gone
            ],
        )

    def change(self, command: Command, now: datetime) -> Effects:
        """Change what `command`, a POOL_SAVE, says; raise PoolRefused."""
        pool = pool_named(command.process, self._defined)
        before = self._overrides.get(pool.name)
        changed = override_of(pool, command.details, before, command.who, now)
        effects = Effects()
        if changed is not None:
            self._overrides[pool.name] = changed
            effects.saves.append(SavePool(changed))
        elif before is not None:
            del self._overrides[pool.name]
            effects.saves.append(RemovePool(pool.name))
        if self.in_use is not None:
            self.in_use.resize(self.sizes)
        return effects


def pool_named(name: str, pools: Mapping[PoolName, Pool]) -> Pool:
    """Return the pool of a name; raise PoolRefused when there is none."""
    found = pools.get(PoolName(name))
    if found is None:
        raise PoolRefused(
            f'{name!r:.80} is not a pool{nearest(name, pools)}; ./launch.py pools ls shows all'
        )
    return found


def resized(
    defined: Mapping[PoolName, Pool], overrides: Iterable[PoolOverride]
) -> Mapping[PoolName, Pool]:
    """Return pools with those overrides that hold."""
    found = dict(defined)
    for override in overrides:
        if _holds(defined, override):
            pool = defined[override.pool]
            per_minute = pool.per_minute
            if override.per_minute is not None:
                per_minute = override.per_minute or None
            slots = pool.slots if override.slots is None else override.slots
            found[pool.name] = replace(pool, slots=slots, per_minute=per_minute, override=override)
    return found


def override_of(
    pool: Pool,
    details: Mapping[str, Json],
    before: PoolOverride | None,
    who: str,
    now: datetime,
) -> PoolOverride | None:
    """Return what holds over `pool` after a change; None: it is as in context.py.

    pool: as context.py has it. details: any of slots and per_minute; None is as there, a
    per_minute of 0 without limit. Raises PoolRefused.
    """
    try:
        values = read_fields(details, _READERS)
    except ValueError as error:
        raise PoolRefused(str(error)) from error
    if not values:
        raise PoolRefused('there is nothing to change; give slots or per_minute')
    found = PoolOverride(pool=pool.name, at=now, by=who, definition=pool.definition)
    if before is not None and before.definition == pool.definition:
        found = replace(before, rev=before.rev + 1, at=now, by=who)
    elif before is not None:
        found = replace(found, rev=before.rev + 1)
    found = replace(found, **values)
    if found.slots == pool.slots:
        found = replace(found, slots=None)
    if found.per_minute is not None and (found.per_minute or None) == pool.per_minute:
        found = replace(found, per_minute=None)
    return None if found.slots is None and found.per_minute is None else found


def _holds(defined: Mapping[PoolName, Pool], override: PoolOverride) -> bool:
    pool = defined.get(override.pool)
    return pool is not None and pool.definition == override.definition
