"""Workers that are restarted: in good order, at once, and without any loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from synergy.core.states import JobState
from synergy.workers import recycling
from synergy.workers.recycling import Recycling, resident_bytes
from tests.pipelines.leaking import HOURS
from tests.system_harness import SystemHarness
from tests.workers.runner_harness import RunnerHarness

MB = 1 << 20


def test_nothing_is_due_where_nothing_is_bounded() -> None:
    free = Recycling()
    for _ in range(1000):
        free.note_run()

    assert not free.is_due
    assert free.bounded(16) == 16


def test_so_many_runs_and_no_more_are_taken() -> None:
    counted = Recycling(runs_max=3)
    assert counted.bounded(16) == 3

    counted.note_run()
    counted.note_run()
    assert counted.bounded(16) == 1
    assert not counted.is_due
    counted.note_run()

    assert counted.reason == '3 runs (recycle_after)'


def test_memory_is_looked_at_after_each_run(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = Recycling(memory_mb_max=100)

    monkeypatch.setattr(recycling, 'resident_bytes', lambda: 100 * MB)
    bounded.note_run()
    assert not bounded.is_due
    monkeypatch.setattr(recycling, 'resident_bytes', lambda: 101 * MB)
    bounded.note_run()

    assert bounded.reason == '101 MB in use, more than 100 (memory_mb_max)'


def test_the_memory_of_this_process_is_found() -> None:
    before = resident_bytes()
    kept = bytearray(b'x' * 50 * MB)

    assert before > 10 * MB
    assert 30 * MB < resident_bytes() - before < 150 * MB
    assert len(kept) == 50 * MB


def test_what_waits_behind_the_last_run_is_handed_back(tmp_path: Path) -> None:
    ran: list[str] = []
    harness = RunnerHarness(tmp_path, lambda uow: ran.append(uow.timeperiod))
    full = Recycling(memory_mb_max=1)
    harness.runner._recycling = full
    harness.runner._size.count = 16
    uow_ids = harness.request(5)

    harness.runner.step()

    assert full.is_due
    assert len(ran) == 1
    assert Counter(map(str, harness.states(uow_ids))) == Counter(
        {'state_processed': 1, 'state_requested': 4}
    )


def test_workers_are_restarted_and_every_unit_is_run_once(
    tmp_path: Path, pair: Mapping[str, str]
) -> None:
    # A lease that is not lost on a busy machine: each unit is to be run once.
    variables = {**pair, 'SYNERGY_UOW_LEASE_SECONDS': '15'}
    with SystemHarness(tmp_path / 'home', 'tests.pipelines.leaking', **variables) as system:
        system.start('Supervisor')
        for process in ('CountedHourly', 'LeakingHourly'):
            for hour in range(HOURS):
                key = system.key(process, f'20261101{hour:02}')
                assert system.wait_final(key) is JobState.PROCESSED
                assert system.unit(key).attempt == 1

        runs = [line.split() for line in system.journal() if 'Hourly' in line]
        assert Counter(run[0] for run in runs) == {'CountedHourly': HOURS, 'LeakingHourly': HOURS}
        assert len({run[2] for run in runs if run[0] == 'CountedHourly'}) == HOURS
        runs_by_pid = Counter(run[1] for run in runs if run[0] == 'CountedHourly')
        assert sorted(runs_by_pid.values(), reverse=True) == [3, 3, 3, 1]
        assert len({run[1] for run in runs if run[0] == 'LeakingHourly'}) > 2
        torn_down = {line.split()[1] for line in system.journal() if 'teardown' in line}
        assert len(torn_down & set(runs_by_pid)) == 3

        rows = {row.process: row for row in system.store.box_processes('dev')}
        assert rows['CountedHourly'].restart_count == rows['LeakingHourly'].restart_count == 0
        log = (system.home / 'logs' / 'supervisor_daemon.log').read_text()
        assert log.count('CountedHourly ended to be restarted') == 3
        assert 'it starts again' not in log
        own = (system.home / 'logs' / 'counted_hourly.log').read_text()
        assert own.count('ends to be restarted: 3 runs (recycle_after)') == 3


def test_without_a_supervisor_a_worker_becomes_the_new_one(tmp_path: Path) -> None:
    with SystemHarness(tmp_path / 'home', 'tests.pipelines.leaking') as system:
        system.start('Scheduler')
        worker = system.start('CountedHourly')
        for hour in range(HOURS):
            key = system.key('CountedHourly', f'20261101{hour:02}')
            assert system.wait_final(key) is JobState.PROCESSED
            assert system.unit(key).attempt == 1

        assert worker.poll() is None
        assert {line.split()[1] for line in system.journal()} == {str(worker.pid)}
        assert sum('teardown' in line for line in system.journal()) == 3
