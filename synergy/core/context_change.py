"""What a changed context means for what is there already: grown inputs, shrunk ones, other levels.

An interval that has run (or was decided on in any way) is *stale* when it waits for something now
that was not among what it waited for when it was led last: its tree starts earlier or ends later, a
process was enclosed below it, a tree that it depends on was added, or what it waits for has changed
its level or grouping. Stale intervals, what encloses them and what depends on them run again, once,
by one request that the Scheduler makes itself. Where a store remembers nothing of a process (it was
led by an older version, or taken over), what is unfinished below something finished counts as new.

An interval that waits for less now keeps its result; that is written down, too
(`context_commands`). A process whose level has changed under its old name is left out of the
comparison (`changed_levels`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from synergy.core.changed_levels import RefusedLevel, RowsByLevel, refused_levels
from synergy.core.closure import consequences, is_among
from synergy.core.commands import (
    Command,
    Ranges,
)
from synergy.core.hierarchy import Hierarchy
from synergy.core.lanes import LaneStart
from synergy.core.led_context import (
    LedContext,
    LedInput,
    LedProcess,
    Shares,
    led_input,
    led_process,
)
from synergy.core.node import Input, InputKind, Node
from synergy.core.pools import demands_of
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct, field, replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable

_RAN: Final = (JobState.PROCESSED, JobState.NOOP)
_DECIDED: Final = (JobState.FINAL_RUN, JobState.PROCESSED, JobState.NOOP, JobState.SKIPPED)

#: [first, until): ordinals; until None: growing with the clock.
_Span: TypeAlias = tuple[int, int | None]

_NEVER: Final[_Span] = (2**62, None)


class Surroundings(Struct, frozen=True, kw_only=True):
    """What else a comparison is based on.

    rows_by_level: of each process in the context. live: processes with live intervals, which see
    what is new at their final run. applying: requests that may be half applied.
    behind: jobs of processes that are back (`returned`) and older than something they wait for.
    lanes: to be remembered, too.
    """

    rows_by_level: RowsByLevel = field(default_factory=dict)
    live: Collection[ProcessName] = ()
    applying: Sequence[Command] = ()
    behind: Collection[JobKey] = ()
    lanes: Mapping[ProcessName, LaneStart] = field(default_factory=dict)


class ContextChange(Struct, frozen=True, kw_only=True):
    """The difference between what was led and what is to be led.

    context: what is to be remembered. refused: by process. stale: jobs that are to run again, with
    all that follows, inputs before outputs. kept: finished intervals that wait for less now. facts:
    what has grown or changed, and what has shrunk, for people.
    """

    context: LedContext
    is_changed: bool
    refused: Mapping[ProcessName, RefusedLevel]
    stale: Ranges
    kept: Ranges
    grown_facts: tuple[str, ...]
    shrunk_facts: tuple[str, ...]


def compare(led: LedContext | None, timetable: Timetable, around: Surroundings) -> ContextChange:
    """Return what has changed since `led`; None: the store remembers nothing.

    timetable: as the store's rows have it, under the present hierarchy. Cost: searches over the
    bytes of each process for each of its inputs; nothing for each interval.
    """
    return _Comparison(led, timetable, around).made()


class _Comparison:
    """One comparison under way."""

    def __init__(self, led: LedContext | None, timetable: Timetable, around: Surroundings) -> None:
        self._led = {} if led is None else dict(led.processes)
        self._rev = 0 if led is None else led.rev
        self._demands = demands_led(led, timetable.hierarchy)
        self._is_ruled_otherwise = (
            led is None or led.lanes != around.lanes or led.demands != self._demands
        )
        self._timetable = timetable
        self._hierarchy = timetable.hierarchy
        self._around = around
        self._refused = refused_levels(timetable.hierarchy, led, around.rows_by_level)
        self._applying = frozenset(command.id for command in around.applying)
        self._grown: dict[ProcessName, list[range]] = {}
        self._shrunk: dict[ProcessName, list[range]] = {}
        # Dicts are ordered sets: several levels may tell the same.
        self._grown_facts: dict[str, None] = {}
        self._shrunk_facts: dict[str, None] = {}

    def made(self) -> ContextChange:
        for node in self._hierarchy:
            if node.process.name not in self._refused:
                self._compare(node)
        for key in self._around.behind:
            run = range(key.timeperiod.ordinal, key.timeperiod.ordinal + 1)
            self._grown.setdefault(key.process, []).append(run)
            self._grown_facts[f'{key.process} is back, and what it waits for has run since'] = None
        processes = self._remembered()
        is_changed = self._is_ruled_otherwise or processes != self._led
        stale = consequences(self._timetable, self._grown).ranges
        kept = {
            name: tuple(left)
            for name, runs in self._shrunk.items()
            if (left := list(_outside(runs, stale, name)))
        }
        return ContextChange(
            context=LedContext(
                rev=self._rev + is_changed,
                processes=processes,
                lanes=self._around.lanes,
                demands=self._demands,
            ),
            is_changed=is_changed,
            refused=self._refused,
            stale=stale,
            kept=kept,
            grown_facts=tuple(self._grown_facts) if stale else (),
            shrunk_facts=tuple(self._shrunk_facts) if kept else (),
        )

    def _remembered(self) -> dict[ProcessName, LedProcess]:
        remembered = {name: replace(before, is_out=True) for name, before in self._led.items()}
        for node in self._hierarchy:
            name = node.process.name
            if name not in self._refused:
                remembered[name] = self._with_old_inputs(node)
            elif name not in self._led:
                was = self._refused[name].was
                remembered[name] = LedProcess(qualifier=was, is_out=True)
        return remembered

    def _with_old_inputs(self, node: Node) -> LedProcess:
        """Return a process as it is led now; of inputs that are left out, as it was before."""
        now = led_process(self._hierarchy, node)
        if not any(source.process in self._refused for source in node.inputs):
            return now
        before = self._led.get(node.process.name)
        inputs = []
        for source in node.inputs:
            known = None if before is None else before.input(source)
            if source.process not in self._refused:
                inputs.append(led_input(self._hierarchy, source))
            elif known is not None:
                inputs.append(known)
        return replace(now, inputs=tuple(inputs))

    def _compare(self, node: Node) -> None:
        before = self._led.get(node.process.name)
        is_known = before is not None and before.qualifier is node.process.qualifier
        if before is None or not is_known or before.inputs is None:
            for source in node.inputs:
                if source.process not in self._refused:
                    self._compare_rows(node, source)
            return
        if before.grouping != node.process.grouping:
            self._grow(node, [self._timetable.span(node.process.name)])
            self._grown_facts[
                f'time_grouping of {node.process.name} is {node.process.grouping} instead of '
                f'{before.grouping}'
            ] = None
        elif node.process.grouping > 1:
            self._compare_groups(node, before)
        for source in node.inputs:
            if source.process not in self._refused:
                self._compare_input(node, source, before.input(source))
        self._compare_lost(node, before)

    def _compare_groups(self, node: Node, before: LedProcess) -> None:
        """Let groups grow by intervals of their own process that there were not before."""
        name = node.process.name
        span = self._timetable.span(name)
        was, now = (before.first, before.until), (node.first, node.until)
        added = [run for run in _beyond(now, was, span.stop) if run]
        if added:
            self._grow(node, [self._hierarchy.groups_of(node, run) for run in added])
            self._grown_facts[f'the groups of {name} begin or end elsewhere'] = None

    def _compare_rows(self, node: Node, source: Input) -> None:
        """Count what is unfinished below something finished as grown: all that rows can tell."""
        name, span = source.process, self._timetable.span(source.process)
        excused = {
            job.timeperiod.ordinal
            for job in self._timetable.open_jobs_of(name)
            if job.request_id in self._applying
        }
        pending = [
            part
            for run in self._timetable.unfinished_runs(name, span)
            for part in _parted(run, excused)
        ]
        other = self._hierarchy.nodes[name]
        if source.kind is InputKind.DEPENDENCY:
            pending = self._with_work(other, pending)
        if other.until is None or other.until > span.stop:
            to_come = range(span.stop, other.until or span.stop + 1)
            pending.append(self._hierarchy.groups_of(other, to_come))
        affected = self._affected(node, source, pending)
        found = [
            part
            for run in self._in_states(node, affected, _RAN)
            for lacking in self._without_enough(node, source, run)
            for part in self._not_about_to_be_reset(node, lacking)
        ]
        if found:
            self._grown.setdefault(node.process.name, []).extend(found)
            self._grown_facts[f'{node.process.name} was finished before {name}'] = None

    def _compare_input(self, node: Node, source: Input, was: LedInput | None) -> None:
        now = led_input(self._hierarchy, source)
        if now == was:
            return
        name, other = node.process.name, source.process
        begun = self._timetable.span(other).stop
        if was is None or was.level != now.level or _means_more(was, now):
            whole = list(_beyond((now.first, now.until), _NEVER, begun))
            self._grow(node, self._affected(node, source, whole))
            self._grown_facts[_changed(name, was, now)] = None
            return
        if was.at_least is not None and (now.at_least is None or now.at_least > was.at_least):
            self._compare_rows(node, source)
        if was.calendar != now.calendar:
            # What is no longer left out is unfinished, perhaps below something finished.
            self._compare_rows(node, source)
        spans = (now.first, now.until), (was.first, was.until)
        if spans[0] == spans[1]:
            return
        grown, shrunk = (list(_beyond(*pair, begun)) for pair in (spans, (spans[1], spans[0])))
        self._grow(node, self._affected(node, source, grown))
        self._shrink(node, self._affected(node, source, shrunk))
        facts = self._grown_facts if grown else self._shrunk_facts
        facts[_moved(was, now)] = None
        if grown and shrunk:
            self._shrunk_facts[_moved(was, now)] = None

    def _compare_lost(self, node: Node, before: LedProcess) -> None:
        kept = {source.identity for source in node.inputs}
        for was in before.inputs or ():
            if was.identity not in kept:
                self._shrink(node, [self._timetable.span(node.process.name)])
                self._shrunk_facts[f'{node.process.name} waits no more for {was}'] = None

    def _affected(self, node: Node, source: Input, runs: Iterable[range]) -> list[range]:
        return [self._hierarchy.affected(node, source, run) for run in runs if run]

    def _grow(self, node: Node, runs: Iterable[range]) -> None:
        states: tuple[JobState, ...] = _DECIDED
        if node.process.name not in self._around.live:
            # It was started once all that it waited for was there.
            states = (JobState.IN_PROGRESS, *_DECIDED)
        if found := self._in_states(node, runs, states):
            self._grown.setdefault(node.process.name, []).extend(found)

    def _shrink(self, node: Node, runs: Iterable[range]) -> None:
        if found := self._in_states(node, runs, _DECIDED):
            self._shrunk.setdefault(node.process.name, []).extend(found)

    def _in_states(
        self, node: Node, runs: Iterable[range], states: Collection[JobState]
    ) -> list[range]:
        name = node.process.name
        found = [part for run in runs for part in self._timetable.runs_in(name, run, states)]
        return self._with_work(node, found)

    def _with_work(self, node: Node, runs: list[range]) -> list[range]:
        """Leave out all but the ends of groups: the others have no work and wait for nothing."""
        if node.process.grouping == 1:
            return runs
        return [
            range(ordinal, ordinal + 1)
            for run in runs
            for ordinal in run
            if self._hierarchy.covered(node, ordinal)
        ]

    def _without_enough(self, node: Node, source: Input, run: range) -> Iterator[range]:
        """Leave out those for which the part that there is of an input is enough."""
        if source.at_least is None:
            yield run
            return
        for ordinal in run:
            window = self._hierarchy.input_range(node, source, ordinal)
            if self._timetable.done_count(source.process, window) < source.at_least:
                yield range(ordinal, ordinal + 1)

    def _not_about_to_be_reset(self, node: Node, run: range) -> Iterator[range]:
        plans = [command.plan for command in self._around.applying if command.plan]
        if not any(node.process.name in plan for plan in plans):
            yield run
            return
        qualifier = node.process.qualifier
        for ordinal in run:
            key = JobKey(node.process.name, Timeperiod(qualifier, ordinal))
            if not any(is_among(plan, key) for plan in plans):
                yield range(ordinal, ordinal + 1)


def _beyond(now: _Span, was: _Span, begun: int) -> Iterator[range]:
    """Yield the ordinals of `now` that are not in `was`: two stretches at most.

    begun: the ordinal after the last one that has begun; of a span without an end so much counts,
    and one more, for what has not begun stands for all that follow.
    """
    first, until = now
    was_first, was_until = was
    stop = max(begun, first, was_until or 0) + 1 if until is None else until
    if first < was_first:
        yield range(first, min(was_first, stop))
    if was_until is not None and was_until < stop:
        yield range(max(was_until, first), stop)


def _means_more(was: LedInput, now: LedInput) -> bool:
    """Tell whether results, or ends, that were nothing to wait for are so now."""
    return (was.is_order_only and not now.is_order_only) or (
        was.is_late_ignored and not now.is_late_ignored
    )


def _changed(name: ProcessName, was: LedInput | None, now: LedInput) -> str:
    if was is None:
        return f'{name} waits for {now}, too'
    if was.level != now.level:
        what = 'level or time_grouping' if was.zone == now.zone else 'time zone'
        return f'{now.process}, for which {name} waits, has another {what}'
    return f'{name} runs again from now on when {now} does'


def _moved(was: LedInput, now: LedInput) -> str:
    facts = []
    if now.first != was.first:
        told = (Timeperiod(now.qualifier, item.first) for item in (now, was))
        facts.append('{} starts at {} instead of {}'.format(now.process, *told))
    if now.until != was.until:
        told_ends = (
            'never' if item.until is None else f'before {Timeperiod(now.qualifier, item.until)}'
            for item in (now, was)
        )
        facts.append('{} ends {} instead of {}'.format(now.process, *told_ends))
    return ', '.join(facts)


def _parted(run: range, excused: Collection[int]) -> Iterator[range]:
    if not excused:
        yield run
        return
    start = run.start
    for ordinal in sorted(item for item in excused if item in run):
        if start < ordinal:
            yield range(start, ordinal)
        start = ordinal + 1
    if start < run.stop:
        yield range(start, run.stop)


def _outside(
    runs: Iterable[range], stale: Ranges, process: ProcessName
) -> Iterator[tuple[int, int]]:
    """Yield what of `runs` does not run again, as pairs, merged and in order."""
    again = {ordinal for pair in stale.get(process, ()) for ordinal in range(*pair)}
    left = sorted({ordinal for run in runs for ordinal in run} - again)
    start: int | None = None
    for place, ordinal in enumerate(left):
        start = ordinal if start is None else start
        if place + 1 == len(left) or left[place + 1] != ordinal + 1:
            yield start, ordinal + 1
            start = None


def demands_led(led: LedContext | None, hierarchy: Hierarchy) -> Mapping[ProcessName, Shares]:
    """Return what starts take of pools by now, and what they took that have left the context."""
    present = demands_of(hierarchy)
    before = {} if led is None else led.demands
    gone = {name: shares for name, shares in before.items() if name not in present}
    return gone | {name: demand.shares for name, demand in present.items() if demand.shares}
