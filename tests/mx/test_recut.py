"""A process that is left out is named on every page, and recut from there and through the API."""

from __future__ import annotations

from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from synergy.core.commands import Command, CommandKind, CommandState
from synergy.core.effects import SaveContext
from synergy.core.led_context import LedContext, LedProcess, led_process
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier
from synergy.mx.routes import ROUTES
from tests.mx.addresses import address_of
from tests.mx.dashboard_harness import DashboardHarness
from tests.mx.test_openapi import validator

HOURLY = ProcessName('SiteHourly')
ADDRESS = '/processes/SiteHourly/recut'

#: Pages that are not of the dashboard: for its live tabs, for programs, for whoever has a link.
SILENT = ('events', 'openapi_page', 'acknowledge')


def leave_out(pages: DashboardHarness, recut: str | None = None) -> None:
    """Let its history be daily, as the Scheduler has written down; all else is as it was led."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    hierarchy = pages.runtime.context.hierarchy
    led = {node.process.name: led_process(hierarchy, node) for node in hierarchy}
    led[HOURLY] = LedProcess(qualifier=Qualifier.DAILY, is_out=True, recut=recut)
    day = led[ProcessName('SiteDaily')]
    inputs = [replace(item, qualifier=Qualifier.DAILY) for item in day.inputs or ()]
    led[ProcessName('SiteDaily')] = replace(day, inputs=tuple(inputs))
    pages.store.commit(leadership, [SaveContext(LedContext(rev=1, processes=led))])


@pytest.fixture
def out(pages: DashboardHarness) -> DashboardHarness:
    leave_out(pages)
    return pages


@pytest.fixture
def moved(pages: DashboardHarness) -> DashboardHarness:
    """A tree that had followed another clock, as the Scheduler has written down."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    hierarchy = pages.runtime.context.hierarchy
    led = {node.process.name: led_process(hierarchy, node) for node in hierarchy}
    tree = hierarchy.nodes[HOURLY].tree
    led |= {name: replace(led[name], zone='Asia/Tokyo') for name in tree.levels}
    pages.store.commit(leadership, [SaveContext(LedContext(rev=1, processes=led))])
    return pages


def asked(pages: DashboardHarness) -> list[Command]:
    return list(pages.store.commands(tuple(CommandState), 9, (CommandKind.RECUT,)))


def test_every_page_says_who_is_left_out(out: DashboardHarness) -> None:
    silent = []
    for route in ROUTES:
        if route.method != 'GET' or route.is_api or route.endpoint in SILENT:
            continue
        answer = out.get(address_of(route))
        if answer.mimetype != 'text/html' or answer.status_code != 200:
            continue
        if 'SiteHourly is left out: it is hourly instead of daily' not in answer.text:
            silent.append(route.rule)

    assert silent == []


@pytest.mark.parametrize('where', ['/', '/processes'])
def test_lists_of_processes_say_that_it_waits_for_a_recut(
    out: DashboardHarness, where: str
) -> None:
    text = out.get(where).text

    assert text.count('waits for a recut') == 1
    assert text.count('<span class="tag">left out</span>') == 1


def test_nobody_is_told_before_the_login(guarded: DashboardHarness) -> None:
    leave_out(guarded)

    assert 'is left out' not in guarded.get('/login').text


def test_one_that_is_being_recut_is_said_to_be(pages: DashboardHarness) -> None:
    leave_out(pages, 'a1b2c3')

    text = pages.get('/').text

    assert 'it is being recut by <a class="link" href="/requests/a1b2c3">' in text
    # That request is not there any more: it is gone on with by another one.
    assert pages.get(ADDRESS).status_code == 200


def test_the_step_tells_all_of_it_and_asks_with_a_reason(out: DashboardHarness) -> None:
    step = unescape(out.get(f'{ADDRESS}?start=2026112000').text)

    assert 'SiteHourly is hourly instead of daily.' in step
    assert 'jobs of its history' in step
    assert 'Its intervals begin at 2026112000: 85 intervals until now' in step
    assert 'runs again, once, after them' in step
    assert 'SiteDaily' in step
    shown: Any = out.get('/api/v1/processes/SiteHourly/recut?start=2026112000').json
    form = {'start': '2026112000', 'plan_hash': shown['plan_hash'], 'form_id': 'f' * 12}
    bare = out.post(ADDRESS, form)
    done = out.post(ADDRESS, {**form, 'reason': 'hours it is'})

    assert bare.status_code == 400
    assert done.status_code == 303
    (command,) = asked(out)
    assert str(command.start) == '2026112000'
    assert (command.details, command.reason) == ({'zone': 'UTC'}, 'hours it is')


def test_another_start_is_shown_before_it_is_asked_for(out: DashboardHarness) -> None:
    shown: Any = out.get('/api/v1/processes/SiteHourly/recut?start=2026112000').json
    form = {
        'start': '2026112300',
        'plan_hash': shown['plan_hash'],
        'form_id': 'f' * 12,
        'reason': 'r',
    }

    answer = out.post(ADDRESS, form)

    assert answer.status_code == 409
    assert 'Its intervals begin at 2026112300' in answer.text
    assert asked(out) == []


