"""What is due at once, beside what ends from now on: how much, how long, how it is worked off."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Final, TypedDict

from synergy.core.hierarchy import Hierarchy
from synergy.core.lane_starts import lane_starts
from synergy.core.lanes import CatchUp
from synergy.core.led_context import LedContext, placed
from synergy.core.node import Node
from synergy.core.overrides import applied
from synergy.core.records import ProcessName, is_led
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.store import Reader
from synergy.view.estimates import Estimator
from synergy.view.index import load_index
from synergy.view.words import span

#: Intervals from which on they are worth a question.
ASKED_MIN: Final = 2
#: Processes that are told one by one.
_TOLD_MAX: Final = 10


class HistoryDocument(TypedDict):
    """Intervals of a process that never ran and are not live."""

    count: int
    first: str
    takes_seconds: Annotated[float | None, 'at its usual pace; null: nobody knows']
    said: Annotated[str, 'all of it in words, and how it is worked off']


class Backlog(Struct, frozen=True, kw_only=True):
    """Intervals of one process that never ran and are not live: so many, the first of them.

    Of a process that is off: what will be history once it is on. takes: at its usual pace; None:
    nobody knows.
    """

    process: ProcessName
    count: int
    first: Timeperiod
    catch_up: CatchUp
    is_on: bool
    takes: timedelta | None = None

    def __str__(self) -> str:
        """Return it in words, and how it is worked off."""
        about = '' if self.takes is None else f', about {span(self.takes)} at its pace'
        # What `none` does not leave out was missed later, and is caught up as by default.
        way = CatchUp.BESIDE if self.catch_up is CatchUp.NONE else self.catch_up
        how = f'worked off {way.words}'
        state = 'are history' if self.is_on else 'become history once it is on'
        return f'{self.count:,} intervals since {self.first} {state}{about}: {how}'


def backlog_of(timetable: Timetable, node: Node, now: datetime) -> Backlog | None:
    """Return what of a process is history and never ran, if it is worth a word."""
    hierarchy, process = timetable.hierarchy, node.process
    until = hierarchy.over_until(node, now)
    if process.is_on:
        if process.live_from is None:
            return None
        until = min(until, hierarchy.started_until(node, process.live_from))
    ordinals = range(node.first, max(until, node.first))
    count = timetable.fresh_count(process.name, ordinals)
    if count < ASKED_MIN:
        return None
    return Backlog(
        process=process.name,
        count=count,
        first=Timeperiod(process.qualifier, timetable.first_fresh(process.name, ordinals)),
        catch_up=process.catch_up,
        is_on=process.is_on,
    )


def backlogs_of(
    timetable: Timetable, nodes: Iterable[Node], estimator: Estimator, now: datetime
) -> Mapping[ProcessName, Backlog]:
    """Return the backlogs of those that have one."""
    return {
        item.process: with_pace(item, estimator)
        for node in nodes
        if (item := backlog_of(timetable, node, now)) is not None
    }


def with_pace(backlog: Backlog, estimator: Estimator) -> Backlog:
    """Return a backlog with how long it takes; of a process that is off nobody knows."""
    return replace(backlog, takes=estimator.takes(backlog.process, backlog.count))


def encode_backlog(backlog: Backlog | None) -> HistoryDocument | None:
    """Return a backlog as it is sent."""
    if backlog is None:
        return None
    takes = backlog.takes
    return {
        'count': backlog.count,
        'first': str(backlog.first),
        'takes_seconds': None if takes is None else round(takes.total_seconds(), 3),
        'said': str(backlog),
    }


def coming_index(hierarchy: Hierarchy, store: Reader, now: datetime) -> Timetable:
    """Return the index as who leads has it, or as who begins to lead now will have it."""
    if is_led(store.leadership(), store.store_now()):
        return load_index(hierarchy, store, now)
    copy, led = store.index_copy(), store.led_context()
    held = applied(hierarchy, store.overrides())
    starts = lane_starts(led, held, now, None if copy is None else copy.as_of)
    timetable = Timetable(placed(held, LedContext(rev=0, lanes=starts)))
    timetable.extend(now)
    timetable.load(store.index_stretches, store.open_jobs(), copy)
    return timetable


def told(timetable: Timetable, estimator: Estimator, now: datetime) -> Sequence[str]:
    """Return lines about all that is history of processes that are on, and how to choose."""
    found = [item for node in timetable.hierarchy if (item := _asked(timetable, node, now))]
    if not found:
        return []
    return list(_lines(found, estimator))


def _asked(timetable: Timetable, node: Node, now: datetime) -> Backlog | None:
    return backlog_of(timetable, node, now) if node.process.is_on else None


def _lines(found: Sequence[Backlog], estimator: Estimator) -> Iterator[str]:
    for item in found[:_TOLD_MAX]:
        yield f'{item.process}: {with_pace(item, estimator)}'
    if len(found) > _TOLD_MAX:
        rest = found[_TOLD_MAX:]
        count = sum(item.count for item in rest)
        yield f'and {count:,} intervals of {len(rest):,} more; ./launch.py process shows them'
    yield (
        f'otherwise: ./launch.py process catch-up {found[0].process} {"|".join(CatchUp)}, or the '
        'page Processes'
    )
