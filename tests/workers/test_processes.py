"""No process of a run survives it: real processes that detach themselves and ignore signals."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from synergy.bootstrap import PROJECT
from synergy.core.records import Unit
from synergy.core.states import JobState, UnitState
from tests.leftovers import left_running
from tests.system_harness import SystemHarness, kill

CONTEXT = 'tests.pipelines.unruly'


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., SystemHarness]:
    """Make a system with one process of tests.pipelines.unruly."""

    def made(name: str, **variables: str) -> SystemHarness:
        monkeypatch.setenv('SYNERGY_TEST_ONLY', name)
        monkeypatch.delitem(sys.modules, CONTEXT, raising=False)
        return SystemHarness(tmp_path / 'home', CONTEXT, SYNERGY_TEST_ONLY=name, **variables)

    return made


@pytest.fixture
def nothing_left(tmp_path: Path) -> Iterator[None]:
    """Fail, and tidy up, when a process of the home runs after the test."""
    yield
    until = time.monotonic() + 10
    # What belongs to multiprocessing itself ends a moment after the worker.
    while (left := left_running(tmp_path / 'home')) and time.monotonic() < until:
        time.sleep(0.05)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == {}


pytestmark = pytest.mark.usefixtures('nothing_left')


def log_of(system: SystemHarness, unit: Unit) -> str:
    return '\n'.join(f'{line.level} {line.text}' for line in system.store.log(unit.id))


def test_what_a_run_leaves_is_ended_before_its_end_is_saved(
    only: Callable[..., SystemHarness],
) -> None:
    with only('LeavingDaily') as system:
        system.start('Scheduler')
        worker = system.start('LeavingDaily')
        key = system.key('LeavingDaily')

        assert system.wait_final(key) is JobState.PROCESSED
        assert left_running(system.home) == {}
        log = log_of(system, system.unit(key))
        assert re.search(r'WARNING the run has left processes, .*sleep \(pid \d+\)', log)
        assert 'keeps_processes' in log
        # Its own children are reaped, too.
        assert psutil.Process(worker.pid).children(recursive=True) == []


def test_the_processes_of_a_pool_end_at_the_time_out(only: Callable[..., SystemHarness]) -> None:
    with only('PooledDaily') as system:
        system.start('Scheduler')
        worker = system.start('PooledDaily')
        key = system.key('PooledDaily')

        assert system.wait_final(key) is JobState.PROCESSED
        assert system.journal() == ['began', 'attempt 2 left []']
        assert worker.poll() is None
        assert 'processes of the run were ended' in log_of(system, system.unit(key))


def test_children_end_as_in_any_program(only: Callable[..., SystemHarness]) -> None:
    with only('TerminatingDaily') as system:
        system.start('Scheduler')
        system.start('TerminatingDaily')
        key = system.key('TerminatingDaily')

        assert system.wait_final(key) is JobState.PROCESSED
        assert system.journal() == [
            'fork -15 True',
            'spawn -15 True',
            'forkserver -15 True',
            'SIGINT True',
            'SIGTERM True',
            'pool [1, 2]',
            'executor [3, 4]',
        ]
        assert 'were ended' not in log_of(system, system.unit(key))


def test_a_forked_child_never_becomes_a_second_worker(only: Callable[..., SystemHarness]) -> None:
    with only('ForkingDaily') as system:
        system.start('Scheduler')
        system.start('ForkingDaily')
        key = system.key('ForkingDaily')

        assert system.wait_final(key) is JobState.PROCESSED
        assert system.journal() == ['child 1'] * 6 + ['codes [0, 1, 3, 1, 5, -15]']
        unit = system.unit(key)
        assert (unit.attempt, unit.fence, unit.processed_count) == (1, 1, 1)


def test_a_pool_made_by_setup_is_kept_until_a_run_is_interrupted(
    only: Callable[..., SystemHarness],
) -> None:
    with only('KeepingDaily') as system:
        system.start('Supervisor')

        for day in ('2026110100', '2026110200'):
            assert system.wait_final(system.key('KeepingDaily', day)) is JobState.PROCESSED
        first, ended, second, third, last = system.journal()
        assert (ended, last) == ('ended 2026110100 attempt 1', 'ended 2026110200 attempt 2')
        assert first == second != third
        # The pool alone, not what the runs have started, be it in the pool.
        assert re.fullmatch(r'pool \d+ left \[\]', second)
        log = log_of(system, system.unit(system.key('KeepingDaily', '2026110100')))
        assert re.search(r'left processes, which were ended: (sleep \(pid \d+\)[,;] ){2}', log)
        rows = {row.process: row for row in system.store.box_processes('dev')}
        assert (rows['KeepingDaily'].state, rows['KeepingDaily'].restart_count) == ('running', 0)
        log = (system.home / 'logs' / 'keepingdaily_daily.log').read_text()
        assert 'worker_spent' in log
        assert psutil.Process(rows['KeepingDaily'].pids[0]).is_running()


def test_a_worker_may_keep_processes(only: Callable[..., SystemHarness]) -> None:
    with only('ReachingDaily') as system:
        system.start('Scheduler')
        worker = system.start('ReachingDaily')

        for day in ('2026110100', '2026110200'):
            assert system.wait_final(system.key('ReachingDaily', day)) is JobState.PROCESSED
        (first, second) = system.journal()
        assert first.split()[:3] == second.split()[:3]
        worker.terminate()
        assert worker.wait(20) == 0
        assert left_running(system.home) == {}


def test_what_setup_has_started_stays_with_all_that_it_starts(
    only: Callable[..., SystemHarness],
) -> None:
    with only('HelpedDaily') as system:
        system.start('Scheduler')
        worker = system.start('HelpedDaily')

        for day in ('2026110100', '2026110200'):
            key = system.key('HelpedDaily', day)
            assert system.wait_final(key) is JobState.PROCESSED
            log = log_of(system, system.unit(key))
            assert re.search(r'left processes, which were ended: sleep \(pid \d+\);', log)
        (first, second) = system.journal()
        assert first == second
        assert 'None True' in first
        worker.terminate()
        assert worker.wait(20) == 0
        assert left_running(system.home) == {}


def test_a_worker_started_alone_restarts_itself(only: Callable[..., SystemHarness]) -> None:
    with only('KeepingDaily') as system:
        system.start('Scheduler')
        worker = system.start('KeepingDaily')

        assert system.wait_final(system.key('KeepingDaily', '2026110200')) is JobState.PROCESSED
        assert system.journal()[-1] == 'ended 2026110200 attempt 2'
        assert worker.poll() is None
        log = (system.home / 'logs' / 'keepingdaily_daily.log').read_text()
        assert log.count(f'KeepingDaily:0:{worker.pid} started') == 2


def pid_of(system: SystemHarness, process: str) -> int:
    def pids() -> tuple[int, ...]:
        rows = system.store.box_processes('dev')
        return next((row.pids for row in rows if row.process == process), ())

    system.wait_for(lambda: bool(pids()), f'a running {process}')
    return pids()[0]


def wait_for_all_that_it_starts(system: SystemHarness) -> None:
    """Wait until WaitingDaily has started all: two shells, each with a `sleep`, and one more."""

    def sleeps() -> int:
        return sum(text == 'sleep 444' for text in left_running(system.home).values())

    system.wait_for(lambda: sleeps() == 3, 'all that it starts')


def begun(system: SystemHarness) -> subprocess.Popen[bytes]:
    """Start a Supervisor, wait until its worker is in the middle of a run, and return it."""
    supervisor = system.start('Supervisor')
    system.wait_for(lambda: system.journal() == ['began'], 'the start')
    return supervisor


def test_a_killed_workers_processes_end_before_the_next_attempt(
    only: Callable[..., SystemHarness],
) -> None:
    with only('WaitingDaily', SYNERGY_UOW_LEASE_SECONDS='6') as system:
        begun(system)

        os.kill(pid_of(system, 'WaitingDaily'), signal.SIGKILL)

        assert system.wait_final(system.key('WaitingDaily')) is JobState.PROCESSED
        assert system.journal() == ['began', 'attempt 2 left []']
        assert 'leftovers_ended' in (system.home / 'logs' / 'supervisor_daemon.log').read_text()


def test_a_frozen_workers_processes_end_before_the_next_attempt(
    only: Callable[..., SystemHarness],
) -> None:
    with only('WaitingDaily', SYNERGY_UOW_LEASE_SECONDS='6') as system:
        begun(system)

        os.kill(pid_of(system, 'WaitingDaily'), signal.SIGSTOP)

        assert system.wait_final(system.key('WaitingDaily')) is JobState.PROCESSED
        assert system.journal() == ['began', 'attempt 2 left []']


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or waits only for a parent to take note of its end."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_what_a_killed_box_has_left_is_ended_at_its_next_start(
    only: Callable[..., SystemHarness],
) -> None:
    with only('WaitingDaily') as system:
        supervisor = begun(system)
        worker = pid_of(system, 'WaitingDaily')
        scheduler = pid_of(system, 'Scheduler')

        os.kill(worker, signal.SIGSTOP)  # It gets no time to tidy up.
        kill(supervisor)
        os.kill(worker, signal.SIGKILL)
        system.wait_for(lambda: has_ended(scheduler), 'the end of the Scheduler')
        wait_for_all_that_it_starts(system)
        system.start('Supervisor')

        assert system.wait_final(system.key('WaitingDaily')) is JobState.PROCESSED
        assert system.journal() == ['began', 'attempt 2 left []']


def test_kill_all_ends_what_runs_have_started(only: Callable[..., SystemHarness]) -> None:
    with only('WaitingDaily') as system:
        begun(system)
        wait_for_all_that_it_starts(system)

        subprocess.run([PROJECT / 'scripts' / 'kill_all.sh'], env=system.environ, check=True)

        system.wait_for(lambda: left_running(system.home) == {}, 'the end of all')


def test_what_a_worker_leaves_that_outlived_its_supervisor_is_ended(
    only: Callable[..., SystemHarness],
) -> None:
    with only('WaitingDaily') as system:
        supervisor = begun(system)
        worker = pid_of(system, 'WaitingDaily')
        wait_for_all_that_it_starts(system)

        os.kill(worker, signal.SIGSTOP)  # It cannot end in order.
        kill(supervisor)
        system.start('Supervisor')
        log = system.home / 'logs' / 'supervisor_daemon.log'
        system.wait_for(lambda: 'leftover_found' in log.read_text(), 'the next Supervisor')
        os.kill(worker, signal.SIGKILL)

        assert system.wait_final(system.key('WaitingDaily')) is JobState.PROCESSED
        assert system.journal() == ['began', 'attempt 2 left []']


def test_a_worker_started_alone_ends_what_its_killed_predecessor_left(
    only: Callable[..., SystemHarness],
) -> None:
    with only('WaitingDaily') as system:
        system.start('Scheduler')
        assert system.launch('start', 'WaitingDaily').returncode == 0
        system.wait_for(lambda: system.journal() == ['began'], 'the start')
        (pid_file,) = system.home.glob('run/waitingdaily*.pid')

        os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
        wait_for_all_that_it_starts(system)
        assert system.launch('start', 'WaitingDaily').returncode == 0

        assert system.wait_final(system.key('WaitingDaily')) is JobState.PROCESSED
        assert system.journal() == ['began', 'attempt 2 left []']
        assert system.launch('stop', 'WaitingDaily').returncode == 0


def shells_in(system: SystemHarness) -> int:
    texts = left_running(system.home).values()
    return sum(text.startswith('/bin/sh -c touch') for text in texts)


@pytest.mark.parametrize('way', ['stop', 'kill'])
def test_a_stubborn_command_does_not_outlive_its_worker(
    only: Callable[..., SystemHarness], way: str
) -> None:
    with only('CommandDaily', SYNERGY_STOP_GRACE_SECONDS='1') as system:
        supervisor = system.start('Supervisor')
        system.wait_for(lambda: (system.home / 'began').exists(), 'the start')
        key = system.key('CommandDaily')

        if way == 'stop':
            assert system.launch('stop', 'Supervisor').returncode == 0
            assert supervisor.wait(1) == 0
        else:
            os.kill(pid_of(system, 'CommandDaily'), signal.SIGKILL)
            (system.home / 'began').unlink()
            system.wait_for(lambda: (system.home / 'began').exists(), 'the second start')
            # One shell, its children, and none of the first. What a shell starts looks like the
            # shell itself for a moment.
            system.wait_for(lambda: shells_in(system) == 1, 'one shell')
            supervisor.terminate()
            assert supervisor.wait(30) == 0

        assert left_running(system.home) == {}
        if way == 'stop':
            unit = system.unit(key)
            assert (unit.state, unit.attempt) == (UnitState.REQUESTED, 1)


def test_a_lost_lease_ends_the_processes_of_the_run(only: Callable[..., SystemHarness]) -> None:
    with only('CommandDaily') as system:
        system.start('Scheduler')
        worker = system.start('CommandDaily')
        system.wait_for(lambda: (system.home / 'began').exists(), 'the start')

        assert system.launch('skip', 'CommandDaily', '20261101', '--reason', 'x').returncode == 0

        assert system.wait_final(system.key('CommandDaily')) is JobState.SKIPPED
        system.wait_for(lambda: left_running(system.home) == {}, 'the end of its processes')
        assert worker.poll() is None
