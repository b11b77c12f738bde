"""Pid files: a number alone names nobody."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from synergy.adapters.os.processes import OsProcesses
from synergy.ports.processes import ProcessIdentity


def test_a_recorded_process_is_found_while_it_runs(tmp_path: Path) -> None:
    processes = OsProcesses()
    processes.record(tmp_path / 'a.pid')

    found = processes.recorded(tmp_path / 'a.pid')

    assert found is not None
    assert found.pid == os.getpid()


@pytest.mark.parametrize(
    'text',
    [
        '{own} 1000000000.0 boot',  # The pid was given to another process since.
        '4194399 1000000000.0 boot',  # No process has it.
        '',
        'not a number',
    ],
)
def test_a_stale_pid_file_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / 'a.pid').write_text(text.format(own=os.getpid()))

    assert OsProcesses().recorded(tmp_path / 'a.pid') is None


def test_a_process_is_known_by_a_clock_that_nobody_sets() -> None:
    found = OsProcesses().identify(os.getpid())

    assert found is not None
    assert 0 < found.created_at <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_it_tells_whether_a_process_listens() -> None:
    processes = OsProcesses()
    own = processes.identify(os.getpid())
    assert own is not None
    gone = ProcessIdentity(pid=4194399, created_at=1.0)

    assert not processes.is_listening(gone)
    with socket.create_server(('127.0.0.1', 0)):
        assert processes.is_listening(own)


def test_it_measures_what_runs_and_leaves_out_what_has_ended() -> None:
    processes = OsProcesses()
    own = processes.identify(os.getpid())
    assert own is not None
    gone = ProcessIdentity(pid=4194399, created_at=1.0)

    load = processes.load([('Supervisor', own), ('MX', gone)])

    assert load is not None
    (found,) = load.processes
    assert (found.process, found.pid) == ('Supervisor', os.getpid())
    assert found.memory_bytes > 1_000_000
    assert load.cpu_count >= 1
    assert 0 < load.memory_percent <= 100


def test_a_pid_file_from_before_the_machine_was_started_names_nobody(tmp_path: Path) -> None:
    processes = OsProcesses()
    processes.record(tmp_path / 'a.pid')
    pid, created_at, _boot = (tmp_path / 'a.pid').read_text().split()
    (tmp_path / 'a.pid').write_text(f'{pid} {created_at} another-boot')

    assert processes.recorded(tmp_path / 'a.pid') is None
