"""The fixtures of the illustration: as much is loaded as is processed, and more when more is."""

from __future__ import annotations

import lzma
import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from db.database import open_database
from db.load import FIXTURES, load_fixtures
from db.totals import recount

HEADS = {
    'nyc_flights_2013.csv.xz': 'time_hour,origin,carrier,flight,dep_time,dep_delay',
    'nyc_weather_2013.csv.xz': 'time_hour,origin,temp,wind_speed,precip,visib',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return files with a row for each hour of one morning, and one that does not parse."""
    for name, head in HEADS.items():
        rows = [f'2013-01-01T{hour:02}:00:00Z,JFK,1,2,3,4' for hour in range(6)]
        with lzma.open(tmp_path / name, 'wt', encoding='utf-8') as file:
            file.write('\n'.join([head, *rows[:1], 'noon,JFK,1,2,3,4', *rows[1:], '']))
    return tmp_path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = open_database(tmp_path / 'i.db')
    yield connection
    connection.close()


def counts(database: sqlite3.Connection) -> list[int]:
    tables = ('flight_raw', 'weather_raw', 'rejected_raw')
    return [database.execute(f'SELECT count(*) FROM {name}').fetchone()[0] for name in tables]


def test_what_lies_behind_the_end_is_not_loaded(folder: Path, database: sqlite3.Connection) -> None:
    loaded = load_fixtures(database, folder, '2013010102')

    assert [(item.row_count, item.rejected_count) for item in loaded] == [(2, 1), (2, 1)]
    assert counts(database) == [2, 2, 2]


@pytest.mark.parametrize('then', ['2013010104', None])
def test_a_later_end_loads_more_and_an_earlier_one_takes_nothing_away(
    folder: Path, database: sqlite3.Connection, then: str | None
) -> None:
    count = 6 if then is None else 4
    for end in ('2013010102', then, '2013010101', then):
        load_fixtures(database, folder, end)

    assert counts(database) == [count, count, 2]


@pytest.mark.parametrize('name', HEADS)
def test_rows_of_the_real_files_are_in_the_order_of_hours(name: str) -> None:
    with lzma.open(FIXTURES / name, 'rt', encoding='utf-8') as lines:
        assert next(lines).startswith('time_hour,')
        assert all(before[:20] <= after[:20] for before, after in pairwise(lines))


def test_a_recount_stops_at_the_end() -> None:
    (day,) = {timeperiod for _, timeperiod in recount('2013010104')['flight_daily']} or {'none'}

    assert day == 'none'
    assert {timeperiod for _, timeperiod in recount('2013010112')['flight_daily']} == {'2013010100'}
