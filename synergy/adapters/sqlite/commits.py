"""Commits as transactions, and what is deleted when it is too old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from sqlite3 import Connection
from types import MappingProxyType
from typing import Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.leadership import SqliteLeadership
from synergy.adapters.sqlite.saves import why_refused
from synergy.adapters.sqlite.states import DEAD, IS_LIVE, REAL_TIME, REQUESTED
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.adapters.sqlite.together import are_applied
from synergy.core.effects import Save, in_stages
from synergy.core.records import Leadership, UowId
from synergy.ports.errors import CommitRefused, RefusedSave

_MARK_ANNOUNCED: Final = (
    f'UPDATE unit_of_work SET submitted_at = ? WHERE id = ? AND state = {REQUESTED}'
)
_PRUNE_LOG: Final = (
    'DELETE FROM log_recording WHERE rowid IN '
    '(SELECT rowid FROM log_recording WHERE at < ? LIMIT ?)'
)
_PRUNE_FREERUN_UNITS: Final = (
    'DELETE FROM unit_of_work WHERE id IN (SELECT id FROM unit_of_work '
    f'WHERE time_qualifier = {REAL_TIME} AND finished_at < ? '
    f'AND NOT {IS_LIVE} AND state <> {DEAD} LIMIT ?)'
)


class SqliteCommits:
    """The role `CommitStore`."""

    def __init__(self, tables: SqliteTables, leadership: SqliteLeadership) -> None:
        """Use the tables of an open file. leadership: checked with each write."""
        self._file = tables.file
        self._leadership = leadership

    def commit(
        self,
        leadership: Leadership,
        saves: Sequence[Save],
        announced: Mapping[UowId, datetime] = MappingProxyType({}),
    ) -> None:
        """Apply `saves` in one transaction, all or none."""
        with self._file.transaction() as connection:
            self._begin(connection, leadership, announced)
            if are_applied(connection, saves, leadership.term):
                return
            if not connection.in_transaction:
                self._file.begin_again()
                self._begin(connection, leadership, announced)
            refused = []
            for save in in_stages(saves):
                if (why := why_refused(connection, save, leadership.term)) is not None:
                    refused.append(RefusedSave(save, why))
                    if not connection.in_transaction:
                        break  # A trigger of the file has rolled back all of it.
            if refused:
                raise CommitRefused(*refused)

    def _begin(
        self, connection: Connection, leadership: Leadership, announced: Mapping[UowId, datetime]
    ) -> None:
        self._leadership.check(connection, leadership)
        if announced:
            connection.executemany(
                _MARK_ANNOUNCED, [(to_micros(at), uow_id) for uow_id, at in announced.items()]
            )

    def prune(self, before: datetime, limit: int) -> int:
        """Delete log lines, and ended units of free runs, from before an instant."""
        count = self._file.write(_PRUNE_LOG, (to_micros(before), limit))
        return count + self._file.write(_PRUNE_FREERUN_UNITS, (to_micros(before), limit))
