"""Cells of strips and heat maps: one interval, or many of them rolled up into one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import islice
from typing import Final

from synergy.core.leaving_out import can_leave_out, left_out_by
from synergy.core.node import Node
from synergy.core.readiness import blocked_runs
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Measure, Timeperiod
from synergy.core.timetable import Timetable
from synergy.core.working import first_working
from synergy.mx.web.request_context import RequestContext
from synergy.mx.widgets.standing_out import (
    NOTHING,
    SHOWN_FIRST,
    TALLIED,
    Outstanding,
    Tally,
    count_in,
    outstanding_of,
    tally_of,
)
from synergy.view.clock import is_utc
from synergy.view.clock import title as title_of
from synergy.view.conditions import (
    BLOCKED,
    LEFT_OUT,
    NOT_BEGUN,
    NOT_DUE,
    PROCESSED,
    SKIPPED,
    Condition,
    condition_of,
)
from synergy.view.lateness import is_late
from synergy.view.skipped import skipped_among, skipped_below

_PARTLY: Final = Condition('due', 'partly done', 'partly', 'some of them are done')
#: Looks to count what is blocked: of one page, or of one row of the overview.
BLOCKED_LOOKS: Final = 300


#: What may be late.
_UNDONE: Final = frozenset(
    {'due', 'ready', 'block', 'doom', 'run', 'final', 'queue', 'retry', 'report', 'rest', 'held',
     'fail', 'pause', 'off'}
)  # fmt: skip


class Cell(Struct, frozen=True, kw_only=True):
    """One cell. label: a whole sentence for those who cannot see it. name: for live updates.

    timeperiod: of its job; where many are rolled up, of the first, with `last` that of the last
    one, `count` how many they are, and `why` the address of the one that tells most. done, total:
    of what is nested in it, called `noun`; total 0 where nothing is. is_late: unfinished although
    its deadline has passed. skipped, skipped_of: of what was skipped below it, or among many, once
    it is done; `condition` is its name for programs. left_out: how many are left
    out.
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
    condition: str = ''
    skipped: int = 0
    skipped_of: int = 0
    left_out: int = 0
    tally: Tally = NOTHING


