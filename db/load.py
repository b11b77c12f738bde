"""Load the fixtures into the raw tables; rows that do not parse are put aside, with the reason."""

from __future__ import annotations

import csv
import lzma
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from synergy import bootstrap

FIXTURES: Final = Path(__file__).resolve().parent / 'fixtures'
_BATCH: Final = 20_000
#: In the mark of a file that was loaded in part, between its name and the hour.
_UNTIL: Final = ' until '


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rows of a file were loaded, and how many put aside."""

    file: str
    row_count: int
    rejected_count: int


def load_fixtures(
    connection: sqlite3.Connection, folder: Path = FIXTURES, end_timeperiod: str | None = None
) -> list[Loaded]:
    """Load what is not loaded yet; a load that broke off is done again from the beginning.

    end_timeperiod: hour, exclusive, at which to stop: the files are in the order of hours.
    """
    return [
        _load(
            connection, folder / 'nyc_flights_2013.csv.xz', 'flight_raw', _flight, end_timeperiod
        ),
        _load(
            connection, folder / 'nyc_weather_2013.csv.xz', 'weather_raw', _weather, end_timeperiod
        ),
    ]


def end_of_run() -> str | None:
    """Return the hour, exclusive, at which this installation stops; None: at the year's end."""
    end = bootstrap.load_settings().end_timeperiod
    return None if end is None else str(end)


def timeperiod_of(time_hour: str) -> str:
    """Return the hourly timeperiod of `2013-01-01T10:00:00Z`."""
    if len(time_hour) != 20 or time_hour[13:] != ':00:00Z':
        raise ValueError(f'time_hour {time_hour!r} is not a full hour in UTC')
    digits = time_hour[:4] + time_hour[5:7] + time_hour[8:10] + time_hour[11:13]
    if not digits.isdecimal():
        raise ValueError(f'time_hour {time_hour!r} is not a full hour in UTC')
    return digits


def _load(
    connection: sqlite3.Connection,
    file: Path,
    table: str,
    parse: Callable[[dict[str, str]], tuple[Any, ...]],
    end: str | None,
) -> Loaded:
    rejected: list[tuple[str, int, str]] = []
    name = file.name if end is None else f'{file.name}{_UNTIL}{end}'
    connection.execute('BEGIN IMMEDIATE')
    try:
        marks = connection.execute('SELECT file, row_count FROM loaded').fetchall()
        for mark, row_count in marks:
            whole, _, until = mark.partition(_UNTIL)
            if whole != file.name:
                continue
            if not until or (end is not None and end <= until):
                connection.execute('COMMIT')
                return Loaded(file.name, row_count, 0)
            connection.execute('DELETE FROM loaded WHERE file = ?', (mark,))
            connection.execute('DELETE FROM rejected_raw WHERE file = ?', (whole,))
        connection.execute(f'DELETE FROM {table}')
        row_count = 0
        for rows in _batches(_rows(file, parse, rejected, end)):
            places = ', '.join('?' * len(rows[0]))
            connection.executemany(f'INSERT INTO {table} VALUES ({places})', rows)
            row_count += len(rows)
        connection.executemany('INSERT INTO rejected_raw VALUES (?, ?, ?)', rejected)
        connection.execute('INSERT INTO loaded VALUES (?, ?)', (name, row_count))
        connection.execute('COMMIT')
    except BaseException:
        connection.execute('ROLLBACK')
        raise
    return Loaded(file.name, row_count, len(rejected))


def _rows(
    file: Path,
    parse: Callable[[dict[str, str]], tuple[Any, ...]],
    rejected: list[tuple[str, int, str]],
    end: str | None,
) -> Iterator[tuple[Any, ...]]:
    with lzma.open(file, 'rt', encoding='utf-8', newline='') as lines:
        reader = csv.reader(lines)
        names = next(reader)
        for number, fields in enumerate(filter(None, reader), start=2):
            try:
                row = parse(dict(zip(names, fields, strict=False)))
            except (ValueError, KeyError, TypeError) as error:
                rejected.append((file.name, number, f'{type(error).__name__}: {error}'))
                continue
            if end is not None and row[0] >= end:
                return
            yield row


def _flight(record: dict[str, str]) -> tuple[Any, ...]:
    return (
        timeperiod_of(record['time_hour']),
        record['origin'],
        record['carrier'],
        int(record['flight']),
        int(record['dep_time']) if record['dep_time'] else None,
        int(record['dep_delay']) if record['dep_delay'] else None,
    )


def _weather(record: dict[str, str]) -> tuple[Any, ...]:
    measured = ('temp', 'wind_speed', 'precip', 'visib')
    return (
        timeperiod_of(record['time_hour']),
        record['origin'],
        *(float(record[name]) if record[name] else None for name in measured),
    )


def _batches(rows: Iterator[tuple[Any, ...]]) -> Iterator[list[tuple[Any, ...]]]:
    batch: list[tuple[Any, ...]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
