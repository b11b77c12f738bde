"""Processes of this box, through subprocess and psutil."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import psutil

from synergy import private
from synergy.core.box_load import BoxLoad, ProcessLoad
from synergy.ports.processes import ChildExit, ProcessIdentity

#: Source: prctl(2).
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NAME: Final = 15
#: What the kernel keeps of a name. Source: prctl(2).
_NAME_BYTES: Final = 15
#: psutil rounds; two readings of one process differ by less, two processes by more.
_SAME_SECONDS: Final = 0.05


class OsProcesses:
    """Start, watch and stop processes of this machine."""

    def __init__(self) -> None:
        """Know no children yet."""
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        # Kept from one measurement to the next: psutil counts CPU time in between.
        self._measured: dict[ProcessIdentity, psutil.Process] = {}

    def spawn(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        output: Path | None,
    ) -> ProcessIdentity:
        """Start a child in a session of its own."""
        stream: int | None = None
        if output is not None:
            private.make_folder(output.parent)
            stream = private.open_file(output, os.O_WRONLY | os.O_APPEND)
        try:
            child = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        finally:
            if stream is not None:
                os.close(stream)
        self._children[child.pid] = child
        # A child that has ended already is a zombie until reaped, so it still has its identity.
        return self.identify(child.pid) or ProcessIdentity(pid=child.pid, created_at=0.0)

    def reap(self) -> Sequence[ChildExit]:
        """Return the children that have ended since the last call."""
        ended = [
            ChildExit(pid=pid, code=code)
            for pid, child in self._children.items()
            if (code := child.poll()) is not None
        ]
        for item in ended:
            del self._children[item.pid]
        return ended

    def is_alive(self, identity: ProcessIdentity) -> bool:
        """Tell whether that very process runs."""
        try:
            is_same = abs(_created_at(identity.pid) - identity.created_at) < _SAME_SECONDS
            return is_same and psutil.Process(identity.pid).status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return False

    def is_listening(self, identity: ProcessIdentity) -> bool:
        """Tell whether that very process answers on some port; True where nobody may look."""
        try:
            found = psutil.Process(identity.pid).net_connections('tcp')
        except psutil.AccessDenied:
            return True
        except (psutil.Error, OSError):
            return False
        is_open = any(item.status == psutil.CONN_LISTEN for item in found)
        return is_open and self.is_alive(identity)

    def identify(self, pid: int) -> ProcessIdentity | None:
        """Return the identity of the process that has `pid` now."""
        try:
            return ProcessIdentity(pid=pid, created_at=_created_at(pid))
        except (psutil.Error, OSError):
            return None

    def started_at(self, identity: ProcessIdentity) -> datetime | None:
        """Return when a process was started, in UTC and without fractions of a second."""
        try:
            found = psutil.Process(identity.pid)
            return _started_at(found) if self.is_alive(identity) else None
        except (psutil.Error, OSError):
            return None

    def load(self, identities: Sequence[tuple[str, ProcessIdentity]]) -> BoxLoad | None:
        """Measure how busy this box and these of its processes are."""
        measured: dict[ProcessIdentity, psutil.Process] = {}
        loads: list[ProcessLoad] = []
        for name, identity in identities:
            try:
                found = self._measured.get(identity) or psutil.Process(identity.pid)
                with found.oneshot():
                    loads.append(_load_of(name, found))
                measured[identity] = found
            except (psutil.Error, OSError):
                continue
        self._measured = measured
        try:
            return BoxLoad(
                load_average=round(os.getloadavg()[0], 2),
                cpu_count=psutil.cpu_count() or 1,
                memory_percent=psutil.virtual_memory().percent,
                processes=tuple(loads),
            )
        except (psutil.Error, OSError):
            return None

    def terminate(self, identity: ProcessIdentity) -> None:
        """Ask a process to end."""
        self._send(identity, signal.SIGTERM)

    def drain(self, identity: ProcessIdentity) -> None:
        """Ask a worker to take no more and to end when its run does."""
        self._send(identity, signal.SIGUSR2)

    def _send(self, identity: ProcessIdentity, number: signal.Signals) -> None:
        if self.is_alive(identity):
            with suppress(ProcessLookupError):
                os.kill(identity.pid, number)

    def kill(self, identity: ProcessIdentity) -> None:
        """End a process and its group at once."""
        if not self.is_alive(identity):
            return
        with suppress(ProcessLookupError, PermissionError):
            if os.getpgid(identity.pid) == identity.pid:
                os.killpg(identity.pid, signal.SIGKILL)
            else:
                os.kill(identity.pid, signal.SIGKILL)

    def record(self, pid_file: Path) -> None:
        """Write this very process's identity into a pid file."""
        _up_file(pid_file).unlink(missing_ok=True)
        self._write_identity(pid_file)

    def record_up(self, pid_file: Path) -> None:
        """Write beside a pid file that this very process has begun to do what it is for."""
        # Without it others wait longer for this process, which must not end because of that.
        with suppress(OSError):
            self._write_identity(_up_file(pid_file))

    def is_up(self, pid_file: Path, identity: ProcessIdentity) -> bool:
        """Tell whether that very process has begun to do what it is for."""
        return self.recorded(_up_file(pid_file)) == identity

    def _write_identity(self, pid_file: Path) -> None:
        identity = self.identify(os.getpid())
        assert identity is not None, 'this process runs'
        private.make_folder(pid_file.parent)
        private.write_text(pid_file, f'{identity.pid} {identity.created_at} {_boot_id()}\n')

    def recorded(self, pid_file: Path) -> ProcessIdentity | None:
        """Return the process that a pid file names, if that very process still runs."""
        try:
            pid, created_at, boot_id = pid_file.read_text(encoding='utf-8').split()
            identity = ProcessIdentity(pid=int(pid), created_at=float(created_at))
            writer = pid_file.lstat().st_uid
        except (OSError, ValueError):
            return None
        is_found = boot_id == _boot_id() and self.is_alive(identity)
        # Whoever may write there must not have others stop what is not theirs.
        return identity if is_found and writer in (0, _owner_of(identity.pid)) else None

    def forget(self, pid_file: Path) -> None:
        """Remove a pid file, and what stands beside it, if they are there."""
        _up_file(pid_file).unlink(missing_ok=True)
        pid_file.unlink(missing_ok=True)


