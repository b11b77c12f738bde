"""Statements that bring the schema of a file up to date.

A new file gets what all scripts together make, and not the way there: tables that would be altered
or made again at once cost more than all else of its opening.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import lru_cache


def statements_after(version: int, scripts: Sequence[str]) -> Sequence[str]:
    """Return the statements that take a file from a schema version to that of the last script.

    scripts: the one at place i takes it from version i to i + 1.
    """
    return _at_once(tuple(scripts)) if version == 0 else list(_statements(scripts[version:]))


def _statements(scripts: Sequence[str]) -> Iterator[str]:
    for script in scripts:
        for statement in script.split(';'):
            if statement.strip():
                yield statement


@lru_cache(maxsize=8)
def _at_once(scripts: tuple[str, ...]) -> Sequence[str]:
    """Return statements that make what all scripts make; raise sqlite3.Error where one is wrong."""
    with closing(sqlite3.connect(':memory:', isolation_level=None)) as made:
        for statement in _statements(scripts):
            made.execute(statement)
        # All but what begins and ends a transaction, for there is one already, and a table that
        # SQLite makes itself with the first one that needs it.
        dump = list(made.iterdump())[1:-1]
        return [statement for statement in dump if '"sqlite_sequence"' not in statement]
