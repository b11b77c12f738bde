"""Descendants of this process: found, ended and reaped, however they detached themselves.

On Linux a process may declare itself the parent of all orphans below it (PR_SET_CHILD_SUBREAPER):
then neither `setsid` nor a double fork leads out of its tree. Elsewhere orphans belong to init, and
only what did not detach itself is found. Signals go through a pidfd where there are such, so that
none reaches a process that has been given the pid since. Sources: prctl(2), pidfd_open(2), proc(5).
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

import psutil

from synergy.core.structs import Struct
from synergy.ports.processes import ProcessIdentity

logger = logging.getLogger(__name__)

_PR_SET_CHILD_SUBREAPER: Final = 36
_IS_LINUX: Final = sys.platform == 'linux'
#: How long after SIGKILL a process may take to go: a large one gives back its memory first.
_KILL_SECONDS: Final = 5.0
_LOOK_SECONDS_MIN: Final = 0.002
_LOOK_SECONDS_MAX: Final = 0.05
#: None must be found this many times in a row: a parent that ends during a look hides what is below
#: it.
_CLEAN_LOOKS: Final = 2
#: At most this many are named.
_NAMES_MAX: Final = 50


class _Seen(Struct, frozen=True):
    """A process, as one look has shown it."""

    identity: ProcessIdentity
    parent: int
    is_zombie: bool
    is_frozen: bool
    name: str


class OsDescendants:
    """The descendants of the process that calls."""

    def adopt(self) -> None:
        """Become the parent of orphans; Linux only."""
        if _IS_LINUX:
            ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def are_none(self) -> bool:
        """Tell whether there are none."""
        try:
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return True
        except AttributeError:  # macOS has it since Python 3.13.
            return not psutil.Process().children()
        return False

    def children(self) -> Collection[int]:
        """Return the pids of children."""
        own = os.getpid()
        listed = _listed_children(own)
        if listed is not None:
            return listed
        return [seen.identity.pid for seen in _all().values() if seen.parent == own]

    def find(self, without: Collection[int] = ()) -> Mapping[ProcessIdentity, str]:
        """Return those that run, with their names."""
        found: dict[ProcessIdentity, str] = {}
        waiting = [os.getpid()]
        while waiting:
            children = _listed_children(waiting.pop())
            if children is None:  # A kernel that does not list them.
                return _below(os.getpid(), without)
            for pid in children:
                seen = None if pid in without else _look_at(pid)
                if seen is not None:
                    waiting.append(pid)
                    if not seen.is_zombie:
                        found[seen.identity] = seen.name
        return found

    def end(
        self,
        *,
        kept: Collection[ProcessIdentity] = (),
        without: Collection[int] = (),
        grace: timedelta = timedelta(0),
    ) -> Sequence[str]:
        """End those that run."""

        def look(*, is_thorough: bool) -> Mapping[ProcessIdentity, str]:
            found = _below(os.getpid(), without) if is_thorough else self.find(without)
            return {identity: name for identity, name in found.items() if identity not in kept}

        return _end(look, grace)

    def are_frozen(self, identities: Collection[ProcessIdentity]) -> Collection[ProcessIdentity]:
        """Return those that are stopped."""
        looks = [(identity, _look_at(identity.pid)) for identity in identities]
        return [
            identity
            for identity, seen in looks
            if seen is not None and seen.is_frozen and seen.identity == identity
        ]

    def end_marked(
        self, mark: str, *, but: Collection[ProcessIdentity], grace: timedelta
    ) -> Sequence[str]:
        """End those that were started with a mark."""
        sought = b'\0' + mark.encode()
        return _end(lambda **_: _marked(sought, but), grace) if _IS_LINUX else ()

    def reap(self, but: Collection[int] = ()) -> None:
        """Reap zombies."""
        for pid in self.children():
            if pid not in but:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


class _Look(Protocol):
    """Finds what is to be ended; thoroughly when it must not miss any, otherwise quickly."""

    def __call__(self, *, is_thorough: bool) -> Mapping[ProcessIdentity, str]: ...


def _end(look: _Look, grace: timedelta) -> Sequence[str]:
    """Ask what `look` finds to end, then kill it; return all names, in the order of their pids."""
    names: dict[ProcessIdentity, str] = {}
    kill_at = time.monotonic() + grace.total_seconds()
    clean_count = 0
    pause = _LOOK_SECONDS_MIN
    while clean_count < _CLEAN_LOOKS:
        # Quickly: a process that forks and ends, over and over, has gone on after a long look.
        found = look(is_thorough=False) or look(is_thorough=True)
        clean_count = 0 if found else clean_count + 1
        now = time.monotonic()
        if found and now >= kill_at + _KILL_SECONDS:
            logger.error(
                'cannot be ended, they belong to somebody else, are stuck in the kernel or start '
                'others without end: %s',
                ', '.join(found.values()),
                extra={'event': 'processes_stuck'},
            )
            break
        for identity in found:
            if now >= kill_at:
                _send(identity, signal.SIGKILL)
            elif identity not in names:
                _send(identity, signal.SIGTERM)
                _send(identity, signal.SIGCONT)
        is_new = bool(found.keys() - names.keys())
        names |= dict(list(found.items())[: _NAMES_MAX - len(names)])
        if found and not (is_new and now >= kill_at):
            time.sleep(pause)
            pause = min(pause * 2, _LOOK_SECONDS_MAX)
    return [names[identity] for identity in sorted(names, key=lambda item: item.pid)]


def _send(identity: ProcessIdentity, number: signal.Signals) -> None:
    """Send a signal to that very process; that it has ended or is not ours is not an error."""
    with suppress(OSError):
        try:
            handle = os.pidfd_open(identity.pid)
        except (AttributeError, NotImplementedError):
            os.kill(identity.pid, number)
            return
        try:
            # What the handle leads to cannot change any more; see that it is the right one.
            seen = _look_at(identity.pid)
            if seen is not None and seen.identity == identity:
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def _marked(mark: bytes, but: Collection[ProcessIdentity]) -> Mapping[ProcessIdentity, str]:
    seen_by_pid = _all()
    spared = {os.getpid(), *_above(os.getpid(), seen_by_pid)}
    found = {}
    for pid, seen in seen_by_pid.items():
        if seen.is_zombie or pid in spared or not _is_started_with(pid, mark):
            continue
        line = [seen, *(seen_by_pid[above] for above in _above(pid, seen_by_pid))]
        if not any(item.identity in but for item in line):
            found[seen.identity] = seen.name
    return found


def _is_started_with(pid: int, mark: bytes) -> bool:
    try:
        return mark in b'\0' + Path(f'/proc/{pid}/environ').read_bytes()
    except OSError:
        return False


def _above(pid: int, seen_by_pid: Mapping[int, _Seen]) -> Iterable[int]:
    """Yield the ancestors of a process, as far as they are known; never in a circle."""
    passed = {pid}
    while (seen := seen_by_pid.get(pid)) is not None and seen.parent not in passed:
        pid = seen.parent
        passed.add(pid)
        if pid in seen_by_pid:
            yield pid


def _below(root: int, without: Collection[int]) -> dict[ProcessIdentity, str]:
    """Look at all processes of the machine; slower than `_listed_children`, and misses nothing."""
    children_by_pid: dict[int, list[_Seen]] = {}
    for seen in _all().values():
        children_by_pid.setdefault(seen.parent, []).append(seen)
    found: dict[ProcessIdentity, str] = {}
    waiting = [root]
    while waiting:
        for seen in children_by_pid.pop(waiting.pop(), ()):
            if seen.identity.pid in without:
                continue
            waiting.append(seen.identity.pid)
            if not seen.is_zombie:
                found[seen.identity] = seen.name
    return found


def _all() -> dict[int, _Seen]:
    pids = [int(name) for name in os.listdir('/proc') if name.isdigit()] if _IS_LINUX else None  # noqa: PTH208
    found = {}
    for pid in psutil.pids() if pids is None else pids:
        seen = _look_at(pid)
        if seen is not None:
            found[pid] = seen
    return found


def _look_at(pid: int) -> _Seen | None:
    """Return what a process is; None when there is none."""
    if not _IS_LINUX:
        return _look_with_psutil(pid)
    try:
        with open(f'/proc/{pid}/stat', 'rb', buffering=0) as file:  # noqa: PTH123 - thousands
            text = file.read(1024)
    except OSError:
        return None
    # The name, in parentheses, may hold spaces and parentheses itself.
    head, _, tail = text.rpartition(b')')
    fields = tail.split()
    identity = ProcessIdentity(pid=pid, created_at=int(fields[19]) / _TICKS)
    name = head.partition(b'(')[2].decode(errors='replace')
    state = fields[0]
    is_zombie = state in (b'Z', b'X')
    return _Seen(identity, int(fields[1]), is_zombie, state == b'T', _named(name, pid))


def _look_with_psutil(pid: int) -> _Seen | None:
    try:
        found = psutil.Process(pid)
        with found.oneshot():
            return _Seen(
                ProcessIdentity(pid=pid, created_at=found.create_time()),
                found.ppid(),
                found.status() == psutil.STATUS_ZOMBIE,
                found.status() == psutil.STATUS_STOPPED,
                _named(found.name(), pid),
            )
    except (psutil.Error, OSError):
        return None


_TICKS: Final = os.sysconf('SC_CLK_TCK')


def _named(name: str, pid: int) -> str:
    """Return a name for people. Not the command line: it may hold what nobody should read."""
    shown = ''.join(letter if letter.isprintable() else '?' for letter in name)
    return f'{shown} (pid {pid})'


def _listed_children(pid: int) -> list[int] | None:
    """Return the children that the kernel lists; None where it does not list any.

    Source: proc(5), /proc/PID/task/TID/children, of kernels with CONFIG_PROC_CHILDREN. While a
    process forks and others end, one may be left out.
    """
    if not _HAS_LISTS:
        return None
    found: list[int] = []
    with suppress(OSError):  # It has ended meanwhile.
        for thread in os.listdir(f'/proc/{pid}/task'):  # noqa: PTH208 - names alone
            with (
                suppress(OSError),
                open(f'/proc/{pid}/task/{thread}/children', 'rb', buffering=0) as file,  # noqa: PTH123 - for each run
            ):
                found += map(int, file.readall().split())
    return found


_HAS_LISTS: Final = Path('/proc/self/task', str(os.getpid()), 'children').exists()