def _up_file(pid_file: Path) -> Path:
    return pid_file.with_suffix('.up')


def _load_of(name: str, found: psutil.Process) -> ProcessLoad:
    return ProcessLoad(
        process=name,
        pid=found.pid,
        started_at=_started_at(found),
        cpu_percent=round(found.cpu_percent(), 1),
        memory_bytes=found.memory_info().rss,
    )


def _started_at(found: psutil.Process) -> datetime:
    return datetime.fromtimestamp(found.create_time(), UTC).replace(microsecond=0)


def _created_at(pid: int) -> float:
    """Return when a process started, in seconds since the machine did.

    Not psutil's create_time, which counts from 1970: when somebody sets the clock, it would be
    another for the same process, which then could neither be found nor stopped.
    Source: proc(5), field starttime of /proc/PID/stat.
    """
    if sys.platform != 'linux':
        return psutil.Process(pid).create_time()
    # The name, in parentheses, may hold spaces and parentheses itself.
    # It is bytes: the kernel cuts it after 15, in the middle of a letter, too.
    fields = Path(f'/proc/{pid}/stat').read_bytes().rpartition(b')')[2].split()
    return int(fields[19]) / os.sysconf('SC_CLK_TCK')


def _owner_of(pid: int) -> int | None:
    try:
        return psutil.Process(pid).uids().effective
    except psutil.Error:
        return None


def _boot_id() -> str:
    """Return what tells this run of the machine from others."""
    try:
        return Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    except OSError:
        return '-'


def die_with(parent_pid: int) -> bool:
    """Arrange that this process gets SIGTERM when `parent_pid`, its parent, dies.

    Returns False when the parent has died already. Linux only; elsewhere an orphan lives until the
    next supervisor of its home finds it by its pid file. Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform == 'linux':
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    return os.getppid() == parent_pid


def show_as(title: str) -> None:
    """Give this process a name of its own in `ps` and `top` (15 characters; Linux only)."""
    if sys.platform == 'linux':
        # Cut after a whole letter: whoever lists processes would have to guess.
        name = title.encode(errors='replace')[:_NAME_BYTES].decode(errors='ignore').encode()
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NAME, name, 0, 0, 0)


def shown_as() -> str:
    """Return the name under which this process shows, as `show_as` has set it."""
    try:
        return Path('/proc/self/comm').read_text(encoding='utf-8', errors='replace').strip()
    except OSError:
        return Path(sys.argv[0]).name
