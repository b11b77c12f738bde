"""What `/metrics` is made of: numbers that were looked up, and what a line of its table says.

Pure: what was looked up goes in, samples come out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from synergy.core.leader_counts import LeaderCounts, Times
from synergy.core.structs import Struct, field
from synergy.view.boxes import BoxView, Presence


class ProcessNumbers(Struct, frozen=True, kw_only=True):
    """How a process stands, or all that share a label.

    intervals: that have begun, by state. behind_seconds: since the oldest unfinished one could have
    started. oldest_at: when that one begins. untaken: queued, and no worker that runs takes it.
    """

    label: str
    group: str = ''
    is_on: bool = True
    intervals: Mapping[str, int]
    behind_seconds: float = 0.0
    oldest_at: datetime | None = None
    late: int = 0
    failed: int = 0
    held: int = 0
    running: int = 0
    queued: int = 0
    retrying: int = 0
    dead: int = 0
    untaken: int = 0


class PoolNumbers(NamedTuple):
    """How much of a pool there is, and is taken."""

    slots: int
    used: int


class LoadNumbers(NamedTuple):
    """What processes of one name take of a box. cpu: of one core."""

    box: str
    process: str
    cpu: float
    memory_bytes: int


class RunningNumbers(NamedTuple):
    """On how many boxes a process of the operating system ought to run, and does."""

    wanted: int
    up: int


class Seen(Struct, frozen=True, kw_only=True):
    """All that was looked up. boxes: those with labels of their own; presences: of all.

    broker_up: from this dashboard. counts: of the leading Scheduler. running: by process, as boxes
    know it, which is a group's name for the workers of one. lags: lines of the journal behind the
    cursor of each follower that is wanted. deliveries: messages of alerts that wait.
    """

    version: str
    processes: Sequence[ProcessNumbers]
    boxes: Sequence[BoxView]
    presences: Mapping[Presence, int]
    loads: Sequence[LoadNumbers]
    running: Mapping[str, RunningNumbers]
    pools: Mapping[str, PoolNumbers]
    counts: LeaderCounts
    is_led: bool
    term: int
    standbys: int
    is_stuck: bool
    isolated: int
    is_broker_up: bool
    is_watched: bool = False
    lags: Mapping[str, int] = field(default_factory=dict)
    deliveries: int = 0


#: Values of the labels, and the number, or durations, that they have.
Sample: TypeAlias = tuple[tuple[str, ...], 'float | Times']


class Kind(StrEnum):
    """What may be done with a metric: levels go up and down, counters only rise."""

    GAUGE = 'gauge'
    COUNTER = 'counter'
    HISTOGRAM = 'histogram'


class Metric(Struct, frozen=True):
    """A line of the table. name: without what its kind adds. text: a sentence without full stop."""

    name: str
    kind: Kind
    text: str
    labels: tuple[str, ...]
    samples: Callable[[Seen], Iterable[Sample]]

    @property
    def series(self) -> tuple[str, ...]:
        """Return the names under which Prometheus keeps it."""
        match self.kind:
            case Kind.COUNTER:
                return (f'{self.name}_total',)
            case Kind.HISTOGRAM:
                return tuple(f'{self.name}_{part}' for part in ('bucket', 'sum', 'count'))
            case _:
                return (self.name,)
