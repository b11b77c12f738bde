"""What every part of the ledger on SQLite stands on: the file, the clock, rows that are decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from synergy.adapters.sqlite.connection import SqliteFile
from synergy.adapters.sqlite.rows.columns import name_of
from synergy.ports.clock import Clock
from synergy.ports.rows import IllegalRow, Rows

T = TypeVar('T')

#: The table that several parts read.
UNITS: Final = 'unit_of_work'
#: A page is filled up behind illegal rows by this many more reads, each of twice as many rows.
_REFILLS_MAX: Final = 12
#: Keys per statement; SQLite allows 32766 parameters.
_KEYS_PER_STATEMENT: Final = 500


class SqliteTables:
    """One open file, its clock, and the rows in it that have been reported as illegal."""

    def __init__(self, file: SqliteFile, clock: Clock, *, is_remembering: bool = False) -> None:
        """Use an open file. is_remembering: as `Rows` has it."""
        self.file = file
        self.clock = clock
        self.rows = Rows(f'store {file.path}', is_remembering=is_remembering)

    def illegal_rows(self) -> Sequence[IllegalRow]:
        """Return the rows that could not be read since the last `forget_illegal_rows`."""
        return self.rows.met

    def forget_illegal_rows(self) -> None:
        """Forget which rows could not be read."""
        self.rows.forget()

    def decoded(self, table: str, decode: Callable[[Any], T], found: Iterable[Any]) -> Iterator[T]:
        """Yield the records of rows; a row that somebody made illegal is reported and left out."""
        return self.rows.decoded(table, partial(name_of, table), decode, found)

    def page(
        self, table: str, decode: Callable[[Any], T], sql: str, values: Sequence[Any], limit: int
    ) -> list[T]:
        """Return `limit` records of a SELECT, fewer only at its end: illegal rows take no place.

        Two parameters follow those of `values`: how many rows are asked for, and how many are left
        out before them.
        """
        found: list[T] = []
        asked, offset = limit, 0
        sql = f'{sql} LIMIT ?{len(values) + 1} OFFSET ?{len(values) + 2}'
        for _ in range(_REFILLS_MAX):
            rows = self.file.read(sql, (*values, asked, offset))
            found += self.decoded(table, decode, rows)
            if len(found) >= limit or len(rows) < asked or limit < 0:
                break
            offset += len(rows)
            asked *= 2
        return found[:limit] if limit >= 0 else found


def chunks(items: list[Any]) -> Iterator[list[Any]]:
    """Yield the items in portions, each small enough for the parameters of one statement."""
    for start in range(0, len(items), _KEYS_PER_STATEMENT):
        yield items[start : start + _KEYS_PER_STATEMENT]
