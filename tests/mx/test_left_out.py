"""What a working calendar leaves out, on pages and in the API: hatched, and by which calendar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from synergy.core.commands import CommandState
from synergy.core.hierarchy import build
from synergy.core.working import WorkingDays
from tests.builders import instant, key, process, tree
from tests.mx.dashboard_harness import DashboardHarness

# Monday 16 November to Sunday the 22nd; the Wednesday is left out, and so is the weekend.
OFFICE = WorkingDays(
    name='office',
    first=key('OfficeDaily@2026111600').timeperiod.ordinal,
    days=bytes([1, 1, 0, 1, 1, 0, 0]),
)
REASON = 'left out by the calendar office'


@pytest.fixture
def office(tmp_path: Path) -> Iterator[DashboardHarness]:
    hierarchy = build(
        [process('OfficeDaily', working=OFFICE), process('OfficeHourly', working=OFFICE)],
        [tree('office', ['OfficeDaily', 'OfficeHourly'], start='2026111600')],
    )
    found = DashboardHarness(tmp_path, hierarchy=hierarchy)
    assert instant('2026112300') <= found.runtime.clock.now()
    yield found
    found.close()


def looks(text: str, process_name: str) -> dict[str, tuple[str, str]]:
    """Return of each cell how it looks and what is said of it."""
    found = re.findall(
        rf'<td class="c ([^"]*)"[^>]*><a [^>]*data-p="{process_name}" data-tp="(\d+)"'
        r'[^>]* aria-label="([^"]*)"',
        text,
    )
    return {name: (css, unescape(label)) for css, name, label in found}


def test_cells_that_a_calendar_leaves_out_look_their_own_way_and_say_by_which(
    office: DashboardHarness,
) -> None:
    days = looks(office.get('/t/OfficeDaily?z=month&at=202611').text, 'OfficeDaily')

    left = {name for name, (css, _) in days.items() if css.startswith('out')}
    assert left == {'2026111800', '2026112100', '2026112200'}
    assert days['2026111800'][1].startswith(f'OfficeDaily 2026111800, {REASON}')
    # Days of hours, rolled up.
    hours = looks(office.get('/t/OfficeHourly?z=month&at=202611').text, 'OfficeHourly')
    assert {name[:8] for name, (css, _) in hours.items() if css.startswith('out')} == {
        '20261118', '20261121', '20261122',
    }  # fmt: skip
    assert f': {REASON}, 24 of 24 hours' in hours['2026111800'][1]


def test_many_of_which_some_are_left_out_say_how_many(office: DashboardHarness) -> None:
    text = unescape(office.get('/t/OfficeHourly?z=all').text)

    assert f', 72 of them {REASON}' in text


def test_what_is_left_out_can_be_looked_for(office: DashboardHarness) -> None:
    text = office.get('/t/OfficeDaily?z=month&at=202611&state=left_out').text
    days = looks(text, 'OfficeDaily')

    assert not any('dim' in days[name][0] for name in ('2026111800', '2026112100'))
    assert all('dim' in days[name][0] for name in ('2026111600', '2026112000'))
    assert 'class="st out"' in text


@pytest.mark.parametrize(
    'query', ['process:OfficeDaily state:left_out', 'OfficeDaily state:left_out 2026-W47']
)
def test_a_search_and_the_list_of_jobs_find_it(office: DashboardHarness, query: str) -> None:
    found = office.get(f'/api/v1/search?q={query} state:left_out').json
    listed = office.get('/api/v1/jobs?process=OfficeDaily&state=left_out').json

    assert found is not None
    assert listed is not None
    assert {item['state'] for item in listed['items']} == {'state_noop'}
    names = ['2026112200', '2026112100', '2026111800']
    assert [item['timeperiod'] for item in found['items']] == names
    assert [item['timeperiod'] for item in listed['items']] == names[::-1]
    assert 'state:left_out' in office.get('/search?q=state:left_out').text


def test_its_inputs_are_not_waited_for(office: DashboardHarness) -> None:
    said = f'nothing: it is {REASON}, and does not run'
    answer = office.get('/api/v1/jobs/OfficeDaily/2026111800/inputs').json

    assert answer is not None
    assert answer['left_out'] == 'by the calendar office'
    (nested,) = answer['inputs']
    assert (nested['is_enough'], nested['lacks']) == (True, said)
    assert said in unescape(office.get('/i/OfficeDaily/2026111800').text)
    other = office.get('/api/v1/jobs/OfficeDaily/2026111700/inputs').json
    assert other is not None
    assert other['left_out'] is None
    assert not other['inputs'][0]['is_enough']


def test_the_interval_and_the_api_say_it(office: DashboardHarness) -> None:
    page = unescape(office.get('/i/OfficeDaily/2026111800').text)
    assert f'is {REASON}' in page
    assert 'How it stands' in page
    assert 'Why is this waiting' not in page
    anyway = '/change/reprocess?process=OfficeDaily&first=2026111800&anyway=on'
    assert f'href="{anyway}">Run anyway' in page

    document = office.get('/api/v1/heatmaps/OfficeDaily?z=month&at=202611').json
    assert document is not None
    cells = {
        cell['timeperiod']: cell
        for row in document['rows']
        for cell in row['cells']
        if cell is not None and row['process'] == 'OfficeDaily'
    }
    assert cells['2026111800']['condition'] == 'left_out'
    assert cells['2026111800']['state'] == REASON
    assert (cells['2026111800']['left_out'], cells['2026111700']['left_out']) == (1, 0)


def test_reprocess_of_what_is_left_out_leads_to_anyway(office: DashboardHarness) -> None:
    address = '/change/reprocess?process=OfficeDaily&first=2026111800'

    refused = office.get(address)
    assert 'anyway' in refused.text
    allowed = office.get(f'{address}&anyway=on')
    assert allowed.status_code == 200
    assert '1 interval' in allowed.text
    plan = re.search(r'name="plan_hash" value="([^"]+)"', allowed.text)
    assert plan is not None

    form = {'process': 'OfficeDaily', 'first': '2026111800', 'last': '2026111800', 'anyway': 'on'}
    answer = office.post('/change/reprocess', {**form, 'plan_hash': plan[1], 'reason': 'audit'})

    assert answer.status_code == 303
    (asked,) = office.store.commands((CommandState.REQUESTED,), 9)
    assert (asked.is_anyway, asked.reason) == (True, 'audit')


def test_the_next_interval_of_a_process_is_one_that_is_not_left_out(tmp_path: Path) -> None:
    # It is Monday the 23rd; from there on only Thursday works.
    first = key('OfficeDaily@2026112300').timeperiod.ordinal
    thursday = WorkingDays(name='thursday', first=first, days=b'\0\0\0\1\0\0\0')
    hierarchy = build(
        [process('OfficeDaily', working=thursday)],
        [tree('office', ['OfficeDaily'], start='2026112300')],
    )
    pages = DashboardHarness(tmp_path, hierarchy=hierarchy)

    for address in ('/', '/processes'):
        assert 'href="/i/OfficeDaily/2026112600"' in pages.get(address).text, address
    pages.close()


def test_a_calendar_that_has_run_out_is_told_wherever_one_looks(office: DashboardHarness) -> None:
    told = (
        'calendar office was read for the days until 2026-11-22 alone: each later day of '
        'OfficeHourly, OfficeDaily counts as working'
    )

    assert told in unescape(office.get('/').text)
    assert f'C{told[1:]}.' in unescape(office.get('/health').text)
    assert any(told[1:] in text for text in (office.get('/api/v1/health').json or {})['warnings'])
    needs = (office.get('/api/v1/status').json or {})['needs']
    (need,) = [need for need in needs if need['kind'] == 'calendar_ends']
    assert need['text'] == told
    assert need['advice'].startswith('Restart the Scheduler and the dashboard')
