"""Cells of strips and heat maps: one interval, or many of them rolled up into one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple

from synergy.core.hierarchy import Node
from synergy.core.readiness import blocked_runs
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.mx.live.marks import (
    FAILED,
    NOT_BEGUN,
    NOT_DUE,
    PROCESSED,
    RUNNING,
    SKIPPED,
    Mark,
    mark_of,
)
from synergy.mx.live.read_model import ReadModel
from synergy.mx.web.request_context import RequestContext

_PARTLY: Final = Mark('due', 'partly done')
_NOUN: Final = {'_hourly': 'hours', '_daily': 'days', '_monthly': 'months', '_yearly': 'years'}
#: Looks to count what is blocked: of one page, or of one row of the overview.
BLOCKED_LOOKS: Final = 300


class Tally(NamedTuple):
    """How many of the jobs behind a cell stand out."""

    running: int = 0
    blocked: int = 0
    failed: int = 0
    late: int = 0


NOTHING: Final = Tally()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell. label: a whole sentence for those who cannot see it. name: for live updates.

    timeperiod: of its job; where many are rolled up, of the first, with `last` that of the last
    one, `count` how many they are, and `why` the address of the one that tells most. done, total:
    of what is nested in it, called `noun`; total 0 where nothing is. is_late: unfinished although
    its deadline has passed.
    """

    css: str
    label: str
    href: str
    timeperiod: str
    name: str = ''
    word: str = ''
    is_late: bool = False
    done: int = 0
    total: int = 0
    noun: str = ''
    last: str = ''
    count: int = 1
    why: str = ''
    tally: Tally = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Outstanding:
    """Ordinals of a process's jobs that stand out, in order. running: those with a live unit.

    rerunning: those in progress, or between two runs, that somebody has asked to run again.
    """

    running: Sequence[int]
    rerunning: Sequence[int]
    failed: Sequence[int]

    def failed_count(self, ordinals: range) -> int:
        """Return how many of `ordinals` are held, or were skipped after their last attempt."""
        return _count_in(self.failed, ordinals)

    def first_failed(self, ordinals: range) -> int | None:
        """Return the first of `ordinals` that failed; None where none did."""
        return _first_in(self.failed, ordinals)


