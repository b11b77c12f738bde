"""What starts next: which process is asked, in which of its lanes, and whether it has a place.

The engine draws from `starts` and carries each one out before it draws the next, so that every
start is chosen with all that the ones before have changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from synergy.core.node import Node
from synergy.core.readiness import NextStart, Readiness, next_startable
from synergy.core.records import ProcessName
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Lane, Timetable


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
        # The lane that came last.
        self._lane: dict[ProcessName, Lane] = dict.fromkeys(self._hierarchy.nodes, Lane.RERUN)
        self._silent = set(silent)
        #: Whom the choice under way is about; after an exception, whom it was about.
        self.asked: ProcessName | None = None

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
        """Yield what starts for the first time, or again, earliest first of each lane."""
        name = node.process.name
        starts = dict.fromkeys(Lane, node.first)
        while self.has_place(name) and (found := self._next(node, starts, now)) is not None:
            starts[self._lane[name]] = found.key.timeperiod.ordinal + 1
            yield found

    def _next(self, node: Node, starts: Mapping[Lane, int], now: datetime) -> NextStart | None:
        """Return what to start next; while both lanes have work, they take turns."""
        name = node.process.name
        lanes = [Lane.FRESH]
        if self._timetable.has_reruns(name):
            # The lane that did not come last is asked first: neither can starve the other.
            lanes = sorted(Lane, key=lambda lane: lane is self._lane[name])
        for lane in lanes:
            found = next_startable(self._timetable, node, starts[lane], now, lane)
            if found is not None:
                self._lane[name] = lane
                return found
        return None
