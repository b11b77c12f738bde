"""What every part of the ledger on SQLite stands on: the file, the clock, rows that are decoded."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from synergy.adapters.sqlite_connection import SqliteFile
from synergy.ports.clock import Clock

logger = logging.getLogger(__name__)

T = TypeVar('T')


class SqliteTables:
    """One open file, and the rows in it that have been reported as illegal."""

    def __init__(self, file: SqliteFile, clock: Clock) -> None:
        """Use an open file."""
        self._file = file
        self._clock = clock
        self._reported: set[str] = set()

    def _decoded(self, decode: Callable[[Any], T], found: Iterable[Any]) -> Iterator[T]:
        """Yield the records of rows; a row that somebody made illegal is reported and left out."""
        for row in found:
            try:
                yield decode(row)
            except (ValueError, TypeError) as error:
                self._report(f'row {row[0]} {row[1]}', error)

    def _report(self, what: str, problem: object) -> None:
        if what not in self._reported:
            self._reported.add(what)
            logger.error(
                '%s in store %s was made illegal: %s; it is left alone, and what waits for it '
                'waits until somebody mends or removes it',
                what,
                self._file.path,
                problem,
                extra={'event': 'row_malformed'},
            )
