"""A copy of the dense index: so that a start reads what has changed since, and not every row."""

from __future__ import annotations

from datetime import datetime
from typing import TypeAlias

from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import Qualifier, Timeperiod

#: What the index needs of a row.
IndexRow: TypeAlias = tuple[ProcessName, Timeperiod, JobState]


class IndexPage(Struct, frozen=True, kw_only=True):
    """The ended intervals of one process, as one text of bytes: a copy of the dense index.

    codes: a byte for every interval from ordinal `first` on; 0 where it had not ended, else as
    `synergy.core.timetable` counts states.
    """

    process: ProcessName
    qualifier: Qualifier
    first: int
    codes: bytes


class IndexCopy(Struct, frozen=True, kw_only=True):
    """Pages that were right at `as_of`; what has changed since is in the rows alone."""

    as_of: datetime
    pages: tuple[IndexPage, ...]
