"""Flag days whose share of late departures is far from that of the same weekday a week before.

A plain function as a worker: simple, where nothing is worth keeping between units.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

from db.database import open_database, replace_rows
from db.model.delay import DelayDay
from synergy.workers import Outcome, Uow

#: Shares of late departures, 0..1, that differ by this much are far from each other.
FAR = 0.10

SHARE = """
SELECT CAST(sum(late) AS REAL) / sum(flights - cancelled) FROM flight_daily WHERE timeperiod = ?
"""
#: Of another day than the job's own: nobody waits for its row in flight_daily, so it may be missing
#: while that day is rescued or reprocessed. The raw flights are always there.
SHARE_OF_RAW = """
SELECT CAST(sum(dep_delay >= 15) AS REAL) / sum(dep_time IS NOT NULL)
FROM flight_raw WHERE time_hour >= ? AND time_hour < ?
"""
WEATHER = """
SELECT avg(temperature_mean), max(wind_max), max(precipitation), min(visibility_min)
FROM weather_daily WHERE timeperiod = ?
"""


def flag_delays(uow: Uow) -> Outcome:
    """Compare one day with the same weekday a week before."""
    week = timedelta(days=7)
    hours_before = (f'{uow.start - week:%Y%m%d%H}', f'{uow.end - week:%Y%m%d%H}')
    with closing(open_database()) as database:
        share = _share(database, SHARE, uow.timeperiod)
        share_before = _share(database, SHARE_OF_RAW, *hours_before)
        if share is None or share_before is None:
            replace_rows(database, 'delay_daily', uow.timeperiod, [])
            return Outcome.noop()
        weather = database.execute(WEATHER, (uow.timeperiod,)).fetchone()
        is_flagged = abs(share - share_before) >= FAR
        day = DelayDay(uow.timeperiod, share, share_before, is_flagged, *weather)
        replace_rows(database, 'delay_daily', uow.timeperiod, [day.row()])
    return Outcome.processed(1)


def _share(database: sqlite3.Connection, query: str, *values: str) -> float | None:
    found: float | None = database.execute(query, values).fetchone()[0]
    return found
