"""Starting, stopping and finding the processes of this box from outside the Supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from synergy.bootstrap import Runtime
from synergy.cli.caller import caller_of
from synergy.cli.command import CommandError, ExitCode
from synergy.conf.boxes import is_present
from synergy.conf.built_in import nothing_to_watch
from synergy.conf.group_words import grouped_text
from synergy.conf.model import DaemonEntry, Entry
from synergy.conf.names import PROCESS_MX, PROCESS_SUPERVISOR
from synergy.core.last_words import last_words
from synergy.core.nearest import nearest
from synergy.core.records import BoxProcess, ProcessName
from synergy.core.structs import Struct
from synergy.core.supervision import ProcessStatus
from synergy.doors import starter_command
from synergy.mx.web.address import refusal_of
from synergy.operations.boxes import switch_on_box
from synergy.ports.errors import PortError
from synergy.ports.processes import ProcessIdentity
from synergy.supervisor.leftovers import mark_of
from synergy.supervisor.main import pid_file_of
from synergy.supervisor.outputs import size_of, written_since
from synergy.supervisor.slots import instance_file, slot_name
from synergy.view.boxes import does_not_start

#: How long a start may take before the command gives up waiting for it.
START_SECONDS: Final = 15.0
#: The same for everything on a box.
ALL_SECONDS: Final = 30.0
#: Beyond the workers' grace: time to hand back, report and end.
STOP_MARGIN_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.05
#: What was reported so long ago is of the start that is waited for.
_JUST_NOW: Final = timedelta(seconds=5)


class Running(Struct, frozen=True):
    """One instance of a process on this box; identity: None when it does not run."""

    process: str
    instance: int
    identity: ProcessIdentity | None


class Start(Struct, frozen=True):
    """An instance that is about to be started. log_size: of its log before that."""

    instance: int
    log_file: Path
    log_size: int

    @classmethod
    def of(cls, log_file: Path, instance: int) -> Start:
        """Return the start of an instance, as of now."""
        return cls(instance, log_file, size_of(log_file))


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
            own = grouped_text(self._runtime.context, name) or nothing_to_watch(name)
            raise CommandError(
                own
                or f'process {name!r} is not registered{nearest(name, known)}; '
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
        return self._start_daemon(entry, Start.of(entry.log_file, 0), self.supervisor)

    def start_alone(self, entry: Entry) -> list[int]:
        """Start all instances of an entry without a Supervisor; return their pids once all are up.

        Raises CommandError, with the last words of the log, when one of them ends instead.
        """
        self.refuse_running(entry)
        starts = [Start.of(instance_file(entry.log_file, n), n) for n in range(entry.instances)]
        pids = [
            self._start_daemon(entry, start, partial(self._recorded, entry, start.instance))
            for start in starts
        ]
        for start in starts:
            self._await_up(entry, start)
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
        """Tell the running Supervisor what is wanted; tell whether it has come about in time.

        Raises CommandError when what is to run has ended instead.
        """
        wanted = ProcessStatus.RUNNING if is_on else ProcessStatus.STOPPED
        store = self._runtime.open_store()
        action = 'start' if is_on else 'stop'
        asked_at = self._runtime.clock.now()
        switch_on_box(caller_of(self._runtime, store), self._settings.box_id, entry.name, action)
        self.ring()

        def has_come() -> bool:
            rows = store.box_processes(self._settings.box_id)
            row = next((item for item in rows if item.process == entry.name), None)
            if is_on and row is not None and (why := failure_since(row, asked_at)) is not None:
                raise CommandError(why, ExitCode.UNAVAILABLE)
            return row is not None and row.state == wanted and (not is_on or self.is_up(entry))

        return self.wait(has_come, self.patience(is_on))

    def await_all(self, but: Collection[str] = ()) -> Sequence[str]:
        """Wait until everything that belongs on this box is up; return what is not, as sentences.

        The Supervisor runs. What is switched off, or does not work because the box drains, is not
        waited for.
        """
        store = self._runtime.open_store()
        started_at = self._runtime.clock.now() - _JUST_NOW
        problems: dict[str, str] = {}

        def is_settled() -> bool:
            rows = {row.process: row for row in store.box_processes(self._settings.box_id)}
            own = (box for box in store.boxes() if box.box_id == self._settings.box_id)
            is_drained = any(box.is_draining for box in own)
            problems.clear()
            for entry in entries_of(self._runtime).values():
                row = rows.get(entry.name)
                if entry.name in (PROCESS_SUPERVISOR, *but) or (row is not None and not row.is_on):
                    continue
                if self.is_up(entry) or (is_drained and not isinstance(entry, DaemonEntry)):
                    continue
                said = None if row is None else failure_since(row, started_at)
                problems[entry.name] = said or (
                    f'{entry.name} still starts; its log is {entry.log_file}'
                )
            return all(' still starts' not in text for text in problems.values())

        self.wait(is_settled, ALL_SECONDS)
        return list(problems.values())

    def stop(self, identity: ProcessIdentity) -> bool:
        """Ask a process to end; tell whether it has ended in time."""
        processes = self._runtime.processes
        processes.terminate(identity)
        return self.wait(lambda: not processes.is_alive(identity), self.patience(False))

    def ring(self) -> None:
        """Let the Supervisor of this home, if one runs, look at once what is desired."""
        supervisor = self.supervisor()
        if supervisor is not None:
            os.kill(supervisor.pid, signal.SIGHUP)

    def is_up(self, entry: Entry) -> bool:
        """Tell whether all instances of an entry do what they are for."""
        return all(self._is_instance_up(entry, item.instance) for item in self.instances(entry))

    def _is_instance_up(self, entry: Entry, instance: int) -> bool:
        processes = self._runtime.processes
        identity = self._recorded(entry, instance)
        if identity is None or (entry.name == PROCESS_MX and not processes.is_listening(identity)):
            return False
        return processes.is_up(instance_file(entry.pid_file, instance), identity)

    def _await_up(self, entry: Entry, start: Start) -> None:
        """Wait until an instance is up; raise CommandError when it ends instead."""

        def is_settled() -> bool:
            is_gone = self._recorded(entry, start.instance) is None
            return is_gone or self._is_instance_up(entry, start.instance)

        is_in_time = self.wait(is_settled, START_SECONDS)
        if self._recorded(entry, start.instance) is None:
            raise CommandError(_ended(entry, start), ExitCode.UNAVAILABLE)
        if not is_in_time:
            raise CommandError(
                f'{entry.name} runs, but still starts after {START_SECONDS:.0f} s; its log is '
                f'{start.log_file}',
                ExitCode.UNAVAILABLE,
            )

    def _recorded(self, entry: Entry, instance: int) -> ProcessIdentity | None:
        return self._runtime.processes.recorded(instance_file(entry.pid_file, instance))

    def patience(self, is_on: bool) -> float:
        """Return the seconds that a start, or a stop, may take."""
        if is_on:
            return START_SECONDS
        return self._settings.stop_grace.total_seconds() + STOP_MARGIN_SECONDS

    def _start_daemon(
        self,
        entry: Entry,
        start: Start,
        look: Callable[[], ProcessIdentity | None],
    ) -> int:
        """Start one process in the background; raise CommandError when it ends at once."""
        is_alone = entry.name != PROCESS_SUPERVISOR
        mark = (
            mark_of(self._settings.home, slot_name(entry.name, start.instance)) if is_alone else {}
        )
        done = subprocess.run(
            starter_command(entry.name, start.instance, '--daemon'),
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
        seen: list[ProcessIdentity] = []

        def is_settled() -> bool:
            found = look()
            seen.extend([] if found is None else [found])
            # It may have come and gone between two looks; then its log has grown.
            return bool(seen) or _has_ended(start)

        self.wait(is_settled, START_SECONDS)
        identity = look()
        if identity is None:
            raise CommandError(_ended(entry, start), ExitCode.UNAVAILABLE)
        return identity.pid

    def wait(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Look until something has come about, at most for so long; tell whether it has."""
        clock = self._runtime.clock
        until = clock.monotonic() + seconds
        while not is_done():
            if clock.monotonic() >= until:
                return False
            clock.sleep(_LOOK_SECONDS)
        return True


def _ended(entry: Entry, start: Start) -> str:
    """Return what is said of an instance that ended while it was started."""
    words = last_words(written_since(start.log_file, start.log_size))
    said = f': {words}' if words is not None else ''
    return f'{entry.name} does not start{said}; its log is {start.log_file}'


def _has_ended(start: Start) -> bool:
    """Tell whether a process that is being started has said that it ended."""
    return last_words(written_since(start.log_file, start.log_size)) is not None


def failure_since(row: BoxProcess, instant: datetime) -> str | None:
    """Return that a process on this box has ended since; None while it may still come up."""
    is_ill = row.state in (ProcessStatus.BACKOFF, ProcessStatus.FATAL)
    if not is_ill or row.changed_at is None or row.changed_at < instant:
        return None
    return does_not_start(row)


def entries_of(runtime: Runtime) -> Mapping[str, Entry]:
    """Return everything that may run on this box, the Supervisor first."""
    context, box_id = runtime.context, runtime.settings.box_id
    found: dict[str, Entry] = {PROCESS_SUPERVISOR: context.daemons[ProcessName(PROCESS_SUPERVISOR)]}
    for entry in context.entries.values():
        if is_present(entry.present_on_boxes, box_id):
            found[entry.name] = entry
    return found
