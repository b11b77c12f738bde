"""What recuts have archived: rows of processes under a definition that is no longer theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import Qualifier


class Archived(Struct, frozen=True, kw_only=True):
    """Jobs of one process and level that one recut has archived.

    request: the command of the recut. first, last: the ends of their timeperiods. runs: of one of
    them, at most.
    """

    request: str
    process: ProcessName
    qualifier: Qualifier
    count: int
    first: str
    last: str
    runs: int


class ArchiveReader(Protocol):
    """What is in the archive, and what has still to go there; a commit moves it."""

    def archived(self, process: ProcessName) -> Sequence[Archived]:
        """Return what is archived of a process, by request and level. Cost: its archived jobs."""
        ...

    def has_rows(self, process: ProcessName) -> bool:
        """Tell whether there are rows of jobs or of units of a process that are not archived."""
        ...
