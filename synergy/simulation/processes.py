"""The processes of one simulated box, as its Supervisor sees them: actors on a stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from synergy.core.box_load import BoxLoad
from synergy.ports.processes import ChildExit, ProcessIdentity
from synergy.simulation.stage import Actor, Stage


class SimulatedProcesses:
    """The port `Processes`, with actors for processes."""

    def __init__(self, stage: Stage, start: Callable[[str, int], Actor]) -> None:
        """Have no children yet. start: starts an instance of a process."""
        self._stage = stage
        self._start = start
        self.children: dict[int, Actor] = {}

    def spawn(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],  # noqa: ARG002 - simulated processes need none
        folder: Path,  # noqa: ARG002 - as above
        output: Path | None,  # noqa: ARG002 - as above
    ) -> ProcessIdentity:
        """Start an actor."""
        actor = self._start(command[0], int(command[1]))
        self.children[actor.pid] = actor
        return ProcessIdentity(pid=actor.pid, created_at=self._stage.seconds)

    def reap(self) -> Sequence[ChildExit]:
        """Return the actors that have ended."""
        ended = [actor for actor in self.children.values() if actor.is_ended]
        for actor in ended:
            del self.children[actor.pid]
        return [ChildExit(pid=actor.pid, code=-9 if actor.is_killed else 0) for actor in ended]

    def is_alive(self, identity: ProcessIdentity) -> bool:
        """Tell whether an actor has not ended."""
        return identity.pid in self.children and not self.children[identity.pid].is_ended

    def identify(self, pid: int) -> ProcessIdentity | None:
        """Return an actor's identity."""
        return ProcessIdentity(pid=pid, created_at=0.0) if pid in self.children else None

    def terminate(self, identity: ProcessIdentity) -> None:
        """Ask an actor to end."""
        if identity.pid in self.children:
            self._stage.terminate(self.children[identity.pid])

    def load(
        self,
        identities: Sequence[tuple[str, ProcessIdentity]],  # noqa: ARG002 - nothing really runs
    ) -> BoxLoad | None:
        """Measure nothing."""
        return None

    def started_at(self, identity: ProcessIdentity) -> datetime | None:  # noqa: ARG002 - as above
        """Tell nothing: actors have no place in real time."""
        return None

    def is_listening(self, identity: ProcessIdentity) -> bool:
        """Tell that it does: nobody waits for a port here."""
        return self.is_alive(identity)

    def drain(self, identity: ProcessIdentity) -> None:
        """Ask an actor to end; it has no grace, it always finishes what it runs."""
        self.terminate(identity)

    def kill(self, identity: ProcessIdentity) -> None:
        """End an actor."""
        if identity.pid in self.children:
            self._stage.kill(self.children[identity.pid])

    def record(self, pid_file: Path) -> None:
        """Write nothing: simulated processes have no files."""

    def record_up(self, pid_file: Path) -> None:
        """Write nothing."""

    def is_up(
        self,
        pid_file: Path,  # noqa: ARG002 - no files
        identity: ProcessIdentity,
    ) -> bool:
        """Tell that it is: actors need no time to start."""
        return self.is_alive(identity)

    def recorded(self, pid_file: Path) -> ProcessIdentity | None:  # noqa: ARG002 - no files
        """Return None: nothing is left from before."""
        return None

    def forget(self, pid_file: Path) -> None:
        """Forget nothing."""
