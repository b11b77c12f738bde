"""What one process waits for of another, or of itself."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

from synergy.core.structs import Struct
from synergy.core.timeperiod import ProcessName


class InputKind(Enum):
    """Why one process waits for another."""

    CHILDREN = 'children'
    DEPENDENCY = 'dependency'


class Input(Struct, frozen=True, kw_only=True):
    """One thing that jobs of a process wait for: a range of `process`'s intervals.

    Which: by containment, that is the same interval where both are of one level, else all that lie
    in mine, or the one in which mine lies. offset: as for my interval so many places away. last: so
    many of them, which end there.

    When it is enough: all are final. at_least: once `give_up_after` has passed since my interval
    was over, so many that are done will do; when those that were missing come, the job runs again,
    unless `is_late_ignored`.

    is_order_only: what runs again there does not run me again.
    """

    kind: InputKind
    process: ProcessName
    offset: int = 0
    last: int | None = None
    at_least: int | None = None
    give_up_after: timedelta = timedelta()
    is_late_ignored: bool = False
    is_order_only: bool = False

    @property
    def identity(self) -> tuple[InputKind, ProcessName, int, int | None]:
        """Return what tells it from the other inputs of a process: which intervals it means."""
        return self.kind, self.process, self.offset, self.last
