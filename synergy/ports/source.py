"""Port: which rows of a source have arrived, for recomputing processes. Asked in the worker."""

from __future__ import annotations

from typing import Protocol, TypeAlias

#: A primary key, as the source has it.
RowId: TypeAlias = int | str


class DataSource(Protocol):
    """A table or collection with a primary key and a column of hourly timeperiods."""

    def bounds(self, start_timeperiod: str, end_timeperiod: str) -> tuple[RowId, RowId] | None:
        """Return the lowest and highest primary key of rows in [start, end); None without rows.

        start_timeperiod, end_timeperiod: `YYYYMMDDHH`.
        """
        ...

    def close(self) -> None:
        """Release what is held; safe to call twice."""
        ...