class Painter:
    """Makes the cells of one page; remembers what is the same for all of them."""

    def __init__(self, request: RequestContext) -> None:
        """Draw from the read model, whose lock the caller holds."""
        self._request = request
        self._model = request.model
        self._timetable = request.model.timetable
        self._looking = request.model.looking(request.now)
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

    def mark(self, node: Node, key: JobKey) -> Condition:
        """Return how a job looks."""
        return condition_of(self._looking, node, key)

    def cell(self, node: Node, ordinal: int, href: str | None = None) -> Cell:
        """Return the cell of one job. href: where it leads, if not to the page of the job."""
        key = self._model.key(node, ordinal)
        mark = self.mark(node, key)
        late = self.is_late(node, ordinal, mark)
        done, total = self.nested(node, ordinal)
        timeperiod = str(key.timeperiod)
        is_done = mark.css in ('ok', 'noop')
        own = range(ordinal, ordinal + 1)
        below = skipped_below(self._timetable, node, own) if is_done else None
        word = f'{mark.word}, {below}'
        if below is None:
            word = _worded(self._timetable, node, mark, range(ordinal, ordinal + 1))
        label = f'{key.process} {timeperiod}, {word}'
        if not is_utc(node) and key.timeperiod.qualifier.measure > Measure.DAY:
            read = title_of(key.timeperiod, node.calendar)
            label = f'{key.process} {timeperiod} ({read}), {word}'
        noun = ''
        if total and mark.css != 'ok':
            assert node.child is not None, 'it has nested intervals'
            noun = f'{self._model.hierarchy.nodes[node.child].process.qualifier.noun}s'
            label += f', {done} of {total} {noun}'
        if late:
            label += ', late'
        return Cell(
            css=mark.css,
            word=word,
            label=label,
            href=href_of(key) if href is None else href,
            timeperiod=timeperiod,
            name=str(key),
            is_late=late,
            done=done,
            total=total,
            noun=noun,
            condition=mark.name,
            skipped=0 if below is None else below.count,
            skipped_of=0 if below is None else below.total,
            left_out=int(mark is LEFT_OUT),
            tally=tally_of(mark, is_late=late),
        )

    def is_late(self, node: Node, ordinal: int, mark: Condition) -> bool:
        """Tell whether a job is unfinished although its deadline has passed.

        What an operator has asked to run again is not late.
        """
        return mark.css in _UNDONE and is_late(
            self._timetable, node, ordinal, self.late_until(node)
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
        reruns = requested + count_in(self.standing_out(name).rerunning, unfinished)
        return self._timetable.pending_count(name, unfinished) - reruns

    def standing_out(self, process: ProcessName) -> Outstanding:
        """Return what stands out in a process; looked for once for all pages until it changes."""
        found = self._outstanding.get(process)
        if found is None:
            model, looking = self._model, self._looking
            stamp = model.stamp([process])
            found = model.drawn(
                ('standing out', process), stamp, lambda: outstanding_of(model, looking, process)
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
        ordinals = node.calendar.children(outer, node.process.qualifier)
        stop = ordinals.stop if node.until is None else min(ordinals.stop, node.until)
        return range(max(ordinals.start, node.first), stop)

    def rolled_up(self, node: Node, ordinals: range, *, href: str, title: str) -> Cell:
        """Return one cell for many intervals of `node`; title: what they are together."""
        name = node.process.name
        total = len(ordinals)
        done = total - self._timetable.pending_count(name, ordinals)
        left_out = _left_out(self._timetable, node, ordinals)
        is_all_left_out = 0 < total == left_out
        mark = LEFT_OUT if is_all_left_out else self._rolled_mark(node, ordinals, done)
        below = skipped_among(self._timetable, node, ordinals) if mark is PROCESSED else None
        word = f'{mark.word}, {below}'
        if below is None:
            word = _worded(self._timetable, node, mark, ordinals)
        noun = f'{node.process.qualifier.noun}s'
        tally = self._tally(node, ordinals)
        # Hundreds of cells make a page: no name of an interval is made twice.
        qualifier, telling = node.process.qualifier, self.telling(node, ordinals)
        first = str(Timeperiod(qualifier, ordinals.start))
        last = str(Timeperiod(qualifier, ordinals.stop - 1))
        text_by_ordinal = {ordinals.start: first, ordinals.stop - 1: last}
        told = text_by_ordinal.get(telling) or str(Timeperiod(qualifier, telling))
        label = f'{name}, {title}: {word}, {done} of {total} {noun}'
        if left_out and mark is not LEFT_OUT:
            label += f', {left_out} of them {_worded(self._timetable, node, LEFT_OUT, ordinals)}'
        return Cell(
            css=mark.css,
            word=word,
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
            condition=mark.name,
            skipped=0 if below is None else below.count,
            skipped_of=0 if below is None else below.total,
            left_out=left_out,
            tally=tally,
        )

    def telling(self, node: Node, ordinals: range) -> int:
        """Return the interval that tells most about why these stand so: failed, or not final."""
        name = node.process.name
        failed = self.standing_out(name).first_failed(ordinals)
        pending = self._timetable.first_pending(name, ordinals) if failed is None else failed
        return ordinals.stop - 1 if pending is None else max(pending, ordinals.start)

    def _tally(self, node: Node, ordinals: range) -> Tally:
        standing_out = self.standing_out(node.process.name)
        counts = {item: count_in(standing_out.of(item), ordinals) for item in TALLIED}
        counts[BLOCKED] = self._blocked(node, ordinals)
        return Tally._make([*counts.values(), self.late_count(node, ordinals)])

    def _blocked(self, node: Node, ordinals: range) -> int:
        """Count the jobs that wait for others, until the looks of this page are used up."""
        runs = blocked_runs(self._timetable, node, ordinals, self._request.now)
        count = 0
        for run in islice(runs, self._looks_left):
            self._looks_left -= 1
            count += len(run)
        return count

    def _rolled_mark(self, node: Node, ordinals: range, done: int) -> Condition:
        name = node.process.name
        if not ordinals or ordinals.start >= self._timetable.span(name).stop:
            return NOT_BEGUN
        standing_out = self.standing_out(name)
        for condition in SHOWN_FIRST:
            if count_in(standing_out.of(condition), ordinals):
                return condition
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

    def last_good(self, node: Node) -> JobKey | None:
        """Return the latest job that was processed."""
        ordinal = self._timetable.last_in(node.process.name, JobState.PROCESSED)
        return None if ordinal is None else self._model.key(node, ordinal)


def next_due(painter: Painter, node: Node) -> int:
    """Return the first interval after those that may have started that is not left out."""
    process = node.process
    return first_working(node.calendar, process.working, process.qualifier, painter.over(node))


def _left_out(timetable: Timetable, node: Node, ordinals: range) -> int:
    """Count the intervals that are left out."""
    if not can_leave_out(node):
        return 0
    return sum(map(len, timetable.left_out_runs(node.process.name, ordinals)))


def _worded(timetable: Timetable, node: Node, mark: Condition, ordinals: range) -> str:
    """Return a condition in words; of what is left out by what."""
    if mark is not LEFT_OUT:
        return mark.word
    runs = timetable.left_out_runs(node.process.name, ordinals)
    return f'{mark.word} {left_out_by(timetable.hierarchy, node, runs[0].start)}'


def href_of(key: JobKey) -> str:
    """Return the address of a job's page; names are of letters, digits and `_ . -`."""
    return f'/i/{key.process}/{key.timeperiod}'
