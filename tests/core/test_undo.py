"""Undo of a reprocess: jobs that have not begun stand again as before, if nothing below changed."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from synergy.core.closure import PlanRefused, keys_of, plan
from synergy.core.command_decisions import CommandDecisions, Facts
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import SaveCommand, SaveJob
from synergy.core.events import Commanded
from synergy.core.freerun import Freeruns
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.invariants import check
from synergy.core.job_requests import Batch
from synergy.core.overrides import Overrides
from synergy.core.records import Outcome, ProcessName, RetryPolicy, Unit
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Timeperiod
from tests.builders import instant, key, process, tree
from tests.core.engine_harness import EngineHarness

NOW = instant('202611240030')
DAY = key('SiteDaily@2026112200')
NEXT_DAY = key('SiteDaily@2026112300')
REPORT = key('ReportDaily@2026112200')


def hour(number: int) -> JobKey:
    return key(f'SiteHourly@20261122{number:02d}')


class Bench(EngineHarness):
    """Two days of hours, their days, and a report of each day; requests and their undo."""

    def __init__(self) -> None:
        hourly = process('SiteHourly', retry=RetryPolicy(max_attempts=1), max_running=3)
        names = [hourly, process('SiteDaily', lag=timedelta()), process('ReportDaily')]
        trees = [
            tree('site', ['SiteDaily', 'SiteHourly']),
            tree('report', ['ReportDaily'], dependent_on=['site']),
        ]
        super().__init__(build(names, trees), NOW)
        self.decisions = CommandDecisions(
            self.engine,
            Freeruns((), lambda _: RetryPolicy(), NOW),
            (),
            Overrides(self.timetable.hierarchy, ()),
        )
        self.commands: dict[CommandId, Command] = {}
        self.term = 1

    def _apply(self, effect: object) -> None:
        if isinstance(effect, SaveCommand):
            self.commands[effect.command.id] = effect.command
            return
        if isinstance(effect, SaveJob):
            term = self.term if effect.term is None else effect.term
            effect = SaveJob(replace(effect.job, term=term), effect.event)
        super()._apply(effect)  # type: ignore[arg-type]

    def reprocess(self, name: str, first: JobKey, count: int = 1, most: int = 1000) -> Command:
        """Ask for a reprocess and reset at most `most` of its jobs."""
        command = Command(
            id=CommandId(name),
            kind=CommandKind.REPROCESS,
            process=first.process,
            start=first.timeperiod,
            end=first.timeperiod.shift(count),
            actor='anna',
            created_at=NOW,
        )
        planned = plan(self.timetable, command)
        command = replace(command, plan=planned.ranges, planned_count=planned.count)
        keys = list(keys_of(self.timetable.hierarchy, planned.ranges))[:most]
        rows = {key: self.jobs[key] for key in keys if key in self.jobs}
        self.turn(
            Commanded(command=command, keys=keys, rows=rows, is_last=len(keys) == planned.count)
        )
        return self.commands[command.id]

    def cancel(self, name: str) -> Command:
        """Cancel a request, to the end; return the command that did."""
        asked = Command(
            id=CommandId(f'undo {name}'),
            kind=CommandKind.ABANDON,
            process=DAY.process,
            start=DAY.timeperiod,
            end=DAY.timeperiod.shift(1),
            target=CommandId(name),
            actor='bert',
            reason='wrong range',
            created_at=NOW,
        )
        self.commands[asked.id] = asked
        while (command := self.commands[asked.id]).state in (
            CommandState.REQUESTED,
            CommandState.APPLYING,
        ):
            facts = Facts(target=self.commands.get(CommandId(name)))
            for effect in self.decisions.decide(command, facts, self.now).saves:
                self._apply(effect)
            self.timetable.settle()
        return command

    def go_on(self, name: str) -> None:
        """Reset the next jobs of a request."""
        command = self.commands[CommandId(name)]
        batch: Batch = self.decisions.jobs.next_batch(command, ())
        rows = {key: self.jobs[key] for key in batch.keys if key in self.jobs}
        for effect in self.decisions.jobs.apply(batch, rows, self.now).saves:
            self._apply(effect)
        self.timetable.settle()

    def violations(self) -> list[str]:
        rows = sorted(self.jobs.values(), key=lambda job: (job.process, job.timeperiod.ordinal))
        return [str(item) for item in check(self.timetable.hierarchy, rows, (), self.now)]


def finished() -> Bench:
    made = Bench()
    made.look()
    made.work_all()
    assert made.state(REPORT) is JobState.PROCESSED
    return made


def ended_rows(made: Bench) -> dict[JobKey, tuple[object, ...]]:
    return {
        name: (job.state, job.run, job.uow_id, job.reason, job.request_id, job.term)
        for name, job in made.jobs.items()
    }


def test_what_has_not_begun_stands_again_as_it_stood() -> None:
    made = finished()
    before = ended_rows(made)
    made.term = 2
    target = made.reprocess('wrong', DAY)
    assert made.state(DAY) is JobState.IN_PROGRESS
    assert made.state(REPORT) is JobState.EMBRYO

    undo = made.cancel('wrong')

    assert undo.state is CommandState.DONE
    assert undo.outcome == 'puts back 0 jobs, lets 2 run'
    assert target.id in made.commands
    # The report waits for the day, which runs.
    made.work_all()
    assert made.state(REPORT) is JobState.PROCESSED
    assert ended_rows(made)[NEXT_DAY] == before[NEXT_DAY]
    assert made.violations() == []


def test_hours_that_wait_behind_those_that_run_are_put_back_and_their_day_runs() -> None:
    made = finished()
    before = ended_rows(made)
    made.term = 2
    made.reprocess('wrong', hour(0), 24)
    made.work(made.live()[0])

    undo = made.cancel('wrong')

    # One has run again, three run; day and report wait for those.
    assert undo.outcome == 'puts back 20 jobs, lets 6 run'
    after = ended_rows(made)
    assert [after[hour(at)] == before[hour(at)] for at in range(24)] == [False] * 4 + [True] * 20
    assert made.state(DAY) is JobState.EMBRYO
    assert made.commands[CommandId('wrong')].planned_count == 6
    made.work_all()
    assert made.state(DAY) is made.state(REPORT) is JobState.PROCESSED
    assert (made.jobs[DAY].run, made.jobs[hour(20)].run, made.jobs[hour(2)].run) == (2, 1, 2)
    assert made.violations() == []


def test_days_are_put_back_with_their_hours_when_none_of_those_has_begun() -> None:
    made = finished()
    before = ended_rows(made)
    made.term = 2
    made.reprocess('wrong', hour(0), 48)

    undo = made.cancel('wrong')

    # Three hours of the first day run; all of the second day stands as before.
    assert undo.outcome == 'puts back 47 jobs, lets 5 run'
    assert ended_rows(made)[NEXT_DAY] == before[NEXT_DAY]
    event = 'processed again as before, for the request was cancelled by bert: wrong range'
    assert sum(text.endswith(event) for text in made.events) == 47
    assert made.violations() == []


def test_what_waits_for_what_has_begun_is_reset_all_the_same() -> None:
    made = finished()
    made.term = 2
    made.reprocess('wrong', hour(0), 48, most=30)
    assert made.state(DAY) is JobState.PROCESSED

    undo = made.cancel('wrong')

    assert undo.outcome == 'puts back 27 jobs, lets 3 run, and resets 2 more that wait for them'
    target = made.commands[CommandId('wrong')]
    assert (target.state, target.planned_count) == (CommandState.APPLYING, 5)
    made.go_on('wrong')
    assert made.state(DAY) is JobState.EMBRYO
    assert made.state(NEXT_DAY) is JobState.PROCESSED
    made.work_all()
    assert made.violations() == []


def test_a_request_of_which_nothing_has_begun_is_cancelled_as_a_whole() -> None:
    made = finished()
    before = ended_rows(made)
    made.term = 2
    made.reprocess('busy', key('SiteHourly@2026112300'), 3)
    made.reprocess('wrong', hour(0), 24)

    undo = made.cancel('wrong')

    assert undo.outcome == 'puts back 26 jobs, lets 0 run'
    assert made.commands[CommandId('wrong')].state is CommandState.CANCELLED
    after = ended_rows(made)
    assert all(after[name] == before[name] for name in (*map(hour, range(24)), DAY, REPORT))
    made.work_all()
    assert made.violations() == []


def test_a_failure_stands_again_as_a_failure() -> None:
    made = Bench()
    made.look()
    made.work(next(unit for unit in made.live() if unit.key == hour(0)), Outcome.failed('boom'))
    made.work_all()
    before = ended_rows(made)
    made.reprocess('busy', key('SiteHourly@2026112300'), 3)
    made.reprocess('wrong', hour(0))

    made.cancel('wrong')

    assert ended_rows(made)[hour(0)] == before[hour(0)]
    assert (made.jobs[hour(0)].state, made.jobs[hour(0)].failure_count) == (JobState.SKIPPED, 1)
    assert made.jobs[hour(0)].reason == 'run 1 attempt 1 of 1 failed: boom'


def test_a_job_forgets_its_former_state_when_an_input_is_reset_by_another_request() -> None:
    made = finished()
    made.reprocess('first', key('SiteHourly@2026112300'), 3)
    made.reprocess('wrong', hour(5))
    assert made.jobs[DAY].former is not None
    made.reprocess('right', hour(6))

    undo = made.cancel('wrong')

    assert made.state(hour(5)) is JobState.PROCESSED
    assert made.state(DAY) is made.state(REPORT) is JobState.EMBRYO
    assert made.jobs[DAY].former is None
    assert undo.outcome == 'puts back 1 job, lets 2 run'
    assert made.commands[CommandId('wrong')].planned_count == 2
    made.work_all()
    assert made.jobs[DAY].run == 2
    assert made.violations() == []


def test_undo_goes_on_where_it_broke_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('synergy.core.command_decisions.JOBS_PER_BATCH_MAX', 10)
    made = finished()
    before = ended_rows(made)
    made.reprocess('busy', key('SiteHourly@2026112300'), 3)
    made.reprocess('wrong', hour(0), 24)

    undo = made.cancel('wrong')

    assert undo.outcome == 'puts back 26 jobs, lets 0 run'
    assert ended_rows(made)[DAY] == before[DAY]
    assert not made.commands[CommandId('wrong')].is_paused


class Oracle:
    """Which results each job has read: those of the newest runs of its inputs, when it ran."""

    def __init__(self, made: Bench) -> None:
        self._made = made
        self._newest: dict[JobKey, str | None] = {}
        self._read: dict[JobKey, dict[JobKey, str | None]] = {}
        for name, job in sorted(made.jobs.items(), key=lambda item: item[0].timeperiod.ordinal):
            self._newest[name] = job.uow_id
        for name in made.jobs:
            self._read[name] = self._inputs(name)

    def work(self, unit: Unit) -> None:
        self._made.work(unit)
        self._newest[unit.key] = unit.id
        self._read[unit.key] = self._inputs(unit.key)

    def outdated(self) -> list[JobKey]:
        return [name for name, read in self._read.items() if read != self._inputs(name)]

    def _inputs(self, name: JobKey) -> dict[JobKey, str | None]:
        hierarchy = self._made.timetable.hierarchy
        node = hierarchy.nodes[name.process]
        return {
            below: self._newest.get(below)
            for source in node.inputs
            for ordinal in hierarchy.input_range(node, source, name.timeperiod.ordinal)
            for below in [JobKey(source.process, node_time(hierarchy, source.process, ordinal))]
        }


def node_time(hierarchy: Hierarchy, name: ProcessName, ordinal: int) -> Timeperiod:
    return hierarchy.timeperiod(hierarchy.nodes[name], ordinal)


@pytest.mark.parametrize('seed', range(40))
def test_whatever_happens_no_result_is_left_that_was_made_of_older_ones(seed: int) -> None:
    draw = random.Random(seed)
    made = finished()
    oracle = Oracle(made)
    names: list[str] = []
    for step in range(14):
        made.term += draw.random() < 0.2
        match draw.randrange(4):
            case 0 | 1:
                start = draw.choice([hour(draw.randrange(24)), DAY, REPORT, NEXT_DAY])
                try:
                    count = draw.randrange(1, 9)
                    made.reprocess(f'r{step}', start, count, draw.choice([1000, 1000, 7, 20]))
                except PlanRefused:
                    continue
                names.append(f'r{step}')
            case 2 if names:
                made.cancel(draw.choice(names))
            case _:
                for _ in range(draw.randrange(6)):
                    if live := made.live():
                        oracle.work(draw.choice(live))
        assert made.violations() == [] or any(
            made.commands[CommandId(name)].state is CommandState.APPLYING for name in names
        )
    for name in names:
        while made.commands[CommandId(name)].state is CommandState.APPLYING:
            made.go_on(name)
    while live := made.live():
        oracle.work(live[0])

    assert all(job.state.is_final for job in made.jobs.values())
    assert made.violations() == []
    assert oracle.outdated() == []
