"""Tables of the illustration suite, in a SQLite file of their own."""

from __future__ import annotations

from typing import Final

_COUNTS: Final = """
CREATE TABLE IF NOT EXISTS {name} (
    origin TEXT NOT NULL,
    timeperiod TEXT NOT NULL,
    flights INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    delay_minutes INTEGER NOT NULL,
    late INTEGER NOT NULL,
    PRIMARY KEY (timeperiod, origin)
) WITHOUT ROWID;
"""
_WEATHER: Final = """
CREATE TABLE IF NOT EXISTS {name} (
    origin TEXT NOT NULL,
    timeperiod TEXT NOT NULL,
    temperature_mean REAL,
    wind_max REAL,
    precipitation REAL,
    visibility_min REAL,
    PRIMARY KEY (timeperiod, origin)
) WITHOUT ROWID;
"""

#: Levels of flight counts, fine to coarse.
FLIGHT_TABLES: Final = ('flight_hourly', 'flight_daily', 'flight_monthly', 'flight_yearly')

SCHEMA: Final = (
    """
CREATE TABLE IF NOT EXISTS flight_raw (
    time_hour TEXT NOT NULL,
    origin TEXT NOT NULL,
    carrier TEXT NOT NULL,
    flight INTEGER NOT NULL,
    dep_time INTEGER,
    dep_delay INTEGER
);
CREATE INDEX IF NOT EXISTS flight_raw_hour ON flight_raw (time_hour);
CREATE TABLE IF NOT EXISTS weather_raw (
    time_hour TEXT NOT NULL,
    origin TEXT NOT NULL,
    temperature REAL,
    wind REAL,
    precipitation REAL,
    visibility REAL
);
CREATE INDEX IF NOT EXISTS weather_raw_hour ON weather_raw (time_hour);
CREATE TABLE IF NOT EXISTS rejected_raw (
    file TEXT NOT NULL,
    line INTEGER NOT NULL,
    problem TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS loaded (
    file TEXT NOT NULL PRIMARY KEY,
    row_count INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS delay_daily (
    timeperiod TEXT NOT NULL PRIMARY KEY,
    late_share REAL NOT NULL,
    late_share_before REAL NOT NULL,
    is_flagged INTEGER NOT NULL,
    temperature_mean REAL,
    wind_max REAL,
    precipitation REAL,
    visibility_min REAL
);
"""
    + ''.join(_COUNTS.format(name=name) for name in FLIGHT_TABLES)
    + ''.join(_WEATHER.format(name=name) for name in ('weather_hourly', 'weather_daily'))
)

#: Levels of live counts, fine to coarse.
LIVE_TABLES: Final = (
    'live_quarter',
    'live_hourly',
    'live_daily',
    'live_weekly',
    'live_monthly',
    'live_yearly',
)

#: What the live pipeline needs in addition. `live_covered`: which rows the counts of an hour stem
#: from.
LIVE_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS flight_live (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time_hour TEXT NOT NULL,
    arrived_at TEXT NOT NULL,
    record TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS flight_live_hour ON flight_live (time_hour);
CREATE TABLE IF NOT EXISTS live_feed (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    fed_until TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS live_covered (
    timeperiod TEXT NOT NULL PRIMARY KEY,
    start_id INTEGER NOT NULL,
    end_id INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS live_trend (
    timeperiod TEXT NOT NULL PRIMARY KEY,
    flights INTEGER NOT NULL,
    flights_before INTEGER NOT NULL,
    trend REAL NOT NULL
);
""" + ''.join(_COUNTS.format(name=name) for name in LIVE_TABLES)
