"""Workers of a group: units of many processes from one queue, and code set up as it is met."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from synergy.core.effects import InsertUnit
from synergy.core.records import Outcome, ProcessName, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey
from synergy.ports.source import DataSource
from synergy.workers import Uow
from synergy.workers.calling import Calling, no_secrets
from synergy.workers.code import Bounds, Code, Codes
from synergy.workers.handler import Handler
from synergy.workers.isolated import Isolation
from synergy.workers.run_log import Capture
from synergy.workers.signals import Cause, Interrupted
from synergy.workers.zones import Zones
from tests.builders import first_unit
from tests.workers.runner_harness import HOUR, NOW, Guard, RunnerHarness


class GroupHarness(RunnerHarness):
    """A runner of a group that serves Many, Few and Broken."""

    def __init__(self, home: Path) -> None:
        self.ran: list[str] = []
        self.set_up: list[str] = []
        self.problem: BaseException | None = ImportError('no module named warehouse')
        served = map(ProcessName, ('Many', 'Few', 'Broken'))
        super().__init__(home, self._work, codes=Codes(served, self._load))

    def request_of(self, *processes: str, first: int = 0) -> list[UowId]:
        """Make a unit for each name, and ring for them in that order."""
        leadership = self.store.lead('one', timedelta(hours=1))
        assert leadership is not None
        units = [
            first_unit(JobKey(ProcessName(name), HOUR.timeperiod.shift(number)), NOW)
            for number, name in enumerate(processes, first)
        ]
        self.store.commit(leadership, [InsertUnit(unit) for unit in units])
        self.ring(*({'uow': unit.id} for unit in units))
        return [unit.id for unit in units]

    def _work(self, uow: Uow) -> None:
        self.ran.append(uow.process_name)

    def _load(self, process: ProcessName) -> Code:
        self.set_up.append(process)
        if process == 'Broken' and self.problem is not None:
            raise self.problem
        return Code(process=process, handler=Handler(self._work))


def work_off(harness: GroupHarness) -> None:
    while harness.runner.step():
        pass


def test_units_of_many_processes_come_by_turns_and_each_is_set_up_once(tmp_path: Path) -> None:
    harness = GroupHarness(tmp_path)
    first = harness.request_of('Many')
    work_off(harness)
    uow_ids = harness.request_of('Many', 'Many', 'Few', 'Few', first=1)
    harness.runner._size.count = 64
    work_off(harness)

    assert harness.ran == ['Many', 'Many', 'Few', 'Many', 'Few']
    assert harness.set_up == ['Many', 'Few']
    assert set(harness.states(first + uow_ids)) == {UnitState.PROCESSED}


def test_code_that_cannot_be_set_up_fails_that_attempt_alone(tmp_path: Path) -> None:
    harness = GroupHarness(tmp_path)
    broken, few = harness.request_of('Broken', 'Few')
    work_off(harness)

    assert harness.states([broken, few]) == [UnitState.INVALID, UnitState.PROCESSED]
    error = harness.unit(broken).error
    assert error == (
        'the code of its process cannot be set up: ImportError: no module named warehouse'
    )
    assert harness.told() == [broken, few]


def test_it_is_set_up_anew_once_it_can_be(tmp_path: Path) -> None:
    harness = GroupHarness(tmp_path)
    units = harness.request_of('Broken', 'Broken')
    harness.problem = SystemExit('no licence')
    harness.runner.step()
    harness.problem = None
    work_off(harness)

    assert harness.states(units) == [UnitState.INVALID, UnitState.PROCESSED]
    assert harness.set_up == ['Broken', 'Broken']


def test_a_stop_while_code_is_set_up_hands_the_unit_back(tmp_path: Path) -> None:
    harness = GroupHarness(tmp_path)
    harness.problem = Interrupted(Cause.STOP)
    [uow_id] = harness.request_of('Broken')
    harness.runner.step()

    unit = harness.unit(uow_id)
    assert (unit.state, unit.attempt) == (UnitState.REQUESTED, 1)
    assert harness.told() == [uow_id]


def test_a_unit_of_a_process_that_another_group_serves_is_handed_back(tmp_path: Path) -> None:
    harness = GroupHarness(tmp_path)
    [uow_id] = harness.request_of('Elsewhere')
    harness.runner.step()

    assert harness.unit(uow_id).state is UnitState.REQUESTED
    assert harness.ran == []


def test_free_runs_of_one_process_share_its_code() -> None:
    made: list[str] = []

    def load(process: ProcessName) -> Code:
        made.append(process)
        return Code(process=process, handler=Handler(lambda _: None))

    codes = Codes([ProcessName('Feed')], load)
    one, two = ProcessName('Feed::one'), ProcessName('Feed::two')

    assert codes.of(one) is None
    code = codes.load(one)

    assert codes.of(one) is codes.of(two) is code
    assert codes.loaded == [code]
    assert made == ['Feed']
    assert codes.serves(two)
    assert not codes.serves(ProcessName('Fee'))


@pytest.mark.parametrize('bounds', [('a', 'b'), None])
def test_the_source_of_an_isolated_run_is_asked_by_the_worker(bounds: object) -> None:
    asked: list[str] = []
    given: list[tuple[object, object]] = []

    class Source:
        def bounds(self, start: str, _end: str) -> object:
            asked.append(start)
            return bounds

    class Forks:
        def call(self, work: Callable[[], Outcome], _bounds: Bounds) -> Outcome:
            asked.append('forked')
            return work()

    def work(uow: Uow) -> None:
        given.append((uow.start_id, uow.end_id))

    code = Code(
        process=HOUR.process,
        handler=Handler(work),
        data_source=cast('DataSource', Source()),
        bounds=Bounds(),
    )
    calling = Calling(Guard(None), Capture(), cast('Isolation', Forks()), Zones(), no_secrets)

    outcome = calling.run(code, first_unit(HOUR, NOW))

    if bounds is None:
        assert outcome.state is UnitState.NOOP
        assert asked == ['2026112200']
    else:
        assert outcome.state is UnitState.PROCESSED
        assert asked == ['2026112200', 'forked']
        assert given == [bounds]
