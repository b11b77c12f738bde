"""Pages and API on trees of every length of interval, in zones whose clocks are changed."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from synergy.mx.widgets.chart import place_of
from tests.builders import instant
from tests.mx.dashboard_harness import DashboardHarness
from tests.mx.zones import fill, zone_pages


@pytest.fixture(scope='module')
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp('zones')
    made = zone_pages(home)
    fill(made)
    made.close()
    return home / 'store.db'


@pytest.fixture
def zones(tmp_path: Path, filled: Path) -> Iterator[DashboardHarness]:
    shutil.copy(filled, tmp_path / 'store.db')
    found = zone_pages(tmp_path)
    yield found
    found.close()


@pytest.fixture(scope='module')
def watched(filled: Path) -> Iterator[DashboardHarness]:
    """Return a dashboard for the tests that only read: it reads the store once."""
    found = zone_pages(filled.parent)
    yield found
    found.close()


def shown(pages: DashboardHarness, address: str) -> str:
    answer = pages.get(address)
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def heads(text: str) -> list[str]:
    """Return what stands above the columns of a map."""
    row = re.search(r'<thead><tr>(.*?)</tr></thead>', text, re.DOTALL)
    assert row is not None
    return [re.sub('<[^>]+>', '', item) for item in row[1].split('</th>')][1:-1]


def cells(text: str, process: str) -> list[tuple[str, int, int]]:
    """Return the cells of a process: its first interval, over how many columns, of how many."""
    found = re.findall(
        rf'<td class="c[^"]*"(?: colspan="(\d+)")?><a [^>]*data-p="{process}" '
        r'data-tp="(\d+)"(?: data-last="\d+" data-n="(\d+)")?',
        text,
    )
    return [(name, int(span or 1), int(count or 1)) for span, name, count in found]


def test_a_day_of_23_hours_has_23_columns_called_by_its_clock(watched: DashboardHarness) -> None:
    text = shown(watched, '/t/berlin?z=day&at=20260329')

    assert heads(text) == ['00', '01', *(f'{hour:02d}' for hour in range(3, 24))]
    hours = [name for name, _, _ in cells(text, 'BerlinHourly')]
    assert hours == ['2026032823', *(f'20260329{hour:02d}' for hour in range(22))]
    assert 'Hours of Europe/Berlin: 23, for at 02:00 the clock is put forward to 03:00.' in text
    assert 'of 23 hours of berlin done' in text


def test_the_doubled_hour_of_a_day_of_25_is_told_apart(watched: DashboardHarness) -> None:
    text = shown(watched, '/t/berlin?z=day&at=20261025')

    assert heads(text)[:5] == ['00', '01', '02', '02b', '03']
    assert len(heads(text)) == len(cells(text, 'BerlinHourly')) == 25
    assert text.count('the clock reads this twice: 2026102500 and 2026102501 in UTC') == 2
    assert 'BerlinHourly 2026102501 (Sun 25 October 2026, 02:00 CET), processed' in text
    assert cells(text, 'BerlinDaily') == [('2026102500', 25, 1)]


def test_a_tree_of_another_zone_stands_by_dates_and_its_hours_by_instants(
    watched: DashboardHarness,
) -> None:
    text = shown(watched, '/t/berlin?z=day&at=20261025')

    assert cells(text, 'WorldDaily') == [('2026102500', 25, 1)]
    hours = [name for name, _, _ in cells(text, 'WorldHourly')]
    assert hours == [name for name, _, _ in cells(text, 'BerlinHourly')]
    assert 'UTC, depends on berlin' in text
    assert len(heads(shown(watched, '/t/world?z=day&at=20261025'))) == 24


@pytest.mark.parametrize(
    ('day', 'count', 'said'),
    [
        ('20260405', 24, 'at 02:00 the clock is put back to 01:30'),
        ('20261004', 24, 'at 02:00 the clock is put forward to 02:30'),
    ],
)
def test_a_step_of_half_an_hour_is_said(
    watched: DashboardHarness, day: str, count: int, said: str
) -> None:
    text = shown(watched, f'/t/howe?z=day&at={day}')

    assert said in text
    assert len(heads(text)) == count
    assert len(set(heads(text))) == count


def test_a_day_that_a_zone_has_left_out_is_empty(watched: DashboardHarness) -> None:
    text = shown(watched, '/t/apia?z=day&at=20111230')

    assert 'Pacific/Apia has no such day' in text
    assert heads(text) == []
    assert cells(text, 'ApiaHourly') == []


def test_minutes_are_rolled_up_by_hour_and_lead_to_that_hour(watched: DashboardHarness) -> None:
    text = shown(watched, '/t/berlin?z=day&at=20261123')

    five = cells(text, 'BerlinFive')
    assert five[8] == ('202611230700', 1, 12)
    assert cells(text, 'BerlinQuarter')[8] == ('202611230700', 1, 4)
    assert 'href="/t/berlin?z=hour&at=2026112307"' in text


def test_an_hour_has_a_column_for_each_beginning(watched: DashboardHarness) -> None:
    text = shown(watched, '/t/berlin?z=hour&at=2026112307')

    # Those of five minutes, of a quarter, and of twenty in the tree beside it.
    assert heads(text) == [f'08:{minute:02d}' for minute in range(0, 60, 5)]
    assert [name for name, _, _ in cells(text, 'BerlinFive')] == [
        f'2026112307{minute:02d}' for minute in range(0, 60, 5)
    ]
    assert cells(text, 'BerlinQuarter')[1] == ('202611230715', 3, 1)
    assert cells(text, 'WorldTwenty')[1] == ('202611230720', 4, 1)
    assert cells(text, 'BerlinHourly') == [('2026112307', 12, 1)]
    assert 'Mon 23 November 2026, 08:00 CET' in text
    assert 'data-up>23 Nov</a>' in text
    assert 'z=hour&at=2026112306" rel="prev">← 07:00' in text


def test_weeks_stand_over_their_days(watched: DashboardHarness) -> None:
    month = shown(watched, '/t/berlin?z=month&at=202603')
    assert cells(month, 'BerlinWeekly') == [
        ('2026022300', 1, 1), ('2026030200', 7, 1), ('2026030900', 7, 1),
        ('2026031600', 7, 1), ('2026032300', 7, 1), ('2026033000', 2, 1),
    ]  # fmt: skip

    year = shown(watched, '/t/berlin?z=year&at=2026')
    weeks = cells(year, 'BerlinWeekly')
    assert (weeks[0], len(weeks)) == (('2025122900', 1, 1), 53)

    week = shown(watched, '/t/berlin?z=week&at=20260329')
    assert heads(week)[0] == 'Mon 23'
    assert heads(week)[-1] == 'Sun 29'
    assert cells(week, 'BerlinWeekly') == [('2026032300', 7, 1)]
    assert cells(week, 'BerlinHourly')[-1] == ('2026032823', 1, 23)


def test_weeks_begin_on_the_day_of_their_tree(watched: DashboardHarness) -> None:
    year = shown(watched, '/t/york?z=year&at=2026')

    assert 'Sunday on top. Days of America/New_York.' in year
    assert cells(year, 'YorkSunday')[0] == ('2025122800', 1, 1)
    assert heads(shown(watched, '/t/york?z=week&at=20261101'))[0] == 'Sun 1'


def test_a_map_has_only_the_levels_that_its_trees_have(watched: DashboardHarness) -> None:
    assert watched.get('/t/howe?z=week').status_code == 400
    assert watched.get('/t/howe?z=hour').status_code == 400
    assert '>Hour</a>' not in shown(watched, '/t/york?z=day')
    assert '>Week</a>' in shown(watched, '/t/world?z=day')


@pytest.mark.parametrize(
    ('address', 'title'),
    [
        ('/t/york?z=day&at=20261101', 'york, Sunday 1 November 2026'),
        ('/t/YorkDaily?z=day&at=2026110100', 'YorkDaily, Sunday 1 November 2026'),
        # Hours are named in UTC: midnight in Berlin comes before.
        ('/t/berlin?z=day&at=2026032823', 'berlin, Sunday 29 March 2026'),
        ('/t/berlin?z=day&at=202603282315', 'berlin, Sunday 29 March 2026'),
        ('/t/berlin?z=hour&at=2026-03-29', 'berlin, Sun 29 March 2026, 00:00 CET'),
    ],
)
def test_days_are_named_by_dates(watched: DashboardHarness, address: str, title: str) -> None:
    assert f'<h1>{title}</h1>' in shown(watched, address)


def test_the_interval_says_its_clock_with_utc_beside_it(watched: DashboardHarness) -> None:
    day = shown(watched, '/i/BerlinDaily/2026032900')
    assert '29 Mar 2026 00:00 CET – 30 Mar 2026 00:00 CEST' in day
    assert '28 Mar 2026 23:00 – 29 Mar 2026 22:00 UTC' in day
    assert 'at 02:00 the clock is put forward to 03:00' in day
    assert '>BerlinWeekly <span class="tp">2026032300</span>' in day
    assert '>BerlinMonthly <span class="tp">2026030000</span>' in day
    assert 'href="/t/berlin?at=20260329"' in day
    assert 'href="/graph?at=20260329"' in day

    hour = shown(watched, '/i/BerlinHourly/2026102501')
    assert '25 Oct 2026 02:00 CET' in hour
    five = shown(watched, '/i/BerlinFive/202611230705')
    assert '>BerlinQuarter <span class="tp">202611230700</span>' in five
    assert 'UTC' in shown(watched, '/i/WorldHourly/2026112307')


def test_many_children_are_told_together(
    zones: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('synergy.mx.pages.interval.RELATED_MAX', 11)
    text = shown(zones, '/i/BerlinYearly/2026000000')

    assert 'BerlinMonthly <span class="tp">2026010000</span>' in text
    assert 'process=BerlinMonthly&first=2026010000&last=2026120000' in text


@pytest.mark.parametrize(
    ('text', 'place'),
    [
        ('BerlinFive 202611230705', '/i/BerlinFive/202611230705'),
        ('BerlinFive 2026-11-23 07:05', '/i/BerlinFive/202611230705'),
        ('BerlinWeekly 20261112', '/i/BerlinWeekly/2026110900'),
        ('BerlinWeekly 2026-W46', '/i/BerlinWeekly/2026110900'),
        ('BerlinWeekly last week', '/i/BerlinWeekly/2026111600'),
        ('YorkSunday last week', '/i/YorkSunday/2026111500'),
    ],
)
def test_a_search_finds_minutes_and_weeks(watched: DashboardHarness, text: str, place: str) -> None:
    answer = watched.get(f'/search?q={quote(text)}')

    assert (answer.status_code, answer.location) == (302, place)


def test_a_search_for_a_day_finds_that_of_each_tree(watched: DashboardHarness) -> None:
    for text in ('2026-10-25', '20261025'):
        items = json.loads(watched.get(f'/api/v1/search?q=process:BerlinHourly {text}').text)[
            'items'
        ]
        names = sorted(item['timeperiod'] for item in items)
        assert (names[0], names[-1], len(names)) == ('2026102422', '2026102522', 25), text
    week = json.loads(watched.get('/api/v1/search?q=process:berlinw* 2026-W43').text)['items']
    assert [item['timeperiod'] for item in week] == ['2026101900']


def test_jobs_are_listed_by_the_dates_of_their_tree(watched: DashboardHarness) -> None:
    def names(query: str) -> list[str]:
        found = json.loads(watched.get(f'/api/v1/jobs?limit=100&{query}').text)
        return [item['timeperiod'] for item in found['items']]

    assert names('process=BerlinDaily&start=2026-10-25&end=2026-10-26') == ['2026102500']
    assert names('process=YorkDaily&start=2026-10-25&end=2026-10-26') == ['2026102500']
    assert len(names('process=BerlinHourly&start=2026-10-25&end=2026-10-26')) == 25


def test_the_graph_shows_the_day_of_each_tree(watched: DashboardHarness) -> None:
    text = shown(watched, '/graph?at=20261101')

    for page in ('YorkDaily/2026110100', 'BerlinDaily/2026110100', 'WorldDaily/2026110100'):
        assert f'href="/i/{page}"' in text
    found = json.loads(watched.get('/api/v1/graph').text)['arrows']
    into = {item['target'] for item in found if item['source'] == 'BerlinDaily'}
    assert into == {'BerlinWeekly', 'BerlinMonthly', 'WorldDaily'}


def test_what_is_not_shown_of_a_year_is_counted_by_the_calendar(watched: DashboardHarness) -> None:
    text = shown(watched, '/t/BerlinHourly?z=day&at=20261025')
    inner = shown(watched, '/t/BerlinHourly?z=hour&at=2026102501')

    # 3,000 hours are done, and all of that day.
    assert '4,836 hours unfinished' in text
    assert '4,836 hours unfinished' in inner
    assert '4,813 hours unfinished' in shown(watched, '/t/BerlinHourly?z=day&at=20260329')


def test_a_range_of_minutes_is_selected_and_reprocessed(watched: DashboardHarness) -> None:
    chosen = '&process=BerlinFive&first=202611230705&last=202611230715'
    text = shown(watched, f'/t/berlin?z=hour&at=2026112307{chosen}')
    assert '3 5-minute intervals' in text
    assert text.count('is-sel') == 3

    first, last = '202611230700', '202611230730'
    preview = shown(watched, f'/change/reprocess?process=BerlinFive&first={first}&last={last}')
    assert '7' in preview
    assert 'BerlinQuarter' in preview


def test_a_day_of_five_minute_intervals_is_drawn_fast(watched: DashboardHarness) -> None:
    shown(watched, '/t/BerlinFive?z=day&at=20261122')
    took = []
    for day in range(10, 20):
        began = time.process_time()
        shown(watched, f'/t/BerlinFive?z=day&at=202611{day}')
        took.append(time.process_time() - began)

    assert min(took) < 0.05


def test_a_job_is_sent_with_its_clock(watched: DashboardHarness) -> None:
    found = json.loads(watched.get('/api/v1/jobs/BerlinDaily/2026032900').text)

    assert found['start'] == '2026-03-28T23:00:00Z'
    assert found['time_zone'] == 'Europe/Berlin'
    assert found['local_start'] == '2026-03-29T00:00:00+01:00'
    assert found['local_end'] == '2026-03-30T00:00:00+02:00'
    parents = [item['process'] for item in found['neighbours'] if item['relation'] == 'parent']
    assert sorted(parents) == ['BerlinMonthly', 'BerlinWeekly']


def test_a_map_is_sent_with_its_columns(watched: DashboardHarness) -> None:
    found = json.loads(watched.get('/api/v1/heatmaps/berlin?z=day&at=20261025').text)

    assert found['time_zone'] == 'Europe/Berlin'
    assert [column['title'] for column in found['columns'][2:4]] == ['02', '02b']
    assert '2026102501 in UTC' in found['columns'][3]['hint']
    row = next(row for row in found['rows'] if row['process'] == 'BerlinDaily')
    assert [cell['columns'] for cell in row['cells']] == [25]
    processes = json.loads(watched.get('/api/v1/processes').text)['items']
    told = {item['process']: (item['qualifier'], item['time_zone']) for item in processes}
    assert told['BerlinFive'] == ('5-minute', 'Europe/Berlin')
    assert told['YorkSunday'] == ('weekly (from Sunday)', 'America/New_York')


def test_lists_tell_what_the_clock_of_a_tree_reads(watched: DashboardHarness) -> None:
    def clocks(query: str) -> list[tuple[str, str]]:
        found = json.loads(watched.get(f'/api/v1/jobs?limit=9&{query}').text)['items']
        return [(item['timeperiod'], item['clock']) for item in found]

    doubled = 'start=2026102500&end=2026102502'
    assert clocks(f'process=BerlinHourly&{doubled}') == [
        ('2026102500', '25 Oct 2026 02:00 CEST'),
        ('2026102501', '25 Oct 2026 02:00 CET'),
    ]
    # Days are called by their dates, and everything of UTC says all in its name.
    assert clocks('process=BerlinDaily&start=2026-10-25&end=2026-10-26') == [('2026102500', '')]
    assert {clock for _, clock in clocks(f'process=WorldHourly&{doubled}')} == {''}
    summaries = {
        item['process']: item
        for item in json.loads(watched.get('/api/v1/status').text)['processes']
    }
    assert summaries['BerlinFive']['first_overdue_clock'] == '01 Jan 2026 01:00 CET'
    assert summaries['BerlinDaily']['first_overdue_clock'] == ''


def test_requests_tell_what_the_clock_of_a_tree_reads(zones: DashboardHarness) -> None:
    asked = '/change/reprocess?process=BerlinHourly&first=2026102500&last=2026102501'
    page = shown(zones, asked)
    reads = '25 Oct 2026 02:00 CEST – 25 Oct 2026 02:00 CET'
    assert reads in page
    plan = re.search(r'name="plan_hash" value="([^"]+)"', page)
    assert plan is not None

    answer = zones.post(asked, {'plan_hash': plan[1], 'reason': 'x', 'process': 'BerlinHourly',
                                'first': '2026102500', 'last': '2026102501'})  # fmt: skip

    assert answer.status_code == 303
    assert reads in shown(zones, answer.headers['Location'])
    assert reads in shown(zones, '/requests')


def test_a_chart_places_days_by_dates_and_what_is_shorter_in_utc(zones: DashboardHarness) -> None:
    nodes = zones.runtime.context.hierarchy.nodes
    day, hour = (nodes[zones.key(name, at).process] for name, at in (
        ('BerlinDaily', '2026102500'), ('BerlinHourly', '2026102500')))  # fmt: skip

    assert place_of(day, zones.key('BerlinDaily', '2026102500').timeperiod) == instant('2026102500')
    assert place_of(hour, zones.key('BerlinHourly', '2026102500').timeperiod) == instant(
        '2026102500'
    )
    assert day.calendar.start(zones.key('BerlinDaily', '2026102500').timeperiod) == instant(
        '2026102422'
    )
