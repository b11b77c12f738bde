"""Are the live flights counted right? The tables against a recount of `flight_live` in SQL.

It shares no code with the workers, and asks no calendar but the standard library's. An hour is
compared for the rows that it says it covers; everything else once its job is final, when it covers
all. Of a trend it is the flights of the seven days that are compared.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from db.live import ZONE

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
WHERE time_hour BETWEEN ? AND ? AND arrived_at >= ? AND arrived_at < ? AND id BETWEEN ? AND ?
    AND id NOT IN (SELECT line FROM rejected_raw WHERE file = 'flight_live')
GROUP BY 1
"""
_STORED: Final = (
    'SELECT origin, flights, cancelled, delay_minutes, late FROM {} WHERE timeperiod = ?'
)
_TREND: Final = """
SELECT flights_before, (
    SELECT coalesce(sum(flights), 0) FROM live_daily WHERE timeperiod >= ? AND timeperiod < ?
) FROM live_trend WHERE timeperiod = ?
"""
_ID_MAX: Final = 2**63 - 1


def differences(database: sqlite3.Connection, final: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for every interval that is not as recounted.

    final: of all tables but that of hours, the timeperiods whose jobs are final.
    """
    covered = database.execute('SELECT timeperiod, start_id, end_id FROM live_covered').fetchall()
    checks = [('live_hourly', timeperiod, low, high) for timeperiod, low, high in covered]
    checks += [
        (table, timeperiod, 0, _ID_MAX)
        for table, timeperiods in final.items()
        for timeperiod in timeperiods
        if table != 'live_trend'
    ]
    lines = []
    for table, timeperiod, low, high in checks:
        start, end = _instants(table, timeperiod)
        hours = tuple(f'{at:%Y%m%d%H}' for at in (start, end))
        instants = tuple(at.isoformat(timespec='seconds') for at in (start, end))
        expected = _counts(database, _RECOUNT, (*hours, *instants, low, high))
        found = _counts(database, _STORED.format(table), (timeperiod,))
        if expected != found:
            lines.append(f'{table} {timeperiod}: expected {expected}, found {found}')
    for timeperiod in final.get('live_trend', ()):
        lines += _wrong_trend(database, timeperiod)
    return lines


def _wrong_trend(database: sqlite3.Connection, timeperiod: str) -> Sequence[str]:
    day = date.fromisoformat(timeperiod[:8])
    week = (f'{day - timedelta(days=ago):%Y%m%d}00' for ago in (13, 6))
    row = database.execute(_TREND, (*week, timeperiod)).fetchone()
    if row is None:
        return [f'live_trend {timeperiod}: there is none']
    found, expected = row
    wrong = f'live_trend {timeperiod}: expected {expected} flights before, found {found}'
    return [wrong] if found != expected else []


def _instants(table: str, timeperiod: str) -> tuple[datetime, datetime]:
    """Return when an interval begins and ends, in UTC."""
    if table in ('live_quarter', 'live_hourly'):
        form, minutes = ('%Y%m%d%H%M', 15) if table == 'live_quarter' else ('%Y%m%d%H', 60)
        start = datetime.strptime(timeperiod, form).replace(tzinfo=UTC)
        return start, start + timedelta(minutes=minutes)
    # Zeros in the name of a month or a year stand for its first one.
    year, month, day = int(timeperiod[:4]), int(timeperiod[4:6]) or 1, int(timeperiod[6:8]) or 1
    begin = datetime(year, month, day, tzinfo=ZoneInfo(ZONE))
    match table:
        case 'live_daily' | 'live_weekly':
            until = begin + timedelta(days=1 if table == 'live_daily' else 7)
        case 'live_monthly':
            until = (begin + timedelta(days=31)).replace(day=1)
        case _:
            until = begin.replace(year=year + 1)
    return begin.astimezone(UTC), until.astimezone(UTC)


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
