"""What starts next: which process is asked, in which of its lanes, and whether it has a place.

The engine draws from `starts` and carries each one out before it draws the next, so that every
start is chosen with all that the ones before have changed.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator
from datetime import datetime
from typing import TypeAlias

from synergy.core.holds import Holds
from synergy.core.index_codes import FRESH, RERUN
from synergy.core.lanes import CatchUp, Lane, LaneWork, Turns
from synergy.core.node import Node
from synergy.core.readiness import NextStart, Readiness, next_startable
from synergy.core.records import CommandId, ProcessName
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable

#: What is left of each part of a lane that something was started of in one look.
_Rest: TypeAlias = dict[tuple[Lane, int], LaneWork]


class Starting:
    """Processes that are owed a look, in order of mention, and what each may start."""

    def __init__(
        self,
        timetable: Timetable,
        silent: Collection[ProcessName] = (),
        holds: Holds | None = None,
    ) -> None:
        """Owe nothing. timetable: as drafted; what is started must be in it before the next.

        silent: processes of which nothing starts. holds: closed hours and freezes; None: none.
        """
        self._timetable = timetable
        self._hierarchy = timetable.hierarchy
        # Those that others let start by their end come first. A dict is an ordered set.
        self._released: dict[ProcessName, None] = {}
        self._owed: dict[ProcessName, None] = {}
        # Of processes of which more than live intervals have had work since live ones were alone.
        self._turns: dict[ProcessName, Turns] = {}
        self._live_first = {
            node.process.name: live_first(timetable, node)
            for node in self._hierarchy
            if node.process.live_from is not None
        }
        self._silent = set(silent)
        self._pausing: set[ProcessName] = set()
        # Code of the request that a rerun was started for last.
        self._served: dict[ProcessName, int] = {}
        self._holds = holds
        #: Whom the choice under way is about; after an exception, whom it was about.
        self.asked: ProcessName | None = None
        #: What was yielded last is a live interval that runs because a trigger has fired.
        self.is_trigger = False

    @property
    def owed_count(self) -> int:
        """Return how many looks processes are owed; one that is released may be owed two."""
        return len(self._released) + len(self._owed)

    def owe(self, process: ProcessName) -> None:
        """Look at a process."""
        self._owed[process] = None

    def release(self, processes: Iterable[ProcessName]) -> None:
        """Look at processes before all that are owed a look: what they waited for has ended."""
        self._released.update(dict.fromkeys(processes))

    def pause(self, process: ProcessName) -> None:
        """Start nothing of a process any more: a request to switch it off is on its way."""
        self._silent.add(process)
        self._pausing.add(process)

    def may(self, process: ProcessName, now: datetime) -> bool:
        """Tell whether anything of a process may start at all."""
        return (
            self._hierarchy.nodes[process].process.is_on
            and process not in self._silent
            and not self.is_held(process, now)
        )

    def is_held(self, process: ProcessName, now: datetime) -> bool:
        """Tell whether closed hours or a freeze let nothing of a process start."""
        return self._holds is not None and self._holds.is_held(process, now)

    def may_even_if_off(self, process: ProcessName, now: datetime) -> bool:
        """Tell whether something of a process that is off may start: what is asked for so."""
        is_silent = process in self._silent and process not in self._pausing
        is_silent = is_silent or self.is_held(process, now)
        return not is_silent and self._timetable.has_reruns(process)

    def has_place(self, process: ProcessName) -> bool:
        """Tell whether one more of a process may run."""
        most = self._hierarchy.nodes[process].process.max_running
        return self._timetable.running_count(process) < most

    def starts(self, now: datetime) -> Generator[tuple[JobKey, Readiness | None]]:
        """Yield what may start, or is to be skipped, and its readiness where it is known.

        Ends when nobody is owed a look. Whoever breaks off closes it, and so owes the process under
        way another, behind all others: it may have more to start than they.
        """
        while ahead := self._released or self._owed:
            self.asked = process = next(iter(ahead))
            del ahead[process]
            self._owed.pop(process, None)
            self._owed[process] = None
            if self.may(process, now) or self.may_even_if_off(process, now):
                yield from self._all_of(self._hierarchy.nodes[process], now)
            del self._owed[process]
        self.asked = None

    def live(self, process: ProcessName, now: datetime) -> Iterator[JobKey]:
        """Yield the live intervals of a process that may run, earliest first."""
        if not self.may(process, now):
            return
        node = self._hierarchy.nodes[process]
        live = range(self._hierarchy.over_until(node, now), self._timetable.span(process).stop)
        for ordinal in live:
            key = JobKey(process, self._hierarchy.timeperiod(node, ordinal))
            state = self._timetable.state(key)
            if state is not None and state.is_final:
                continue  # Skipped by an operator: it has a row, but not among the open ones.
            if self.has_place(process) and self._hierarchy.covered(node, ordinal):
                yield key

    def _all_of(self, node: Node, now: datetime) -> Iterator[tuple[JobKey, Readiness | None]]:
        """Yield all that a process may start."""
        if not self.may(node.process.name, now):
            yield from self._even_if_off(node, now)
            return
        yield from self._resting(node)
        yield from self._fresh(node, now)

    def _works(self, node: Node, now: datetime) -> Iterator[LaneWork]:
        """Yield where a process may have something to start."""
        over_until = self._hierarchy.over_until(node, now)
        works = lanes_of(node, self._live_first.get(node.process.name, node.first), over_until)
        plain, may = works.pop(Lane.RERUN), self.may(node.process.name, now)
        if may:
            yield from works.values()
        yield from self._reruns(node, plain, only_even_if_off=not may)

    def _resting(self, node: Node) -> Iterator[tuple[JobKey, Readiness | None]]:
        for key in self._timetable.resting(node.process.name):
            if self.has_place(node.process.name):
                yield key, None

    def _fresh(self, node: Node, now: datetime) -> Iterator[tuple[JobKey, Readiness | None]]:
        """Yield what starts for the first time, or again, each lane in its order."""
        name = node.process.name
        over_until = self._hierarchy.over_until(node, now)
        live_first = self._live_first.get(name, node.first)
        ahead, may_have_past = node.first, live_first > node.first
        rest: _Rest = {}
        while self.has_place(name):
            if self._timetable.has_reruns(name) or (
                may_have_past and self._timetable.has_history(name, live_first)
            ):
                found = self._in_turn(node, rest, over_until, now)
            else:
                if self._turns:
                    self._turns.pop(name, None)
                work = LaneWork(FRESH, range(ahead, over_until))
                found = next_startable(self._timetable, node, work, now)
                if found is not None:
                    ahead = found.key.timeperiod.ordinal + 1
            if found is None:
                return
            yield found

    def _in_turn(self, node: Node, rest: _Rest, over_until: int, now: datetime) -> NextStart | None:
        """Return what to start next of the lane whose turn it is.

        rest: what is left of the lanes that something was started of in this look.
        """
        name = node.process.name
        turns = self._turns.get(name)
        if turns is None:
            turns = Turns(node.process.shares)
            turns.took(Lane.LIVE)  # It was alone until now.
            self._turns[name] = turns
        works = lanes_of(node, self._live_first.get(name, node.first), over_until)
        for lane in turns.order(works):
            parts = [works[lane]] if lane is not Lane.RERUN else self._reruns(node, works[lane])
            found = self._first_of(node, parts, rest, lane, now)
            if found is not None:
                turns.took(lane)
                return found
        return None

    def _first_of(
        self,
        node: Node,
        parts: Iterable[LaneWork],
        rest: _Rest,
        lane: Lane,
        now: datetime,
    ) -> NextStart | None:
        for part in parts:
            work = rest.get((lane, part.code), part)
            found = next_startable(self._timetable, node, work, now)
            if found is not None:
                rest[lane, part.code] = work.behind(found.key.timeperiod.ordinal)
                if lane is Lane.RERUN:
                    self._served[node.process.name] = part.code
                return found
        return None

    def _reruns(
        self, node: Node, plain: LaneWork, *, only_even_if_off: bool = False
    ) -> Iterator[LaneWork]:
        """Yield what requests have reset, the one whose turn it is first: each has its own order.

        plain: of those without options. only_even_if_off: of those that run all the same.
        """
        name = node.process.name
        own = self._timetable.own_requests(name)
        if not own and not only_even_if_off:
            yield plain
            return
        found = [] if only_even_if_off else [plain]
        for request, code in own:
            options = self._timetable.options(request)
            if options is None or not self._timetable.has_room(request):
                continue
            if options.is_even_if_off or not only_even_if_off:
                found.append(LaneWork(code, plain.ordinals, options.is_newest_first))
        # Those behind the one that came last are first.
        last = self._served.get(name, plain.code)
        found.sort(key=lambda work: (work.code <= last, work.code))
        yield from found

    def _even_if_off(self, node: Node, now: datetime) -> Iterator[tuple[JobKey, Readiness | None]]:
        """Yield what starts of a process that is switched off: what is asked for all the same."""
        name = node.process.name
        plain = LaneWork(RERUN, range(node.first, self._hierarchy.over_until(node, now)))
        rest: _Rest = {}
        while self.has_place(name):
            parts = self._reruns(node, plain, only_even_if_off=True)
            found = self._first_of(node, parts, rest, Lane.RERUN, now)
            if found is None:
                return
            yield found

    def freed(self, request: CommandId | None) -> None:
        """Look at all processes that wait for a place among the jobs of a request."""
        options = self._timetable.options(request)
        if request is None or options is None or options.max_running is None:
            return
        for name in self._hierarchy.nodes:
            if any(known == request for known, _ in self._timetable.own_requests(name)):
                self.owe(name)


def live_first(timetable: Timetable, node: Node) -> int:
    """Return the first ordinal that is not history of a process that keeps history apart."""
    live_from = node.process.live_from
    if live_from is None or node.process.catch_up is CatchUp.IN_ORDER:
        return node.first
    return timetable.hierarchy.started_until(node, live_from)


def lanes_of(node: Node, live_first: int, over_until: int) -> dict[Lane, LaneWork]:
    """Return the lanes of a process up to ordinal `over_until`."""
    return {
        Lane.LIVE: LaneWork(FRESH, range(max(live_first, node.first), over_until)),
        Lane.HISTORY: LaneWork(
            FRESH,
            range(node.first, min(live_first, over_until)),
            node.process.catch_up is CatchUp.NEWEST_FIRST,
        ),
        Lane.RERUN: LaneWork(RERUN, range(node.first, over_until)),
    }
