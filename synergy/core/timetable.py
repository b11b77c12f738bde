"""The dense index: one byte for every interval that has begun, per process.

A cache of the store's rows that can be dropped and rebuilt: an interval without history has no
row, only a zero byte. Beside the bytes it keeps the rows of jobs that have a history and are not
final (running, held, reset), so that deciding needs no look-up; final jobs cost their byte alone.
Questions are byte searches: "is this range final", "which is the next embryo".

Changes are a draft until `settle`: the Scheduler saves first and then settles, or rolls back when
the save fails. Positions in a byte array are `ordinal - node.first`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.index_codes import (
    CODE_BY_STATE,
    ENDED_ONLY,
    FINAL_CODES,
    FINAL_STATES,
    LEFT_OUT,
    NOOP,
    OPEN_STATES,
    OWN,
    PAUSED,
    PROCESSED,
    RERUN,
    RERUNS,
    SKIPPED,
    STATE_BY_CODE,
    leave_out,
)
from synergy.core.index_pages import IndexCopy, IndexPage, IndexStretch
from synergy.core.index_searches import IndexSearches
from synergy.core.open_jobs import OpenJobs
from synergy.core.records import CommandId, Job, ProcessName, UowId
from synergy.core.request_options import RequestOptions
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey

#: Rows that changed this long before a copy was made are read all the same: clocks of boxes differ.
COPY_OVERLAP: Final = timedelta(hours=1)


class Timetable(IndexSearches):
    """States of all intervals of all processes, as of the last settled commit plus a draft.

    One class of many short methods, each a question to the same bytes, or a change of them: whoever
    asks sees the draft, and no other module knows how a state is held.
    """

    def __init__(self, hierarchy: Hierarchy) -> None:
        """Start empty: no interval has begun until `extend`."""
        super().__init__(hierarchy)
        self._open = OpenJobs(hierarchy.nodes)
        self._rerun_counts: dict[ProcessName, int] = dict.fromkeys(hierarchy.nodes, 0)
        self._paused: frozenset[CommandId] = frozenset()
        self._own: dict[CommandId, tuple[int, RequestOptions]] = {}
        self._undo: list[tuple[JobKey, int, Job | None]] = []
        # Processes of which a copy made before would not be right, or not whole, any more.
        self._changed: set[ProcessName] = set(hierarchy.nodes)
        self._extended: tuple[datetime, Hierarchy] | None = None

    def extend(self, now: datetime) -> None:
        """Let every interval that has begun by `now` exist, as an embryo."""
        extended = now.replace(microsecond=0), self.hierarchy
        if extended == self._extended:
            return  # Nothing begins within a second.
        self._extended = extended
        for node in self.hierarchy:
            codes = self._codes[node.process.name]
            missing = self.hierarchy.begun_until(node, now) - node.first - len(codes)
            if missing > 0:
                begun = len(codes) + node.first
                codes.extend(bytes(missing))
                leave_out(self.hierarchy, node, codes, range(begun, begun + missing))
                self._changed.add(node.process.name)

    def load(
        self,
        stretches_since: Callable[[datetime | None], Iterable[IndexStretch]],
        open_jobs: Iterable[Job],
        copy: IndexCopy | None = None,
    ) -> tuple[JobKey, ...]:
        """Take over the store's rows; call `extend` first, and once per timetable.

        stretches_since: yields the rows that changed at an instant or later; None: all. copy:
        spares reading the rows that it knows, unless it lacks a process. Returns the keys of rows
        that have no place here, for their process or interval is not in the context: left alone.
        """
        outside: list[JobKey] = []
        for stretch in stretches_since(self._take(copy)):
            node, known = self.hierarchy.nodes.get(stretch.process), range(0)
            if node is not None and stretch.first.qualifier is node.process.qualifier:
                known = self.span(stretch.process)
            at, codes = stretch.within(known)
            if codes:
                self._codes[stretch.process][at : at + len(codes)] = codes
                self._changed.add(stretch.process)
            if len(codes) < len(stretch.codes):
                outside += stretch.outside(known)
        for node in self.hierarchy:
            name = node.process.name
            leave_out(self.hierarchy, node, self._codes[name], self.span(name))
        for job in open_jobs:
            if self.state(job.key) is not None:
                first = self.hierarchy.nodes[job.process].first
                self._place(job.key, job.timeperiod.ordinal - first, self._code(job), job)
        return tuple(outside)

    def pages(self, without: Collection[ProcessName] = ()) -> Sequence[IndexPage]:
        """Return the pages of the processes that have changed since the last call.

        without: processes whose rows are not what their page would say. Nothing may be drafted: a
        copy of what was never saved would hide intervals for good.
        """
        assert not self._undo, 'settle or roll back first'
        changed, self._changed = self._changed, set()
        return [
            self._page(name, bytes(self._codes[name].translate(ENDED_ONLY)))
            for name in self._codes
            if name in changed and name not in without
        ]

    def snapshot(self) -> Sequence[IndexPage]:
        """Return all pages, with the codes that `pages` leaves out. Nothing may be drafted."""
        assert not self._undo, 'settle or roll back first'
        return [self._page(name, bytes(codes)) for name, codes in self._codes.items()]

    def _page(self, name: ProcessName, codes: bytes) -> IndexPage:
        node = self.hierarchy.nodes[name]
        level = node.process.qualifier
        return IndexPage(process=name, qualifier=level, first=node.first, codes=codes)

    def _take(self, copy: IndexCopy | None) -> datetime | None:
        """Fill in what a copy knows; return since when rows must be read: None for all of them."""
        page_by_process = {} if copy is None else {page.process: page for page in copy.pages}
        if copy is None or not page_by_process.keys() >= self._codes.keys():
            return None
        since = copy.as_of - COPY_OVERLAP
        if not all(self._covers(page_by_process[name], since) for name in self._codes):
            return None
        self._changed.clear()
        for name, codes in self._codes.items():
            page = page_by_process[name]
            start = self.hierarchy.nodes[name].first - page.first
            known = page.codes[start : start + len(codes)]
            codes[: len(known)] = known
            if len(known) < len(codes):
                self._changed.add(name)
        return since

    def _covers(self, page: IndexPage, since: datetime) -> bool:
        """Tell whether a page knows all that had begun by then: of an equal, or a longer, tree."""
        node = self.hierarchy.nodes[page.process]
        return (
            page.qualifier is node.process.qualifier
            and page.first <= node.first
            and page.first + len(page.codes) >= self.hierarchy.begun_until(node, since)
        )

    def pause(
        self,
        requests: Iterable[CommandId],
        own: Mapping[CommandId, RequestOptions] = MappingProxyType({}),
    ) -> None:
        """Start nothing that one of `requests`, and no other, has reset. Cost: all open jobs.

        own: those whose jobs run otherwise than others. Beyond as many as there are codes for, they
        wait until one of these has ended.
        """
        known = {name: self._own[name][0] for name in own if name in self._own}
        free = iter(sorted({*OWN} - {*known.values()}))
        waiting = set()
        self._own = {}
        for name, options in own.items():
            code = known.get(name) or next(free, None)
            if code is None:
                waiting.add(name)
            else:
                self._own[name] = code, options
        self._paused = frozenset(requests) | waiting
        for job in [*self.open_jobs()]:
            if job.state is JobState.EMBRYO:
                position = job.timeperiod.ordinal - self.hierarchy.nodes[job.process].first
                self._place(job.key, position, self._code(job), job)

    def state(self, key: JobKey) -> JobState | None:
        """Return the state of a job; None when the interval does not exist (yet)."""
        node = self.hierarchy.nodes.get(key.process)
        if node is None or key.timeperiod.qualifier is not node.process.qualifier:
            return None
        position, codes = key.timeperiod.ordinal - node.first, self._codes[key.process]
        return STATE_BY_CODE[codes[position]] if 0 <= position < len(codes) else None

    def open_job(self, key: JobKey) -> Job | None:
        """Return the row of a job that has one and is not final."""
        return self._open.get(key)

    def awaiting(self, uow_id: UowId) -> Job | None:
        """Return the job that waits for a unit, if that has the id of the job's own run."""
        return self._open.awaiting(uow_id)

    def is_left_out(self, key: JobKey) -> bool:
        """Tell whether the working calendar leaves an interval out, and nobody has asked for it."""
        return key.timeperiod.ordinal in self.span(key.process) and self._code_at(key) == LEFT_OUT

    def is_rerun(self, key: JobKey) -> bool:
        """Tell whether somebody has asked to run a job again, and it is neither done nor held."""
        job = self.open_job(key)
        return job is not None and job.request_id is not None and not job.is_held

    def open_jobs(self) -> Iterable[Job]:
        """Return the rows of all jobs that have one and are not final."""
        return self._open.all()

    def open_jobs_of(self, process: ProcessName) -> Collection[Job]:
        """Return the rows of the jobs of one process that are not final."""
        return self._open.of(process)

    def running_count(self, process: ProcessName) -> int:
        """Return the number of jobs with a unit in flight; held ones do not count."""
        return self._open.running_count(process)

    def resting(self, process: ProcessName) -> Sequence[JobKey]:
        """Return the jobs that are between two runs of their live interval, earliest first."""
        return self._open.resting(process)

    def has_reruns(self, process: ProcessName) -> bool:
        """Tell whether a request has reset intervals of `process` that have not started since."""
        return self._rerun_counts[process] > 0

    def is_paused(self, key: JobKey) -> bool:
        """Tell whether a job, which exists, waits for its paused request to be resumed."""
        return self._code_at(key) == PAUSED

    def paused_count(self, process: ProcessName) -> int:
        """Return how many jobs wait for their paused request."""
        return self._codes[process].count(PAUSED)

    def span(self, process: ProcessName) -> range:
        """Return the ordinals of all intervals that exist."""
        first = self.hierarchy.nodes[process].first
        return range(first, first + len(self._codes[process]))

    def count_by_state(self, process: ProcessName) -> Mapping[JobState, int]:
        """Return how many intervals stand in each state; O(intervals), in C."""
        codes = self._codes[process]
        counts = {state: codes.count(code) for state, code in CODE_BY_STATE.items()}
        counts[JobState.NOOP] += codes.count(LEFT_OUT)
        counts[JobState.EMBRYO] += sum(map(codes.count, self._rerun_codes))
        return counts

    def first_pending(self, process: ProcessName, ordinals: range) -> int | None:
        """Return the first of `ordinals` that is not final, or has not begun; None if all are."""
        if not ordinals:
            return None
        first, codes = self.hierarchy.nodes[process].first, self._codes[process]
        if match := OPEN_STATES.search(codes, ordinals.start - first, ordinals.stop - first):
            return match.start() + first
        begun = first + len(codes)
        return max(begun, ordinals.start) if ordinals.stop > begun else None

    def pending_count(self, process: ProcessName, ordinals: range) -> int:
        """Return how many of `ordinals` are not final, those not begun included."""
        return len(ordinals) - sum(map(self._codes_of(process, ordinals).count, FINAL_CODES))

    def done_count(self, process: ProcessName, ordinals: range) -> int:
        """Return how many of `ordinals` have ended well: processed, or nothing was to do."""
        return sum(map(self._codes_of(process, ordinals).count, (PROCESSED, NOOP, LEFT_OUT)))

    def rerun_count(self, process: ProcessName, ordinals: range) -> int:
        """Return how many of `ordinals` a request has reset and nothing has started since."""
        return sum(map(self._codes_of(process, ordinals).count, self._rerun_codes))

    @property
    def _rerun_codes(self) -> Sequence[int]:
        return (RERUN, PAUSED, *(code for code, _ in self._own.values()))

    def options(self, request: CommandId | None) -> RequestOptions | None:
        """Return how the jobs of a request run, if not as others do."""
        found = None if request is None else self._own.get(request)
        return None if found is None else found[1]

    def own_requests(self, process: ProcessName) -> Sequence[tuple[CommandId, int]]:
        """Return those of such requests that have reset intervals of a process, by their codes."""
        codes = self._codes[process]
        return [(name, code) for name, (code, _) in self._own.items() if code in codes]

    def has_room(self, request: CommandId) -> bool:
        """Tell whether one more job of a request may run."""
        options = self.options(request)
        most = None if options is None else options.max_running
        return most is None or self._open.running_for(request) < most

    def skipped_count(self, process: ProcessName, ordinals: range) -> int:
        """Return how many of `ordinals` were skipped; one search in C."""
        return self._codes_of(process, ordinals).count(SKIPPED)

    def first_in(self, process: ProcessName, ordinals: range, state: JobState) -> int | None:
        """Return the first of `ordinals` that stands in `state`."""
        at = self._codes_of(process, ordinals).find(CODE_BY_STATE[state])
        first = self.hierarchy.nodes[process].first
        return None if at < 0 else at + max(ordinals.start, first)

    def last_in(self, process: ProcessName, state: JobState) -> int | None:
        """Return the last interval that stands in `state`."""
        at = self._codes[process].rfind(CODE_BY_STATE[state])
        return None if at < 0 else at + self.hierarchy.nodes[process].first

    def ordinals_in(
        self,
        process: ProcessName,
        ordinals: range,
        states: Collection[JobState],
        *,
        newest_first: bool = False,
    ) -> Iterator[int]:
        """Yield those of `ordinals` that stand in one of `states`; they are as of the first one."""
        first = self.hierarchy.nodes[process].first
        start = max(ordinals.start - first, 0)
        known = len(STATE_BY_CODE)
        wanted = bytes(code < known and STATE_BY_CODE[code] in states for code in range(256))
        marks = self._codes_of(process, ordinals).translate(wanted)
        at = marks.rfind(1) if newest_first else marks.find(1)
        while at >= 0:
            yield at + start + first
            at = marks.rfind(1, 0, at) if newest_first else marks.find(1, at + 1)

    def first_final(self, process: ProcessName, ordinal: int) -> int | None:
        """Return the first ordinal from `ordinal` on that is final."""
        first = self.hierarchy.nodes[process].first
        found = FINAL_STATES.search(self._codes[process], max(ordinal - first, 0))
        return None if found is None else found.start() + first

    def are_all_skipped(self, process: ProcessName, ordinals: range) -> bool:
        """Tell whether there are intervals in `ordinals` and every one was skipped."""
        has_begun = bool(ordinals) and ordinals.stop <= self.span(process).stop
        return has_begun and self.skipped_count(process, ordinals) == len(ordinals)

    def _codes_of(self, process: ProcessName, ordinals: range) -> bytearray:
        first = self.hierarchy.nodes[process].first
        return self._codes[process][max(ordinals.start - first, 0) : max(ordinals.stop - first, 0)]

    def put(self, job: Job) -> None:
        """Draft a job's new row."""
        key = job.key
        position = job.timeperiod.ordinal - self.hierarchy.nodes[job.process].first
        row = None if job.state.is_final else job
        self._undo.append(self._place(key, position, self._code(job), row))

    def put_processed(self, key: JobKey) -> None:
        """Draft that a job was processed: `put` for those who know no more of its row."""
        position = key.timeperiod.ordinal - self.hierarchy.nodes[key.process].first
        self._undo.append(self._place(key, position, PROCESSED, None))

    def _code_at(self, key: JobKey) -> int:
        first = self.hierarchy.nodes[key.process].first
        return self._codes[key.process][key.timeperiod.ordinal - first]

    def settle(self) -> None:
        """Make the draft the truth: the store has it."""
        self._undo.clear()

    def rollback(self) -> None:
        """Forget the draft: the store does not have it."""
        for key, code, job in reversed(self._undo):
            first = self.hierarchy.nodes[key.process].first
            self._place(key, key.timeperiod.ordinal - first, code, job)
        self._undo.clear()

    def _code(self, job: Job) -> int:
        if job.state is not JobState.EMBRYO or job.request_id is None:
            return CODE_BY_STATE[job.state]
        if job.request_id in self._paused:
            return PAUSED
        own = self._own.get(job.request_id)
        return RERUN if own is None else own[0]

    def _place(
        self, key: JobKey, position: int, code: int, job: Job | None
    ) -> tuple[JobKey, int, Job | None]:
        """Change byte and row of a job; return what they were."""
        process = key.process
        codes = self._codes[process]
        code_before = codes[position]
        if code != code_before:
            self._rerun_counts[process] += (code in RERUNS) - (code_before in RERUNS)
        codes[position] = code
        self._changed.add(process)
        if position < self._low[process]:
            self._low[process] = position
        return key, code_before, self._open.put(key, job)
