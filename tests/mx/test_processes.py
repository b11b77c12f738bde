"""Managed processes switched and timed anew from the dashboard and through its API."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from synergy.core.commands import CommandKind, CommandState
from synergy.core.effects import SaveOverride
from synergy.core.overrides import override_of
from synergy.core.records import Override
from tests.mx.dashboard_harness import NOW, DashboardHarness

HOURLY = 'SiteHourly'


def asked(pages: DashboardHarness) -> list[tuple[CommandKind, dict[str, object], str | None]]:
    return [
        (item.kind, dict(item.details), item.reason)
        for item in pages.store.commands((CommandState.REQUESTED,), 9)
    ]


CHOICES = [('', 'in_order'), ('', 'newest_first'), (' selected', 'beside'), ('', 'none')]


def switch_off(pages: DashboardHarness) -> None:
    """Do what the Scheduler does when it is asked to."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    node = pages.site.model.hierarchy.nodes[pages.key(HOURLY, '2026112312').process]
    override = override_of(node, {'is_on': False}, None, 'anna: <b>migration</b>', NOW)
    assert isinstance(override, Override)
    pages.store.commit(leadership, [SaveOverride(override)])
    pages.runtime.clock.advance(timedelta(seconds=1))


@pytest.mark.parametrize(
    ('action', 'form', 'kind', 'details'),
    [
        ('off', {'reason': 'migration'}, CommandKind.PROCESS_SAVE, {'is_on': False}),
        ('on', {}, CommandKind.PROCESS_SAVE, {'is_on': True}),
        ('trigger', {'trigger': 'at 05:00'}, CommandKind.PROCESS_SAVE, {'trigger': 'at 05:00'}),
        ('catch-up', {'catch_up': 'none'}, CommandKind.PROCESS_SAVE, {'catch_up': 'none'}),
        ('catch-up', {'catch_up': 'default'}, CommandKind.PROCESS_SAVE, {'catch_up': None}),
        (
            'default',
            {},
            CommandKind.PROCESS_SAVE,
            {'is_on': None, 'trigger': None, 'catch_up': None},
        ),
        ('run', {}, CommandKind.PROCESS_RUN, {}),
    ],
)
def test_a_process_is_changed(
    pages: DashboardHarness,
    action: str,
    form: dict[str, str],
    kind: CommandKind,
    details: dict[str, object],
) -> None:
    answer = pages.post(f'/processes/{HOURLY}/{action}', form)

    assert answer.status_code == 303
    assert answer.headers['Location'].startswith('/processes?asked=')
    assert asked(pages) == [(kind, details, form.get('reason'))]


def test_what_makes_no_sense_changes_nothing(pages: DashboardHarness) -> None:
    before = pages.dump()

    assert pages.post(f'/processes/{HOURLY}/trigger', {'trigger': 'never'}).status_code == 400
    assert pages.post(f'/processes/{HOURLY}/trigger', {}).status_code == 400
    assert pages.post(f'/processes/{HOURLY}/burn', {}).status_code == 404
    assert pages.post('/processes/Nobody/off', {}).status_code == 404
    assert pages.dump() == before


def test_page_why_and_api_say_who_has_switched_it_off(pages: DashboardHarness) -> None:
    pages.get('/')
    switch_off(pages)

    page = pages.get('/processes').text
    assert 'by anna: &lt;b&gt;migration' in page
    assert f'/processes/{HOURLY}/on' in page
    interval = pages.get(f'/i/{HOURLY}/2026112311').text
    assert 'switched off since 2026-11-23 12:17:00 UTC by anna: &lt;b&gt;' in interval
    found = pages.get('/api/v1/processes').json
    assert found is not None
    item = next(item for item in found['items'] if item['process'] == HOURLY)
    assert (item['is_on'], item['override']['is_on_by']) == (False, 'anna: <b>migration</b>')


def test_the_api_changes_a_process_once_per_key(pages: DashboardHarness) -> None:
    for _ in range(2):
        answer = pages.client.post(
            f'/api/v1/processes/{HOURLY}/off',
            json={'reason': 'migration'},
            headers={'Host': 'localhost', 'Idempotency-Key': 'k'},
        )
        assert answer.status_code == 202

    assert asked(pages) == [(CommandKind.PROCESS_SAVE, {'is_on': False}, 'migration')]


@pytest.mark.parametrize(
    ('form', 'said'),
    [
        ({'trigger': 'nevver', 'reason': 'the feed is late'}, 'nevver'),
        ({'trigger': ' ', 'reason': 'the feed is late'}, 'trigger is missing'),
        ({'trigger': 'at 05:00', 'reason': 'late ' * 101}, 'the reason has'),
    ],
)
def test_a_form_with_a_mistake_comes_back_as_it_was_typed(
    pages: DashboardHarness, form: dict[str, str], said: str
) -> None:
    answer = pages.post(f'/processes/{HOURLY}/trigger', form)

    assert answer.status_code == 400
    assert '<h1>Processes</h1>' in answer.text
    menu = re.findall(r'<details open>.*?</details>', answer.text, re.DOTALL)
    assert len(menu) == 1
    assert said in re.findall(r'role="alert">.*?</p>', menu[0])[0]
    assert f'id="t-{HOURLY}" name="trigger" type="text" value="{form["trigger"]}"' in menu[0]
    assert f'value="{form["reason"]}"' in menu[0]


def test_the_step_to_another_trigger_tells_when_the_present_one_fires(
    pages: DashboardHarness,
) -> None:
    page = pages.get(f'/processes/{HOURLY}/trigger').text

    process = pages.site.model.hierarchy.nodes[pages.key(HOURLY, '2026112312').process].process
    assert f'By now it is {process.trigger}, and fires next, by the clock of UTC' in page
    assert page.count('<li>') >= 6
    assert f'name="trigger" type="text" value="{process.trigger}"' in page
    assert f'href="/processes/{HOURLY}/trigger"' in pages.get('/processes').text


def test_how_history_is_caught_up_is_asked_with_what_there_is_of_it(
    pages: DashboardHarness,
) -> None:
    switch_off(pages)
    pages.runtime.clock.advance(timedelta(hours=5))

    step = pages.get(f'/processes/{HOURLY}/catch-up').text

    assert 'become history once it is on' in step
    assert all(f'<option{mark}>{way}</option>' in step for mark, way in CHOICES)
    assert 'become history once it is on' in pages.get(f'/processes/{HOURLY}/on').text
    assert 'become history once it is on' in pages.get('/processes').text
    listed = {
        item['process']: item for item in (pages.get('/api/v1/processes').json or {})['items']
    }
    assert listed[HOURLY]['history']['count'] > 1
    assert listed[HOURLY]['catch_up'] == 'beside'
