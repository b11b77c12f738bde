"""Are the live flights counted right? The tables against a recount of `flight_live` in SQL.

It shares no code with the workers. An hour is compared for the rows that it says it covers; a day
or a month once its job is final, when it covers all.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

#: Counts of one airport: flights, cancelled, minutes of departure delay, departed late.
Counts = tuple[int, int, int, int]

_RECOUNT: Final = """
SELECT json_extract(record, '$.origin'),
    count(*),
    sum(json_extract(record, '$.dep_time') IS NULL),
    coalesce(sum(iif(json_extract(record, '$.dep_time') IS NULL,
        0, json_extract(record, '$.dep_delay'))), 0),
    coalesce(sum(iif(json_extract(record, '$.dep_time') IS NULL,
        0, json_extract(record, '$.dep_delay') >= 15)), 0)
FROM flight_live
WHERE time_hour LIKE ? AND id BETWEEN ? AND ?
    AND id NOT IN (SELECT line FROM rejected_raw WHERE file = 'flight_live')
GROUP BY 1
"""
_STORED: Final = (
    'SELECT origin, flights, cancelled, delay_minutes, late FROM {} WHERE timeperiod = ?'
)
_ID_MAX: Final = 2**63 - 1


def differences(database: sqlite3.Connection, final: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for every interval that is not as recounted.

    final: of the tables of days and months, the timeperiods whose jobs are final.
    """
    covered = database.execute('SELECT timeperiod, start_id, end_id FROM live_covered').fetchall()
    checks = [('live_hourly', timeperiod, low, high) for timeperiod, low, high in covered]
    checks += [
        (table, timeperiod, 0, _ID_MAX)
        for table, timeperiods in final.items()
        for timeperiod in timeperiods
    ]
    lines = []
    for table, timeperiod, low, high in checks:
        # Zeros at the end of a day's or a month's name stand for what lies in it.
        digits = {'live_hourly': 10, 'live_daily': 8, 'live_monthly': 6}[table]
        pattern = f'{timeperiod[:digits]}%'
        expected = _counts(database, _RECOUNT, (pattern, low, high))
        found = _counts(database, _STORED.format(table), (timeperiod,))
        if expected != found:
            lines.append(f'{table} {timeperiod}: expected {expected}, found {found}')
    return lines


def row_counts(database: sqlite3.Connection) -> tuple[int, int]:
    """Return how many rows have arrived, and how many of them were put aside."""
    arrived = database.execute('SELECT count(*) FROM flight_live').fetchone()[0]
    rejected = database.execute(
        "SELECT count(*) FROM rejected_raw WHERE file = 'flight_live'"
    ).fetchone()[0]
    return arrived, rejected


def _counts(
    database: sqlite3.Connection, sql: str, parameters: tuple[str | int, ...]
) -> Mapping[str, Counts]:
    return {origin: tuple(counts) for origin, *counts in database.execute(sql, parameters)}
