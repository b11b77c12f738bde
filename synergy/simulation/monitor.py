"""What must hold while the simulation runs, beyond what a look at the rows can tell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from synergy.core.changed_levels import left_out
from synergy.core.commands import RESETTING_KINDS, CommandKind, CommandState
from synergy.core.context_commands import ACTOR
from synergy.core.effects import InsertUnit, Save
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import Under, check
from synergy.core.journal_pages import lines_of
from synergy.core.journal_replay import Replay
from synergy.core.late_inputs import is_late
from synergy.core.leaving_out import left_out_until
from synergy.core.led_context import LedContext, led_process
from synergy.core.node import Node
from synergy.core.overrides import applied, as_led
from synergy.core.records import ProcessName, Unit, UowId
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.ports.broker import Message
from synergy.ports.store import JobFilter, Store
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.broken import Broken as Broken  # What watching raises.
from synergy.simulation.hold_watch import HoldWatch
from synergy.simulation.order_watch import OrderWatch

_ROWS_MAX = 1_000_000
_PAGES = 1000
#: Of requests that may have reset some of their jobs, and not yet all.
_NOT_APPLIED = (CommandState.REQUESTED, CommandState.APPLYING)


@dataclass(slots=True)
class Monitor:
    """Watches one world. fence_by_unit: of the newest claim that took effect.

    holding: closed hours and freezes, where there are any. ordering: who goes first, where more
    decides that than who was mentioned first.
    """

    store: Store
    hierarchy: Hierarchy
    fence_by_unit: dict[UowId, int] = field(default_factory=dict)
    starts: list[str] = field(default_factory=list)
    holding: HoldWatch | None = None
    ordering: OrderWatch | None = None
    _contexts: list[Hierarchy] = field(default_factory=list)
    _job_by_unit: dict[UowId, JobKey] = field(default_factory=dict)
    _first_claim: dict[UowId, int] = field(default_factory=dict)
    _last_finish: dict[JobKey, int] = field(default_factory=dict)
    _finished: set[tuple[UowId, int]] = field(default_factory=set)
    _announced: set[UowId] = field(default_factory=set)
    _event_count: int = 0

    def expect(self, pipeline: Pipeline) -> None:
        """Know another context that may be led from now on."""
        hierarchy = pipeline.hierarchy
        if not self._contexts:
            self._contexts.append(self.hierarchy)
        self._contexts.append(hierarchy)
        self.hierarchy = hierarchy
        if self.ordering is not None:
            self.ordering.expect(hierarchy)
        if self.holding is not None:
            self.holding.expect(pipeline)

    def _led(self, led: LedContext | None) -> Hierarchy:
        """Return the context by which rows are to be judged: that which the store was led with.

        But for processes that are left out of it, and what waits for these.
        """
        if led is None:
            return self._contexts[0] if self._contexts else self.hierarchy
        overrides = self.store.overrides()
        for hierarchy in reversed(self._contexts):
            shown = as_led(hierarchy, overrides, led)
            out = left_out(shown, led)
            if all(
                led.processes.get(node.process.name) == led_process(shown, node)
                for node in shown
                if not self._touches(node, out)
            ):
                return hierarchy
        return self.hierarchy

    @staticmethod
    def _touches(node: Node, out: Collection[ProcessName]) -> bool:
        """Tell whether a process, or what it waits for, is left out."""
        return any(name in out for name in (node.process.name, *(x.process for x in node.inputs)))

    def saw_call(self, name: str, arguments: Sequence[Any], result: Any) -> None:
        """Look at a call that took effect."""
        if name == 'pool_overrides' and self.ordering is not None:
            self.ordering.forget()
        elif name == 'claim':
            for unit in result:
                self._saw_claim(unit)
        elif name == 'finish':
            for end in arguments[0]:
                attempt = (end.uow_id, end.fence)
                # One that is repeated, after an answer that was lost, changes nothing.
                is_new = end.uow_id not in result and attempt not in self._finished
                if is_new and end.uow_id in self._job_by_unit:
                    self._finished.add(attempt)
                    self._last_finish[self._job_by_unit[end.uow_id]] = self._next()
                newest = self.fence_by_unit.get(end.uow_id)
                if end.uow_id not in result and end.fence != newest:
                    raise Broken(
                        f'I5 unit {end.uow_id}: a finish under fence {end.fence} was accepted, '
                        f'but the newest claim has {newest}'
                    )

    def saw_saves(self, saves: Sequence[Save]) -> None:
        """Look at what was committed."""
        if self.ordering is not None:
            self.ordering.saw_saves(saves)
        if self.holding is not None:
            for save in saves:
                if isinstance(save, InsertUnit):
                    self.holding.saw_insert(save.unit.process)

    def saw_begin(self, process: ProcessName) -> None:
        """Look at user code that is about to be called."""
        if self.holding is not None:
            self.holding.saw_begin(process)

    def saw_publish(self, messages: Sequence[Message]) -> None:
        """Look at announcements: nothing is announced that is not saved."""
        for message in messages:
            uow_id = message.body.get('uow')
            if uow_id is not None and not self.store.units([UowId(uow_id)]):
                raise Broken(f'unit {uow_id} was announced before it was saved')
            if uow_id is not None:
                self._announced.add(UowId(uow_id))

    def check_rows(self) -> None:
        """Check the invariants over the whole store."""
        for watch in (self.holding, self.ordering):
            if watch is not None and watch.broken is not None:
                raise Broken(watch.broken)
        applying = self.store.commands(_NOT_APPLIED, 1000)
        under = Under(applying=applying, led=self.store.led_context())
        found = next(
            check(
                applied(self._led(under.led), self.store.overrides()),
                self.store.find_jobs(JobFilter(), _ROWS_MAX),
                map(self._as_announced, self.store.all_units()),
                self.store.store_now(),
                under,
            ),
            None,
        )
        if found is not None:
            raise Broken(str(found))

    def _as_announced(self, unit: Unit) -> Unit:
        """Return a unit as announced if it was: of what nobody waited long for, no row says so."""
        if unit.announced_at is None and unit.id in self._announced:
            return replace(unit, announced_at=unit.created_at)
        return unit

    def is_finished(self, names: Collection[str] = ()) -> bool:
        """Tell whether everything has ended, but for some processes, under the last context.

        A request that is paused or was interrupted may have reset an input and not yet what waits
        for it: the order of runs can be judged only once each request is applied to its end.
        """
        is_led = self._led(self.store.led_context()) is self.hierarchy
        return is_led and self._unfinished(names) is None

    def check_finished(self, names: Collection[str] = ()) -> None:
        """Check that everything has ended, requests too: faults have stopped, time has passed."""
        found = self._unfinished(names)
        if found is not None:
            raise Broken(f'I8 {found} long after faults have stopped')

    def check_journal(self) -> None:
        """Check that the journal is unbroken, and leads to the rows that are there (I10).

        While a commit may be torn, lines may be missing until the index is built next.
        """
        replay, after = Replay(), 0
        while pages := self.store.journal_pages(after, _PAGES):
            for line in chain.from_iterable(map(lines_of, pages)):
                for violation in replay.take(line):
                    raise Broken(str(violation))
            after = pages[-1].next - 1
        jobs = self.store.find_jobs(JobFilter(), _ROWS_MAX)
        for violation in replay.against(jobs, self.store.freeruns()):
            raise Broken(str(violation))

    def check_order(self, context_changes: int) -> None:
        """Check that all ran after what they wait for, and no more often than somebody asked for.

        By what was seen of claims and finishes, and not by what the rows say.
        """
        asked = [
            command
            for command in self.store.commands(tuple(CommandState), _ROWS_MAX)
            if command.actor == ACTOR
            and command.kind is CommandKind.REPROCESS
            and not is_late(command)
        ]
        changes = context_changes + self._recut_count()
        if len(asked) > changes:
            raise Broken(f'{len(asked)} requests were made for {changes} changes')
        led = self.store.led_context()
        hierarchy = as_led(self.hierarchy, self.store.overrides(), led)
        out = left_out(hierarchy, led)
        for job in self.store.find_jobs(JobFilter(), _ROWS_MAX):
            node = hierarchy.nodes.get(job.process)
            if node is None or job.state is not JobState.PROCESSED or job.uow_id is None:
                continue
            if self._touches(node, out):
                continue
            began = self._first_claim.get(job.uow_id)
            for other in self._waited_for(hierarchy, node, job.timeperiod.ordinal):
                ended = self._last_finish.get(other)
                if began is not None and ended is not None and ended > began:
                    raise Broken(f'I2 {job.key} began before {other} ended')
            if not self.hierarchy.machine(job.process).resting_states:
                events = [event.text for event in self.store.events(job.key, _ROWS_MAX)]
                resets = sum(text.startswith('reset: ') for text in events)
                if job.run > node.process.runs_before + resets + 1:
                    raise Broken(f'I6 {job.key} ran {job.run} times, but was reset {resets} times')
                asked_for = self._requests_that_reach(job.process)
                if not context_changes and resets > asked_for:
                    raise Broken(
                        f'I6 {job.key} was reset {resets} times, but {asked_for} requests reach it'
                    )

    @staticmethod
    def _waited_for(hierarchy: Hierarchy, node: Node, ordinal: int) -> Iterator[JobKey]:
        """Yield the jobs whose last run must have ended before that of one began."""
        for source in node.inputs:
            if not source.is_order_only and not source.is_late_ignored:
                qualifier = hierarchy.nodes[source.process].process.qualifier
                for number in hierarchy.input_range(node, source, ordinal):
                    yield JobKey(source.process, Timeperiod(qualifier, number))

    def _recut_count(self) -> int:
        """Return how many recuts have begun."""
        found = self.store.commands((CommandState.APPLYING, CommandState.DONE), _ROWS_MAX)
        return sum(command.kind is CommandKind.RECUT for command in found)

    def _requests_that_reach(self, process: ProcessName) -> int:
        """Return how many requests may have reset jobs of a process: of it, or of its inputs."""
        reaching, rest = set[ProcessName](), [process]
        while rest:
            name = rest.pop()
            if name not in reaching:
                reaching.add(name)
                node = self.hierarchy.nodes[name]
                rest += [item.process for item in node.inputs if not item.is_order_only]
                rest += node.parents  # With its children, too.
        commands = self.store.commands(tuple(CommandState), _ROWS_MAX)
        return sum(
            command.kind in RESETTING_KINDS and command.process in reaching for command in commands
        )

    def _next(self) -> int:
        self._event_count += 1
        return self._event_count

    def _unfinished(self, names: Collection[str]) -> str | None:
        for command in self.store.commands(_NOT_APPLIED, 1):
            return f'{command.kind.value} {command.id} is {command.state.value}'
        led = as_led(self.hierarchy, self.store.overrides(), self.store.led_context())
        for node in led:
            if node.process.name in names:
                continue
            assert node.until is not None, 'simulated trees end'
            keys = [
                JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))
                for ordinal in range(node.first, node.until)
            ]
            rows = self.store.jobs(keys)
            for key in keys:
                job = rows.get(key)
                if job is None and key.timeperiod.ordinal < left_out_until(led, node):
                    continue
                if job is None or not job.state.is_final:
                    return f'{key} is {"state_embryo" if job is None else job.state.value}'
        return None

    def _saw_claim(self, unit: Unit) -> None:
        before = self.fence_by_unit.get(unit.id, 0)
        if unit.fence <= before:
            raise Broken(f'I5 {unit}: claimed under fence {unit.fence} after {before}')
        self.fence_by_unit[unit.id] = unit.fence
        self._job_by_unit[unit.id] = unit.key
        self._first_claim.setdefault(unit.id, self._next())
        self.starts.append(f'{unit.key} run {unit.run} attempt {unit.attempt}')
        live = [
            other
            for other in self.store.runs(unit.key)
            if other.state is UnitState.IN_PROGRESS and other.id != unit.id
        ]
        if live:
            raise Broken(f'I4 {unit.key}: runs {live[0].run} and {unit.run} are both under way')
