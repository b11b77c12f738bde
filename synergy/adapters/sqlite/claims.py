"""Units of work as workers take and end them, in SQLite."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from sqlite3 import Connection
from typing import Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.units import UNIT_COLUMNS, unit_of
from synergy.adapters.sqlite.states import IN_PROGRESS, NUMBER_BY_UNIT_STATE, REQUESTED
from synergy.adapters.sqlite.tables import UNITS, SqliteTables
from synergy.core.records import LogLine, LogPlace, Unit, UnitEnd, UowId
from synergy.ports.errors import LeaseLost

#: Of all that are free among some units.
_CLAIM: Final = (
    f'UPDATE unit_of_work SET state = {IN_PROGRESS}, fence = fence + 1, owner = ?, '
    'lease_until = ?, started_at = ?, finished_at = NULL, error = NULL '
    f'WHERE state = {REQUESTED} AND (not_before IS NULL OR not_before <= ?) '
    f'AND id IN ({{}}) RETURNING {UNIT_COLUMNS}'
)
_UNCLAIM: Final = (
    f'UPDATE unit_of_work SET state = {REQUESTED}, owner = NULL, lease_until = NULL '
    f'WHERE id = ? AND owner = ? AND state = {IN_PROGRESS}'
)
_FINISH: Final = (
    'UPDATE unit_of_work SET state = ?, processed_count = ?, error = ?, '
    f'finished_at = ?, lease_until = NULL WHERE id = ? AND fence = ? AND state = {IN_PROGRESS}'
)
_IS_FINISHED_SO: Final = (
    'SELECT 1 FROM unit_of_work WHERE id = ? AND fence = ? AND state = ? '
    'AND processed_count = ? AND error IS ?'
)
_RELEASE: Final = (
    f'UPDATE unit_of_work SET state = {REQUESTED}, fence = fence + 1, owner = NULL, '
    'lease_until = NULL, submitted_at = NULL, not_before = NULL '
    f'WHERE id = ? AND fence = ? AND state = {IN_PROGRESS}'
)
#: Of fewer, a savepoint costs more than it saves.
_FEWEST: Final = 4
_INSERT_LOG: Final = (
    'INSERT INTO log_recording (related_unit_of_work, attempt, at, level, text, place) '
    'VALUES (?, ?, ?, ?, ?, ?)'
)
_DELETE_TAIL: Final = (
    'DELETE FROM log_recording WHERE related_unit_of_work = ? AND attempt = ? AND place > 0'
)


class SqliteClaims:
    """The role `UnitStore`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file
        self._clock = tables.clock

    def claim(self, uow_ids: Sequence[UowId], owner: str, lease: timedelta) -> Sequence[Unit]:
        """Take units for `lease`."""
        now = self._clock.now()
        micros, until = to_micros(now), to_micros(now + lease)
        found = self._file.write_returning(
            _CLAIM.format(', '.join('?' * len(uow_ids))), (owner, until, micros, micros, *uow_ids)
        )
        units = {unit.id: unit for unit in self._tables.decoded(UNITS, unit_of, found)}
        if len(units) < len(found):
            self._hand_back({row[0] for row in found} - set(units), owner)
        return [units[uow_id] for uow_id in uow_ids if uow_id in units]

    def _hand_back(self, uow_ids: Collection[UowId], owner: str) -> None:
        """Leave illegal units alone that were claimed before they could be read."""
        with self._file.transaction() as connection:
            connection.executemany(_UNCLAIM, [(uow_id, owner) for uow_id in uow_ids])

    def renew(self, uow_id: UowId, fence: int, lease: timedelta) -> None:
        """Extend a lease."""
        renewed = self._file.write(
            'UPDATE unit_of_work SET lease_until = ? '
            f'WHERE id = ? AND fence = ? AND state = {IN_PROGRESS}',
            (to_micros(self._clock.now() + lease), uow_id, fence),
        )
        if renewed != 1:
            raise LeaseLost.of(uow_id, fence)

    def finish(self, ends: Sequence[UnitEnd]) -> Sequence[UowId]:
        """Record the ends of attempts, each once."""
        now = to_micros(self._clock.now())
        with self._file.transaction() as connection:
            if _are_finished(connection, ends, now):
                return []
            return [end.uow_id for end in ends if not _finish(connection, end, now)]

    def release(self, uow_id: UowId, fence: int, log: Sequence[LogLine] = ()) -> None:
        """Hand a unit back unfinished."""
        with self._file.transaction() as connection:
            if connection.execute(_RELEASE, (uow_id, fence)).rowcount != 1:
                raise LeaseLost.of(uow_id, fence)
            _write_log(connection, uow_id, log)

    def append_log(self, uow_id: UowId, log: Sequence[LogLine]) -> None:
        """Append lines to the unit's log."""
        if log:
            with self._file.transaction() as connection:
                _write_log(connection, uow_id, log)


def _are_finished(connection: Connection, ends: Sequence[UnitEnd], now: int | None) -> bool:
    """Record all ends by one statement, or none; tell whether they are."""
    if len(ends) < _FEWEST:
        return False
    connection.execute('SAVEPOINT ends')
    changed = connection.executemany(_FINISH, [_end_values(end, now) for end in ends]).rowcount
    if changed != len(ends):
        connection.execute('ROLLBACK TO ends')
    connection.execute('RELEASE ends')
    if changed == len(ends):
        for end in ends:
            if end.log:
                _write_log(connection, end.uow_id, end.log)
    return changed == len(ends)


def _end_values(end: UnitEnd, now: int | None) -> tuple[object, ...]:
    outcome = end.outcome
    state = NUMBER_BY_UNIT_STATE[outcome.state]
    return (state, outcome.count, outcome.error, now, end.uow_id, end.fence)


def _finish(connection: Connection, end: UnitEnd, now: int | None) -> bool:
    """Record one end; tell whether it stands."""
    values = _end_values(end, now)
    if connection.execute(_FINISH, values).rowcount == 1:
        if end.log:
            _write_log(connection, end.uow_id, end.log)
        return True
    same = connection.execute(_IS_FINISHED_SO, (end.uow_id, end.fence, *values[:3]))
    return same.fetchone() is not None


def _write_log(connection: Connection, uow_id: UowId, log: Sequence[LogLine]) -> None:
    gaps = [(uow_id, line.attempt) for line in log if line.place is LogPlace.GAP]
    connection.executemany(_DELETE_TAIL, gaps)
    connection.executemany(
        _INSERT_LOG,
        [
            (uow_id, line.attempt, to_micros(line.at), line.level, line.text, line.place)
            for line in log
        ],
    )
