"""The live pipeline: when rows arrive, which of them an hour covers, and rows that do not parse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from db import live
from db.live_source import FeedBehind, LiveSource
from db.live_totals import differences
from synergy.core.records import ProcessName, Unit, UowId
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.workers import Outcome
from synergy.workers.uow import Uow, uow_of
from workers.flight_live import FlightLive
from workers.live_feed import LiveFeed

NOW = datetime(2026, 11, 24, 18, 20, 30, tzinfo=UTC)
TODAY, HOUR = '20131126', '2026112418'


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Yield a feed that begins at noon, with four flights in each hour of the day replayed."""
    monkeypatch.setenv('SYNERGY_HOME', str(tmp_path))
    monkeypatch.setattr(live, 'now', lambda: NOW)
    monkeypatch.setattr('db.live_source.now', lambda: NOW)
    (tmp_path / 'live_start').write_text('2026112412\n')
    connection = live.open_live_database()
    monkeypatch.setattr(live, 'load_fixtures', lambda _: None)
    connection.executemany(
        'INSERT INTO flight_raw VALUES (?, ?, ?, ?, ?, ?)',
        [
            (f'{TODAY}{hour:02}', 'JFK', 'AA', number, None if number == 3 else 1200, 20)
            for hour in range(24)
            for number in range(4)
        ],
    )
    yield connection
    connection.close()


def arrived(database: sqlite3.Connection, hour: str = HOUR) -> int:
    found: int = database.execute(
        'SELECT count(*) FROM flight_live WHERE time_hour = ?', (hour,)
    ).fetchone()[0]
    return found


def uow_of_hour(first: int | str, last: int | str) -> Uow:
    timeperiod = containing_utc(Qualifier.HOURLY, NOW)
    unit = Unit(
        id=UowId('1'),
        process=ProcessName('LiveHourly'),
        timeperiod=timeperiod,
        start=timeperiod,
        end=timeperiod.shift(1),
        run=1,
        created_at=NOW,
    )
    return uow_of(unit, 'flight_live', 'live_hourly', lambda: False, (first, last))


def run_hour(database: sqlite3.Connection) -> Outcome:
    source = LiveSource()
    bounds = source.bounds(HOUR, '2026112419')
    source.close()
    assert bounds is not None
    worker = FlightLive('LiveHourly')
    worker.database = database
    outcome = worker.process_uow(uow_of_hour(*bounds))
    assert isinstance(outcome, Outcome)
    return outcome


@pytest.mark.parametrize('year', [2024, 2025, 2026])
def test_every_day_has_its_weekday_in_2013(year: int) -> None:
    for number in range(366):
        day = date(year, 1, 1) + timedelta(days=number)
        found = live.same_weekday_of_2013(day)

        assert (found.year, found.weekday()) == (2013, day.weekday()), day


def test_flights_arrive_evenly_over_their_hour_and_never_twice(
    database: sqlite3.Connection,
) -> None:
    live.prepare(database, NOW)

    # Of 18:00, 18:15, 18:30 and 18:45.
    assert arrived(database, '2026112412') == 4
    assert arrived(database) == 2
    assert live.feed(database, NOW, 1) == 0
    assert live.feed(database, NOW + timedelta(minutes=10), 1) == 1
    live.prepare(database, NOW + timedelta(hours=5))
    assert arrived(database) == 3


def test_each_minute_brings_the_flights_of_speed_minutes(database: sqlite3.Connection) -> None:
    live.prepare(database, NOW)

    assert live.feed(database, NOW + timedelta(minutes=1), 60) == 4
    assert live.feed(database, NOW + timedelta(minutes=2), 60) == 4


@pytest.mark.parametrize('text', ['fast', '0', '-1', 'nan', 'inf', '1001'])
def test_a_speed_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r'is not a factor; give a number above 0'):
        live.parse_speed(text)


def test_the_daemon_refuses_a_speed_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('LIVE_SPEED', 'fast')

    with pytest.raises(ValueError, match="'fast'"):
        LiveFeed('LiveFeed').start()


def test_an_hour_covers_what_has_arrived_and_more_when_run_again(
    database: sqlite3.Connection,
) -> None:
    live.prepare(database, NOW)

    assert run_hour(database) == Outcome.processed(2)
    live.feed(database, NOW + timedelta(minutes=30), 1)
    assert run_hour(database) == Outcome.processed(4)

    counted = database.execute('SELECT * FROM live_hourly').fetchall()
    assert counted == [('JFK', HOUR, 4, 1, 60, 3)]
    assert differences(database, {}) == []


@pytest.mark.parametrize(
    ('record', 'expected'),
    [
        ('{"origin": "JFK"', 'is not JSON'),
        ('[1, 2]', 'is not a JSON object'),
        ('{"dep_time": 5, "dep_delay": 5}', 'origin None is not an airport'),
        (
            '{"origin": "JFK", "dep_time": 5, "dep_delay": "late"}',
            "dep_delay 'late' is not a number",
        ),
    ],
)
def test_a_row_that_does_not_parse_is_put_aside_with_the_reason(
    database: sqlite3.Connection, record: str, expected: str
) -> None:
    live.prepare(database, NOW)
    database.execute(
        'INSERT INTO flight_live (time_hour, arrived_at, record) VALUES (?, ?, ?)',
        (HOUR, NOW.isoformat(), record),
    )
    live.feed(database, NOW + timedelta(minutes=30), 1)

    for _ in range(2):  # The second run leaves no trace of the first.
        assert run_hour(database) == Outcome.processed(4)

    rejected = database.execute('SELECT file, problem FROM rejected_raw').fetchall()
    assert [file for file, _ in rejected] == ['flight_live']
    assert expected in rejected[0][1]
    assert differences(database, {}) == []


def test_an_hour_that_is_over_waits_for_the_feed(database: sqlite3.Connection) -> None:
    live.prepare(database, NOW - timedelta(hours=1))
    source = LiveSource()

    with pytest.raises(FeedBehind, match='see that LiveFeed runs'):
        source.bounds('2026112417', '2026112418')

    assert source.bounds('2026112416', '2026112417') is not None
    live.feed(database, NOW, 1)
    assert source.bounds('2026112417', '2026112418') is not None
    source.close()


def test_a_wrong_count_is_named(database: sqlite3.Connection) -> None:
    live.prepare(database, NOW)
    run_hour(database)
    database.execute('UPDATE live_hourly SET flights = 7')

    (line,) = differences(database, {})

    assert line.startswith(f'live_hourly {HOUR}: expected')
