"""Starting, stopping and finding the processes of this box from outside the Supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from synergy.bootstrap import Runtime
from synergy.cli.caller import caller_of
from synergy.cli.command import CommandError, ExitCode
from synergy.conf.boxes import is_present
from synergy.conf.model import Entry
from synergy.conf.names import PROCESS_MX, PROCESS_SUPERVISOR
from synergy.core.nearest import nearest
from synergy.core.records import BoxProcess, ProcessName
from synergy.core.supervision import ProcessStatus
from synergy.doors import starter_command
from synergy.mx.web.address import refusal_of
from synergy.operations.boxes import switch_on_box
from synergy.ports.errors import PortError
from synergy.ports.processes import ProcessIdentity
from synergy.supervisor.leftovers import mark_of
from synergy.supervisor.main import pid_file_of
from synergy.supervisor.slots import instance_file, slot_name

#: How long a start may take before the command gives up waiting for it.
START_SECONDS: Final = 15.0
#: Beyond the workers' grace: time to hand back, report and end.
STOP_MARGIN_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """One instance of a process on this box; identity: None when it does not run."""

    process: str
    instance: int
    identity: ProcessIdentity | None


class Control:
    """The processes of one home, through their pid files and the Supervisor."""

    def __init__(self, runtime: Runtime) -> None:
        """Look at nothing yet."""
        self._runtime = runtime
        self._settings = runtime.settings

    def entry(self, name: str, box_id: str | None = None) -> Entry:
        """Return the entry called `name`; raise CommandError (3) when there is none on the box.

        box_id: this one when not given.
        """
        box_id = box_id or self._settings.box_id
        known = self._runtime.context.entries
        entry = known.get(ProcessName(name))
        if entry is None:
            raise CommandError(
                f'process {name!r} is not registered{nearest(name, known)}; '
                './launch.py list shows all',
                ExitCode.UNKNOWN,
            )
        is_here = name == PROCESS_SUPERVISOR or is_present(entry.present_on_boxes, box_id)
        if not is_here:
            raise CommandError(
                f'{name} does not belong on box {box_id!r}: its present_on_boxes is '
                f'{list(entry.present_on_boxes)}; start it elsewhere or change the entry',
                ExitCode.UNKNOWN,
            )
        return entry

    def supervisor(self) -> ProcessIdentity | None:
        """Return the Supervisor of this home, if one runs."""
        return self._runtime.processes.recorded(pid_file_of(self._settings))

    def instances(self, entry: Entry) -> Iterator[Running]:
        """Yield the instances of an entry, running or not."""
        for instance in range(entry.instances):
            yield Running(entry.name, instance, self._recorded(entry, instance))

    def start_supervisor(self) -> int:
        """Start the Supervisor in the background; return its pid once it runs."""
        running = self.supervisor()
        if running is not None:
            raise CommandError(
                f'the {PROCESS_SUPERVISOR} of home {self._settings.home} runs already with pid '
                f'{running.pid}; stop it with ./launch.py stop {PROCESS_SUPERVISOR}',
                ExitCode.CONFLICT,
            )
        entry = self.entry(PROCESS_SUPERVISOR)
        return self._start_daemon(entry, 0, self.supervisor)

    def start_alone(self, entry: Entry) -> list[int]:
        """Start all instances of an entry without a Supervisor; return their pids."""
        self.refuse_running(entry)
        pids = [
            self._start_daemon(entry, number, partial(self._recorded, entry, number))
            for number in range(entry.instances)
        ]
        if entry.name == PROCESS_MX:
            self._await_listening(entry)
        return pids

    def refusal_of_mx(self) -> str | None:
        """Return why the dashboard would not listen; None when it would, or nobody can tell."""
        try:
            with closing(self._runtime.open_store()) as store:
                has_users = bool(store.users())
        except PortError:
            return None
        return refusal_of(self._settings, has_users=has_users)

    def refuse_running(self, entry: Entry) -> None:
        """Raise CommandError (5) when an instance runs already."""
        for item in self.instances(entry):
            if item.identity is not None:
                raise CommandError(
                    f'{entry.name} runs already with pid {item.identity.pid}; '
                    f'stop it with ./launch.py stop {entry.name}',
                    ExitCode.CONFLICT,
                )

    def set_desired(self, entry: Entry, *, is_on: bool) -> bool:
        """Tell the running Supervisor what is wanted; tell whether it has come about in time."""
        wanted = ProcessStatus.RUNNING if is_on else ProcessStatus.STOPPED
        store = self._runtime.open_store()
        action = 'start' if is_on else 'stop'
        switch_on_box(caller_of(self._runtime, store), self._settings.box_id, entry.name, action)
        self.ring()

        def has_come() -> bool:
            return any(
                row.process == entry.name and row.state == wanted and self._is_of_use(row)
                for row in store.box_processes(self._settings.box_id)
            )

        return self._wait(has_come, self._patience(is_on))

    def stop(self, identity: ProcessIdentity) -> bool:
        """Ask a process to end; tell whether it has ended in time."""
        processes = self._runtime.processes
        processes.terminate(identity)
        return self._wait(lambda: not processes.is_alive(identity), self._patience(False))

    def ring(self) -> None:
        """Let the Supervisor of this home, if one runs, look at once what is desired."""
        supervisor = self.supervisor()
        if supervisor is not None:
            os.kill(supervisor.pid, signal.SIGHUP)

    def _is_of_use(self, row: BoxProcess) -> bool:
        """Tell whether a process on this box does what it is for: MX only while it listens."""
        if row.process != PROCESS_MX or not row.is_on:
            return True
        found = [self._runtime.processes.identify(pid) for pid in row.pids]
        return any(
            identity is not None and self._runtime.processes.is_listening(identity)
            for identity in found
        )

    def _await_listening(self, entry: Entry) -> None:
        """Wait until MX listens; raise CommandError, with its last words, when it ends instead."""
        processes = self._runtime.processes

        def is_settled() -> bool:
            identity = self._recorded(entry, 0)
            return identity is None or processes.is_listening(identity)

        is_in_time = self._wait(is_settled, START_SECONDS)
        if self._recorded(entry, 0) is not None and is_in_time:
            return
        raise CommandError(
            f'{entry.name} does not listen; the end of its log, {entry.log_file}:\n'
            f'{_last_line(entry.log_file)}',
            ExitCode.UNAVAILABLE,
        )

    def _recorded(self, entry: Entry, instance: int) -> ProcessIdentity | None:
        return self._runtime.processes.recorded(instance_file(entry.pid_file, instance))

    def _patience(self, is_on: bool) -> float:
        if is_on:
            return START_SECONDS
        return self._settings.stop_grace.total_seconds() + STOP_MARGIN_SECONDS

    def _start_daemon(
        self,
        entry: Entry,
        instance: int,
        look: Callable[[], ProcessIdentity | None],
    ) -> int:
        """Start one process in the background; raise CommandError when it ends at once."""
        log_file = instance_file(entry.log_file, instance)
        is_alone = entry.name != PROCESS_SUPERVISOR
        mark = mark_of(self._settings.home, slot_name(entry.name, instance)) if is_alone else {}
        done = subprocess.run(
            starter_command(entry.name, instance, '--daemon'),
            env={**os.environ, **mark},
            cwd=self._settings.project,
            # Never the caller's: what it reads from may be open for ever.
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding='utf-8',
            errors='replace',
            check=False,
        )
        if done.returncode != 0:
            raise CommandError(
                (done.stderr or done.stdout).strip()
                or f'{entry.name} ended with {done.returncode}',
                ExitCode(done.returncode)
                if done.returncode in set(ExitCode)
                else ExitCode.UNAVAILABLE,
            )
        if not self._wait(lambda: look() is not None, START_SECONDS):
            raise CommandError(
                f'{entry.name} did not start; its log is {log_file}', ExitCode.UNAVAILABLE
            )
        identity = look()
        if identity is None:
            raise CommandError(
                f'{entry.name} ended at once; its log is {log_file}', ExitCode.UNAVAILABLE
            )
        return identity.pid

    def _wait(self, is_done: Callable[[], bool], seconds: float) -> bool:
        clock = self._runtime.clock
        until = clock.monotonic() + seconds
        while not is_done():
            if clock.monotonic() >= until:
                return False
            clock.sleep(_LOOK_SECONDS)
        return True


def _last_line(file: Path) -> str:
    try:
        return file.read_text(errors='replace').rstrip().rpartition('\n')[2]
    except OSError as error:
        return f'it cannot be read ({error.strerror})'


def entries_of(runtime: Runtime) -> Mapping[str, Entry]:
    """Return everything that may run on this box, the Supervisor first."""
    context, box_id = runtime.context, runtime.settings.box_id
    found: dict[str, Entry] = {PROCESS_SUPERVISOR: context.daemons[ProcessName(PROCESS_SUPERVISOR)]}
    for entry in context.entries.values():
        if is_present(entry.present_on_boxes, box_id):
            found[entry.name] = entry
    return found
