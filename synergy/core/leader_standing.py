"""What the leading Scheduler says of itself, for all who look: whom it leaves out, and since when.

The stores keep it beside the leadership.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from synergy.core.records import ProcessName
from synergy.core.structs import Struct


class SubjectKind(StrEnum):
    """What can be isolated."""

    PROCESS = 'process'
    FREERUN = 'free run'
    COMMAND = 'command'


class Subject(NamedTuple):
    """Whom a refusal is about. name: of the process or free run, or the command's id."""

    kind: SubjectKind
    name: str

    def __str__(self) -> str:
        """Return kind and name."""
        return f'{self.kind.value} {self.name}'


class Isolated(Struct, frozen=True, kw_only=True):
    """A subject for which nothing is decided. reason: what was refused, and by whom or why.

    since: when it was isolated first. refusal_count: how often, all in all. next_at: when it is
    tried again; None: not before the context changes.
    """

    subject: Subject
    reason: str
    since: datetime
    refusal_count: int
    next_at: datetime | None


class LeaderStanding(Struct, frozen=True, kw_only=True):
    """What the leading Scheduler says of itself.

    stuck_since: since when nothing could be committed, not even without the isolated ones, and
    stuck_because; None: it can.
    """

    isolated: tuple[Isolated, ...] = ()
    stuck_since: datetime | None = None
    stuck_because: str | None = None

    @property
    def is_well(self) -> bool:
        """Tell whether there is nothing to be said."""
        return not self.isolated and self.stuck_since is None

    def of(self, process: ProcessName) -> Isolated | None:
        """Return how a process or free run is isolated; None: it is not."""
        return next(
            (
                item
                for item in self.isolated
                if item.subject.name == process and item.subject.kind is not SubjectKind.COMMAND
            ),
            None,
        )


def advice(subject: Subject) -> str:
    """Return what an operator can do about an isolated subject."""
    if subject.kind is SubjectKind.COMMAND:
        return 'See what it asks for with ./launch.py requests, and the log of the Scheduler.'
    return (
        './launch.py verify and ./launch.py check tell more. A process with history whose level '
        'was changed under its name needs a new name; a row that does not belong there is to go.'
    )
