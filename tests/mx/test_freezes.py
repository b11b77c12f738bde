"""Freezes on pages and in the API: asked for, seen everywhere, thawed."""

from __future__ import annotations

from datetime import timedelta

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.freezes import EVERYTHING, Scope, details_of
from synergy.core.records import ProcessName
from synergy.core.timeperiod import Qualifier, containing_utc
from tests.mx.dashboard_harness import FREEZE_ID, NOW, DashboardHarness

FORM = {'tree': '', 'until': '+2 hours', 'reason': '<b>migration</b>'}


def frozen(pages: DashboardHarness) -> CommandId:
    stamp = containing_utc(Qualifier.REAL_TIME, NOW)
    command = Command(
        id=CommandId('f0123456789a'),
        kind=CommandKind.FREEZE,
        process=ProcessName(EVERYTHING),
        start=stamp,
        end=stamp.shift(1),
        details=details_of(Scope.ALL, NOW + timedelta(hours=2)),
        actor='ann@127.0.0.1',
        reason='<b>migration</b>',
        created_at=NOW,
    )
    pages.store.insert_command(command)
    pages.runtime.clock.advance(timedelta(seconds=5))
    return command.id


def test_a_freeze_is_asked_for_on_its_page(pages: DashboardHarness) -> None:
    assert 'Until' in pages.get('/freezes/add').text
    answer = pages.post('/freezes/add', FORM)

    assert answer.status_code == 303
    (asked,) = pages.store.commands((CommandState.REQUESTED,), 9, (CommandKind.FREEZE,))
    assert asked.details == dict(details_of(Scope.ALL, NOW + timedelta(hours=2)))
    assert asked.reason == '<b>migration</b>'
    assert pages.post('/freezes/add', {**FORM, 'tree': 'nowhere'}).status_code == 404
    assert pages.post('/freezes/add', {**FORM, 'until': 'soon'}).status_code == 400


def test_every_page_says_what_is_frozen_by_whom_why_and_until_when(
    pages: DashboardHarness,
) -> None:
    assert 'Everything: nothing starts' not in pages.get('/').text
    freeze_id = frozen(pages)

    for address in ('/', '/processes', '/requests', '/freezes', '/i/SiteHourly/2026112312'):
        text = pages.get(address).text
        assert 'Everything: nothing starts until' in text, address
        assert '2026-11-23 14:17' in text
        assert 'ann@127.0.0.1' in text
        assert '&lt;b&gt;migration' in text
    assert f'/freezes/{freeze_id}/thaw' in pages.get('/freezes').text
    assert 'is frozen' in pages.get(f'/freezes/{freeze_id}/thaw').text
    assert (
        'starts nothing yet'
        in pages.get('/change/reprocess?process=SiteHourly&first=2026112200').text
    )


def test_a_freeze_is_listed_and_thawed_through_the_api(pages: DashboardHarness) -> None:
    freeze_id = frozen(pages)

    found = pages.get('/api/v1/freezes').get_json()['items'][-1]
    assert (found['id'], found['scope'], found['by']) == (freeze_id, 'all', 'ann@127.0.0.1')
    status = pages.get('/api/v1/status').get_json()
    assert [item['id'] for item in status['freezes']] == [FREEZE_ID, freeze_id]
    assert pages.post(f'/freezes/{freeze_id}/thaw', {'reason': 'done'}).status_code == 303
    (thaw,) = pages.store.commands((CommandState.REQUESTED,), 9, (CommandKind.THAW,))
    assert thaw.target == freeze_id
    assert pages.post('/freezes/unknown/thaw', {}).status_code == 404


def test_asking_again_under_a_key_freezes_and_thaws_once(pages: DashboardHarness) -> None:
    def ask(key: str, path: str, **body: object) -> str:
        headers = {'Host': 'localhost', 'X-Form-Token': pages.form_token(), 'Idempotency-Key': key}
        answer = pages.client.post(path, json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        return str(answer.get_json()['id'])

    asked = {'until': '2026-11-23T14:00', 'reason': 'migration'}
    freeze_id = ask('f', '/api/v1/freezes', **asked)
    thaw_id = ask('t', f'/api/v1/freezes/{freeze_id}/thaw', reason='done')
    pages.runtime.clock.advance(timedelta(hours=9))  # Its time is over.

    assert ask('f', '/api/v1/freezes', **asked) == freeze_id
    assert ask('t', f'/api/v1/freezes/{freeze_id}/thaw', reason='done') == thaw_id
