"""Pid files: a number alone names nobody."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest

from synergy.adapters.os_processes import OsProcesses


def test_a_recorded_process_is_found_while_it_runs(tmp_path: Path) -> None:
    processes = OsProcesses()
    processes.record(tmp_path / 'a.pid')

    found = processes.recorded(tmp_path / 'a.pid')

    assert found is not None
    assert found.pid == os.getpid()


@pytest.mark.parametrize(
    'text',
    [
        f'{os.getpid()} 1000000000.0',  # The pid was given to another process since.
        f'{os.getpid()} {psutil.Process().create_time()} other-boot/4711',  # The same.
        '4194399 1000000000.0',  # No process has it.
        '',
        'not a number',
    ],
)
def test_a_stale_pid_file_names_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / 'a.pid').write_text(text)

    assert OsProcesses().recorded(tmp_path / 'a.pid') is None


def test_a_process_is_known_and_ended_after_the_clock_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes = OsProcesses()
    processes.record(tmp_path / 'a.pid')
    child = processes.spawn(['sleep', '60'], environment={}, folder=tmp_path, output=None)
    created_at = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, 'create_time', lambda self: created_at(self) - 3600.0)

    found = processes.recorded(tmp_path / 'a.pid')
    is_alive = processes.is_alive(child)
    processes.kill(child)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    ended = processes.reap()

    assert [item.code for item in ended] == [-signal.SIGKILL]
    assert found is not None
    assert is_alive
