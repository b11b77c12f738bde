"""Alerts on pages, in the API and behind the links of messages; no address of a receiver on any."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest

from synergy.core.alert_requests import AlertRequestKind, AlertRequestState
from synergy.core.commands import CommandKind, CommandState
from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.core.watching import AlertOutcome
from synergy.mx.routes import ROUTES
from synergy.mx.web.throttle import GUESSES_MAX
from synergy.view.alert_links import LIFETIME, AlertLinks
from tests.mx.addresses import VALUES, address_of
from tests.mx.alerted import OPEN_GROUP, QUIET, SEEN_GROUP
from tests.mx.dashboard_harness import NOW, REQUEST_ID, DashboardHarness
from tests.pipelines.pages import HUSH

LINK = f'/acknowledge/{VALUES["token"]}'
KEYED = {'Idempotency-Key': 'k1'}


def test_the_page_tells_what_is_open_and_who_sees_to_it(pages: DashboardHarness) -> None:
    text = pages.get('/alerts').text

    assert 'because of SiteHourly@2026112209' in text
    assert OPEN_GROUP in text
    assert 'nobody has acknowledged it' in text
    assert 'acknowledged by ben@10.0.0.8' in text
    assert '/i/SiteHourly/2026112209' in text
    assert 'It holds up' in text
    assert 'hush-hush' not in text
    assert f'/alerts/ack?alert={OPEN_GROUP}' in text
    assert 'muted' in text
    assert 'ann@10.0.0.7' in text
    assert 'it answered 503' in text
    assert 'given up' in text


def test_that_nobody_watches_needs_somebody(pages: DashboardHarness) -> None:
    def kinds() -> set[str]:
        found: Any = pages.get('/api/v1/status').json
        return {need['kind'] for need in found['needs']}

    assert 'no_watch' not in kinds()
    lease = pages.store.watching()
    assert lease is not None
    pages.store.stop_watching(lease)
    assert 'no_watch' not in kinds()
    pages.runtime.clock.advance(timedelta(seconds=20))

    assert 'no_watch' in kinds()
    answer = pages.get('/api/v1/health')
    assert answer.status_code == 503
    found: Any = answer.json
    assert any('No Watch runs' in need for need in found['needs'])
    for page in ('/', '/health'):
        assert 'o Watch runs, so nobody is told of anything' in pages.get(page).text


def test_the_navigation_counts_what_nobody_sees_to(pages: DashboardHarness) -> None:
    assert 'Alerts<span class="n ill">1<span class="sr"> to acknowledge' in pages.get('/').text


def test_an_interval_says_who_was_told_of_it(pages: DashboardHarness) -> None:
    text = pages.get('/i/SiteHourly/2026112209').text

    assert f'{OPEN_GROUP}</a></dd><dd>told at 12:17:00; nobody has' in text
    assert f'{OPEN_GROUP}</a>' not in pages.get('/i/SiteHourly/2026112208').text


def test_an_alert_is_acknowledged_muted_and_tested_on_its_page(pages: DashboardHarness) -> None:
    for action, alert, more in (
        ('ack', OPEN_GROUP, {}),
        ('mute', 'night', {'until': '+2 hours'}),
        ('test', 'night', {}),
    ):
        assert pages.get(f'/alerts/{action}?alert={alert}').status_code == 200
        answer = pages.post(f'/alerts/{action}', {'alert': alert, 'reason': 'I look', **more})
        assert (answer.status_code, answer.headers['Location'][:13]) == (303, '/alerts?asked')
        assert 'Asked to' in pages.get(answer.headers['Location']).text

    asked = pages.store.open_alert_requests(9)
    kinds = [AlertRequestKind.ACK, AlertRequestKind.MUTE, AlertRequestKind.TEST]
    assert sorted(item.kind for item in asked) == sorted(kinds)
    assert {item.reason for item in asked} == {'I look'}
    # Nobody needs to acknowledge again what is about to be.
    assert pages.get('/alerts').text.count('nobody has acknowledged it') == 0
    assert pages.get(f'/alerts/ack?alert={SEEN_GROUP}').status_code == 422
    assert pages.get('/alerts/mute?alert=nothing').status_code == 404
    assert pages.get('/alerts/silence?alert=night').status_code == 404


@pytest.mark.parametrize(
    ('state', 'said'),
    [
        (AlertRequestState.REFUSED, 'Refused to mute alert night until 2026-11-23 14:17 UTC'),
        (AlertRequestState.DONE, 'Done: mute alert night until 2026-11-23 14:17 UTC'),
    ],
)
def test_a_flash_says_what_watch_has_done(
    pages: DashboardHarness, state: AlertRequestState, said: str
) -> None:
    where = pages.post('/alerts/mute', {'alert': 'night', 'until': '+2 hours'}).headers['Location']
    (asked,), lease = pages.store.open_alert_requests(9), pages.store.watching()
    assert lease is not None
    end = replace(asked, state=state, ended_at=NOW, outcome='as things stand')
    rev = pages.store.alert_memory().rev
    assert pages.store.save_alerts(lease, rev, AlertOutcome(requests=[end]))

    text = pages.get(where).text

    assert said in text
    assert 'as things stand' in text


def test_the_api_tells_and_asks_once(pages: DashboardHarness) -> None:
    found = pages.get('/api/v1/alerts').get_json()
    first = found['open'][0]
    second = next(item for item in found['open'] if item['id'] == SEEN_GROUP)
    assert (first['id'], first['severity'], first['acknowledgement']) == (OPEN_GROUP, 'error', None)
    assert first['count'] == len(first['alerts'])
    assert (second['acknowledgement'], second['acknowledged_by']) == (
        'acknowledged',
        'ben@10.0.0.8',
    )
    (untold,) = [item for item in found['open'] if item['id'] is None]
    assert untold['untold'].startswith('muted until 2026-11-23 14:17 UTC by ann')
    assert found['watcher'] == 'dev:4713'
    rules = {rule['alert']: rule for rule in found['rules']}
    assert rules['quiet']['muted_by'] == 'ann@10.0.0.7'
    assert rules['night']['to'][0].startswith('hooks:')
    (waiting,) = found['waiting']
    assert (waiting['count'], waiting['attempts']) == (2, 1)

    ids = set()
    for _ in range(2):
        body = {'alert': OPEN_GROUP, 'reason': 'I look'}
        headers = {'Host': 'localhost', 'X-Form-Token': pages.form_token(), **KEYED}
        answer = pages.client.post('/api/v1/alerts/ack', json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        ids.add(answer.get_json()['id'])
        assert pages.get(answer.headers['Location']).get_json()['state'] == 'waiting'
    assert len(ids) == 1
    assert len(pages.store.commands(tuple(CommandState), 9, (CommandKind.ALERT,))) == 1
    assert pages.get(f'/api/v1/alerts/requests/{REQUEST_ID}').get_json()['alert'] == QUIET
    assert pages.get('/api/v1/alerts/requests/nothing').status_code == 404


def test_the_history_goes_page_by_page_and_by_alert(pages: DashboardHarness) -> None:
    everything = pages.get('/api/v1/alerts/history').get_json()['items']
    assert len(everything) == 4
    paged, cursor = [], ''
    while cursor is not None:
        answer = pages.get(f'/api/v1/alerts/history?limit=1{cursor and f"&cursor={cursor}"}')
        paged += answer.get_json()['items']
        cursor = answer.get_json()['next_cursor']
    assert paged == everything
    assert {item['state'] for item in paged} == {'arrived', 'waiting', 'given_up'}

    one = pages.get(f'/api/v1/alerts/history?alert={SEEN_GROUP}').get_json()['items']
    assert {item['group'] for item in one} == {SEEN_GROUP}
    assert pages.get('/api/v1/alerts/history?alert=quiet').get_json()['items'] == []
    assert 'No message' in pages.get('/alerts?alert=quiet').text
    for unknown in ('/alerts?alert=nigth', '/api/v1/alerts/history?alert=night/99'):
        assert pages.get(unknown).status_code == 404
    assert 'rel="next"' not in pages.get('/alerts').text


def test_without_a_watch_the_page_says_that_nobody_is_told(pages: DashboardHarness) -> None:
    lease = pages.store.watching()
    assert lease is not None
    pages.store.stop_watching(lease)
    pages.runtime.clock.advance(timedelta(seconds=5))

    assert 'Nobody is told of anything' in pages.get('/alerts').text
    assert pages.get('/api/v1/alerts').get_json()['watcher'] is None
    assert pages.post('/alerts/test', {'alert': 'night'}).status_code == 409


def test_a_link_of_a_message_acknowledges_without_a_login(guarded: DashboardHarness) -> None:
    assert guarded.get('/alerts').status_code == 303  # To the login.
    before = guarded.dump()
    form = guarded.get(LINK)
    assert form.status_code == 200
    assert 'SiteHourly@2026112209' in form.text
    assert guarded.dump() == before

    for _ in range(2):
        answer = guarded.post(LINK, {'reason': 'Anna sees to it'})
        assert (answer.status_code, answer.headers['Location']) == (303, LINK)

    (asked,) = guarded.store.open_alert_requests(9)
    assert (asked.kind, asked.named, asked.by) == (
        AlertRequestKind.ACK,
        OPEN_GROUP,
        'link@127.0.0.1',
    )
    assert asked.reason == 'Anna sees to it'
    assert 'acknowledges it' in guarded.get(LINK).text
    (record,) = guarded.store.commands(tuple(CommandState), 9, (CommandKind.ALERT,))
    assert record.actor == 'link@127.0.0.1'


def test_a_link_tells_nothing_beyond_its_alert(guarded: DashboardHarness) -> None:
    text = guarded.get(LINK).text

    for other in ('Shell::sweep', SEEN_GROUP, 'ann@', 'dev:4711', 'Leader', 'quiet', 'Heat map'):
        assert other not in text, other
    # Nor does whoever has the link come in by it.
    assert guarded.get('/api/v1/alerts').status_code == 401


def test_a_link_without_the_token_of_its_form_changes_nothing(guarded: DashboardHarness) -> None:
    assert guarded.bare_post(LINK).status_code == 403
    assert guarded.post(LINK, {}, Origin='http://evil.example').status_code == 403
    assert guarded.store.open_alert_requests(9) == []


def test_forged_links_are_refused_and_throttled(guarded: DashboardHarness) -> None:
    forged = AlertLinks('guessed').address('', OPEN_GROUP, NOW)
    answers = [guarded.get(forged) for _ in range(GUESSES_MAX + 1)]

    assert [answer.status_code for answer in answers] == [404] * GUESSES_MAX + [429]
    assert 'Not a link of ours' in answers[0].text
    assert 'Retry-After' in answers[-1].headers
    # One that is ours goes on.
    assert guarded.get(LINK).status_code == 200


def test_a_link_that_is_too_old_says_so(guarded: DashboardHarness) -> None:
    guarded.runtime.clock.advance(LIFETIME + timedelta(seconds=1))

    assert (guarded.get(LINK).status_code, guarded.post(LINK, {}).status_code) == (410, 410)
    assert 'too old' in guarded.get(LINK).text


def test_a_link_of_what_is_over_or_of_an_earlier_number_has_nothing_to_do(
    pages: DashboardHarness,
) -> None:
    earlier = pages.site.links.address('', OPEN_GROUP, NOW - timedelta(hours=1))

    for address in (earlier, pages.site.links.address('', 'night/99', NOW)):
        assert 'It is over' in pages.get(address).text
        assert pages.post(address, {}).status_code == 303
    assert pages.store.open_alert_requests(9) == []


def test_viewers_read_and_do_not_ask(guarded: DashboardHarness) -> None:
    guarded.log_in('viewer')

    assert guarded.get('/alerts').status_code == 200
    assert 'Acknowledge' not in guarded.get('/alerts').text
    assert guarded.post('/alerts/ack', {'alert': OPEN_GROUP}).status_code == 403


def test_no_door_shows_an_address_or_a_link(
    guarded: DashboardHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    guarded.log_in(Role.ADMIN.value)
    dead = guarded.store.dead_units(1)[0].id
    token = VALUES['token']

    for route in ROUTES:
        if route.method != 'GET' or route.endpoint in ('static', 'events', 'api_journal_events'):
            continue
        text = guarded.get(address_of(route, dead)).text
        assert HUSH not in text, route.rule
        assert 'hooks.example' not in text, route.rule
        assert token not in text or route.endpoint == 'acknowledge', route.rule
    for address in ('/alerts/nothing', '/alerts?cursor=x', f'/alerts/ack?alert={HUSH[:3]}'):
        guarded.get(address)
    assert HUSH not in caplog.text
