"""Count the flights of an hour that have arrived so far; a row that does not parse is put aside."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections import defaultdict

from db.live import TABLE, open_live_database
from db.model.flight import FlightCount
from synergy.workers import Outcome, Uow, Worker

logger = logging.getLogger(__name__)

#: Minutes from which a departure is late.
LATE_MINUTES = 15
_ARRIVED = """
SELECT id, record FROM flight_live
WHERE time_hour >= ? AND time_hour < ? AND id BETWEEN ? AND ? ORDER BY id
"""


class FlightLive(Worker):
    """flight_live -> live_hourly, for the rows from `uow.start_id` to `uow.end_id`."""

    def setup(self) -> None:
        """Open the database once for all hours."""
        self.database = open_live_database()

    def teardown(self) -> None:
        """Close it again."""
        self.database.close()

    def process_uow(self, uow: Uow) -> Outcome:
        """Count what has arrived of one hour."""
        arrived = self.database.execute(
            _ARRIVED, (uow.start_timeperiod, uow.end_timeperiod, uow.start_id, uow.end_id)
        )
        sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        rejected = []
        for number, record in arrived:
            try:
                origin, delay = parse(record)
            except ValueError as error:
                rejected.append((TABLE, number, str(error)))
                logger.warning('row %d of %s is put aside: %s', number, TABLE, error)
                continue
            row = sums[origin]
            row[0] += 1
            row[1] += delay is None
            row[2] += delay or 0
            row[3] += delay is not None and delay >= LATE_MINUTES
        counts = [FlightCount(origin, uow.timeperiod, *row) for origin, row in sums.items()]
        _save(self.database, uow, counts, rejected)
        return Outcome.processed(sum(count.flights for count in counts))


def parse(record: str) -> tuple[str, int | None]:
    """Return airport and minutes of delay, None when cancelled; raise ValueError saying what is
    wrong.
    """
    try:
        fields = json.loads(record)
    except ValueError as error:
        raise ValueError(f'{record[:80]!r} is not JSON ({error})') from error
    if not isinstance(fields, dict):
        raise ValueError(f'{record[:80]!r} is not a JSON object')
    origin, delay = fields.get('origin'), fields.get('dep_delay')
    if not isinstance(origin, str) or not origin:
        raise ValueError(f'origin {origin!r} is not an airport')
    if fields.get('dep_time') is None:
        return origin, None
    if not isinstance(delay, int) or isinstance(delay, bool):
        raise ValueError(f'dep_delay {delay!r} is not a number of minutes')
    return origin, delay


def _save(
    database: sqlite3.Connection,
    uow: Uow,
    counts: list[FlightCount],
    rejected: list[tuple[str, int, str]],
) -> None:
    """Make these the only results of the hour: the next run of it leaves no trace of this one."""
    database.execute('BEGIN IMMEDIATE')
    try:
        database.execute('DELETE FROM live_hourly WHERE timeperiod = ?', (uow.timeperiod,))
        database.executemany(
            'INSERT INTO live_hourly VALUES (?, ?, ?, ?, ?, ?)', [count.row() for count in counts]
        )
        database.execute(
            'REPLACE INTO live_covered VALUES (?, ?, ?)',
            (uow.timeperiod, uow.start_id, uow.end_id),
        )
        database.execute(
            'DELETE FROM rejected_raw WHERE file = ? AND line IN '
            '(SELECT id FROM flight_live WHERE time_hour >= ? AND time_hour < ?)',
            (TABLE, uow.start_timeperiod, uow.end_timeperiod),
        )
        database.executemany('INSERT INTO rejected_raw VALUES (?, ?, ?)', rejected)
        database.execute('COMMIT')
    except BaseException:
        database.execute('ROLLBACK')
        raise
