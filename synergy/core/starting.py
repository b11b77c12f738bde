"""What starts next: which process is asked, in which of its lanes, and whether it has a place.

The engine draws from `starts` and carries each one out before it draws the next, so that every
start is chosen with all that the ones before have changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime

from synergy.core.index_codes import FRESH, RERUN
from synergy.core.lanes import CatchUp, Lane, LaneWork, Turns
from synergy.core.node import Node
from synergy.core.readiness import NextStart, Readiness, next_startable
from synergy.core.records import ProcessName
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable


class Starting:
    """Processes that are owed a look, in order of mention, and what each may start."""

    def __init__(self, timetable: Timetable, silent: Collection[ProcessName] = ()) -> None:
        """Owe nothing. timetable: as drafted; what is started must be in it before the next.

        silent: processes of which nothing starts.
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
        #: Whom the choice under way is about; after an exception, whom it was about.
        self.asked: ProcessName | None = None
        #: What was yielded last is a live interval that runs because a trigger has fired.
        self.is_trigger = False

    @property
    def is_owing(self) -> bool:
        """Tell whether a process is to be looked at."""
        return bool(self._released or self._owed)

    def owe(self, process: ProcessName) -> None:
        """Look at a process."""
        self._owed[process] = None

    def release(self, processes: Iterable[ProcessName]) -> None:
        """Look at processes before all that are owed a look: what they waited for has ended."""
        self._released.update(dict.fromkeys(processes))

    def pause(self, process: ProcessName) -> None:
        """Start nothing of a process any more: a request to switch it off is on its way."""
        self._silent.add(process)

    def may(self, process: ProcessName) -> bool:
        """Tell whether anything of a process may start at all."""
        return self._hierarchy.nodes[process].process.is_on and process not in self._silent

    def has_place(self, process: ProcessName) -> bool:
        """Tell whether one more of a process may run."""
        most = self._hierarchy.nodes[process].process.max_running
        return self._timetable.running_count(process) < most

    def starts(self, now: datetime) -> Iterator[tuple[JobKey, Readiness | None]]:
        """Yield what may start, or is to be skipped, and its readiness where it is known.

        Ends when nobody is owed a look. Whoever breaks off owes the process under way another,
        behind all others: it may have more to start than they.
        """
        while ahead := self._released or self._owed:
            self.asked = process = next(iter(ahead))
            del ahead[process]
            self._owed.pop(process, None)
            self._owed[process] = None
            if self.may(process):
                node = self._hierarchy.nodes[process]
                yield from self._resting(node)
                yield from self._fresh(node, now)
            del self._owed[process]
        self.asked = None

    def live(self, process: ProcessName, now: datetime) -> Iterator[JobKey]:
        """Yield the live intervals of a process that may run, earliest first."""
        if not self.may(process):
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

    def _resting(self, node: Node) -> Iterator[tuple[JobKey, Readiness | None]]:
        for key in self._timetable.resting(node.process.name):
            if self.has_place(node.process.name):
                yield key, None

    def _fresh(self, node: Node, now: datetime) -> Iterator[tuple[JobKey, Readiness | None]]:
        """Yield what starts for the first time, or again, each lane in its order."""
        name = node.process.name
        over_until = self._hierarchy.over_until(node, now)
        live_first = self._live_first.get(name, node.first)
        ahead, rest = node.first, dict[Lane, LaneWork]()
        while self.has_place(name):
            if self._timetable.has_reruns(name) or self._timetable.has_history(name, live_first):
                found = self._in_turn(node, rest, over_until, now)
            else:
                self._turns.pop(name, None)
                work = LaneWork(FRESH, range(ahead, over_until))
                found = next_startable(self._timetable, node, work, now)
                if found is not None:
                    ahead = found.key.timeperiod.ordinal + 1
            if found is None:
                return
            yield found

    def _in_turn(
        self, node: Node, rest: dict[Lane, LaneWork], over_until: int, now: datetime
    ) -> NextStart | None:
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
        works.update(rest)
        for lane in turns.order(works):
            found = next_startable(self._timetable, node, works[lane], now)
            if found is not None:
                turns.took(lane)
                rest[lane] = works[lane].behind(found.key.timeperiod.ordinal)
                return found
        return None


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
