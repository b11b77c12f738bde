"""What a forecast says: likely ends with their bands, what decides them, and what would help."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.forecast.stuck import Root


class Likely(Struct, frozen=True, kw_only=True):
    """When a job ends: in half of the courses by `end`, in four of five within the band.

    None: in so many courses it does not end, for a failure is left to an operator. root: what it
    waits for in the end, where it does not start at all.
    """

    key: JobKey
    start: datetime | None
    end: datetime | None
    low: datetime | None
    high: datetime | None
    late_at: datetime | None
    #: How likely it ends in time; of a job without a deadline None.
    holds: float | None = None
    root: Root | None = None


class Due(Struct, frozen=True, kw_only=True):
    """When all jobs end whose interval is over now: in half of the courses by `end`; the band."""

    count: int
    end: datetime | None = None
    low: datetime | None = None
    high: datetime | None = None


class Waits(StrEnum):
    """What a run of a path has waited for last before it began."""

    INTERVAL = 'interval'
    INPUT = 'input'
    PROCESS = 'process'
    WORKERS = 'workers'
    POOL = 'pool'
    RATE = 'rate'
    RETRY = 'retry'
    RUNNING = 'running'
    CLOSED = 'closed'


class Link(Struct, frozen=True, kw_only=True):
    """One run of a critical path. waits: for what, and of whom, before it could begin."""

    key: JobKey
    start: datetime
    end: datetime | None
    waits: Waits
    of: str = ''


class ActionKind(StrEnum):
    """What an operator may do."""

    WORKERS = 'workers'
    MAX_RUNNING = 'max_running'
    POOL = 'pool'
    RATE = 'rate'
    RETRY = 'retry'
    SWITCH_ON = 'switch_on'
    THAW = 'thaw'
    RESUME = 'resume'


class Action(Struct, frozen=True, kw_only=True):
    """What helps most. of: process, group, pool, freeze or request; more: so many.

    key: of a job to be tried now.

    holds: how likely the deadline holds then; sooner: by how much the likely end is earlier.
    """

    kind: ActionKind
    of: str
    more: int = 0
    key: JobKey | None = None
    holds: float | None
    sooner: timedelta
