"""Load the fixtures into the raw tables; rows that do not parse are put aside, with the reason."""

from __future__ import annotations

import csv
import lzma
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FIXTURES: Final = Path(__file__).resolve().parent / 'fixtures'
_BATCH: Final = 20_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rows of a file were loaded, and how many put aside."""

    file: str
    row_count: int
    rejected_count: int


def load_fixtures(connection: sqlite3.Connection, folder: Path = FIXTURES) -> list[Loaded]:
    """Load what is not loaded yet; a load that broke off is done again from the beginning."""
    return [
        _load(connection, folder / 'nyc_flights_2013.csv.xz', 'flight_raw', _flight),
        _load(connection, folder / 'nyc_weather_2013.csv.xz', 'weather_raw', _weather),
    ]


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
) -> Loaded:
    rejected: list[tuple[str, int, str]] = []
    connection.execute('BEGIN IMMEDIATE')
    try:
        done = connection.execute(
            'SELECT row_count FROM loaded WHERE file = ?', (file.name,)
        ).fetchone()
        if done is not None:
            connection.execute('COMMIT')
            return Loaded(file.name, done[0], 0)
        connection.execute(f'DELETE FROM {table}')
        row_count = 0
        for rows in _batches(_rows(file, parse, rejected)):
            marks = ', '.join('?' * len(rows[0]))
            connection.executemany(f'INSERT INTO {table} VALUES ({marks})', rows)
            row_count += len(rows)
        connection.executemany('INSERT INTO rejected_raw VALUES (?, ?, ?)', rejected)
        connection.execute('INSERT INTO loaded VALUES (?, ?)', (file.name, row_count))
        connection.execute('COMMIT')
    except BaseException:
        connection.execute('ROLLBACK')
        raise
    return Loaded(file.name, row_count, len(rejected))


def _rows(
    file: Path,
    parse: Callable[[dict[str, str]], tuple[Any, ...]],
    rejected: list[tuple[str, int, str]],
) -> Iterator[tuple[Any, ...]]:
    with lzma.open(file, 'rt', encoding='utf-8', newline='') as lines:
        for number, record in enumerate(csv.DictReader(lines), start=2):
            try:
                yield parse(record)
            except (ValueError, KeyError, TypeError) as error:
                rejected.append((file.name, number, f'{type(error).__name__}: {error}'))


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