class Painter:
    """Makes the cells of one page; remembers what is the same for all of them."""

    def __init__(self, request: RequestContext) -> None:
        """Draw from the read model, whose lock the caller holds."""
        self._request = request
        self._model = request.model
        self._timetable = request.model.timetable
        self._over: dict[ProcessName, int] = {}
        self._late: dict[ProcessName, int] = {}
        self._outstanding: dict[ProcessName, Outstanding] = {}
        self._looks_left = BLOCKED_LOOKS

    @property
    def is_blocked_least(self) -> bool:
        """Tell whether more jobs may be blocked than were counted."""
        return not self._looks_left

    def over(self, node: Node) -> int:
        """Return the ordinal after the last interval that may have started."""
        name = node.process.name
        if name not in self._over:
            until = self._model.hierarchy.over_until(node, self._request.now)
            self._over[name] = max(until, node.first)
        return self._over[name]

    def late_until(self, node: Node) -> int:
        """Return the ordinal after the last interval that is late unless it is done."""
        name = node.process.name
        if name not in self._late:
            self._late[name] = self._model.hierarchy.late_until(node, self._request.now)
        return self._late[name]

    def stamp(self, nodes: Sequence[Node]) -> Hashable:
        """Return what differs once something has changed that cells of `nodes` show."""
        near = dict.fromkeys(
            name
            for node in nodes
            for name in (node.process.name, node.child, *(item.process for item in node.inputs))
        )
        ends = [
            (self.over(node), self.late_until(node), self._timetable.span(node.process.name).stop)
            for node in nodes
        ]
        return self._model.stamp(near), tuple(ends)

    def mark(self, node: Node, key: JobKey) -> Mark:
        """Return how a job looks."""
        failed = self._model.failed[key.process]
        return mark_of(self._timetable, failed, node, key, self._request.now)

    def cell(self, node: Node, ordinal: int, href: str | None = None) -> Cell:
        """Return the cell of one job. href: where it leads, if not to the page of the job."""
        key = self._model.key(node, ordinal)
        mark = self.mark(node, key)
        late = self.is_late(node, ordinal, mark)
        done, total = self.nested(node, ordinal)
        timeperiod = str(key.timeperiod)
        label = f'{key.process} {timeperiod}, {mark.word}'
        noun = ''
        if total and mark.css != 'ok':
            assert node.child is not None, 'it has nested intervals'
            noun = _NOUN[self._model.hierarchy.nodes[node.child].process.qualifier]
            label += f', {done} of {total} {noun}'
        if late:
            label += ', late'
        return Cell(
            css=mark.css,
            word=mark.word,
            label=label,
            href=href_of(key) if href is None else href,
            timeperiod=timeperiod,
            name=str(key),
            is_late=late,
            done=done,
            total=total,
            noun=noun,
            tally=Tally(mark.css == 'run', mark.css == 'block', mark.css == 'fail', late),
        )

    def is_late(self, node: Node, ordinal: int, mark: Mark) -> bool:
        """Tell whether a job is unfinished although its deadline has passed.

        What an operator has asked to run again is not late.
        """
        return (
            mark.css in ('due', 'ready', 'block', 'run', 'fail')
            and node.first <= ordinal < self.late_until(node)
            and not self._is_final(node, ordinal)
            and not self.is_rerun(node, ordinal)
        )

    def late_count(self, node: Node, ordinals: range) -> int:
        """Return how many of `ordinals` are unfinished although their deadline has passed.

        What an operator has asked to run again is not late.
        """
        name = node.process.name
        due = range(ordinals.start, min(ordinals.stop, self.late_until(node)))
        first = self._timetable.first_pending(name, due)
        if first is None:
            return 0
        unfinished = range(first, due.stop)
        requested = self._timetable.rerun_count(name, unfinished)
        reruns = requested + _count_in(self.standing_out(name).rerunning, unfinished)
        return self._timetable.pending_count(name, unfinished) - reruns

    def standing_out(self, process: ProcessName) -> Outstanding:
        """Return what stands out in a process; looked for once for all pages until it changes."""
        found = self._outstanding.get(process)
        if found is None:
            model = self._model
            stamp = model.stamp([process])
            found = model.drawn(
                ('standing out', process), stamp, lambda: _outstanding_of(model, process)
            )
            self._outstanding[process] = found
        return found

    def is_rerun(self, node: Node, ordinal: int) -> bool:
        """Tell whether somebody has asked to run a job again, and it is not done yet."""
        return self._timetable.is_rerun(self._model.key(node, ordinal))

    def nested(self, node: Node, ordinal: int) -> tuple[int, int]:
        """Return how many of the intervals nested in one are final, and how many there are."""
        if node.child is None:
            return 0, 0
        ordinals = self._model.hierarchy.children_of(node, range(ordinal, ordinal + 1))
        return len(ordinals) - self._timetable.pending_count(node.child, ordinals), len(ordinals)

    def within(self, node: Node, outer: Timeperiod) -> range:
        """Return the ordinals of `node` within a coarser interval, and within its tree."""
        ordinals = self._model.hierarchy.calendar.children(outer, node.process.qualifier)
        stop = ordinals.stop if node.until is None else min(ordinals.stop, node.until)
        return range(max(ordinals.start, node.first), stop)

    def rolled_up(self, node: Node, ordinals: range, *, href: str, title: str) -> Cell:
        """Return one cell for many intervals of `node`; title: what they are together."""
        name = node.process.name
        total = len(ordinals)
        done = total - self._timetable.pending_count(name, ordinals)
        mark = self._rolled_mark(node, ordinals, done)
        noun = _NOUN[node.process.qualifier]
        tally = self._tally(node, ordinals)
        # Hundreds of cells make a page: no name of an interval is made twice.
        qualifier, telling = node.process.qualifier, self.telling(node, ordinals)
        first = str(Timeperiod(qualifier, ordinals.start))
        last = str(Timeperiod(qualifier, ordinals.stop - 1))
        text_by_ordinal = {ordinals.start: first, ordinals.stop - 1: last}
        told = text_by_ordinal.get(telling) or str(Timeperiod(qualifier, telling))
        label = f'{name}, {title}: {mark.word}, {done} of {total} {noun}'
        return Cell(
            css=mark.css,
            word=mark.word,
            label=f'{label}, {tally.late} late' if tally.late else label,
            href=href,
            timeperiod=first,
            last=last,
            name=f'{name}@{first}..{last}',
            count=total,
            why=f'/i/{name}/{told}',
            is_late=tally.late > 0,
            done=done,
            total=total,
            noun=noun,
            tally=tally,
        )

    def telling(self, node: Node, ordinals: range) -> int:
        """Return the interval that tells most about why these stand so: failed, or not final."""
        name = node.process.name
        failed = self.standing_out(name).first_failed(ordinals)
        pending = self._timetable.first_pending(name, ordinals) if failed is None else failed
        return ordinals.stop - 1 if pending is None else max(pending, ordinals.start)

    def _tally(self, node: Node, ordinals: range) -> Tally:
        name = node.process.name
        return Tally(
            running=_count_in(self.standing_out(name).running, ordinals),
            blocked=self._blocked(node, ordinals),
            failed=self.standing_out(name).failed_count(ordinals),
            late=self.late_count(node, ordinals),
        )

    def _blocked(self, node: Node, ordinals: range) -> int:
        """Count the jobs that wait for others, until the looks of this page are used up."""
        runs = blocked_runs(self._timetable, node, ordinals, self._request.now)
        count = 0
        for run in islice(runs, self._looks_left):
            self._looks_left -= 1
            count += len(run)
        return count

    def _rolled_mark(self, node: Node, ordinals: range, done: int) -> Mark:
        name = node.process.name
        if not ordinals or ordinals.start >= self._timetable.span(name).stop:
            return NOT_BEGUN
        if self.standing_out(name).failed_count(ordinals):
            return FAILED
        if _count_in(self.standing_out(name).running, ordinals):
            return RUNNING
        if done == len(ordinals):
            is_skipped = self._timetable.are_all_skipped(name, ordinals)
            return SKIPPED if is_skipped else PROCESSED
        if ordinals.start >= self.over(node):
            return NOT_DUE
        first = self._timetable.first_pending(name, ordinals)
        if first is not None and first < self.over(node):
            mark = self.mark(node, self._model.key(node, first))
            return mark if mark.css != 'due' or not done else _PARTLY
        return _PARTLY

    def _is_final(self, node: Node, ordinal: int) -> bool:
        state = self._timetable.state(self._model.key(node, ordinal))
        return state is not None and state.is_final

    def last_good(self, node: Node) -> JobKey | None:
        """Return the latest job that was processed."""
        ordinal = self._timetable.last_in(node.process.name, JobState.PROCESSED)
        return None if ordinal is None else self._model.key(node, ordinal)


def _outstanding_of(model: ReadModel, process: ProcessName) -> Outstanding:
    under_way = [
        job
        for job in model.timetable.open_jobs_of(process)
        if job.state.is_running and not job.is_held
    ]
    return Outstanding(
        running=sorted(job.timeperiod.ordinal for job in under_way if job.has_live_unit),
        rerunning=sorted(job.timeperiod.ordinal for job in under_way if job.request_id is not None),
        failed=sorted(model.failed[process]),
    )


def href_of(key: JobKey) -> str:
    """Return the address of a job's page; names are of letters, digits and `_ . -`."""
    return f'/i/{key.process}/{key.timeperiod}'


def _count_in(numbers: Sequence[int], ordinals: range) -> int:
    return bisect_left(numbers, ordinals.stop) - bisect_left(numbers, ordinals.start)


def _first_in(numbers: Sequence[int], ordinals: range) -> int | None:
    at = bisect_left(numbers, ordinals.start)
    return numbers[at] if at < len(numbers) and numbers[at] < ordinals.stop else None
