"""Pools as they are defined, and what a process or a free run takes of them with each start."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NewType

from synergy.core.closed import ClosedHours
from synergy.core.structs import Struct, field
from synergy.core.timeperiod import ProcessName

PoolName = NewType('PoolName', str)

PRIORITY_MAX: Final = 100
PRIORITY_DEFAULT: Final = 50
SLOTS_MAX: Final = 100_000
PER_MINUTE_MAX: Final = 1_000_000


class Demand(Struct, frozen=True):
    """What a start takes: of each pool so many slots, until it has ended, and one of its starts.

    priority: who is asked first; the highest is. Equal ones take turns.
    """

    shares: tuple[tuple[PoolName, int], ...] = ()
    priority: int = PRIORITY_DEFAULT


class PoolOverride(Struct, frozen=True, kw_only=True):
    """The size of a pool as an operator has set it; it holds over context.py.

    slots, per_minute: None is as in context.py; per_minute 0: without limit. by: who and why.
    definition: what context.py said when it was made; once that says something else, this is void.
    """

    pool: PoolName
    slots: int | None = None
    per_minute: int | None = None
    at: datetime
    by: str
    definition: str
    rev: int = 1


class Pool(Struct, frozen=True, kw_only=True):
    """A named amount that starts share: slots at once, and starts within any minute.

    per_minute: None is without limit. closed: hours in which nothing starts that takes of it.
    override: what operators have changed; `slots` and `per_minute` are so already.
    """

    name: PoolName
    slots: int
    per_minute: int | None = None
    closed: tuple[ClosedHours, ...] = ()
    override: PoolOverride | None = None

    @property
    def size_text(self) -> str:
        """Return its size in words: `8 slots, 60 starts a minute`."""
        slots = '1 slot' if self.slots == 1 else f'{self.slots:,} slots'
        rate = '' if self.per_minute is None else f', {self.per_minute:,} starts a minute'
        return f'{slots}{rate}'

    @property
    def definition(self) -> str:
        """Return what context.py says of its size, where nothing is changed."""
        return f'{self.slots} slots, {self.per_minute or "any number"} per minute'


class SharedPools(Struct, frozen=True, kw_only=True):
    """The pools of a context, and what free runs take of them: processes say that themselves.

    freerun_demands: by name of the entry; by that of its process stands what an entry takes that
    was made at run time, as much as the first entry of the process in context.py. gone: what those
    took that have left the context, of which something may still run.
    """

    sizes: Mapping[PoolName, Pool] = field(default_factory=dict)
    freerun_demands: Mapping[ProcessName, Demand] = field(default_factory=dict)
    gone: Mapping[ProcessName, Demand] = field(default_factory=dict)
