"""Heat maps: cells stand for all their intervals, and the address holds what is chosen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.commands import CommandId
from synergy.core.effects import SaveJob
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.mx.widgets.durations import short
from tests.mx.dashboard_harness import FAILED_HOUR, NOW, REQUEST_ID, DashboardHarness


def cell(text: str, key: str) -> str:
    """Return the cell whose first interval is `key`."""
    found = re.search(rf'<td [^>]*><a [^>]*data-k="{key}[."].*?</td>', text)
    assert found is not None, f'{key} is on the page'
    return found[0]


def chosen(text: str) -> tuple[str, str, str, str]:
    """Return what the form would act on: process, first, last, and how much it says that is."""
    process = re.search(r'<option selected>(\w+)', text)
    first = re.search(r'name="first"[^>]* value="(\d*)"', text)
    last = re.search(r'name="last"[^>]* value="(\d*)"', text)
    said = re.search(r'data-count>([^<]*)<', text)
    assert process is not None
    assert first is not None
    assert last is not None
    assert said is not None
    return process[1], first[1], last[1], said[1]


@pytest.mark.parametrize(
    ('address', 'key', 'last', 'count'),
    [
        ('?z=month&at=202611', 'SiteHourly@2026111000', '2026111023', 24),
        ('?z=all', 'SiteHourly@2026110100', '2026113023', 720),
        ('?z=all', 'SiteHourly@2026090100', '2026093023', 720),
    ],
)
def test_a_rolled_up_cell_knows_its_last_interval(
    pages: DashboardHarness, address: str, key: str, last: str, count: int
) -> None:
    found = cell(pages.get(f'/t/site{address}').text, key)

    assert f'data-last="{last}" data-n="{count}"' in found


def test_the_form_names_the_process_that_is_shown(pages: DashboardHarness) -> None:
    assert chosen(pages.get('/t/site?z=all').text)[0] == 'SiteHourly'
    assert chosen(pages.get('/t/site?z=month').text)[0] == 'SiteDaily'
    assert chosen(pages.get('/t/SiteHourly?z=month').text)[0] == 'SiteHourly'
    assert 'AlertDaily</option>' in pages.get('/t/site?z=month').text


def test_an_address_with_a_range_shows_it_selected(pages: DashboardHarness) -> None:
    address = '/t/site?z=month&at=202611&process=SiteHourly&first=2026111000&last=2026111323'
    text = pages.get(address).text

    assert chosen(text) == ('SiteHourly', '2026111000', '2026111323', '4 days, 96 hours')
    assert text.count('aria-selected="true"') == 4
    assert 'is-sel' in cell(text, 'SiteHourly@2026111300')
    assert 'is-sel' not in cell(text, 'SiteHourly@2026111400')
    assert 'is-sel' not in cell(text, 'SiteDaily@2026111000')


def test_a_range_that_is_out_of_sight_is_selected_all_the_same(pages: DashboardHarness) -> None:
    text = pages.get('/t/site?z=day&at=20261122&process=SiteHourly&first=2026111000').text

    assert chosen(text) == ('SiteHourly', '2026111000', '', '1 interval')


@pytest.mark.parametrize(
    ('query', 'status', 'said'),
    [
        ('process=SiteHourle&first=2026111000', 404, 'did you mean'),
        ('first=20261132', 404, 'SiteDaily'),
        ('first=2026111000&last=2026110900', 400, 'upside down'),
        ('state=fialed', 400, 'did you mean'),
    ],
)
def test_a_bad_choice_is_refused(
    pages: DashboardHarness, query: str, status: int, said: str
) -> None:
    answer = pages.get(f'/t/site?{query}')

    assert answer.status_code == status
    assert said in answer.text


@pytest.mark.parametrize(
    ('address', 'heading'),
    [
        ('/t/site?z=year&at=2026', 'site, 2026'),
        ('/t/SiteHourly?z=year&at=2026', 'SiteHourly, 2026'),
        ('/t/site?z=month&at=202611', 'site, November 2026'),
        ('/t/site?z=day&at=20261123', 'site, Monday 23 November 2026'),
        ('/t/SiteHourly?z=all', 'SiteHourly, all years'),
    ],
)
def test_a_heading_names_once_what_is_shown(
    pages: DashboardHarness, address: str, heading: str
) -> None:
    text = pages.get(address).text

    assert f'<title>{heading} ·' in text
    assert f'<h1>{heading}</h1>' in text


def test_a_filter_sets_other_cells_back_and_stays(pages: DashboardHarness) -> None:
    text = pages.get('/t/site?z=month&at=202611&state=failed').text

    assert ' dim' not in cell(text, 'SiteHourly@2026112200')
    assert ' dim' in cell(text, 'SiteHourly@2026112100')
    assert ' dim' in cell(text, 'SiteDaily@2026112200')
    assert 'href="/t/site?z=day&amp;at=20261122&amp;state=failed"' in text
    assert '<a class="st fail" href="/t/site?z=month&amp;at=20261101" aria-current="true">' in text


def test_a_filter_finds_what_a_rolled_up_cell_hides(pages: DashboardHarness) -> None:
    text = pages.get('/t/SiteHourly?z=month&at=202611&state=noop').text
    days = re.findall(r'class="c ok(?: corner part)?( dim)?"><a [^>]*data-p="SiteHourly"', text)

    # One hour in 97 had nothing to do.
    assert days.count('') == 6
    assert 'SiteHourly, 3 November 2026: processed, 24 of 24 hours' in text


def test_a_job_of_a_day_drills_down_to_its_page(pages: DashboardHarness) -> None:
    year = cell(pages.get('/t/alert?z=year&at=2026').text, 'AlertDaily@2026112200')
    month = cell(pages.get('/t/alert?z=month&at=202611').text, 'AlertDaily@2026112200')
    day = cell(pages.get('/t/alert?z=day&at=20261122').text, 'AlertDaily@2026112200')

    for found in (year, month):
        assert 'href="/t/alert?z=day&amp;at=20261122"' in found
    assert 'href="/i/AlertDaily/2026112200"' in day


def test_why_of_a_rolled_up_cell_is_that_of_the_failed_interval_in_it(
    pages: DashboardHarness,
) -> None:
    text = pages.get('/t/SiteHourly?z=month&at=202611').text

    assert f'data-why="/i/SiteHourly/{FAILED_HOUR[1]}"' in cell(text, 'SiteHourly@2026112200')
    assert 'data-why="/i/SiteHourly/2026112310"' in cell(text, 'SiteHourly@2026112300')
    assert 'data-why="/i/SiteHourly/2026112023"' in cell(text, 'SiteHourly@2026112000')
    assert 'data-why="/i/SiteHourly/2026112500"' in cell(text, 'SiteHourly@2026112500')


def test_the_selection_is_explained_beside_the_map(pages: DashboardHarness) -> None:
    range_ = '&process=SiteHourly&first=2026112000&last=2026112323'
    text = pages.get(f'/t/site?z=month&at=202611{range_}').text
    said = text[text.index('id="r-cell"') : text.index('class="keys"')]

    assert 'href="/i/SiteHourly/2026112209#r-why"' in said
    assert 'of 4 days, 96 hours, 81 done' in said
    assert '1 failed' in said
    assert 'is not a number' in said
    assert 'Run 2026112209 again' in said
    outside = pages.get('/t/site?z=month&at=202611&process=SiteHourly&first=2020010100')
    assert 'choose a cell' in outside.text


def test_a_year_is_shown_as_numbers_too(pages: DashboardHarness) -> None:
    text = pages.get('/t/site?z=year&at=2026&state=failed').text
    numbers = text[text.index('id="r-year"') :]

    assert '<a href="/t/SiteDaily?z=month&amp;at=202611&amp;state=failed">November</a>' in numbers
    assert '21 of 30 days' in numbers
    assert '<a href="/t/SiteHourly?z=year&amp;at=2026&amp;state=failed">SiteHourly</a>' in numbers
    assert '1 failed' in numbers
    assert 'AlertDaily' in numbers
    assert 'r-year' not in pages.get('/t/site?z=year&at=2020').text


def test_lateness_rolls_up_and_pills_count_jobs(pages: DashboardHarness) -> None:
    text = pages.get('/t/SiteHourly?z=month&at=202611').text
    found = cell(text, 'SiteHourly@2026112200')

    assert 'corner' in found
    assert '23 of 24 hours, 1 late' in found
    # Hour 09 of the 22nd, hour 10 of the 23rd, and the day of alerts.
    assert '3 late</span>' in text
    assert '2 late</span>' in pages.get('/t/site?z=all').text


def reset(pages: DashboardHarness, process: str, timeperiod: str) -> None:
    """Put a job back, as a request does."""
    key = pages.key(process, timeperiod)
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    job = replace(
        pages.store.jobs([key])[key],
        state=JobState.EMBRYO,
        rev=2,
        request_id=CommandId(REQUEST_ID),
        changed_at=NOW,
    )
    pages.store.commit(leadership, [SaveJob(job, 'reset')])


def test_what_is_asked_to_run_again_is_not_late_in_a_rolled_up_cell(
    pages: DashboardHarness,
) -> None:
    reset(pages, 'SiteHourly', '2026111005')

    found = cell(pages.get('/t/site?z=month&at=202611').text, 'SiteHourly@2026111000')

    assert '23 of 24 hours' in found
    assert 'late' not in found


def test_ready_looks_different_from_not_due(pages: DashboardHarness) -> None:
    reset(pages, 'SiteHourly', '2026111005')

    text = pages.get('/t/site?z=day&at=20261110').text

    ready = cell(text, 'SiteHourly@2026111005')
    assert '"c ready"' in ready
    assert '#ready' in ready
    assert 'SiteHourly 2026111005, ready' in ready
    assert '#ready' in re.findall(r'<a class="st ready" href=.*?</a>', text)[0]
    later = cell(pages.get('/t/site?z=day&at=20261123').text, 'SiteHourly@2026112320')
    assert '"c due"' in later
    assert '<use' not in later


def test_the_filter_of_ready_finds_it_in_a_rolled_up_cell(pages: DashboardHarness) -> None:
    reset(pages, 'SiteHourly', FAILED_HOUR[1][:-2] + '10')
    reset(pages, 'SiteHourly', '2026111005')

    text = pages.get('/t/site?z=month&at=202611&state=ready').text

    assert ' dim' not in cell(text, 'SiteHourly@2026111000')
    assert '"c held' in cell(text, 'SiteHourly@2026112200')  # Shows the worse of the two.
    assert ' dim' not in cell(text, 'SiteHourly@2026112200')
    assert ' dim' in cell(text, 'SiteHourly@2026111100')


@pytest.fixture
def years(tmp_path: Path) -> Iterator[DashboardHarness]:
    """Return a dashboard on trees of several years of which nothing has run."""
    found = DashboardHarness(tmp_path, 'tests.pipelines.years')
    yield found
    found.close()


def chips(text: str) -> list[str]:
    """Return what the chips beside a map say, without marks."""
    found = re.search(r'<nav class="chips"[^>]*>(.*?)</nav>', text, re.DOTALL)
    assert found is not None
    spoken = (re.sub(r'<svg.*?</svg>|<[^>]+>', '', part) for part in found[1].split('<a ')[1:])
    return [part.partition('>')[2].strip() for part in spoken]


@pytest.mark.parametrize(
    ('address', 'heading'),
    [
        ('/t/century', 'century, 2026'),
        ('/t/long', 'long, 2026'),
        ('/t/LongDaily?state=failed', 'LongDaily, 2026'),
        ('/t/long?z=month', 'long, November 2026'),
        ('/t/long?z=day', 'long, Monday 23 November 2026'),
        ('/t/ended', 'ended, 2025'),
        ('/t/ended?z=day', 'ended, Tuesday 4 March 2025'),
    ],
)
def test_a_map_opens_where_it_is_now_however_much_is_unfinished(
    years: DashboardHarness, address: str, heading: str
) -> None:
    assert f'<h1>{heading}</h1>' in years.get(address).text


def test_what_is_unfinished_in_other_years_stands_beside_the_map(years: DashboardHarness) -> None:
    text = years.get('/t/long').text

    assert chips(text) == ['2025 365 days unfinished', '2024 3 days unfinished']
    assert 'href="/t/long?z=year&amp;at=2025"' in text
    # 2026 alone lacks something else: the rest of that year, up to yesterday.
    assert chips(years.get('/t/long?z=month').text)[0] == '2026 304 days unfinished'
    assert chips(years.get('/t/long?z=year&at=2025').text) == [
        '2026 326 days unfinished', '2024 3 days unfinished',
    ]  # fmt: skip
    assert chips(years.get('/t/long?z=all').text) == []


def test_the_newest_years_have_a_chip_and_the_others_a_link(years: DashboardHarness) -> None:
    assert chips(years.get('/t/century').text) == [
        *(f'{year} 1 year unfinished' for year in range(2025, 2019, -1)),
        '50 more years',
    ]


def test_the_api_says_what_is_unfinished_elsewhere(years: DashboardHarness) -> None:
    shown = json.loads(years.get('/api/v1/heatmaps/long').text)

    assert shown['title'] == 'long, 2026'
    late = {'process': 'LongDaily', 'failed': 0}
    assert shown['elsewhere'] == [
        {'year': 2025, 'unfinished': 365, 'late': 365, **late},
        {'year': 2024, 'unfinished': 3, 'late': 3, **late},
    ]


def test_chips_tell_of_failures_and_a_filter_leaves_only_those(pages: DashboardHarness) -> None:
    october = '?z=month&at=202610'

    # A map of days shows no hours.
    assert chips(pages.get('/t/site').text) == ['SiteHourly 1 failed']
    assert 'href="/t/SiteHourly?z=year&amp;at=2026"' in pages.get('/t/site').text
    assert chips(pages.get(f'/t/site{october}').text) == ['2026 1 failed, 1 day unfinished']
    assert chips(pages.get(f'/t/SiteHourly{october}').text) == ['2026 1 failed, 3 hours unfinished']
    assert 'state=failed"><span class="mk fail"' in pages.get(f'/t/site{october}&state=failed').text
    assert chips(pages.get('/t/AlertDaily?state=failed&z=month&at=202610').text) == []
    # The day that is shown holds it: nothing is elsewhere.
    assert chips(pages.get('/t/SiteDaily?z=month&at=202611').text) == []


@pytest.mark.parametrize(
    ('state', 'only', 'said'),
    [
        ('failed', 'failed', 'Reprocess failed…'),
        ('skipped', 'skipped', 'Reprocess skipped…'),
        ('blocked', None, 'all in this range, not only blocked'),
        (None, None, 'Reprocess…'),
    ],
)
def test_under_a_filter_a_request_is_about_what_is_looked_for(
    pages: DashboardHarness, state: str | None, only: str | None, said: str
) -> None:
    text = pages.get('/t/site' + (f'?state={state}' if state else '')).text
    form = text[text.index('<form class="bulk"') :]

    hidden = re.search(r'name="only" value="(\w+)"', form)
    assert (hidden[1] if hidden else None) == only
    assert said in form
    # What is skipped already is not skipped once more.
    assert ('formaction="/change/skip"' in form) == (state != 'skipped')


@pytest.mark.parametrize(
    ('seconds', 'said'),
    [
        (0.0002, '<1 ms'), (0.04, '40 ms'), (0.9996, '1 s'), (4, '4 s'), (90, '90 s'),
        (180, '3 min'), (7300, '2 h'),
    ],
)  # fmt: skip
def test_a_bar_names_its_unit(seconds: float, said: str) -> None:
    assert short(timedelta(seconds=seconds)) == said
