"""What every part of the ledger on SQLite stands on: the file, the clock, rows that are decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from synergy.adapters.sqlite.connection import SqliteFile
from synergy.adapters.sqlite.rows import name_of
from synergy.ports.clock import Clock
from synergy.ports.rows import IllegalRow, Rows

T = TypeVar('T')

#: A page is filled up behind illegal rows by so many more reads, each of twice as many rows.
_REFILLS_MAX: Final = 12


class SqliteTables:
    """One open file, and the rows in it that have been reported as illegal."""

    def __init__(self, file: SqliteFile, clock: Clock) -> None:
        """Use an open file."""
        self._file = file
        self._clock = clock
        self._rows = Rows(f'store {file.path}')

    def illegal_rows(self) -> Sequence[IllegalRow]:
        """Return the rows that could not be read since the last `forget_illegal_rows`."""
        return self._rows.met

    def forget_illegal_rows(self) -> None:
        """Forget which rows could not be read."""
        self._rows.forget()

    def _decoded(self, table: str, decode: Callable[[Any], T], found: Iterable[Any]) -> Iterator[T]:
        """Yield the records of rows; a row that somebody made illegal is reported and left out."""
        return self._rows.decoded(table, partial(name_of, table), decode, found)

    def _page(
        self, table: str, decode: Callable[[Any], T], sql: str, values: Sequence[Any], limit: int
    ) -> list[T]:
        """Return `limit` records of a SELECT, fewer only at its end: illegal rows take no place."""
        found: list[T] = []
        asked, offset = limit, 0
        for _ in range(_REFILLS_MAX):
            rows = self._file.read(f'{sql} LIMIT ? OFFSET ?', (*values, asked, offset))
            found += self._decoded(table, decode, rows)
            if len(found) >= limit or len(rows) < asked or limit < 0:
                break
            offset += len(rows)
            asked *= 2
        return found[:limit] if limit >= 0 else found
