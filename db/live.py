"""The live feed: flights of the same weekday of 2013, arriving on today's clock in `flight_live`.

With speed 1, a flight of 10:00-11:00 of that day arrives between 10:00 and 11:00 of today; the
fixtures know only the hour, so the flights of one hour arrive evenly over it. With speed X, each
real minute receives the flights of X minutes: the day of 2013 goes by X times, again and again.
What lies before the first start is filled at speed 1.

Rows are kept as they come, as JSON texts; whoever reads them parses them. `live_feed` says until
when all rows have arrived: a feed that was killed goes on there, and arrives nowhere twice.
Intervals are [start, end); all times are UTC, but for the dates at which the trees start: they are
those of New York.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from db.database import open_database, path
from db.load import load_fixtures
from db.schema import LIVE_SCHEMA
from synergy import bootstrap

#: As `rejected_raw` names the table that a row stems from.
TABLE: Final = 'flight_live'
SPEED_MAX: Final = 1000.0
#: Where the flights depart: days of the live pipeline are those on the clocks there.
ZONE: Final = 'America/New_York'

_HOUR: Final = timedelta(hours=1)


def now() -> datetime:
    """Return the present instant, aware UTC."""
    return datetime.now(UTC)  # noqa: TID251 - user code: its clock is the one on the wall


def same_weekday_of_2013(day: date) -> date:
    """Return the day of 2013 that is nearest in the calendar and has the same weekday."""
    # There was no 29 February in 2013; and a week has only to be near, not the same.
    near = date(2013, 1, 1) + timedelta(days=day.timetuple().tm_yday - 1)
    near = min(near, date(2013, 12, 31))
    found = near + timedelta(days=(day.weekday() - near.weekday() + 3) % 7 - 3)
    if found.year < 2013:
        return found + timedelta(days=7)
    return found - timedelta(days=7) if found.year > 2013 else found


def start_timeperiod() -> str:
    """Return the first hour of the live tree: of the last day of the month before the first start.

    So a day and a month that are over are there from the beginning. The first start is written
    into the home, for the tree must not move when the month changes.
    """
    return _starts()[0]


def board_start_timeperiod() -> str:
    """Return the first day of the tree of quarters of an hour: that before the first start."""
    return _starts()[-1]


def open_live_database(file: Path | None = None) -> sqlite3.Connection:
    """Return a connection to the suite's database, with the tables of the live pipeline."""
    database = open_database(file or path())
    database.executescript(LIVE_SCHEMA)
    return database


def prepare(database: sqlite3.Connection, until: datetime) -> None:
    """Fill what lies before `until`, once; afterwards there is nothing to do."""
    if fed_until(database) is not None:
        return
    load_fixtures(database)
    start = start_timeperiod()
    _start_file().write_text(f'{start}\n{board_start_timeperiod()}\n')
    # As trees of a zone have it: hour 00 is midnight there, any other hour is called by UTC.
    zone = ZoneInfo(ZONE) if start.endswith('00') else UTC
    begin = datetime.strptime(start, '%Y%m%d%H').replace(tzinfo=zone).astimezone(UTC)
    database.execute('INSERT OR IGNORE INTO live_feed VALUES (1, ?)', (begin.isoformat(),))
    feed(database, until, speed=1.0)


def fed_until(database: sqlite3.Connection) -> datetime | None:
    """Return until when, exclusive, all rows have arrived; None before the first start."""
    row = database.execute('SELECT fed_until FROM live_feed').fetchone()
    return None if row is None else datetime.fromisoformat(row[0])


def feed(database: sqlite3.Connection, until: datetime, speed: float) -> int:
    """Let everything arrive that is due before `until`; return the number of rows.

    Needs `prepare`. One transaction: a feed that is killed has let all of it arrive, or nothing.
    """
    until = until.replace(microsecond=0)
    database.execute('BEGIN IMMEDIATE')
    try:
        since = fed_until(database)
        assert since is not None, 'prepare comes first'
        row_count = 0
        for begin, end in _hours(since, until):
            rows = [
                (f'{begin:%Y%m%d%H}', at.isoformat(timespec='seconds'), record)
                for at, record in _arrivals(database, begin, end, speed)
            ]
            database.executemany(
                'INSERT INTO flight_live (time_hour, arrived_at, record) VALUES (?, ?, ?)', rows
            )
            row_count += len(rows)
        if until > since:
            database.execute('UPDATE live_feed SET fed_until = ?', (until.isoformat(),))
        database.execute('COMMIT')
    except BaseException:
        database.execute('ROLLBACK')
        raise
    return row_count


def parse_speed(text: str) -> float:
    """Return a speed factor; raise ValueError."""
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed <= SPEED_MAX:
        raise ValueError(
            f'speed {text!r} is not a factor; give a number above 0, at most {SPEED_MAX:g}'
        )
    return speed


def _arrivals(
    database: sqlite3.Connection, begin: datetime, end: datetime, speed: float
) -> Iterator[tuple[datetime, str]]:
    """Yield what arrives in [begin, end), which lies within one hour, in order."""
    midnight = begin.replace(hour=0, minute=0, second=0)
    day = same_weekday_of_2013(begin.date())
    first = (begin - midnight).total_seconds() * speed
    last = (end - midnight).total_seconds() * speed
    for number in range(int(first // 3600), ceil(last / 3600)):
        records = _records(database, f'{day:%Y%m%d}{number % 24:02}')
        for place, record in enumerate(records):
            replayed = (number + place / len(records)) * 3600
            if first <= replayed < last:
                yield midnight + timedelta(seconds=replayed / speed), record


def _records(database: sqlite3.Connection, hour: str) -> list[str]:
    """Return the flights of one hour of 2013 as texts."""
    names = ('origin', 'carrier', 'flight', 'dep_time', 'dep_delay')
    found = database.execute(
        f'SELECT {", ".join(names)} FROM flight_raw WHERE time_hour = ? ORDER BY rowid', (hour,)
    )
    return [json.dumps(dict(zip(names, row, strict=True))) for row in found]


def _hours(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield [since, until) in pieces that lie within one hour each."""
    while since < until:
        end = min(since.replace(minute=0, second=0) + _HOUR, until)
        yield since, end
        since = end


def _starts() -> tuple[str, ...]:
    if (file := _start_file()).exists():
        return tuple(file.read_text().split())
    today = now().astimezone(ZoneInfo(ZONE))
    last_day, yesterday = (day - timedelta(days=1) for day in (today.replace(day=1), today))
    return f'{last_day:%Y%m%d}00', f'{yesterday:%Y%m%d}00'


def _start_file() -> Path:
    return bootstrap.load_settings().home / 'live_start'
