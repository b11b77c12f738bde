"""Search: totals, reasons and times, and one request about all that was found of a process."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from synergy.core.closure import plan
from synergy.core.commands import Command, CommandKind, CommandState, Only
from synergy.core.effects import SaveJob
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.view.encode import instant
from tests.mx.dashboard_harness import FAILED_HOUR, NOW, DashboardHarness

#: Noops of the history lie apart; a request about them can only spell them out.
NOOPS = 'process:SiteHourly state:noop'
BULK = '/change/reprocess?process=SiteHourly&q=process:SiteHourly+state:noop'


def totals(pages: DashboardHarness, query: str) -> dict[str, tuple[int, bool]]:
    body = pages.get(f'/api/v1/search?q={query}&limit=1').json
    assert body is not None
    return {item['process']: (item['count'], item['is_all']) for item in body['totals']}


def counted(pages: DashboardHarness, query: str) -> dict[str, int]:
    """Return the same, counted by reading the search to its end."""
    found: dict[str, int] = {}
    cursor = ''
    while cursor is not None:
        body = pages.get(f'/api/v1/search?q={query}&limit=500&cursor={cursor}').json
        assert body is not None
        for item in body['items']:
            found[item['process']] = found.get(item['process'], 0) + 1
        cursor = body['next_cursor']
    return found


def fields(text: str) -> dict[str, str]:
    form = text[text.index('<form method="post"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


def newest(pages: DashboardHarness) -> Command:
    return pages.store.commands(tuple(CommandState), 1)[0]


@pytest.mark.parametrize(
    'query',
    [
        'process:Site*', 'state:failed', 'state:noop', 'state:skipped since:30d', 'state:late',
        'SiteHourly 202611', 'SiteHourly 20261122', 'state:running', 'state:embryo',
        'process:nothing', 'box:d* since:2d',
    ],
)  # fmt: skip
def test_totals_are_what_reading_to_the_end_finds(pages: DashboardHarness, query: str) -> None:
    found = totals(pages, query)

    assert {name: count for name, (count, _) in found.items()} == counted(pages, query)
    assert all(is_all for _, is_all in found.values())


def test_what_was_not_counted_is_said(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('synergy.mx.pages.search_totals.COUNTED_MAX', 5)

    assert totals(pages, NOOPS) == {'SiteHourly': (5, False)}
    text = pages.get(f'/search?q={NOOPS}').text
    assert '5 intervals at least: not all was counted' in text
    assert '>5+</td>' in text


def test_each_interval_says_why_it_stands_so_and_since_when(pages: DashboardHarness) -> None:
    body = pages.get('/api/v1/search?q=SiteHourly 20261122 state:failed').json
    assert body is not None
    (failed,) = body['items']
    assert failed['reason'].startswith('ValueError: ')
    held = pages.store.jobs([pages.key(*FAILED_HOUR)])[pages.key(*FAILED_HOUR)]
    assert failed['since'] == instant(held.changed_at)
    blocked = pages.get('/api/v1/search?q=process:SiteDaily state:blocked').json
    assert blocked is not None
    assert blocked['items'][0]['reason'] == 'waits for child SiteHourly@2026112209'

    text = pages.get('/search?q=state:failed').text
    assert 'is not a number' in text
    assert '<th scope="col">Since</th>' in text


def test_a_bulk_action_is_one_request_about_just_what_was_found(pages: DashboardHarness) -> None:
    text = pages.get(f'/search?q={NOOPS}').text
    count = counted(pages, NOOPS)['SiteHourly']
    assert count > 10
    assert f'Reprocess all {count}…' in text
    before = len(pages.store.commands(tuple(CommandState), 100))

    shown = pages.get(BULK).text
    answer = pages.post('/change/reprocess', {**fields(shown), 'reason': 'they have data now'})

    assert answer.status_code == 303
    assert len(pages.store.commands(tuple(CommandState), 100)) == before + 1
    command = newest(pages)
    assert command.said.startswith(f'{count} of 20260901')
    assert f'reprocess SiteHourly {count} of' in pages.get('/audit').text
    assert f'{count} of 20260901' in pages.get(answer.headers['Location']).text
    planned = plan(pages.site.model.timetable, command)
    assert planned.count_by_process['SiteHourly'] == count  # type: ignore[index] # its name
    assert planned.hash == command.plan_hash


def test_of_failed_ones_the_request_says_so_and_needs_no_list(pages: DashboardHarness) -> None:
    shown = pages.get('/change/reprocess?process=SiteHourly&q=state:failed').text
    pages.post('/change/reprocess', {**fields(shown), 'reason': 'fixed'})

    command = newest(pages)
    assert (command.kind, command.only, str(command.start)) == (
        CommandKind.REPROCESS,
        Only.FAILED,
        '2026112209',
    )
    assert not command.details


def test_what_has_changed_since_the_preview_is_shown_again(pages: DashboardHarness) -> None:
    form = fields(pages.get(BULK).text)
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    key = pages.key('SiteHourly', '2026112000')
    before = pages.store.jobs([key])[key]
    at = NOW + timedelta(seconds=1)
    saved = replace(before, state=JobState.NOOP, rev=before.rev + 1, changed_at=at)
    pages.store.commit(leadership, [SaveJob(saved, 'noop, run 2')])
    pages.runtime.clock.advance(timedelta(seconds=1))

    answer = pages.post('/change/reprocess', {**form, 'reason': 'they have data now'})

    assert answer.status_code == 409
    assert 'The plan has changed since you saw it' in answer.text


@pytest.mark.parametrize(
    ('address', 'status', 'said'),
    [
        ('/change/reprocess?process=SiteHourly&q=process:AlertDaily', 400, 'finds no interval of'),
        ('/change/reprocess?process=SiteHourly&q=SiteHourly+2026112209', 400, 'is one interval'),
        ('/change/reprocess?process=SiteHourly&q=state:fialed', 400, 'is not a state'),
        ('/change/skip?process=SiteHourly&q=process:SiteHourly+state:noop', 422, 'left to skip'),
    ],
)
def test_what_a_search_cannot_mean_is_refused(
    pages: DashboardHarness, address: str, status: int, said: str
) -> None:
    answer = pages.get(address)

    assert answer.status_code == status
    assert said in answer.text


def test_too_many_places_apart_are_refused(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('synergy.operations.jobs.STRETCHES_MAX', 3)

    answer = pages.get(BULK)

    assert answer.status_code == 400
    assert 'ask for at most 3 of these at once' in answer.text


def post(pages: DashboardHarness, key: str, **body: Any) -> Any:
    return pages.client.post(
        '/api/v1/requests',
        json=body,
        headers={'Host': 'localhost', 'Idempotency-Key': key},
        environ_base=pages.place,
    )


def test_the_api_asks_for_what_a_search_finds_and_for_a_list(pages: DashboardHarness) -> None:
    preview = pages.get(f'/api/v1/preview?process=SiteHourly&q={NOOPS}').json
    assert preview is not None
    asked = {'process': 'SiteHourly', 'reason': 'they have data now'}

    first = post(pages, 'a', **asked, q=NOOPS, plan_hash=preview['plan_hash'])
    again = post(pages, 'a', **asked, q=NOOPS, plan_hash=preview['plan_hash'])
    stale = post(pages, 'b', **asked, q=NOOPS, plan_hash='0' * 24)
    listed = post(pages, 'c', **asked, intervals='2026112001,2026112003-2026112004')

    assert (first.status_code, again.status_code, stale.status_code) == (202, 202, 409)
    assert first.json['id'] == again.json['id']
    assert first.json['details']['interval_count'] == counted(pages, NOOPS)['SiteHourly']
    assert listed.status_code == 202
    assert listed.json['details'] == {
        'intervals': '2026112001,2026112003-2026112004',
        'interval_count': 3,
    }


@pytest.mark.parametrize(
    ('body', 'said'),
    [
        ({'intervals': '2026112001', 'start': '2026112001'}, 'intervals and start are given'),
        ({'q': 'state:noop', 'only': 'failed'}, 'q and only are given'),
        ({'intervals': '2026112005-2026112001'}, 'upside down'),
        ({'intervals': ','}, 'intervals cannot be read'),
    ],
)
def test_the_api_refuses_what_says_two_things(
    pages: DashboardHarness, body: dict[str, str], said: str
) -> None:
    answer = post(pages, 'd', process='SiteHourly', reason='none', **body)

    assert answer.status_code == 400
    assert said in answer.text


def test_a_viewer_sees_totals_but_no_buttons(guarded: DashboardHarness) -> None:
    guarded.log_in('viewer')

    text = guarded.get(f'/search?q={NOOPS}').text

    assert 'All that was found' in text
    assert '/change/reprocess' not in text