def test_the_api_previews_and_asks(out: DashboardHarness) -> None:
    address = '/api/v1/processes/SiteHourly/recut'
    route = next(item for item in ROUTES if item.endpoint == 'api_preview_recut')
    shown = out.get(f'{address}?start=2026112000')
    document: Any = shown.json
    assert list(validator(route, 200).iter_errors(document)) == []
    assert document['again']['SiteDaily'] >= 1
    assert document['intervals'] == 85
    body = {'start': '2026112000', 'reason': 'r'}
    token = {'form_token': out.form_token()}

    moved = out.post(address, {**body, 'plan_hash': 'other'}, **{'Idempotency-Key': 'a'})
    taken = out.post(address, {**body, **token}, **{'Idempotency-Key': 'b'})

    assert (moved.status_code, taken.status_code) == (409, 202)
    assert len(asked(out)) == 1
    items: Any = out.get('/api/v1/processes').json
    told = {item['process']: item['left_out'] for item in items['items']}
    assert './launch.py recut SiteHourly' in told['SiteHourly']
    assert told['SiteDaily'] is None


@pytest.mark.parametrize('start', ['2026010100', '2099010100', 'nonsense'])
def test_what_cannot_begin_is_refused_at_the_door(out: DashboardHarness, start: str) -> None:
    answer = out.get(f'/api/v1/processes/SiteHourly/recut?start={start}')

    assert answer.status_code in (404, 409)
    assert 'SiteHourly' in answer.text


def test_what_has_not_changed_is_not_recut(pages: DashboardHarness) -> None:
    answer = pages.get('/processes/SiteDaily/recut')

    assert answer.status_code == 409
    assert 'there is nothing to recut' in unescape(answer.text)


def test_a_tree_is_shown_and_asked_for_at_once(moved: DashboardHarness) -> None:
    levels = moved.runtime.context.hierarchy.nodes[HOURLY].tree.levels
    assert len(levels) > 1
    text = moved.get('/').text
    assert '<a class="link" href="/trees/site/recut">all of its tree</a>' in text
    assert 'recut --tree site TIMEPERIOD' in moved.get('/health').text
    step = unescape(moved.get('/trees/site/recut').text)
    for name in levels:
        assert f'{name} is' in step
    shown: Any = moved.get('/api/v1/trees/site/recut?start=2026-11-20').json
    route = next(item for item in ROUTES if item.endpoint == 'api_preview_tree_recut')
    assert list(validator(route, 200).iter_errors(shown)) == []
    starts = {item['process']: item['start'] for item in shown['recuts']}
    assert [*starts] == [*levels]
    assert starts[HOURLY] == '2026112000'
    assert shown['again'].keys().isdisjoint(levels)
    form = {'start': '2026-11-20', 'plan_hash': shown['plan_hash'], 'form_id': 'f' * 12}

    other = moved.post('/trees/site/recut', {**form, 'plan_hash': 'other', 'reason': 'r'})
    bare = moved.post('/trees/site/recut', form)
    assert asked(moved) == []
    done = [moved.post('/trees/site/recut', {**form, 'reason': 'one clock'}) for _ in range(2)]

    assert (other.status_code, bare.status_code) == (409, 400)
    assert [item.status_code for item in done] == [303, 303]
    commands = asked(moved)
    assert sorted(item.process for item in commands) == sorted(levels)
    assert {item.reason for item in commands} == {'one clock'}
    assert {item.process: str(item.start) for item in commands} == starts


def test_the_api_asks_for_a_tree_once_under_one_key(moved: DashboardHarness) -> None:
    address, key = '/api/v1/trees/site/recut', {'Idempotency-Key': 'a'}
    levels = moved.runtime.context.hierarchy.nodes[HOURLY].tree.levels
    body = {'start': '2026-11-20', 'reason': 'r', 'form_token': moved.form_token()}

    stale = moved.post(address, {**body, 'plan_hash': 'other'}, **{'Idempotency-Key': 'b'})
    first = moved.post(address, body, **key)
    second = moved.post(address, body, **key)
    reused = moved.post(address, {**body, 'start': '2026-11-21'}, **key)

    assert (stale.status_code, first.status_code, second.status_code) == (409, 202, 202)
    assert reused.status_code in (409, 422)
    told: Any = [answer.json for answer in (first, second)]
    assert told[0] == told[1]
    assert [item['process'] for item in told[0]['requests']] == [*levels]
    assert len(asked(moved)) == len(levels)


@pytest.mark.parametrize(
    ('name', 'start', 'status'),
    [
        ('site', '2099-01-01', 409),
        ('site', '1999-01-01', 409),
        ('site', 'nonsense', 400),
        ('sites', '2026-11-20', 404),
    ],
)
def test_a_tree_that_cannot_begin_so_is_refused(
    moved: DashboardHarness, name: str, start: str, status: int
) -> None:
    assert moved.get(f'/api/v1/trees/{name}/recut?start={start}').status_code == status
    assert moved.get(f'/trees/{name}/recut?start={start}').status_code == status


def test_what_is_being_recut_already_is_left_to_that(moved: DashboardHarness) -> None:
    levels = moved.runtime.context.hierarchy.nodes[HOURLY].tree.levels
    led = moved.store.led_context()
    leadership = moved.store.lead('dev:4711', timedelta(days=1000))
    assert led is not None
    assert leadership is not None
    body = {'start': '2026112000', 'reason': 'r', 'form_token': moved.form_token()}
    one: Any = moved.post(
        '/api/v1/processes/SiteHourly/recut', body, **{'Idempotency-Key': 'x'}
    ).json
    marked = replace(led.processes[HOURLY], recut=one['id'], is_out=True)
    processes = {**led.processes, HOURLY: marked}
    moved.store.commit(leadership, [SaveContext(LedContext(rev=2, processes=processes))])

    shown: Any = moved.get('/api/v1/trees/site/recut?start=2026-11-20').json

    assert [item['process'] for item in shown['recuts']] == [
        name for name in levels if name != HOURLY
    ]
