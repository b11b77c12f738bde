"""A box of a round: a Supervisor in a home of its own, started again by us as by an init system."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from synergy import bootstrap
from synergy.adapters.os.processes import OsProcesses
from synergy.bootstrap import PROJECT
from synergy.conf.names import PROCESS_SCHEDULER, PROCESS_SUPERVISOR
from synergy.core.records import ProcessName
from synergy.supervisor.loop import PARENT_VARIABLE
from synergy.supervisor.slots import instance_file

#: As `RestartSec` of the systemd unit.
_RESTART_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 30.0


class Box:
    """One box. prefix: what to write before a command so that it runs in the box's network."""

    def __init__(
        self, box_id: str, environ: Mapping[str, str], prefix: Sequence[str], output: Path
    ) -> None:
        """Name the box; nothing is started. output: where its Supervisor prints."""
        self.box_id = box_id
        self.environ = {
            **environ,
            'SYNERGY_BOX_ID': box_id,
            PARENT_VARIABLE: str(os.getpid()),
        }
        self._prefix = tuple(prefix)
        self._output = output
        self._processes = OsProcesses()
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._start_at = float('-inf')
        _, context = bootstrap.load(environ)
        self._pid_files = {
            (str(entry.name), instance): instance_file(entry.pid_file, instance)
            for entry in context.entries.values()
            if entry.name != PROCESS_SUPERVISOR
            for instance in range(entry.instances)
        }
        self.start_count = 0

    def keep_alive(self) -> None:
        """Start the Supervisor if it does not run, a moment after it ended."""
        if self._supervisor is not None and self._supervisor.poll() is None:
            return
        now = time.monotonic()
        if self._supervisor is not None:
            self._supervisor = None
            self._start_at = now + _RESTART_SECONDS
        if now < self._start_at:
            return
        with self._output.open('ab') as output:
            self._supervisor = subprocess.Popen(
                [
                    *self._prefix, sys.executable, str(PROJECT / 'process_starter.py'),
                    PROCESS_SUPERVISOR,
                ],
                env=self.environ,
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )  # fmt: skip
        self.start_count += 1

    def supervisor_pid(self) -> int | None:
        """Return the pid of the Supervisor while it runs."""
        supervisor = self._supervisor
        return supervisor.pid if supervisor is not None and supervisor.poll() is None else None

    def scheduler_pid(self) -> int | None:
        """Return the pid of the Scheduler while it runs."""
        return self._pid_of(PROCESS_SCHEDULER, 0)

    def workers(self) -> Iterator[tuple[ProcessName, int]]:
        """Yield process and pid of each worker that runs."""
        for process, instance in self._pid_files:
            if process != PROCESS_SCHEDULER:
                pid = self._pid_of(process, instance)
                if pid is not None:
                    yield ProcessName(process), pid

    def pids(self) -> list[int]:
        """Return the pids of everything that runs on the box, the Supervisor first."""
        found = [self.supervisor_pid(), *(self._pid_of(*slot) for slot in self._pid_files)]
        return [pid for pid in found if pid is not None]

    def stop(self) -> None:
        """Stop everything in order, and what does not end in time by force."""
        supervisor = self._supervisor
        for pid in self.pids():
            send(pid, signal.SIGCONT)
        if supervisor is not None and supervisor.poll() is None:
            supervisor.terminate()
            with suppress(subprocess.TimeoutExpired):
                supervisor.wait(_STOP_SECONDS)
        for pid in self.pids():
            send(pid, signal.SIGKILL)
        if supervisor is not None:
            supervisor.wait()

    def _pid_of(self, process: str, instance: int) -> int | None:
        identity = self._processes.recorded(self._pid_files[process, instance])
        return None if identity is None else identity.pid


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)
