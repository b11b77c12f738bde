"""The engine against a model so naive that one can see it is right: all of time, in plain loops."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from synergy.core.closure import PlanRefused
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.events import Expired
from synergy.core.records import Outcome, RetryPolicy
from synergy.core.states import Blocking, JobState
from synergy.core.timeperiod import JobKey, ProcessName, Timeperiod
from tests.builders import instant, two_trees
from tests.core.engine_harness import EngineHarness

END = instant('2026112306')
LAG = timedelta(minutes=5)
MAX_RUNNING = {'SiteHourly': 3, 'SiteDaily': 1, 'SiteMonthly': 1, 'AlertDaily': 2}
RETRY = RetryPolicy(max_attempts=2, delay=timedelta(0))
pytestmark = pytest.mark.heavy


def period(name: str, start: datetime) -> tuple[datetime, datetime]:
    """Return [start, end) of the interval of a process that begins at `start`."""
    if name.endswith('Hourly'):
        return start, start + timedelta(hours=1)
    if name.endswith('Daily'):
        return start, start + timedelta(days=1)
    return start, (start + timedelta(days=31)).replace(day=1)


class Model:
    """What each job waits for, worked out afresh each time by comparing instants."""

    def __init__(self, harness: EngineHarness) -> None:
        self.harness = harness
        self.spans = {
            JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal)): period(
                node.process.name,
                node.calendar.start(Timeperiod(node.process.qualifier, ordinal)),
            )
            for node in harness.timetable.hierarchy
            for ordinal in range(node.first, node.until or 0)
        }

    def inputs(self, key: JobKey) -> list[JobKey]:
        start, end = self.spans[key]
        wanted = {
            'SiteHourly': [],
            'SiteDaily': ['SiteHourly'],
            'SiteMonthly': ['SiteDaily'],
            'AlertDaily': ['SiteDaily'],
        }[key.process]
        return [
            other
            for other, (first, last) in self.spans.items()
            if other.process in wanted and first >= start and last <= end
        ]

    def state(self, key: JobKey) -> JobState:
        job = self.harness.jobs.get(key)
        return JobState.EMBRYO if job is None else job.state

    def is_over(self, key: JobKey) -> bool:
        return min(self.spans[key][1], END) + LAG <= self.harness.now

    def may_start(self, key: JobKey) -> bool:
        return (
            self.state(key) is JobState.EMBRYO
            and self.is_over(key)
            and all(self.state(other).is_final for other in self.inputs(key))
        )

    def running(self, name: str) -> int:
        return sum(self.state(key).is_running for key in self.spans if key.process == name)


class EngineAgainstModel(RuleBasedStateMachine):
    """Time, workers and operators in any order."""

    @initialize()
    def begin(self) -> None:
        fields = {
            name: {'max_running': count, 'retry': RETRY} for name, count in MAX_RUNNING.items()
        }
        fields['AlertDaily']['blocking'] = Blocking.DEPENDENCIES
        self.harness = EngineHarness(two_trees(end='2026112306', **fields), instant('2026112219'))
        self.model = Model(self.harness)
        self.runs: dict[JobKey, int] = {}
        self.commands = 0
        self.harness.look()

    @rule(minutes=st.integers(1, 200))
    def time_passes(self, minutes: int) -> None:
        self.harness.advance(timedelta(minutes=minutes))
        self.harness.look()

    @precondition(lambda self: self.harness.live())
    @rule(data=st.data(), outcome=st.sampled_from(['ok', 'ok', 'ok', 'noop', 'fail', 'cancel']))
    def worker_ends(self, data: st.DataObject, outcome: str) -> None:
        unit = data.draw(st.sampled_from(self.harness.live()))
        made = {
            'ok': Outcome.processed(1),
            'noop': Outcome.noop(),
            'fail': Outcome.failed('by chance'),
            'cancel': Outcome.cancelled('by chance'),
        }
        self.harness.work(unit, made[outcome])

    @precondition(lambda self: self.harness.live())
    @rule(data=st.data())
    def worker_falls_silent(self, data: st.DataObject) -> None:
        unit = data.draw(st.sampled_from(self.harness.live()))
        self.harness.turn(Expired(self.harness.claim(unit)))

    @rule(
        data=st.data(),
        kind=st.sampled_from([CommandKind.REPROCESS, CommandKind.SKIP, CommandKind.CANCEL]),
        count=st.integers(1, 4),
        with_children=st.booleans(),
    )
    def operator_asks(
        self, data: st.DataObject, kind: CommandKind, count: int, with_children: bool
    ) -> None:
        key = data.draw(st.sampled_from(list(self.model.spans)))
        before = {other: self.model.state(other) for other in self.model.spans}
        self.commands += 1
        command = Command(
            id=CommandId(f'c{self.commands}'),
            kind=kind,
            process=key.process,
            start=key.timeperiod,
            end=key.timeperiod.shift(count),
            with_children=with_children,
            actor='chance',
            created_at=self.harness.now,
        )
        try:
            self.harness.command(command)
        except PlanRefused:
            return
        if kind is CommandKind.REPROCESS:
            self.everything_above_was_reset(command, before)

    def everything_above_was_reset(self, command: Command, before: dict[JobKey, JobState]) -> None:
        """Whoever had run and waits, however far, for what was reset has been reset, too.

        It may be final again at once: with every child skipped it is skipped again.
        """
        ordinals = range(command.start.ordinal, command.end.ordinal)
        reset = {
            other
            for other in self.model.spans
            if other.process == command.process and other.timeperiod.ordinal in ordinals
        }
        for other in self.model.spans:
            if other not in reset and any(source in reset for source in self.model.inputs(other)):
                reset.add(other)
        for other in reset:
            if before[other] is not JobState.EMBRYO:
                assert self.harness.jobs[other].request_id == command.id, other

    @invariant()
    def what_runs_was_ready(self) -> None:
        for key, job in self.harness.jobs.items():
            if job.run > self.runs.get(key, 0):
                self.runs[key] = job.run
                assert self.model.is_over(key)
                if job.state.is_running:
                    pending = [
                        other
                        for other in self.model.inputs(key)
                        if not self.model.state(other).is_final
                    ]
                    assert pending == [], f'{key} runs before {pending}'

    @invariant()
    def what_is_ready_runs_while_there_is_a_place(self) -> None:
        for key in self.model.spans:
            is_idle = self.model.running(key.process) < MAX_RUNNING[key.process]
            assert not (self.model.may_start(key) and is_idle), f'{key} is ready and idle'

    @invariant()
    def no_process_runs_more_than_it_may(self) -> None:
        for name, most in MAX_RUNNING.items():
            assert self.model.running(name) <= most
            process = ProcessName(name)
            assert self.harness.timetable.running_count(process) == self.model.running(name)


EngineAgainstModel.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, print_blob=True
)
TestEngineAgainstModel = EngineAgainstModel.TestCase


def test_the_model_knows_every_interval() -> None:
    harness = EngineHarness(two_trees(end='2026112306'), END)
    counts: dict[str, int] = {}
    for key in Model(harness).spans:
        counts[key.process] = counts.get(key.process, 0) + 1

    assert counts == {'SiteHourly': 30, 'SiteDaily': 2, 'SiteMonthly': 1, 'AlertDaily': 2}
