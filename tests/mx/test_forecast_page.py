"""The page Forecast, what overview and interval page say of it, and that none of them waits."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from synergy.core.records import ProcessName
from synergy.core.timeperiod import parse
from synergy.mx.live.forecasts import ForecastFailed
from synergy.mx.widgets.foreseen import (
    Clock,
    interval_said,
    job_forecast_of,
    place_of,
    step_of,
    tree_line,
)
from synergy.operations.foreseen import Asked
from synergy.view.forecast import LikelyDocument
from tests.mx.dashboard_harness import FREEZE_ID, NOW, REQUEST_ID, DashboardHarness, context_of

NODES = context_of('tests.pipelines.pages').hierarchy.nodes
DAILY = NODES[ProcessName('SiteDaily')]
KINDS = (
    'workers',
    'max_running',
    'pool',
    'rate',
    'retry',
    'switch_on',
    'thaw',
    'resume',
)


def at(minutes: int) -> str:
    return f'{NOW + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}'


def likely(process: str, timeperiod: str, start: int = 60, **fields: Any) -> LikelyDocument:
    """Return what is expected of a job that takes 30 minutes, give or take 10."""
    found: Any = {
        'process': process,
        'timeperiod': timeperiod,
        'started': None,
        'start': at(start),
        'end': at(start + 30),
        'low': at(start + 20),
        'high': at(start + 40),
        'late_at': None,
        'holds': None,
        'path': [],
        'action': None,
        'root': None,
        **fields,
    }
    told: LikelyDocument = found
    return told


ROOT: Any = {
    'process': 'SiteHourly',
    'timeperiod': '2026112209',
    'cause': 'held',
    'of': '',
    'until': None,
    'text': 'SiteHourly 2026112209 has failed for good and is held for an operator',
}
AT_RISK = likely(
    'SiteDaily',
    '2026112300',
    late_at=at(95),
    holds=0.62,
    path=[
        {
            'process': 'SiteHourly',
            'timeperiod': '2026112310',
            'start': at(0),
            'end': at(60),
            'waits': 'running',
            'of': '',
        },
        {
            'process': 'SiteDaily',
            'timeperiod': '2026112300',
            'start': at(60),
            'end': at(100),
            'waits': 'input',
            'of': 'SiteHourly',
        },
    ],
    action={
        'kind': 'pool',
        'of': 'warehouse',
        'more': 1,
        'timeperiod': None,
        'holds': 0.97,
        'sooner_seconds': 600.0,
    },
)
STUCK: Any = {
    **likely('SiteDaily', '2026112200', late_at=at(200), holds=0.0, root=ROOT),
    **dict.fromkeys(('start', 'end', 'low', 'high')),
}
WHOLE: Any = {
    'at': at(0),
    'until': at(24 * 60),
    'jobs': 3,
    'draws': 200,
    'is_whole': True,
    'due': {'jobs': 1, 'end': at(30), 'low': at(20), 'high': at(40)},
    'trees': [
        {'tree': 'site', 'is_due': False, 'likely': AT_RISK},
        {'tree': 'alert', 'is_due': True, 'likely': likely('AlertDaily', '2026112200', 5)},
    ],
    'deadlines': [STUCK, AT_RISK],
    'at_risk': 2,
    'items': [
        likely('AlertDaily', '2026112200', 5),
        likely('SiteHourly', '2026112310', 0, started=at(-20)),
        AT_RISK,
    ],
    'stuck': [
        {
            'process': 'SiteDaily',
            'timeperiod': '2026112200',
            'last': '2026112200',
            'jobs': 1,
            'root': ROOT,
        }
    ],
    'stuck_jobs': 1,
}


class Canned:
    """Answers with what it was given."""

    def __init__(self, whole: Any) -> None:
        self.whole = whole
        self.asked: list[Asked] = []

    def answer(self, asked: Asked) -> Any:
        self.asked.append(asked)
        if isinstance(self.whole, Exception):
            raise self.whole
        if asked.timeperiod is not None:
            jobs = [*self.whole['items'], *self.whole['deadlines']]
            own = (asked.process, asked.timeperiod)
            found = [job for job in jobs if (job['process'], job['timeperiod']) == own]
            return {**self.whole, 'likely': found[0] if found else None}
        return self.whole

    def close(self) -> None:
        """Keep all."""


@pytest.fixture
def canned(pages: DashboardHarness) -> Canned:
    found = Canned(WHOLE)
    pages.site.forecasts.foresees = found
    return found


def words(page: str) -> str:
    """Return what is read of a page."""
    return html.unescape(re.sub(r'\s+', ' ', re.sub(r'<[^>]*>', ' ', page)))


def test_the_page_tells_what_is_at_risk_what_decides_it_and_what_helps(
    pages: DashboardHarness, canned: Canned
) -> None:
    page = pages.get('/forecast').text
    said = words(page)

    assert 'likely done by 12:47' in said
    assert '2 of 2 at risk' in said
    assert 'SiteDaily 2026112300 holds its deadline of 13:52 with 62 % as things stand.' in said
    assert 'Pool warehouse raised by 1 slots' in said
    assert 'href="/pools/warehouse/set?slots=5"' in page
    assert 'SiteHourly 2026112310 runs now' in said
    assert 'begins once SiteHourly has ended' in said
    assert 'at risk, 62 %' in said
    # In the drawing, too: by a pattern, and by a text.
    assert '<rect class="hatch"' in page
    assert 'deadline 13:52 holds: 62 %, at risk' in page
    assert page.count('class="b run') == 2, 'one of them in the legend'
    # What decides is drawn through: the hour that runs, and the day that waits for it.
    assert page.count('class="b run path"') == page.count('class="b risk path"') == 1
    assert page.count('; it decides"') == 2
    assert 'href="/i/AlertDaily/2026112200" aria-label="AlertDaily 2026112200: likely from' in page
    assert canned.asked == [Asked()]


@pytest.mark.usefixtures('canned')
def test_what_does_not_start_by_itself_says_what_stands_in_its_way(
    pages: DashboardHarness,
) -> None:
    page = pages.get('/forecast').text
    said = words(page)

    assert 'Does not start by itself' in said
    assert said.count(ROOT['text']) == 2, 'beside its deadline, and in the list'
    assert 'href="/i/SiteHourly/2026112209"' in page
    assert 'SiteDaily at risk, < 1 % 1 not by itself' in said.replace('2 at risk', 'at risk')


def test_drawing_and_table_have_the_numbers_of_the_api(pages: DashboardHarness) -> None:
    pages.foresees = True
    answer: Any = pages.get('/api/v1/forecast').json
    page = pages.get('/forecast').text
    told = words(page)

    for item in answer['items']:
        assert f'href="/i/{item["process"]}/{item["timeperiod"]}"' in page
        end = datetime.fromisoformat(item['end'])
        assert Clock(now=NOW, zone=UTC).at(end) in told
    assert f'{answer["jobs"]} jobs likely to end' in told
    assert answer['stuck']
    assert 'SiteHourly 2026112209' in told
    drawn = re.findall(r'<a href="/[it]/[^"]*" aria-label="[^"]*"><title>', page)
    assert 0 < len(drawn) <= answer['jobs']


@pytest.mark.parametrize('hours', ['6', '72'])
def test_one_may_look_less_or_more_far(pages: DashboardHarness, canned: Canned, hours: str) -> None:
    page = pages.get(f'/forecast?hours={hours}&tree=site').text

    assert canned.asked == [Asked(by=f'+{hours} hours', tree='site')]
    assert 'href="/forecast?tree=site"' in page, 'the usual length has no name in the address'
    assert f'href="/forecast?hours={hours}&amp;tree=alert"' in page


@pytest.mark.parametrize(
    ('address', 'status', 'said'),
    [
        ('/forecast?hours=7', 400, '6, 24, 72'),
        ('/forecast?tree=sight', 404, "'sight' is not a tree (did you mean 'site'?)"),
        ('/forecast?process=SiteHorly', 404, 'is not a managed process'),
        ('/forecast?z=mars', 400, 'tree, utc'),
    ],
)
def test_what_makes_no_sense_is_refused(
    pages: DashboardHarness, canned: Canned, address: str, status: int, said: str
) -> None:
    answer = pages.get(address)

    assert answer.status_code == status
    assert said in words(answer.text)
    assert canned.asked == []


def test_until_there_is_one_the_page_says_so_and_is_read_again(pages: DashboardHarness) -> None:
    pages.site.forecasts.stop()
    answer = pages.get('/forecast')

    assert 'The first forecast is being made.' in answer.text
    assert answer.headers['Refresh'] == '2'
    assert 'id="r-forecast" data-live data-tick' in answer.text
    assert 'being worked out' in pages.get('/i/SiteHourly/2026112311').text
    assert 'Likely ends hold' not in pages.get('/').text


def test_a_failure_is_said_where_one_looks_for_it_and_nowhere_else(
    pages: DashboardHarness, canned: Canned
) -> None:
    canned.whole = ForecastFailed('store <b> is away')

    assert 'store &lt;b&gt; is away' in pages.get('/forecast').text
    assert 'Refresh' not in pages.get('/forecast').headers
    for address in ('/', '/i/SiteHourly/2026112311'):
        page = pages.get(address)
        assert page.status_code == 200
        assert 'is away' not in page.text


def test_the_overview_says_what_owners_ask_and_with_which_age(
    pages: DashboardHarness, canned: Canned
) -> None:
    pages.get('/')
    pages.runtime.clock.advance(timedelta(seconds=20))
    page = pages.get('/').text
    said = words(page)

    assert 'at risk: today likely done 13:37 – 13:57, 62 % by 13:52' in said
    assert 'yesterday likely done 12:42 – 13:02' in said
    assert 'forecast of 12:17:00 UTC, 20 s ago' in said
    assert 'at risk: today' in words(pages.get('/p/traffic').text)
    assert canned.asked == [Asked()], 'once for all'


def test_the_page_of_an_interval_says_when_it_is_done_and_what_decides(
    pages: DashboardHarness, canned: Canned
) -> None:
    said = words(pages.get('/i/SiteDaily/2026112300').text)
    assert 'Likely done 13:37 – 13:57 (80 %) at risk, deadline holds: 62 %' in said
    assert 'SiteHourly 2026112310 decides: runs now' in said

    said = words(pages.get('/i/SiteDaily/2026112200').text)
    assert 'Likely done not by itself' in said
    assert f'SiteHourly 2026112209 decides: {ROOT["text"]}' in said

    count = len(canned.asked)
    assert 'Likely done' not in pages.get('/i/SiteDaily/2026112000').text, 'it is done'
    assert 'Likely done' not in pages.get('/i/SiteYearly/2026000000').text, 'it is far away'
    assert len(canned.asked) == count


def test_many_processes_are_counted(
    pages: DashboardHarness, canned: Canned, monkeypatch: pytest.MonkeyPatch
) -> None:
    canned.whole = {
        **WHOLE,
        'jobs': 9_999,
        'items': [likely('SiteHourly', f'20261123{hour:02}', 60 * hour) for hour in range(24)] * 10,
        'stuck_jobs': 1_234,
        'deadlines': [AT_RISK] * 40,
    }
    said = words(pages.get('/forecast').text)

    assert 'and 9,799 more' in said
    assert 'and 1,233 more jobs' in said
    assert '32 more deadlines' in said

    canned.whole = WHOLE
    pages.runtime.clock.advance(timedelta(seconds=31))
    monkeypatch.setattr('synergy.mx.pages.forecast._ROWS_MAX', 1)
    pages.get('/forecast')
    page = pages.get('/forecast').text
    assert 'and 2 more processes: choose a tree above, or' in words(page)
    assert 'href="/forecast?process=AlertDaily"' in page


@pytest.mark.parametrize('kind', KINDS)
def test_each_action_leads_to_where_it_is_done(pages: DashboardHarness, kind: str) -> None:
    of = {'pool': 'warehouse', 'rate': 'warehouse', 'thaw': FREEZE_ID, 'resume': REQUEST_ID}
    step = step_of(
        {
            'kind': kind,
            'of': of.get(kind, 'SiteHourly'),
            'more': 1,
            'timeperiod': '2026112209' if kind == 'retry' else None,
            'holds': 0.9,
            'sooner_seconds': 0.0,
        },
        context_of('tests.pipelines.pages').hierarchy.pools.sizes.get('warehouse'),  # type: ignore[call-overload] # its name
    )

    assert pages.get(step.href).status_code == 200
    assert step.label


@pytest.mark.parametrize('cause', ['held', 'off', 'frozen', 'paused', 'workers', 'later'])
def test_what_stands_in_the_way_leads_to_where_that_is_seen(
    pages: DashboardHarness, cause: str
) -> None:
    step = place_of({**ROOT, 'cause': cause, 'of': REQUEST_ID})  # type: ignore[typeddict-item] # all of it is there

    assert pages.get(step.href).status_code == 200


@pytest.mark.parametrize(
    ('process', 'timeperiod', 'said'),
    [
        ('SiteDaily', '2026112200', 'yesterday'),
        ('SiteDaily', '2026112300', 'today'),
        ('SiteDaily', '2026111900', '19 Nov'),
        ('SiteMonthly', '2026100000', 'October'),
        ('SiteMonthly', '2025100000', 'October 2025'),
        ('SiteYearly', '2026000000', '2026'),
        ('SiteHourly', '2026112307', '07:00'),
    ],
)
def test_intervals_are_called_as_people_call_them(process: str, timeperiod: str, said: str) -> None:
    node = NODES[ProcessName(process)]

    assert interval_said(parse(node.process.qualifier, timeperiod), node, NOW) == said


def test_instants_are_read_on_a_clock_with_the_day_where_it_is_another() -> None:
    clock = Clock(now=NOW, zone=ZoneInfo('Europe/Berlin'))

    assert clock.name == 'CET'
    assert clock.at(NOW) == '13:17'
    assert clock.at(NOW + timedelta(hours=12)) == 'Tue 01:17'
    assert clock.at(NOW + timedelta(days=6)) == '29 Nov 13:17'
    assert clock.between(NOW, NOW + timedelta(hours=1)) == '13:17 – 14:17'
    assert clock.between(NOW, NOW + timedelta(days=1)) == '13:17 – Tue 13:17'
    assert clock.between(NOW, None) == 'from 13:17 on'
    assert clock.between(None, None) == 'not known: it is left to an operator'


def test_a_line_of_a_tree_says_why_it_does_not_end_or_since_when_it_is_late() -> None:
    held = tree_line({'tree': 'site', 'is_due': True, 'likely': STUCK}, DAILY, NOW)
    assert held.is_at_risk
    assert held.text == f'yesterday does not end by itself: {ROOT["text"]}'

    late = likely('SiteDaily', '2026112200', late_at=at(-90), holds=0.0)
    line = tree_line({'tree': 'site', 'is_due': True, 'likely': late}, DAILY, NOW)
    assert line.text == 'yesterday likely done 13:37 – 13:57, late since 10:47'


def test_of_what_is_not_expected_nothing_is_said() -> None:
    clock = Clock(now=NOW, zone=UTC)

    nothing: Any = {**WHOLE, 'likely': None}
    assert job_forecast_of(nothing, clock) is None
