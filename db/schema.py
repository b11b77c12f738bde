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
