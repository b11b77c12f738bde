"""The Supervisor as a real process: restarts, gives up, stops in order, leaves no orphan."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from synergy.core.records import BoxProcess
from synergy.core.states import JobState
from tests.system_harness import SystemHarness, kill

CONTEXT = 'tests.pipelines.unstartable'


@pytest.fixture
def system(tmp_path: Path) -> Iterator[SystemHarness]:
    with SystemHarness(tmp_path / 'home', CONTEXT, SYNERGY_QUICK_EXIT_COUNT_MAX='3') as running:
        yield running


def row(system: SystemHarness, process: str) -> BoxProcess | None:
    rows = system.store.box_processes('dev')
    return next((item for item in rows if item.process == process), None)


def pid_of(system: SystemHarness, process: str, other_than: int = 0) -> int:
    """Return the pid of a running process, waiting for it."""

    def pids() -> tuple[int, ...]:
        found = row(system, process)
        return () if found is None or found.state != 'running' else found.pids

    system.wait_for(lambda: bool(pids()) and pids()[0] != other_than, f'a new {process}')
    return pids()[0]


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_killed_process_is_started_again_and_its_work_is_done(system: SystemHarness) -> None:
    system.start('Supervisor')
    pid = pid_of(system, 'PatientDaily')
    system.wait_for(lambda: 'began 2026110100 attempt 1 fence 1' in system.journal(), 'the start')

    os.kill(pid, signal.SIGKILL)

    assert pid_of(system, 'PatientDaily', other_than=pid) != pid
    system.tell('go')
    assert system.wait_final(system.key('PatientDaily')) is JobState.PROCESSED
    again = row(system, 'PatientDaily')
    assert again is not None
    assert again.restart_count == 1


def test_a_frozen_scheduler_is_started_again_so_that_somebody_leads(tmp_path: Path) -> None:
    with SystemHarness(tmp_path / 'home', CONTEXT, SYNERGY_UOW_LEASE_SECONDS='3') as system:
        system.start('Supervisor')
        pid = pid_of(system, 'Scheduler')
        system.wait_for(
            lambda: (
                (found := system.store.leadership()) is not None and found.owner == f'dev:{pid}'
            ),
            'a leader',
        )

        os.kill(pid, signal.SIGSTOP)

        again = pid_of(system, 'Scheduler', other_than=pid)
        system.wait_for(
            lambda: (
                (found := system.store.leadership()) is not None and found.owner == f'dev:{again}'
            ),
            'the next leader',
        )
        log = (system.home / 'logs' / 'supervisor_daemon.log').read_text()
        assert 'Scheduler is stopped by a signal and cannot keep its lease' in log


def test_a_process_that_keeps_ending_is_given_up_and_others_go_on(system: SystemHarness) -> None:
    system.start('Supervisor')

    system.wait_for(
        lambda: (found := row(system, 'UnstartableDaily')) is not None and found.state == 'fatal',
        'FATAL',
    )

    assert system.journal().count('setup') == 3
    assert is_alive(pid_of(system, 'PatientDaily'))
    log = (system.home / 'logs' / 'supervisor_daemon.log').read_text()
    assert 'UnstartableDaily is FATAL' in log
    assert './launch.py start UnstartableDaily' in log
    assert 'no database' in (system.home / 'logs' / 'unstartabledaily_daily.log').read_text()

    # As another box does: nothing but the desired state in the store.
    system.store.set_desired('dev', 'UnstartableDaily', is_on=True)
    system.wait_for(lambda: system.journal().count('setup') == 6, 'three more tries')


def test_a_stop_ends_all_and_leaves_no_pid_file(system: SystemHarness) -> None:
    supervisor = system.start('Supervisor')
    pids = [pid_of(system, name) for name in ('Scheduler', 'PatientDaily')]
    system.tell('go')

    supervisor.terminate()

    assert supervisor.wait(30) == 0
    assert not any(map(is_alive, pids))
    assert list((system.home / 'run').glob('*.pid')) == []


def test_a_killed_supervisor_leaves_no_orphan_and_the_next_one_goes_on(
    system: SystemHarness,
) -> None:
    supervisor = system.start('Supervisor')
    pids = [pid_of(system, name) for name in ('Scheduler', 'PatientDaily')]

    kill(supervisor)
    system.start('Supervisor')

    system.wait_for(lambda: not any(map(is_alive, pids)), 'the end of the orphans')
    system.tell('go')
    assert system.wait_final(system.key('PatientDaily')) is JobState.PROCESSED


def test_a_second_supervisor_on_the_same_home_is_refused(system: SystemHarness) -> None:
    first = system.start('Supervisor')
    pid_of(system, 'Scheduler')

    assert system.start('Supervisor').wait(20) == 5
    log = (system.home / 'logs' / 'supervisor_daemon.log').read_text()
    assert f'in use by the Supervisor with pid {first.pid}' in log


def test_stop_and_start_of_one_process_go_through_the_supervisor(system: SystemHarness) -> None:
    system.start('Supervisor')
    pid = pid_of(system, 'PatientDaily')

    stopped = system.launch('stop', 'PatientDaily')

    assert stopped.returncode == 0, stopped.stderr
    assert not is_alive(pid)
    assert system.launch('query', 'PatientDaily').returncode == 1
    assert system.launch('start', 'PatientDaily').returncode == 0
    assert pid_of(system, 'PatientDaily', other_than=pid) != pid


def test_processes_start_alone_without_a_supervisor(system: SystemHarness) -> None:
    assert system.launch('start', 'PatientDaily').returncode == 0
    assert system.launch('query', 'PatientDaily').returncode == 0
    again = system.launch('start', 'PatientDaily')
    assert again.returncode == 5
    assert 'runs already with pid' in again.stderr
    assert system.launch('stop', 'PatientDaily').returncode == 0
    assert system.launch('stop', 'PatientDaily').returncode == 1


def test_a_dashboard_is_started_when_it_listens(system: SystemHarness) -> None:
    started = system.launch('start', 'MX')
    assert started.returncode == 0, started.stderr
    assert system.launch('stop', 'MX').returncode == 0

    with socket.create_server(('127.0.0.1', 0)) as taken:
        system.environ['SYNERGY_MX_PORT'] = str(taken.getsockname()[1])
        refused = system.launch('start', 'MX')

    assert refused.returncode == 4
    assert 'MX cannot listen on 127.0.0.1' in refused.stderr


def test_a_dashboard_that_would_be_open_to_all_is_refused_at_once(system: SystemHarness) -> None:
    system.environ['SYNERGY_MX_HOST'] = '0.0.0.0'

    refused = system.launch('start', 'MX')
    watched = system.launch('start', 'Supervisor')

    assert refused.returncode == 6
    assert './launch.py user add' in refused.stderr
    assert (watched.returncode, './launch.py user add' in watched.stderr) == (1, True)
    assert system.launch('stop', 'Supervisor').returncode == 0


def test_the_whole_system_starts_in_the_background_and_stops(system: SystemHarness) -> None:
    started = system.launch('start', 'Supervisor')
    # One of its workers cannot be started, and why is said at once.
    assert (started.returncode, 'ConnectionError: no database' in started.stderr) == (1, True)
    assert system.launch('query', 'PatientDaily').returncode == 0
    system.tell('go')
    assert system.wait_final(system.key('PatientDaily')) is JobState.PROCESSED
    again = system.launch('start', 'Supervisor')
    assert again.returncode == 5
    assert 'runs already with pid' in again.stderr

    assert system.launch('stop', 'Supervisor').returncode == 0
    assert system.launch('query').returncode == 1


def test_everything_can_be_stopped_whatever_has_become_of_the_context(
    system: SystemHarness,
) -> None:
    assert system.launch('start', 'Supervisor').returncode == 1
    system.environ['SYNERGY_CONTEXT_MODULE'] = 'tests.pipelines.nothing_of_the_kind'

    refused = system.launch('stop', 'PatientDaily')
    stopped = system.launch('stop', 'Supervisor')

    assert (refused.returncode, stopped.returncode) == (6, 0), stopped.stderr
    assert 'does not run' in system.launch('stop', 'Supervisor').stdout


def test_a_home_that_cannot_be_made_is_said_and_nothing_is_started(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with SystemHarness(tmp_path / 'home', CONTEXT) as system:
        system.environ['SYNERGY_HOME'] = str(tmp_path / 'file' / 'home')

        refused = system.launch('start', 'Supervisor')

    assert refused.returncode == 4
    assert 'file/home' in refused.stderr
    assert 'Traceback' not in refused.stderr


def test_a_restart_waits_until_another_process_is_up(system: SystemHarness) -> None:
    assert system.launch('restart', 'PatientDaily', 'Nobody').returncode == 3
    assert 'no Supervisor runs here' in system.launch('restart', '--all').stderr
    assert 'does not run' in system.launch('restart', 'Supervisor').stderr
    system.start('Supervisor')
    worker, scheduler = pid_of(system, 'PatientDaily'), pid_of(system, 'Scheduler')

    said = system.launch('restart', 'PatientDaily')

    assert (said.returncode, said.stdout) == (
        0,
        'PatientDaily was started again; the Supervisor keeps it\n',
    ), said.stderr
    assert not is_alive(worker)
    assert pid_of(system, 'PatientDaily') != worker
    assert pid_of(system, 'Scheduler') == scheduler
    failed = system.launch('restart', 'UnstartableDaily')
    assert failed.returncode == 4
    assert 'UnstartableDaily' in failed.stderr
