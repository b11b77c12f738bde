"""What must hold for any store at any time: one checker for tests and `launch.py verify`.

Numbers are those of the project's list of invariants (`docs/architecture.md`): I1 every interval
exists exactly once, I2 no job is finished while something that it waits for is not, or before that
was, I3 with blocking_dependencies nothing runs before its dependencies are processed or noop, I4 at
most one live unit per job and one lease per unit, I5 fences and attempts are right, I7 only legal
states. I6, I8 and I9 are about histories; tests check them from what they saw happen. I10, about
the journal, is `synergy.core.journal_replay`.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from synergy.core.changed_levels import refused_levels
from synergy.core.closure import is_among
from synergy.core.commands import RESETTING_KINDS, Command, CommandId
from synergy.core.hierarchy import Hierarchy
from synergy.core.index_codes import CODE_BY_STATE
from synergy.core.index_pages import IndexStretch
from synergy.core.led_context import LedContext, placed
from synergy.core.machines.table import Machine
from synergy.core.node import Input, InputKind, Node
from synergy.core.readiness import first_doom
from synergy.core.records import Job, ProcessName, Unit
from synergy.core.states import Blocking, JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.timetable import Timetable
from synergy.core.unit_invariants import unit_violations
from synergy.core.violations import Violation as Violation

_RAN: Final = (JobState.PROCESSED, JobState.NOOP)
#: Intervals that are judged together, at most.
_STRETCH_MAX: Final = 1024
#: Marks of intervals: ended again for a request that is being applied; marked as done by an
#: operator, who says so in the reason.
_ENDED_AGAIN: Final = 1
_BY_HAND: Final = 2
_TWICE: Final = 'has more than one row'


class EndedJob(NamedTuple):
    """A job that has ended, of whose row there is no more to say: all else in it is plainly right.

    It is legal, was run at least once or has a reason, and nobody has marked it as done.
    """

    process: ProcessName
    timeperiod: Timeperiod
    state: JobState
    term: int
    request_id: CommandId | None


class JobLevel(NamedTuple):
    """A process and a level at which there are rows of it."""

    process: ProcessName
    qualifier: Qualifier


class Under(Struct, frozen=True, kw_only=True):
    """Under what circumstances rows are judged.

    applying: requests that are asked for or being applied. led: the context that the store was last
    led with.
    """

    applying: Sequence[Command] = ()
    led: LedContext | None = None


def check(
    hierarchy: Hierarchy,
    jobs: Iterable[Job | EndedJob],
    units: Iterable[Unit],
    now: datetime,
    under: Under | None = None,
) -> Iterator[Violation]:
    """Yield every violation in a store's rows.

    jobs: all rows, in order of process and timeperiod. units: in any order; those that have ended
    and are plainly right may be missing. Rows of processes that are not in `hierarchy`, of
    intervals outside their tree's span, and of another level than their process has now
    (`other_levels` counts them) are not judged; nor is what waits for a process that is left out
    because of its level.

    I2 is broken by a job that is processed or noop while something that it waits for is not final,
    and by one that is *older* than something that it waits for: whose row was last written in an
    earlier term than the other's. A final row is written again only after a reset, and what resets
    a job resets those that wait for it in the same request, so the one that waits always ends in
    the same term or a later one, whatever the clocks say. Only a request that is not yet applied to
    its end may have it otherwise for a while: what it has reset, and what its plan is about to
    reset, is not held against anybody. A skipped job may have been skipped before its inputs were
    done. Cost: one pass; memory: nine bytes for each interval, and the rows of what is not final.
    """
    under = under or Under()
    rows = _Rows(placed(hierarchy, under.led), now, under)
    yield from rows.fill(jobs)
    for node in rows.timetable.hierarchy:
        yield from rows.order_violations(node)
    yield from unit_violations(rows.timetable, units)


class _Rows:
    """The job rows of a store, as far as judging them needs it."""

    def __init__(self, hierarchy: Hierarchy, now: datetime, under: Under) -> None:
        self.timetable = Timetable(hierarchy)
        self.timetable.extend(now)
        self._now = now
        self._under = under
        self._applying = {command.id for command in under.applying}
        self._plans = [
            command.plan or {command.process: ((command.start.ordinal, command.end.ordinal),)}
            for command in under.applying
            if command.plan or (command.kind in RESETTING_KINDS and command.plan is None)
        ]
        self._terms = {
            name: array('q', bytes(8 * len(self.timetable.span(name)))) for name in hierarchy.nodes
        }
        # What else is to be known of some intervals, by process; none of it of most processes.
        self._marks: dict[ProcessName, bytearray] = {}
        self._levels: dict[ProcessName, dict[Qualifier, int]] = {}
        self._left_out: Collection[ProcessName] = ()

    def fill(self, jobs: Iterable[Job | EndedJob]) -> Sequence[Violation]:
        """Take over the rows; return what is wrong with each for itself."""
        found: list[Violation] = []
        opened: dict[JobKey, Job] = {}
        codes = {name: bytearray(len(terms)) for name, terms in self._terms.items()}
        self._take(jobs, codes, opened, found)
        stretches = [
            IndexStretch(node.process.name, Timeperiod(node.process.qualifier, node.first), taken)
            for node in self.timetable.hierarchy
            if (taken := bytes(codes.pop(node.process.name)))
        ]
        self.timetable.load(lambda _: stretches, opened.values())
        self._left_out = refused_levels(self.timetable.hierarchy, self._under.led, self._levels)
        return found

    def _take(
        self,
        jobs: Iterable[Job | EndedJob],
        codes_by_process: Mapping[ProcessName, bytearray],
        opened: dict[JobKey, Job],
        found: list[Violation],
    ) -> None:
        """Note of each row what the rules ask for.

        codes_by_process: takes the states of those that have a place in the timetable. opened:
        takes those that are not final. found: takes violations. A loop of few steps, for most rows
        of most stores are those of jobs that have ended.
        """
        nodes = self.timetable.hierarchy.nodes
        process: ProcessName | None = None
        node: Node | None = None
        for job in jobs:
            if job.process != process:
                process, before = job.process, None
                node = nodes.get(process)
                if node is not None:
                    by_level = self._levels.setdefault(process, {})
                    own, terms = node.process.qualifier, self._terms[process]
                    codes = codes_by_process[process]
            if node is None:
                continue
            qualifier, ordinal = job.timeperiod
            by_level[qualifier] = by_level.get(qualifier, 0) + 1
            if qualifier is not own:
                continue
            if ordinal == before:
                found.append(Violation(invariant='I1', key=_key_of(job), text=_TWICE))
            before = ordinal
            position = ordinal - node.first
            if not 0 <= position < len(terms):
                found += self._outside(node, job)
                continue
            terms[position] = job.term
            if type(job) is Job:
                found += self._noted(job, position, opened)
            elif job.request_id in self._applying:
                self._mark(process, position, _ENDED_AGAIN)
            codes[position] = CODE_BY_STATE[job.state]

    def _outside(self, node: Node, job: Job | EndedJob) -> Iterator[Violation]:
        """Yield what is wrong with a row of an interval that does not exist."""
        ordinal = job.timeperiod.ordinal
        # An embryo waits for nothing: 2.x made rows of the future when somebody looked.
        if (
            job.state is not JobState.EMBRYO
            and ordinal >= self.timetable.hierarchy.begun_until(node, self._now)
            and (node.until is None or ordinal < node.until)
        ):
            text = 'has a row, but its interval has not begun'
            yield Violation(invariant='I1', key=_key_of(job), text=text)

    def _noted(self, job: Job, position: int, opened: dict[JobKey, Job]) -> Iterator[Violation]:
        """Note what the rules ask for of a row; yield what is wrong with it for itself."""
        if job.state.is_final:
            opened.pop(job.key, None)
            if job.request_id in self._applying:
                self._mark(job.process, position, _ENDED_AGAIN)
            if job.state is JobState.PROCESSED and job.reason is not None:
                self._mark(job.process, position, _BY_HAND)
        else:
            opened[job.key] = job
        yield from _row_violations(job, self.timetable.hierarchy.machine(job.process))

    def _mark(self, process: ProcessName, position: int, mark: int) -> None:
        if process not in self._marks:
            self._marks[process] = bytearray(len(self._terms[process]))
        self._marks[process][position] |= mark

    def _is_marked(self, key: JobKey, mark: int) -> bool:
        marks = self._marks.get(key.process)
        first = self.timetable.hierarchy.nodes[key.process].first
        return marks is not None and bool(marks[key.timeperiod.ordinal - first] & mark)

    def order_violations(self, node: Node) -> Iterator[Violation]:
        """Yield finished jobs ahead of an input, and breaches of blocking_dependencies."""
        hierarchy, name = self.timetable.hierarchy, node.process.name
        # What waits for the order alone may be older than what runs again there.
        sources = [
            source
            for source in node.inputs
            if source.process not in self._left_out and not source.is_order_only
        ]
        for ordinal in self._suspects(node, sources):
            key = _key(hierarchy, name, ordinal)
            if any(is_among(plan, key) for plan in self._plans):
                continue
            for source in sources:
                ordinals = hierarchy.input_range(node, source, ordinal)
                if source.at_least is not None and self._may_be_partial(source, ordinals):
                    continue
                yield from self._ahead_of(key, source.process, ordinals)
                if source.kind is InputKind.DEPENDENCY:
                    yield from self._skipped(node, key, source, ordinals)

    def _may_be_partial(self, source: Input, ordinals: range) -> bool:
        """Tell whether a job was right to run without all of an input of which a part will do."""
        assert source.at_least is not None
        is_whole = self.timetable.first_pending(source.process, ordinals) is None
        if is_whole and not source.is_late_ignored:
            return False
        return self.timetable.done_count(source.process, ordinals) >= source.at_least

    def _suspects(self, node: Node, sources: Sequence[Input]) -> Iterator[int]:
        """Yield the intervals that have run and are to be looked at one by one.

        Most are not: stretches of them that are right together are passed over, and one that is
        not is halved.
        """
        if not sources:
            return
        span = self.timetable.span(node.process.name)
        # What a group waits for does not follow from what the groups around it wait for.
        stretch_max = _STRETCH_MAX if node.process.grouping == 1 else 1
        for run in self.timetable.runs_in(node.process.name, span, _RAN):
            for start in range(run.start, run.stop, stretch_max):
                rest = [range(start, min(start + stretch_max, run.stop))]
                while rest:
                    stretch = rest.pop()
                    if len(stretch) == 1:
                        yield stretch.start
                    elif not all(self._is_right(node, source, stretch) for source in sources):
                        middle = len(stretch) // 2
                        rest += [stretch[middle:], stretch[:middle]]

    def _is_right(self, node: Node, source: Input, stretch: range) -> bool:
        """Tell whether nothing can be wrong between intervals and all that they wait for."""
        hierarchy, other = self.timetable.hierarchy, source.process
        start = hierarchy.input_range(node, source, stretch[0]).start
        stop = hierarchy.input_range(node, source, stretch[-1]).stop
        ordinals = range(start, max(start, stop))
        if self.timetable.first_pending(other, ordinals) is not None:
            return False
        is_strict = node.process.blocking is Blocking.DEPENDENCIES
        if is_strict and self.timetable.first_in(other, ordinals, JobState.SKIPPED) is not None:
            return False
        newest = max(self._terms_of(other, ordinals), default=0)
        return newest <= min(self._terms_of(node.process.name, stretch))

    def _terms_of(self, process: ProcessName, ordinals: range) -> array[int]:
        first = self.timetable.hierarchy.nodes[process].first
        return self._terms[process][ordinals.start - first : ordinals.stop - first]

    def _ahead_of(self, key: JobKey, source: ProcessName, ordinals: range) -> Iterator[Violation]:
        hierarchy = self.timetable.hierarchy
        pending = self.timetable.first_pending(source, ordinals)
        if pending is not None:
            other = _key(hierarchy, source, pending)
            reset = self.timetable.open_job(other)
            if reset is None or reset.request_id not in self._applying:
                text = f'is finished, but {other} is not ({self.timetable.state(other)})'
                yield Violation(invariant='I2', key=key, text=text)
            return
        own = self._terms[key.process][key.timeperiod.ordinal - hierarchy.nodes[key.process].first]
        terms = self._terms_of(source, ordinals)
        if max(terms, default=0) <= own:
            return
        for place, term in enumerate(terms):
            other = _key(hierarchy, source, ordinals.start + place)
            if term > own and not self._is_marked(other, _ENDED_AGAIN):
                text = (
                    f'is older than {other}, for which it waits: it ended in term {own}, that in '
                    f'term {term}; ./launch.py reprocess {key.process} {key.timeperiod} runs it '
                    'again'
                )
                yield Violation(invariant='I2', key=key, text=text)
                return

    def _skipped(self, node: Node, key: JobKey, source: Input, run: range) -> Iterator[Violation]:
        if node.process.blocking is not Blocking.DEPENDENCIES or self._is_marked(key, _BY_HAND):
            return
        skipped = first_doom(self.timetable, source, run)
        if skipped is not None and self.timetable.state(key) is JobState.PROCESSED:
            other = _key(self.timetable.hierarchy, source.process, skipped)
            text = f'was processed, but {other} was skipped'
            yield Violation(invariant='I3', key=key, text=text)


def other_levels(
    hierarchy: Hierarchy, jobs: Iterable[Job | EndedJob], counts: dict[JobLevel, int]
) -> Iterator[Job | EndedJob]:
    """Yield `jobs`, and count on the way those of another level than their process has now."""
    for job in jobs:
        node = hierarchy.nodes.get(job.process)
        if node is not None and job.timeperiod.qualifier is not node.process.qualifier:
            level = JobLevel(job.process, job.timeperiod.qualifier)
            counts[level] = counts.get(level, 0) + 1
        yield job


def _row_violations(job: Job, machine: Machine) -> Iterator[Violation]:
    may_rest = job.state in machine.resting_states
    if job.state.is_running and job.uow_id is None and not may_rest:
        yield Violation(invariant='I7', key=job.key, text=f'is {job.state.value} without a unit')
    if job.state is JobState.PROCESSED and job.run == 0 and job.reason is None:
        yield Violation(invariant='I7', key=job.key, text='is processed, but no unit was ever made')
    if job.rev < 1:
        yield Violation(invariant='I7', key=job.key, text=f'has a row at rev {job.rev}')


def _key_of(job: Job | EndedJob) -> JobKey:
    return JobKey(job.process, job.timeperiod)


def _key(hierarchy: Hierarchy, process: ProcessName, ordinal: int) -> JobKey:
    return JobKey(process, Timeperiod(hierarchy.nodes[process].process.qualifier, ordinal))
