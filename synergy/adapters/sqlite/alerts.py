"""Alerts in SQLite: who watches, what is remembered, what is on its way, and what is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from sqlite3 import Connection
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.journal import SAVE_CURSOR
from synergy.adapters.sqlite.leases import LeaseTable, holds
from synergy.adapters.sqlite.rows.leadership import lease_of
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.alert_outbox import Delivery
from synergy.core.alert_records import Alerts
from synergy.core.alert_requests import AlertRequest
from synergy.core.watching import AlertMemory, AlertOutcome, WatchLease
from synergy.ports.store.alerts import ALERTS_CURSOR
from synergy.ports.stored import alerts as stored

_DELIVERIES: Final = 'alert_delivery'
_REQUESTS: Final = 'alert_request'
_SAVE_MEMORY: Final = (
    'INSERT INTO alert_memory (id, rev, text) VALUES (1, ?, ?) '
    'ON CONFLICT (id) DO UPDATE SET rev = excluded.rev, text = excluded.text'
)
_ADD_DELIVERY: Final = (
    'INSERT INTO alert_delivery (number, alert_group, receiver, attempts, ended_at, text) '
    'VALUES (?, ?, ?, ?, ?, ?)'
)
_SAVE_DELIVERY: Final = (
    'UPDATE alert_delivery SET attempts = ?, ended_at = ?, text = ? '
    'WHERE number = ? AND ended_at IS NULL AND attempts <= ?'
)
_PRUNE: Final = (
    'DELETE FROM {0} WHERE {1} IN '
    '(SELECT {1} FROM {0} WHERE ended_at < ? ORDER BY ended_at LIMIT ?)'
)


class SqliteAlerts:
    """The role `AlertStore`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file
        self._lease = LeaseTable(tables.file, 'watch_lease')

    def watching(self) -> WatchLease | None:
        """Return who watches, or last did."""
        found = self._file.read('SELECT owner, term, lease_until FROM watch_lease')
        return next(self._tables.decoded('watch_lease', _lease_of, found), None)

    def watch(self, owner: str, lease: timedelta) -> WatchLease | None:
        """Take or renew the right to watch."""
        taken = self._lease.take(owner, lease, self._tables.clock.now())
        return taken and WatchLease(owner=owner, term=taken.term, until=taken.until)

    def stop_watching(self, lease: WatchLease) -> None:
        """Give the right to watch up at once, if it is still this one."""
        self._lease.give_up(lease.owner, lease.term, self._tables.clock.now())

    def alert_memory(self) -> AlertMemory:
        """Return what is remembered."""
        found = self._file.read('SELECT rev, text FROM alert_memory')
        if not found:
            return AlertMemory()
        rev, text = found[0]
        return stored.memory_of(rev, text)

    def save_alerts(self, lease: WatchLease, rev: int, outcome: AlertOutcome) -> bool:
        """Save what one look comes to."""
        now = self._tables.clock.now()
        with self._file.transaction() as connection:
            if not holds(self._lease.read(connection), lease.owner, lease.term, now):
                return False
            found = connection.execute('SELECT rev FROM alert_memory').fetchone()
            if (0 if found is None else found[0]) != rev:
                return False
            if outcome.alerts is None and found is not None:
                connection.execute('UPDATE alert_memory SET rev = ?', (rev + 1,))
            else:
                text = stored.encode(outcome.alerts or Alerts())
                connection.execute(_SAVE_MEMORY, (rev + 1, text))
            for delivery in outcome.deliveries:
                connection.execute(
                    _ADD_DELIVERY,
                    (
                        delivery.number,
                        delivery.group,
                        delivery.receiver,
                        delivery.attempts,
                        to_micros(delivery.ended_at),
                        stored.encode_row(delivery),
                    ),
                )
            for request in outcome.requests:
                _end_request(connection, request)
            if outcome.cursor is not None:
                at = to_micros(now)
                connection.execute(SAVE_CURSOR, (ALERTS_CURSOR, outcome.cursor, at))
        return True

    def save_delivery(self, delivery: Delivery) -> bool:
        """Save what has become of a delivery."""
        ended_at, text = to_micros(delivery.ended_at), stored.encode_row(delivery)
        values = (delivery.attempts, ended_at, text, delivery.number, delivery.attempts)
        return self._file.write(_SAVE_DELIVERY, values) == 1

    def waiting_deliveries(self) -> Sequence[Delivery]:
        """Return what has neither arrived nor been given up, the oldest first."""
        sql = 'SELECT number, text FROM alert_delivery WHERE ended_at IS NULL ORDER BY number'
        return [*self._tables.decoded(_DELIVERIES, _delivery_of, self._file.read(sql))]

    def count_waiting_deliveries(self) -> Mapping[str, int]:
        """Return how many those are, by receiver."""
        sql = (
            'SELECT receiver, count(*) FROM alert_delivery WHERE ended_at IS NULL GROUP BY receiver'
        )
        return {str(receiver): count for receiver, count in self._file.read(sql)}

    def deliveries(
        self, limit: int, before: int | None = None, group: str | None = None
    ) -> Sequence[Delivery]:
        """Return deliveries, newest first."""
        where, values = ['1'], list[Any]()
        if before is not None:
            where.append('number < ?')
            values.append(before)
        if group is not None:
            where.append('alert_group = ?')
            values.append(group)
        sql = (
            f'SELECT number, text FROM alert_delivery WHERE {" AND ".join(where)} '
            'ORDER BY number DESC'
        )
        return self._tables.page(_DELIVERIES, _delivery_of, sql, values, limit)

    def insert_alert_request(self, request: AlertRequest) -> None:
        """Insert a request; the same id again is a no-op."""
        self._file.write(
            'INSERT INTO alert_request (id, at, ended_at, text) VALUES (?, ?, ?, ?) '
            'ON CONFLICT (id) DO NOTHING',
            (
                request.id,
                to_micros(request.at),
                to_micros(request.ended_at),
                stored.encode_row(request),
            ),
        )

    def alert_request(self, request_id: str) -> AlertRequest | None:
        """Return one request."""
        found = self._file.read('SELECT id, text FROM alert_request WHERE id = ?', (request_id,))
        return next(self._tables.decoded(_REQUESTS, _request_of, found), None)

    def open_alert_requests(self, limit: int) -> Sequence[AlertRequest]:
        """Return requests that have not ended, oldest first."""
        sql = 'SELECT id, text FROM alert_request WHERE ended_at IS NULL ORDER BY at, id'
        return self._tables.page(_REQUESTS, _request_of, sql, (), limit)

    def alert_requests(
        self, limit: int, after: AlertRequest | None = None
    ) -> Sequence[AlertRequest]:
        """Return requests, newest first."""
        where, values = '', list[Any]()
        if after is not None:
            where = 'WHERE at < ? OR (at = ? AND id > ?) '
            values += [to_micros(after.at), to_micros(after.at), after.id]
        sql = f'SELECT id, text FROM alert_request {where}ORDER BY at DESC, id'
        return self._tables.page(_REQUESTS, _request_of, sql, values, limit)

    def prune_alerts(self, before: datetime, limit: int) -> int:
        """Delete deliveries and requests that ended before an instant."""
        values = (to_micros(before), limit)
        with self._file.one_commit():
            gone = self._file.write(_PRUNE.format(_DELIVERIES, 'number'), values)
            return gone + self._file.write(_PRUNE.format(_REQUESTS, 'id'), values)


def _end_request(connection: Connection, request: AlertRequest) -> None:
    connection.execute(
        'UPDATE alert_request SET ended_at = ?, text = ? WHERE id = ? AND ended_at IS NULL',
        (to_micros(request.ended_at), stored.encode_row(request), request.id),
    )


def _lease_of(row: tuple[Any, ...]) -> WatchLease:
    owner, term, until = lease_of(row)
    return WatchLease(owner=owner, term=term, until=until)


def _delivery_of(row: tuple[Any, ...]) -> Delivery:
    return stored.delivery_of(row[1])


def _request_of(row: tuple[Any, ...]) -> AlertRequest:
    return stored.request_of(row[1])
