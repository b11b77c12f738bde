"""Searches for stretches of intervals in the dense index, and for the next one to start."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from synergy.core.hierarchy import Hierarchy
from synergy.core.index_codes import (
    CHANGED,
    CODE_BY_STATE,
    EMBRYOS,
    FINAL_CODES,
    FRESH,
    LEFT_OUT,
    LEFT_OUTS,
    OPEN_STATES,
    PROCESSED,
    UNFINISHED,
)
from synergy.core.lanes import LaneWork
from synergy.core.records import ProcessName
from synergy.core.states import JobState


class IndexSearches:
    """What a timetable finds by searching bytes; positions are `ordinal - node.first`."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        """Know of no interval."""
        self.hierarchy = hierarchy
        self._codes: dict[ProcessName, bytearray] = {name: bytearray() for name in hierarchy.nodes}
        # No interval before this position is open: where searches for work begin.
        self._low: dict[ProcessName, int] = dict.fromkeys(hierarchy.nodes, 0)

    def next_embryo(self, process: ProcessName, work: LaneWork) -> int | None:
        """Return the first embryo of a lane; skips the finished past without a scan."""
        first, codes = self.hierarchy.nodes[process].first, self._codes[process]
        start = max(work.ordinals.start - first, self._first_open(process))
        stop = max(work.ordinals.stop - first, 0)
        if work.is_newest_first:
            position = codes.rfind(work.code, start, stop)
        else:
            position = codes.find(work.code, start, stop)
        return None if position < 0 else position + first

    def has_history(self, process: ProcessName, live_first: int) -> bool:
        """Tell whether an interval before ordinal `live_first` never ran."""
        start = self._first_open(process)
        stop = live_first - self.hierarchy.nodes[process].first
        return start < stop and self._codes[process].find(FRESH, start, stop) >= 0

    def fresh_count(self, process: ProcessName, ordinals: range) -> int:
        """Return how many of `ordinals` have begun and never ran."""
        first = self.hierarchy.nodes[process].first
        start, stop = max(ordinals.start - first, 0), max(ordinals.stop - first, 0)
        return self._codes[process].count(FRESH, start, stop)

    def first_fresh(self, process: ProcessName, ordinals: range) -> int:
        """Return the first of `ordinals` that never ran, of which there is one."""
        first = self.hierarchy.nodes[process].first
        start, stop = max(ordinals.start - first, 0), max(ordinals.stop - first, 0)
        return self._codes[process].index(FRESH, start, stop) + first

    def last_final(self, process: ProcessName, before: int) -> int | None:
        """Return the last ordinal before another one that is final."""
        first, codes = self.hierarchy.nodes[process].first, self._codes[process]
        stop = max(before - first, 0)
        position = max(codes.rfind(code, 0, stop) for code in FINAL_CODES)
        return None if position < 0 else position + first

    def _first_open(self, process: ProcessName) -> int:
        """Return a position before which no interval is open."""
        low, codes = self._low[process], self._codes[process]
        if low < len(codes) and PROCESSED <= codes[low] <= LEFT_OUT:
            match = OPEN_STATES.search(codes, low)
            low = self._low[process] = len(codes) if match is None else match.start()
        return low

    def embryo_runs(self, process: ProcessName, ordinals: range) -> Sequence[range]:
        """Return the stretches of `ordinals` that are embryos and not paused, each in full."""
        return self._runs(process, ordinals, EMBRYOS)

    def changed_runs(self, process: ProcessName, ordinals: range) -> Sequence[range]:
        """Return the stretches of `ordinals` that are not embryos, each in full."""
        return self._runs(process, ordinals, CHANGED)

    def left_out_runs(self, process: ProcessName, ordinals: range) -> Sequence[range]:
        """Return the stretches of `ordinals` that the working calendar leaves out."""
        return self._runs(process, ordinals, LEFT_OUTS)

    def unfinished_runs(self, process: ProcessName, ordinals: range) -> Sequence[range]:
        """Return the stretches of `ordinals` that have begun and are not final."""
        return self._runs(process, ordinals, UNFINISHED)

    def runs_in(
        self, process: ProcessName, ordinals: range, states: Collection[JobState]
    ) -> Sequence[range]:
        """Return the stretches of `ordinals` that stand in `states`, none of which is embryo."""
        codes = bytes(CODE_BY_STATE[state] for state in states)
        return self._runs(process, ordinals, re.compile(b'[' + re.escape(codes) + b']+'))

    def _runs(
        self, process: ProcessName, ordinals: range, pattern: re.Pattern[bytes]
    ) -> Sequence[range]:
        first = self.hierarchy.nodes[process].first
        start, stop = max(ordinals.start - first, 0), max(ordinals.stop - first, 0)
        found = pattern.finditer(self._codes[process], start, stop)
        return [range(match.start() + first, match.end() + first) for match in found]
