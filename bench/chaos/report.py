"""What a round reports: faults by kind, how long each took to recover, take-overs, broken promises.

A fault is healed when the first interval that *began* after it, on what it hit, has ended: on that
box, of that process on that box, or anywhere. A dead or frozen leader is healed when another leads.
Times count from the beginning of the fault; of one that lasts, its own length is part of them.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from bench.chaos import journal
from bench.chaos.faults import Fault, Scope
from bench.chaos.journal import Line
from bench.chaos.sites import Site
from bench.chaos.watch import LeaderWatch
from synergy.core.structs import Struct, as_document

#: A run that began sooner after a fault was claimed before it.
_AFTER_SECONDS: Final = 0.05


class Happened(Struct, frozen=True, kw_only=True):
    """A fault, and when it began and ended, in seconds of the monotonic clock."""

    fault: Fault
    at: float
    ended_at: float | None = None


class Kind(Struct, frozen=True, kw_only=True):
    """Faults of one kind. Seconds until healed; None where nothing was left to run afterwards.

    rescue_seconds_max: longest time until a unit that a victim held had ended elsewhere.
    """

    kind: str
    count: int
    lasted_seconds: float
    heal_seconds_median: float | None
    heal_seconds_max: float | None
    rescue_seconds_max: float | None


class Report(Struct, frozen=True, kw_only=True):
    """A round. started_again: starts beyond the first of each run, all explained by faults."""

    backend: str
    seed: int
    minutes: float
    intervals: int
    requests: int
    starts: int
    started_again: int
    fault_seconds: float
    finish_seconds: float
    kinds: Sequence[Kind]
    take_over_seconds: Sequence[float]
    supervisor_starts: int
    left_out: Mapping[str, str]
    problems: Sequence[str]

    def encoded(self) -> Mapping[str, object]:
        """Return the JSON form."""
        return as_document(self)


def report(  # noqa: PLR0913 - everything that is known of a round, once
    *,
    settings: tuple[str, int, float],
    place: Site,
    past: Sequence[Happened],
    watch: LeaderWatch,
    problems: Sequence[str],
    counts: tuple[int, int],
    phases: tuple[float, float],
) -> Report:
    """Return the report of a round that is over."""
    lines = list(journal.read(place.journal))
    begins = [line for line in lines if line.word == 'begin']
    take_overs = [
        seconds
        for item in past
        if item.fault.scope.leader is not None
        and (seconds := watch.seconds_without(item.fault.scope.leader, item.at)) is not None
    ]
    names = sorted({item.fault.kind for item in past})
    return Report(
        backend=settings[0],
        seed=settings[1],
        minutes=settings[2],
        intervals=counts[0],
        requests=counts[1],
        starts=len(begins),
        started_again=len(begins) - len({line.uow_id for line in begins}),
        fault_seconds=round(phases[0], 1),
        finish_seconds=round(phases[1], 1),
        kinds=[
            _kind(name, [item for item in past if item.fault.kind == name], lines, watch)
            for name in names
        ],
        take_over_seconds=[round(seconds, 2) for seconds in take_overs],
        supervisor_starts=sum(box.start_count for box in place.boxes),
        left_out=place.left_out,
        problems=list(problems),
    )


def _kind(name: str, items: Sequence[Happened], lines: Sequence[Line], watch: LeaderWatch) -> Kind:
    heals = [seconds for item in items if (seconds := _healed(item, lines, watch)) is not None]
    rescues = [seconds for item in items for seconds in _rescues(item, lines)]
    lasted = [0.0 if item.ended_at is None else item.ended_at - item.at for item in items]
    return Kind(
        kind=name,
        count=len(items),
        lasted_seconds=round(statistics.mean(lasted), 1),
        heal_seconds_median=round(statistics.median(heals), 2) if heals else None,
        heal_seconds_max=round(max(heals), 2) if heals else None,
        rescue_seconds_max=round(max(rescues), 2) if rescues else None,
    )


def _healed(item: Happened, lines: Sequence[Line], watch: LeaderWatch) -> float | None:
    scope = item.fault.scope
    if scope.leader is not None and scope.box is None:
        return watch.seconds_without(scope.leader, item.at)
    begun = {
        (line.uow_id, line.fence)
        for line in lines
        if line.word == 'begin' and line.at > item.at + _AFTER_SECONDS and _is_in(line, scope)
    }
    return next(
        (
            line.at - item.at
            for line in lines
            if line.word == 'end' and (line.uow_id, line.fence) in begun
        ),
        None,
    )


def _is_in(line: Line, scope: Scope) -> bool:
    return scope.box in (None, line.box) and scope.process in (None, line.process)


def _rescues(item: Happened, lines: Iterable[Line]) -> list[float]:
    """Return after how long the units that were in the hands of the victims had ended."""
    held: set[str] = set()
    seconds = []
    for line in lines:
        if line.at < item.at:
            if line.pid in item.fault.scope.pids:
                (held.add if line.word == 'begin' else held.discard)(line.uow_id)
        elif line.word == 'end' and line.uow_id in held:
            held.discard(line.uow_id)
            seconds.append(line.at - item.at)
    return seconds
