"""What is remembered of the context: how it was led, and what operators have changed of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from synergy.adapters.sqlite.rows.processes import OVERRIDE_COLUMNS, override_of
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.led_context import LedContext
from synergy.core.pool_record import PoolOverride
from synergy.core.records import Override
from synergy.ports.stored import led_context, pool_override


class SqliteContext:
    """The role `ContextReader`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file

    def led_context(self) -> LedContext | None:
        """Return the context that the store was last led with."""
        found = self._file.read('SELECT rev, text FROM led_context')
        if not found:
            return None
        rev, text = found[0]
        try:
            return led_context.decode(text)
        except (ValueError, TypeError) as error:
            self._tables.rows.report('led_context', 'the context that was led', error)
            return LedContext(rev=rev)

    def overrides(self) -> Sequence[Override]:
        """Return what operators have changed of managed processes, by name."""
        sql = f'SELECT {OVERRIDE_COLUMNS} FROM managed_process ORDER BY process_name'
        return list(self._tables.decoded('managed_process', override_of, self._file.read(sql)))

    def pool_overrides(self) -> Sequence[PoolOverride]:
        """Return the sizes of pools that operators have set, by name."""
        found = self._file.read('SELECT pool, rev, text FROM pool ORDER BY pool')
        return list(self._tables.decoded('pool', _pool_override_of, found))


def _pool_override_of(row: tuple[Any, ...]) -> PoolOverride:
    return pool_override.decode(*row)
