"""Boxes in the ledger on one SQLite file: who is there, what is desired, what runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.boxes import (
    BOX_COLUMNS,
    BOX_PROCESS_COLUMNS,
    box_of,
    box_process_of,
    box_process_values,
)
from synergy.adapters.sqlite.rows.columns import placeholders
from synergy.adapters.sqlite.tables import SqliteTables
from synergy.core.records import Box, BoxProcess
from synergy.ports.stored import box_load

_HEARTBEAT: Final = f"""
INSERT INTO box ({BOX_COLUMNS}) VALUES (:box_id, :host, :home, :pid, :version, :now, 0, :load)
ON CONFLICT (box_id) DO UPDATE SET
    host = :host, home = :home, pid = :pid, version = :version, seen_at = :now, load = :load
WHERE (host = :host AND home = :home) OR pid IS NULL OR seen_at <= :vanished
RETURNING {BOX_COLUMNS}
"""
_SET_DRAINED: Final = (
    f"INSERT INTO box ({BOX_COLUMNS}) VALUES (?, '', '', NULL, '', NULL, ?, NULL) "
    'ON CONFLICT (box_id) DO UPDATE SET is_draining = excluded.is_draining'
)


class SqliteBoxes:
    """The role `BoxStore`."""

    def __init__(self, tables: SqliteTables) -> None:
        """Use the tables of an open file."""
        self._tables = tables
        self._file = tables.file
        self._clock = tables.clock

    def boxes(self) -> Sequence[Box]:
        """Return every box, by id."""
        found = self._file.read(f'SELECT {BOX_COLUMNS} FROM box ORDER BY box_id')
        return list(self._tables.decoded('box', box_of, found))

    def heartbeat(self, box: Box, vanished_after: timedelta) -> Box:
        """Say that the Supervisor of a box lives, unless another place holds the box."""
        now = self._clock.now()
        found = self._file.write_returning(
            _HEARTBEAT,
            {
                'box_id': box.box_id,
                'host': box.host,
                'home': box.home,
                'pid': box.pid,
                'version': box.version,
                'load': box_load.encode(box.load),
                'now': to_micros(now),
                'vanished': to_micros(now - vanished_after),
            },
        )
        sql = f'SELECT {BOX_COLUMNS} FROM box WHERE box_id = ?'
        found = found or self._file.read(sql, (box.box_id,))
        # Forgotten between the two statements: nobody holds it, the next heartbeat takes it. One
        # that somebody made illegal belongs to nobody either.
        return next(self._tables.decoded('box', box_of, found), box)

    def set_drained(self, box_id: str, *, is_draining: bool) -> None:
        """Say whether the workers of a box are to take no more."""
        self._file.write(_SET_DRAINED, (box_id, int(is_draining)))

    def forget_box(self, box_id: str) -> int:
        """Delete a box and its processes."""
        with self._file.transaction() as connection:
            return sum(
                connection.execute(f'DELETE FROM {table} WHERE box_id = ?', (box_id,)).rowcount
                for table in ('box', 'box_configuration')
            )

    def box_processes(self, box_id: str | None = None) -> Sequence[BoxProcess]:
        """Return the rows of one box, or of all, by box and process."""
        sql = (
            f'SELECT {BOX_PROCESS_COLUMNS} FROM box_configuration '
            'WHERE ? IS NULL OR box_id = ? ORDER BY box_id, process_name'
        )
        found = self._file.read(sql, (box_id, box_id))
        return list(self._tables.decoded('box_configuration', box_process_of, found))

    def set_desired(self, box_id: str, process: str, *, is_on: bool) -> None:
        """Say whether `process` is to run on `box_id`."""
        self._file.write(
            f'INSERT INTO box_configuration ({BOX_PROCESS_COLUMNS}) '
            "VALUES (?, ?, ?, NULL, '[]', 0, NULL, ?, NULL, NULL, NULL) "
            'ON CONFLICT (box_id, process_name) DO UPDATE SET is_on = excluded.is_on, '
            'start_asked_at = coalesce(excluded.start_asked_at, start_asked_at)',
            (box_id, process, int(is_on), to_micros(self._clock.now()) if is_on else None),
        )

    def ask_restart(self, box_id: str, process: str) -> None:
        """Say that `process` is to run on `box_id`, and that whatever runs of it ends before."""
        now = to_micros(self._clock.now())
        self._file.write(
            f'INSERT INTO box_configuration ({BOX_PROCESS_COLUMNS}) '
            "VALUES (?, ?, 1, NULL, '[]', 0, NULL, ?, NULL, NULL, ?) "
            'ON CONFLICT (box_id, process_name) DO UPDATE SET is_on = 1, '
            'start_asked_at = excluded.start_asked_at, '
            'restart_asked_at = excluded.restart_asked_at',
            (box_id, process, now, now),
        )

    def report_actual(self, actual: Sequence[BoxProcess]) -> None:
        """Write what runs; what is desired in existing rows is left alone."""
        columns = BOX_PROCESS_COLUMNS
        with self._file.transaction() as connection:
            connection.executemany(
                f'INSERT INTO box_configuration ({columns}) VALUES ({placeholders(columns)}) '
                'ON CONFLICT (box_id, process_name) DO UPDATE SET state = excluded.state, '
                'pids = excluded.pids, restart_count = excluded.restart_count, '
                'changed_at = excluded.changed_at, reason = excluded.reason, '
                'log_file = excluded.log_file',
                [box_process_values(row) for row in actual],
            )
