"""Numbers behind `/metrics`: of one process from the index, and sums that keep labels few."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from synergy.core.leader_counts import OTHER
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.view.boxes import BoxView, Presence
from synergy.view.lateness import late_count
from synergy.view.metric_kinds import LoadNumbers, PoolNumbers, ProcessNumbers, RunningNumbers
from synergy.view.pools import PoolsLook

#: Boxes, and processes on them, that have labels of their own.
BOXES_MAX: Final = 200
LOADS_MAX: Final = 1_000
#: Intervals that were asked to run again and lie before the oldest unfinished one.
_LOOKS_MAX: Final = 1_000
_WORD: Final = {state: state.value.removeprefix('state_') for state in JobState}


class Standing(Struct, frozen=True, kw_only=True):
    """What of a process changes only with its rows, or at `until`.

    could_start_at, oldest_at: of the oldest unfinished interval; None: all are done.
    """

    intervals: Mapping[str, int]
    could_start_at: datetime | None
    oldest_at: datetime | None
    late: int
    until: datetime


def standing_of(timetable: Timetable, node: Node, now: datetime) -> Standing:
    """Return how a process stands."""
    hierarchy, name = timetable.hierarchy, node.process.name
    over, late_until = hierarchy.over_until(node, now), hierarchy.late_until(node, now)
    oldest = _oldest(timetable, node, range(node.first, max(over, node.first)))
    counts = timetable.count_by_state(name)
    return Standing(
        intervals={word: counts.get(state, 0) for state, word in _WORD.items()},
        could_start_at=None if oldest is None else hierarchy.over_at(node, oldest),
        oldest_at=None if oldest is None else hierarchy.interval(node, oldest)[0],
        late=late_count(timetable, node, late_until),
        until=min(hierarchy.over_at(node, over), hierarchy.late_at(node, late_until)),
    )


def _oldest(timetable: Timetable, node: Node, over: range) -> int | None:
    """Return the first of `over` that is unfinished and that nobody has asked to run again."""
    name, level = node.process.name, node.process.qualifier
    for _ in range(_LOOKS_MAX):
        first = timetable.first_pending(name, over)
        if first is None or not timetable.is_rerun(JobKey(name, Timeperiod(level, first))):
            return first
        over = range(first + 1, over.stop)
    return None


def combined(
    numbers: Iterable[ProcessNumbers], labels: Mapping[str, str]
) -> Sequence[ProcessNumbers]:
    """Return numbers by label: sums, the greatest delay, the oldest interval."""
    own: list[ProcessNumbers] = []
    others: list[ProcessNumbers] = []
    for item in numbers:
        (own if item.label in labels else others).append(item)
    return [*own, _sum(others)] if others else own


def _sum(items: Sequence[ProcessNumbers]) -> ProcessNumbers:
    words = dict.fromkeys(word for item in items for word in item.intervals)
    intervals = {word: sum(item.intervals.get(word, 0) for item in items) for word in words}
    summed = ('late', 'failed', 'held', 'running', 'queued', 'retrying', 'dead', 'untaken')
    return replace(
        ProcessNumbers(label=OTHER, intervals=intervals),
        is_on=all(item.is_on for item in items),
        behind_seconds=max(item.behind_seconds for item in items),
        oldest_at=min(filter(None, (item.oldest_at for item in items)), default=None),
        **{name: sum(getattr(item, name) for item in items) for name in summed},
    )


def boxes_with_labels(views: Sequence[BoxView]) -> Sequence[BoxView]:
    """Return the boxes that have labels; of too many, those that do not live are left out first."""
    if len(views) <= BOXES_MAX:
        return views
    return sorted(views, key=lambda view: view.presence is not Presence.ALIVE)[:BOXES_MAX]


def loads_of(views: Iterable[BoxView], labels: Mapping[str, str]) -> Sequence[LoadNumbers]:
    """Return what processes take of boxes that live, those of one name and box together."""
    found: dict[tuple[str, str], LoadNumbers] = {}
    for view in views:
        if view.presence is not Presence.ALIVE or view.box.load is None:
            continue
        for item in view.box.load.processes:
            key = view.box.box_id, labels.get(item.process, OTHER)
            if key not in found and len(found) >= LOADS_MAX:
                key = view.box.box_id, OTHER
            before = found.get(key, LoadNumbers(*key, 0.0, 0))
            found[key] = LoadNumbers(
                *key, before.cpu + item.cpu_percent / 100, before.memory_bytes + item.memory_bytes
            )
    return list(found.values())


def running_of(views: Iterable[BoxView], labels: Mapping[str, str]) -> Mapping[str, RunningNumbers]:
    """Return where processes ought to run, and do, by label."""
    found: dict[str, RunningNumbers] = {}
    for view in views:
        for row in view.processes:
            if view.is_wanted(row):
                label = labels.get(row.process, OTHER)
                wanted, up = found.get(label, (0, 0))
                found[label] = RunningNumbers(wanted + 1, up + view.is_up(row))
    return found


def pools_of(look: PoolsLook) -> Mapping[str, PoolNumbers]:
    """Return what of pools is taken. Cost: the processes."""
    sizes = look.timetable.hierarchy.pools.sizes
    if not sizes:
        return {}
    used: Counter[str] = Counter()
    for name, count in _live_counts(look):
        for pool, share in look.demand(name).shares if count else ():
            used[pool] += count * share
    return {name: PoolNumbers(pool.slots, used[name]) for name, pool in sorted(sizes.items())}


def _live_counts(look: PoolsLook) -> Iterator[tuple[ProcessName, int]]:
    for name in look.timetable.hierarchy.nodes:
        yield name, look.timetable.running_count(name)
    for freerun in look.freeruns:
        yield freerun.name, len(freerun.live)
