"""Port: processes of the operating system on this box."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from synergy.core.box_load import BoxLoad
from synergy.core.structs import Struct


class ProcessIdentity(Struct, frozen=True, kw_only=True):
    """A process that cannot be mistaken for a later one with the same pid.

    created_at: when it started, in seconds since the machine did, by a clock that nobody sets.
    """

    pid: int
    created_at: float


class ChildExit(Struct, frozen=True, kw_only=True):
    """A child that ended. code: exit code, or minus the signal's number."""

    pid: int
    code: int


class Processes(Protocol):
    """Start, watch and stop processes."""

    def spawn(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        output: Path | None,
    ) -> ProcessIdentity:
        """Start a child in a session of its own, working in `folder`.

        environment: added to this process's own. output: file to which stdout and stderr are
        appended; None shares this process's. Raises OSError when the program cannot be started.
        """
        ...

    def reap(self) -> Sequence[ChildExit]:
        """Return the children that have ended since the last call, without waiting."""
        ...

    def is_alive(self, identity: ProcessIdentity) -> bool:
        """Tell whether that very process runs (a zombie does not)."""
        ...

    def is_listening(self, identity: ProcessIdentity) -> bool:
        """Tell whether that very process answers on some port; True where nobody may look."""
        ...

    def identify(self, pid: int) -> ProcessIdentity | None:
        """Return the identity of the process that has `pid` now; None when there is none."""
        ...

    def started_at(self, identity: ProcessIdentity) -> datetime | None:
        """Return when that very process was started, in UTC; None when it does not run."""
        ...

    def load(self, identities: Sequence[tuple[str, ProcessIdentity]]) -> BoxLoad | None:
        """Measure how busy this box and these of its processes are, each given with its name.

        Those that have ended meanwhile are left out; None where it cannot be measured.
        """
        ...

    def terminate(self, identity: ProcessIdentity) -> None:
        """Ask a process to end (SIGTERM); do nothing when it has ended."""
        ...

    def drain(self, identity: ProcessIdentity) -> None:
        """Ask a worker to take no more and to end when its run does (SIGUSR2)."""
        ...

    def kill(self, identity: ProcessIdentity) -> None:
        """End a process and its process group at once (SIGKILL); do nothing when it has ended."""
        ...

    def record(self, pid_file: Path) -> None:
        """Write this very process's identity into a pid file."""
        ...

    def record_up(self, pid_file: Path) -> None:
        """Write beside a pid file that this very process has begun to do what it is for."""
        ...

    def is_up(self, pid_file: Path, identity: ProcessIdentity) -> bool:
        """Tell whether that very process has begun to do what it is for."""
        ...

    def recorded(self, pid_file: Path) -> ProcessIdentity | None:
        """Return the process that a pid file names, if that very process still runs."""
        ...

    def forget(self, pid_file: Path) -> None:
        """Remove a pid file, and what stands beside it, if they are there."""
        ...


class Descendants(Protocol):
    """What this process has started, and what those have, however they detached themselves.

    Names are for people: what the program is called, and its pid. A zombie runs no more, so it is
    neither found nor ended, only reaped.
    """

    def adopt(self) -> None:
        """Become the parent of descendants whose own parent has ended, instead of init."""
        ...

    def are_none(self) -> bool:
        """Tell whether this process certainly has none, in one system call."""
        ...

    def children(self) -> Collection[int]:
        """Return the pids of those that this process is the parent of, zombies among them."""
        ...

    def find(self, without: Collection[int] = ()) -> Mapping[ProcessIdentity, str]:
        """Return those that run, with their names; not those in `without`, nor what is below."""
        ...

    def end(
        self,
        *,
        kept: Collection[ProcessIdentity] = (),
        without: Collection[int] = (),
        grace: timedelta = timedelta(0),
    ) -> Sequence[str]:
        """End all that `find(without)` returns but `kept`; return the names of those ended.

        They are asked (SIGTERM), and killed when they have not ended within `grace`; with none,
        they are killed at once. What they start meanwhile is ended, too. Waits until they are gone,
        but for those that even then are not (of another user, or stuck in the kernel), which are
        said in the log.
        """
        ...

    def are_frozen(self, identities: Collection[ProcessIdentity]) -> Collection[ProcessIdentity]:
        """Return those of `identities` that a signal has stopped (SIGSTOP) and none has woken."""
        ...

    def end_marked(
        self, mark: str, *, but: Collection[ProcessIdentity], grace: timedelta
    ) -> Sequence[str]:
        """End processes, whoever is their parent, that were started with a variable of `mark`.

        mark: the beginning of `NAME=VALUE`. but: these and what is below them are left alone, as
        are this process and those above it. Linux only; elsewhere none are found.
        """
        ...

    def reap(self, but: Collection[int] = ()) -> None:
        """Reap zombies among `children`, except `but`, whose ends somebody else waits for."""
        ...
