"""A copy of the dense index: so that a start reads what has changed since, and not every row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from synergy.core.index_codes import CODE_BY_STATE
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod


class IndexStretch(Struct, frozen=True):
    """What the index needs of the rows of neighbouring intervals of one process, `first` onwards.

    codes: a byte for each, as `synergy.core.index_codes` counts states.
    """

    process: ProcessName
    first: Timeperiod
    codes: bytes

    @classmethod
    def of(cls, process: ProcessName, timeperiod: Timeperiod, state: JobState) -> IndexStretch:
        """Return the stretch of one row."""
        return cls(process, timeperiod, bytes([CODE_BY_STATE[state]]))

    @property
    def last(self) -> Timeperiod:
        """Return the last of its intervals."""
        return self.first.shift(len(self.codes) - 1)

    def within(self, ordinals: range) -> tuple[int, bytes]:
        """Return the codes of those in `ordinals`, and which of these is the first."""
        start = self.first.ordinal
        begin = max(start, ordinals.start)
        codes = self.codes[begin - start : max(ordinals.stop - start, 0)]
        return begin - ordinals.start, codes

    def outside(self, ordinals: range) -> Iterator[JobKey]:
        """Yield the jobs of those that do not."""
        for place in range(len(self.codes)):
            timeperiod = self.first.shift(place)
            if timeperiod.ordinal not in ordinals:
                yield JobKey(self.process, timeperiod)


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
