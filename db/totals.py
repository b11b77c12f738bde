"""Are the flights counted right? The tables of the suite against a recount that shares no code.

The recount goes through the raw file once, by itself; for the whole year the published totals of
`fixtures/nyc_flights_2013_totals.json` must agree, too.
"""

from __future__ import annotations

import csv
import json
import lzma
import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from db.load import FIXTURES

#: Of one airport in one interval: flights, cancelled, minutes of departure delay, departed late.
Counts = tuple[int, int, int, int]
#: By (airport, timeperiod).
Totals = Mapping[tuple[str, str], Counts]

#: Table of each level, and how many digits of `YYYYMMDDHH` name its interval.
_LEVELS: Final = (('flight_daily', 8), ('flight_monthly', 6), ('flight_yearly', 4))
_LATE_MINUTES: Final = 15


def recount(end_timeperiod: str | None = None, folder: Path = FIXTURES) -> Mapping[str, Totals]:
    """Return the totals of each table by going through the raw file.

    end_timeperiod: hour, exclusive, at which to stop, for the file is in the order of hours; None
    counts all.
    """
    sums: dict[str, dict[tuple[str, str], list[int]]] = {
        table: defaultdict(lambda: [0, 0, 0, 0]) for table, _ in _LEVELS
    }
    with lzma.open(folder / 'nyc_flights_2013.csv.xz', 'rt', encoding='utf-8', newline='') as lines:
        reader = csv.reader(lines)
        names = next(reader)
        for fields in reader:
            record = dict(zip(names, fields, strict=True))
            hour = ''.join(filter(str.isdigit, record['time_hour'][:13]))
            if end_timeperiod is not None and hour >= end_timeperiod:
                break
            is_cancelled = not record['dep_time']
            delay = 0 if is_cancelled else int(record['dep_delay'])
            for table, digits in _LEVELS:
                row = sums[table][record['origin'], hour[:digits].ljust(10, '0')]
                row[0] += 1
                row[1] += is_cancelled
                row[2] += delay
                row[3] += delay >= _LATE_MINUTES
    return {
        table: {key: (row[0], row[1], row[2], row[3]) for key, row in rows.items()}
        for table, rows in sums.items()
    }


def published(folder: Path = FIXTURES) -> Mapping[str, Totals]:
    """Return the published totals of months and years."""
    found = json.loads((folder / 'nyc_flights_2013_totals.json').read_text())
    totals: dict[str, Totals] = {}
    for table, name in (('flight_monthly', 'monthly'), ('flight_yearly', 'yearly')):
        rows: dict[tuple[str, str], Counts] = {}
        for key, counts in found[name].items():
            origin, _, timeperiod = key.partition('@')
            rows[origin, timeperiod] = (counts[0], counts[1], counts[2], counts[3])
        totals[table] = rows
    return totals


def stored(database: sqlite3.Connection, table: str) -> Totals:
    """Return the totals that the workers have written."""
    return {
        (origin, timeperiod): (flights, cancelled, delay, late)
        for origin, timeperiod, flights, cancelled, delay, late in database.execute(
            f'SELECT origin, timeperiod, flights, cancelled, delay_minutes, late FROM {table}'
        )
    }


def differences(database: sqlite3.Connection, expected: Mapping[str, Totals]) -> Sequence[str]:
    """Return a line for every total that is not as expected."""
    lines: list[str] = []
    for table, totals in expected.items():
        found = stored(database, table)
        lines += [
            f'{table} {key[0]}@{key[1]}: expected {totals.get(key)}, found {found.get(key)}'
            for key in sorted(totals.keys() | found.keys())
            if totals.get(key) != found.get(key)
        ]
    return lines
