"""Random histories of an engine, judged by a model so naive that one can see it is right.

The model is a table of intervals: when each begins and ends, and which others it waits for by each
of its inputs. It is worked out without the product, by looking at all; what follows from it is
looked up there in plain loops.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from synergy.core.closure import PlanRefused
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.hierarchy import Hierarchy
from synergy.core.invariants import check
from synergy.core.records import Outcome, Unit
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from tests.core.engine_harness import EngineHarness
from tests.core.invariants_one_by_one import check_one_by_one

LAG = timedelta(minutes=5)
STEPS = 60
_RAN = (JobState.PROCESSED, JobState.NOOP)


class Broken(AssertionError):
    """What a history has found."""


@dataclass(frozen=True)
class Wait:
    """What one job waits for by one of its inputs. is_nested: these lie in it, in its own tree."""

    keys: tuple[JobKey, ...]
    is_nested: bool = False
    at_least: int | None = None
    give_up_after: timedelta = timedelta()
    is_late_ignored: bool = False
    is_order_only: bool = False

    @property
    def asks_late(self) -> bool:
        """Tell whether what comes after the job has run without it runs the job again."""
        return self.at_least is not None and not (self.is_late_ignored or self.is_order_only)


@dataclass(frozen=True)
class Model:
    """All of time. spans: [begin, end) of each interval. left_out: what a calendar leaves out."""

    hierarchy: Hierarchy
    end: datetime
    spans: Mapping[JobKey, tuple[datetime, datetime]]
    waits: Mapping[JobKey, Sequence[Wait]]
    left_out: Collection[JobKey] = ()


class History:
    """One engine with its model, from a beginning on."""

    def __init__(self, model: Model, now: datetime, draw: random.Random) -> None:
        self.draw, self.model, self.end, self.spans = draw, model, model.end, model.spans
        self.harness = EngineHarness(model.hierarchy, now)
        self.inputs = {key: [*_flat(model.waits[key])] for key in self.spans}
        self.reached: dict[JobKey, set[JobKey]] = {key: set() for key in self.spans}
        for key, waits in model.waits.items():
            for wait in waits:
                for other in () if wait.is_order_only else wait.keys:
                    self.reached[other].add(key)
        self.runs: dict[JobKey, int] = {}
        self.resets: dict[JobKey, int] = dict.fromkeys(self.spans, 0)
        self.commands = 0
        #: In which turn each began its last run, and what of each input was not there then.
        self.turn = 0
        self.began: dict[JobKey, int] = {}
        self.ended: dict[JobKey, int] = {}
        self.missing: dict[JobKey, list[set[JobKey]]] = {}
        self.final: set[JobKey] = set()

    def play(self) -> None:
        """Let things happen by chance, then everything end; raise Broken."""
        self.act(self.harness.look)
        for _ in range(STEPS):
            self.draw.choices([self._pass, self._work, self._ask, self._take], [2, 8, 1, 1])[0]()
        self._end_all()
        left = [key for key in self.spans if not self.state(key).is_final]
        if left:
            raise Broken(f'{left[0]} never ended')
        self.check_ends()
        self.check_inputs()
        self.check_inverse()
        self.check_invariants()

    def _end_all(self) -> None:
        self.harness.now = self.end + timedelta(hours=30)
        self.act(self.harness.look)
        while (live := self.harness.live()) or self.harness.asked or self.harness.engine.is_owing:
            if live:
                self._run(live[0], Outcome.processed(1))
            elif self.harness.asked:
                self._take()
            else:
                self.act(self.harness.turn)
            held = [key for key, job in self.harness.jobs.items() if job.is_held]
            if held and not self.harness.live():
                self.command(CommandKind.REPROCESS, held[0], 1, with_children=False)

    def act(self, do: Callable[[], object], *, is_looking: bool = True) -> None:
        """Let one thing happen, and look at what came of it."""
        asked = len(self.harness.asked)
        self.harness.saved.clear()
        do()
        while self.harness.engine.is_owing:
            self.harness.turn()
        self.turn += 1
        saved = {*self.harness.saved}
        ended = self._note_ends(saved)
        self._check_starts(saved)
        self._check_late(ended, self.harness.asked[asked:])
        if is_looking:
            self._check_idle()

    def _note_ends(self, saved: Collection[JobKey]) -> list[JobKey]:
        """Note what has become final, or has not stayed so; return the former."""
        left_out = [key for key in self.model.left_out if key not in self.final]
        for key in {*saved, *left_out}:
            if not self.state(key).is_final:
                self.final.discard(key)
        ended = sorted(
            key
            for key in {*saved, *left_out}
            if self.state(key).is_final and (key in saved or key not in self.final)
        )
        for key in ended:
            self.ended[key] = self.turn
        self.final.update(ended)
        return ended

    # What is looked at after each turn.

    def _check_starts(self, saved: Collection[JobKey]) -> None:
        """Compare what has begun to run with what may."""
        for key in saved:
            job = self.harness.jobs[key]
            if job.run <= self.runs.get(key, 0):
                continue
            self.runs[key] = job.run
            self.began[key] = self.turn
            self.missing[key] = [
                {*wait.keys}.difference(self.final, self.model.left_out)
                for wait in self.model.waits[key]
            ]
            if not self.is_over(key):
                raise Broken(f'{key} runs before it is over')
            if job.state.is_running and (lacks := [*self.lacking(key)]):
                raise Broken(f'{key} runs before {lacks[0]}')
            if key in self.model.left_out:
                raise Broken(f'{key} runs, and is left out')
            if job.run > self.resets[key] + 1:
                raise Broken(f'{key} began run {job.run}, but was reset {self.resets[key]} times')

    def _check_idle(self) -> None:
        for key in self.spans:
            is_waiting = key not in self.final and self.state(key) is JobState.EMBRYO
            if is_waiting and self.is_over(key) and not any(True for _ in self.lacking(key)):
                raise Broken(f'{key} is ready, and nothing starts it')

    def _check_late(self, ended: Sequence[JobKey], asked: Sequence[Command]) -> None:
        """Compare what is asked to run again with what ran without what has come.

        Once of an input nothing is missing any more, and what has run was not reset.
        """
        wanted: dict[JobKey, set[str]] = {}
        for key, missing in self.missing.items():
            if not any(missing):
                continue
            for wait, lacking in zip(self.model.waits[key], missing, strict=True):
                if not self._has_run(key):
                    lacking.clear()  # It waits for all that will come.
                if lacking and wait.asks_late and self._is_whole(wait):
                    last = [item for item in ended if item in lacking]
                    wanted[key] = {f'{item} has ended since it ran without' for item in last}
                    lacking.clear()
        found = {JobKey(item.process, item.start): item.reason for item in asked}
        for key in found.keys() ^ wanted.keys():
            why = 'nothing came' if key in found else 'what was missing has come, and nobody does'
            raise Broken(f'{key} is asked to run again: {why}')
        for key, reason in found.items():
            if reason not in wanted[key]:
                raise Broken(f'{key} is asked to run again: {reason}')

    def _has_run(self, key: JobKey) -> bool:
        return self.state(key) in _RAN or self.state(key).is_running

    def _is_whole(self, wait: Wait) -> bool:
        """Tell whether nothing of an input can come any more."""
        return all(key in self.final or key in self.model.left_out for key in wait.keys)

    # What the model says.

    def lacking(self, key: JobKey) -> Iterator[JobKey]:
        """Yield what a job waits for yet, one of each input."""
        for wait in self.model.waits[key]:
            pending = [other for other in wait.keys if other not in self.final]
            if pending and not self._is_enough(key, wait):
                yield pending[0]
            elif wait.is_nested and wait.keys and self._are_skipped(wait.keys):
                yield wait.keys[0]  # Nothing is there to be run on.

    def _is_enough(self, key: JobKey, wait: Wait) -> bool:
        if wait.at_least is None or self.harness.now < self.spans[key][1] + wait.give_up_after:
            return False
        if any(self._is_rerun(other) for other in wait.keys):
            return False
        return sum(self.state(other) in _RAN for other in wait.keys) >= wait.at_least

    def _is_rerun(self, key: JobKey) -> bool:
        job = self.harness.jobs.get(key)
        return job is not None and not (job.request_id is None or job.state.is_final or job.is_held)

    def _are_skipped(self, keys: Iterable[JobKey]) -> bool:
        return all(self.state(key) is JobState.SKIPPED for key in keys)

    def state(self, key: JobKey) -> JobState:
        job = self.harness.jobs.get(key)
        if job is None:
            return JobState.NOOP if self._is_left_out(key) else JobState.EMBRYO
        return job.state

    def _is_left_out(self, key: JobKey) -> bool:
        """Tell whether a job is left out; before it begins nobody knows of it."""
        return key in self.model.left_out and self.spans[key][0] <= self.harness.now

    def is_over(self, key: JobKey) -> bool:
        return self.spans[key][1] + LAG <= self.harness.now

    # What happens.

    def _pass(self) -> None:
        self.harness.advance(timedelta(minutes=self.draw.randrange(1, 300)))
        self.act(self.harness.look)

    def _work(self) -> None:
        for _ in range(self.draw.choice([1, 5, 60])):
            if live := self.harness.live():
                outcomes = [Outcome.processed(1), Outcome.processed(1), Outcome.noop()]
                outcomes += [Outcome.failed('chance'), Outcome.cancelled('chance')]
                outcome = self.draw.choices(outcomes, [9, 9, 3, 1, 1])[0]
                self._run(self.draw.choice(live), outcome)
        self._check_idle()

    def _run(self, unit: Unit, outcome: Outcome) -> None:
        self.act(lambda: self.harness.work(unit, outcome), is_looking=False)

    def _take(self) -> None:
        """Let the Scheduler carry out what it has asked itself."""
        if self.harness.asked:
            self._carry_out(self.harness.asked.pop(0))

    def _ask(self) -> None:
        """Let an operator ask for some intervals."""
        reprocess, skip, cancel = CommandKind.REPROCESS, CommandKind.SKIP, CommandKind.CANCEL
        self.command(
            self.draw.choices([reprocess, skip, cancel], [6, 3, 1])[0],
            self.draw.choice([*self.spans]),
            self.draw.randrange(1, 4),
            with_children=self.draw.random() < 0.5,
        )

    def command(self, kind: CommandKind, key: JobKey, count: int, *, with_children: bool) -> None:
        self.commands += 1
        self._carry_out(
            Command(
                id=CommandId(f'c{self.commands}'),
                kind=kind,
                process=key.process,
                start=key.timeperiod,
                end=key.timeperiod.shift(count),
                with_children=with_children,
                actor='chance',
                created_at=self.harness.now,
            )
        )

    def _carry_out(self, command: Command) -> None:
        """Let a request be planned and done; a reprocess resets what it should, and no more."""
        before = {key: self.state(key) for key in self.spans}
        self.harness.events.clear()

        def do() -> None:
            with suppress(PlanRefused):
                self.harness.command(command)
            texts = [text.split(' ', 1) for text in self.harness.events]
            reset = {name for name, text in texts if text.startswith('reset: ')}
            for key in self.spans:
                self.resets[key] += str(key) in reset
            if command.kind is CommandKind.REPROCESS:
                self._check_reset(command, before, reset)

        self.act(do)

    def _check_reset(
        self, command: Command, before: Mapping[JobKey, JobState], reset: Collection[str]
    ) -> None:
        """Compare what was reset with what waits for what was named, however far."""
        ordinals = range(command.start.ordinal, command.end.ordinal)
        todo = [
            key
            for key in self.spans
            if key.process == command.process
            and key.timeperiod.ordinal in ordinals
            and self.spans[key][0] <= self.harness.now
        ]
        if not any(self._is_there(key) for key in todo):
            todo.clear()  # It is refused.
        if command.with_children:
            below = [*todo]
            while below:
                nested = [item for item in self.model.waits[below.pop()] if item.is_nested]
                below += _flat(nested)
                todo += _flat(nested)
        touched = {*todo}
        while todo:
            above = self.reached[todo.pop()] - touched
            touched |= above
            todo += above
        wanted = {
            str(key)
            for key in touched
            if before[key] is not JobState.EMBRYO and self._is_there(key)
        }
        for name in sorted(wanted ^ {*reset}):
            told = 'was reset, too' if name in reset else 'was not reset'
            raise Broken(f'{name} {told} by {command.by} for {command.process}@{command.said}')

    def _is_there(self, key: JobKey) -> bool:
        """Tell whether an interval is not left out, or somebody has asked for it all the same."""
        return key not in self.model.left_out or key in self.harness.jobs

    # What is looked at in the end.

    def check_ends(self) -> None:
        """Nothing has run before what it waits for had its last end, and came."""
        for key in self.began:
            if self.state(key) not in _RAN:
                continue
            for wait, missing in zip(self.model.waits[key], self.missing[key], strict=True):
                for other in () if wait.is_order_only else wait.keys:
                    is_late = self.ended.get(other, 0) > self.began[key]
                    if is_late and not (wait.is_late_ignored and other in missing):
                        raise Broken(f'{key} ran before {other} ended, and not again')

    def check_inputs(self) -> None:
        """Compare what each waits for."""
        of = self.model.hierarchy
        for key, waits in self.model.waits.items():
            node = of.nodes[key.process]
            found = sorted(
                [
                    JobKey(source.process, of.timeperiod(of.nodes[source.process], at))
                    for at in of.input_range(node, source, key.timeperiod.ordinal)
                ]
                for source in node.inputs
            )
            for told, wait in zip(found, sorted(sorted(item.keys) for item in waits), strict=True):
                for other in sorted({*told} ^ {*wait}):
                    raise Broken(f'{key} waits for {other}, or not')

    def check_inverse(self) -> None:
        """Compare who is told of an end with who waits for it."""
        of = self.model.hierarchy
        waiting: dict[JobKey, set[JobKey]] = {key: set() for key in self.spans}
        for key, wanted in self.inputs.items():
            for other in wanted:
                waiting[other].add(key)
        for other, told in waiting.items():
            ordinal = other.timeperiod.ordinal
            affected = {
                JobKey(name, of.timeperiod(node, at))
                for name in of.nodes[other.process].outputs
                for node in [of.nodes[name]]
                for source in node.inputs
                if source.process == other.process
                for at in of.affected(node, source, range(ordinal, ordinal + 1))
            }
            for key in sorted(affected ^ told):
                raise Broken(f'{other} is waited for by {key}, or not')

    def check_invariants(self) -> None:
        """Let the product judge the rows, at once and one by one."""
        jobs = sorted(
            self.harness.jobs.values(), key=lambda job: (job.process, str(job.timeperiod))
        )
        units = sorted(
            self.harness.units.values(),
            key=lambda unit: (unit.process, str(unit.timeperiod), unit.run),
        )
        of = self.model.hierarchy
        found = sorted(map(str, check(of, jobs, units, self.harness.now)))
        one_by_one = sorted(map(str, check_one_by_one(of, jobs, units, self.harness.now)))
        if found != one_by_one:
            raise Broken(f'{found} together, {one_by_one} one by one')
        # What was never claimed through a store has no fence.
        if serious := [text for text in found if 'I2' in text or 'I1' in text]:
            raise Broken(serious[0])


def is_broken(history: Callable[[], History]) -> bool:
    """Tell whether a history finds something."""
    try:
        history().play()
    except Broken:
        return True
    return False


def _flat(waits: Iterable[Wait]) -> Iterator[JobKey]:
    for wait in waits:
        yield from wait.keys
