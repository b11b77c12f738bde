"""The live pipeline: when rows arrive, which of them an hour covers, and rows that do not parse."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from db import live
from db.live_source import FeedBehind, LiveSource
from db.live_totals import differences
from synergy.core.records import ProcessName, Unit, UowId
from synergy.core.timeperiod import Qualifier, containing_utc, parse
from synergy.core.zones import calendar_named
from synergy.workers import Outcome
from synergy.workers.uow import Uow, uow_of
from workers.flight_live import FlightLive
from workers.flight_quarter import FlightQuarter
from workers.flight_rollup import FlightRollup
from workers.live_feed import LiveFeed
from workers.live_trend import follow

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


def uow_in_new_york(qualifier: Qualifier, name: str, sink: str, source: str = 'x') -> Uow:
    timeperiod = parse(qualifier, name)
    unit = Unit(
        id=UowId('1'),
        process=ProcessName('Live'),
        timeperiod=timeperiod,
        start=timeperiod,
        end=timeperiod.shift(1),
        run=1,
        created_at=NOW,
    )
    return uow_of(unit, source, sink, lambda: False, calendar=calendar_named(live.ZONE))


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


def test_trees_start_at_midnight_of_new_york(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SYNERGY_HOME', str(tmp_path))
    # There it is still the evening of 31 October.
    monkeypatch.setattr(live, 'now', lambda: datetime(2026, 11, 1, 3, tzinfo=UTC))
    monkeypatch.setattr(live, 'load_fixtures', lambda _: None)

    assert live.start_timeperiod() == '2026093000'
    with closing(live.open_live_database()) as connection:
        live.prepare(connection, live.now())
        until = live.fed_until(connection)

    assert (tmp_path / 'live_start').read_text().split() == ['2026093000', '2026103000']
    assert until == live.now()
    assert live.board_start_timeperiod() == '2026103000'


def test_a_quarter_counts_what_arrived_in_it_and_waits_for_the_feed(
    database: sqlite3.Connection,
) -> None:
    live.prepare(database, NOW)
    worker = FlightQuarter('LiveQuarter')
    worker.database = database
    quarter = uow_in_new_york(Qualifier.MINUTELY_15, '202611241715', 'live_quarter')

    assert worker.process_uow(quarter) == Outcome.processed(1)
    assert differences(database, {'live_quarter': ['202611241715']}) == []
    with pytest.raises(FeedBehind, match='the quarter until'):
        worker.process_uow(uow_in_new_york(Qualifier.MINUTELY_15, '202611241815', 'live_quarter'))


def test_days_of_new_york_hold_the_hours_that_its_clock_reads(
    database: sqlite3.Connection,
) -> None:
    days = {'2026110100': 25, '2026110200': 24, '2026030800': 23}
    worker = FlightRollup('LiveDaily')
    worker.database = database
    for name, count in days.items():
        day = uow_in_new_york(Qualifier.DAILY, name, 'live_daily', 'live_hourly')
        hours = [day.start + timedelta(hours=at) for at in range(-1, count + 1)]
        database.executemany(
            'INSERT OR IGNORE INTO live_hourly VALUES (?, ?, 1, 0, 0, 0)',
            [('JFK', f'{hour:%Y%m%d%H}') for hour in hours],
        )
        database.executemany(
            'INSERT INTO flight_live (time_hour, arrived_at, record) VALUES (?, ?, ?)',
            [
                (
                    f'{at:%Y%m%d%H}',
                    at.isoformat(),
                    '{"origin": "JFK", "dep_time": 1, "dep_delay": 0}',
                )
                for at in hours[1:-1]
            ],
        )

        assert worker.process_uow(day) == Outcome.processed(count)
    assert differences(database, {'live_daily': list(days)}) == []


def test_a_trend_goes_on_from_the_working_day_before(database: sqlite3.Connection) -> None:
    database.execute("INSERT INTO live_trend VALUES ('2026112000', 0, 0, 10.0)")
    database.executemany(
        'INSERT INTO live_daily VALUES (?, ?, ?, 0, 0, 0)',
        [('JFK', f'202611{day:02}00', day) for day in range(9, 19)],
    )
    # The first and the last hour of the Monday, and the ones beside it.
    database.executemany(
        'INSERT INTO live_hourly VALUES (?, ?, ?, 0, 0, 0)',
        [('JFK', name, 20) for name in ('2026112304', '2026112305', '2026112404', '2026112405')],
    )

    outcome = follow(uow_in_new_york(Qualifier.DAILY, '2026112300', 'live_trend'))

    assert outcome == Outcome.processed(40)
    before = sum(range(10, 17))
    assert database.execute('SELECT * FROM live_trend').fetchall()[-1] == (
        '2026112300', 40, before, 16.0,
    )  # fmt: skip
    assert differences(database, {'live_trend': ['2026112300']}) == []
    database.execute('UPDATE live_trend SET flights_before = 1')
    (line,) = differences(database, {'live_trend': ['2026112300']})
    assert line == f'live_trend 2026112300: expected {before} flights before, found 1'


@pytest.mark.parametrize(
    ('table', 'name', 'hours'),
    [
        ('live_weekly', '2026030200', 167),
        ('live_monthly', '2026110000', 721),
        ('live_yearly', '2026000000', 8760),
    ],
)
def test_what_is_recounted_is_the_interval_on_the_clock_of_new_york(
    database: sqlite3.Connection, table: str, name: str, hours: int
) -> None:
    qualifier = Qualifier[table.removeprefix('live_').upper()]
    uow = uow_in_new_york(qualifier, name, table)
    assert uow.end - uow.start == timedelta(hours=hours)
    row = ('JFK', '{"origin": "JFK", "dep_time": 1, "dep_delay": 0}')
    for at in (
        uow.start - timedelta(seconds=1),
        uow.start,
        uow.end - timedelta(seconds=1),
        uow.end,
    ):
        database.execute(
            'INSERT INTO flight_live (time_hour, arrived_at, record) VALUES (?, ?, ?)',
            (f'{at:%Y%m%d%H}', at.isoformat(), row[1]),
        )
    database.execute(f'INSERT INTO {table} VALUES (?, ?, 2, 0, 0, 0)', (row[0], name))

    assert differences(database, {table: [name]}) == []
