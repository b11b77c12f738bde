"""Pools on the dashboard and through its API: who holds them, who waits, and another size."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import SavePool
from synergy.core.freezes import Scope, details_of
from synergy.core.pool_record import PoolName, PoolOverride
from synergy.core.records import ProcessName
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.view.words import span
from tests.mx.dashboard_harness import NOW, DashboardHarness


def asked(pages: DashboardHarness) -> list[tuple[CommandKind, str, dict[str, object], str | None]]:
    return [
        (item.kind, item.process, dict(item.details), item.reason)
        for item in pages.store.commands((CommandState.REQUESTED,), 9)
    ]


def resize(pages: DashboardHarness, slots: int) -> None:
    """Do what the Scheduler does when it is asked to."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    pool = pages.site.model.hierarchy.pools.sizes[PoolName('warehouse')]
    override = PoolOverride(
        pool=pool.name, slots=slots, at=NOW, by='anna: <b>backup</b>', definition=pool.definition
    )
    pages.store.commit(leadership, [SavePool(override)])
    pages.runtime.clock.advance(timedelta(seconds=1))


def pool_of(pages: DashboardHarness) -> dict[str, Any]:
    answer = pages.get('/api/v1/pools').json
    assert answer is not None
    (found,) = answer['items']
    return dict(found)


def test_who_holds_and_who_waits_is_told(pages: DashboardHarness) -> None:
    page = pages.get('/pools').text
    assert 'has room' in page
    assert '<strong>1 of 4 slots</strong> in use' in page
    assert pool_of(pages)['waiters'] == []

    resize(pages, 1)

    page = pages.get('/pools').text
    assert '<strong>1 of 1 slot</strong> in use' in page
    assert 'by anna: &lt;b&gt;backup' in page
    found = pool_of(pages)
    assert found['holders'] == [{'name': 'SiteHourly', 'units': 1, 'slots': 1}]
    (waiter,) = found['waiters']
    assert (waiter['name'], waiter['share'], waiter['jobs']) == ('SiteHourly', 1, 1)
    assert waiter['since'] == '2026-11-23T12:05:00Z'
    assert waiter['takes_seconds'] > 0
    assert f'about {span(timedelta(seconds=waiter["takes_seconds"]))}' in page
    assert found['override']['slots'] == 1
    why = pages.get('/i/SiteHourly/2026112311').text
    assert 'waits for a slot of warehouse: 1 of 1 used by SiteHourly (1)' in why
    assert 'href="/pools#warehouse"' in why


@pytest.mark.parametrize(
    ('action', 'form', 'details'),
    [
        ('set', {'slots': '8', 'per_minute': 'unlimited'}, {'slots': 8, 'per_minute': 0}),
        ('set', {'slots': 'default', 'reason': 'done'}, {'slots': None}),
        ('default', {}, {'slots': None, 'per_minute': None}),
    ],
)
def test_a_size_is_changed(
    pages: DashboardHarness, action: str, form: dict[str, str], details: dict[str, object]
) -> None:
    assert 'name="reason"' in pages.get(f'/pools/warehouse/{action}').text
    answer = pages.post(f'/pools/warehouse/{action}', form)

    assert answer.status_code == 303
    assert answer.headers['Location'].startswith('/pools?asked=')
    assert asked(pages) == [(CommandKind.POOL_SAVE, 'warehouse', details, form.get('reason'))]


@pytest.mark.parametrize(
    ('name', 'action', 'form', 'status', 'told'),
    [
        ('warehouse', 'set', {'slots': '0'}, 400, 'give a whole number from 1 to 100,000'),
        ('warehouse', 'set', {'slots': '-3'}, 400, 'give a whole number'),
        ('warehouse', 'set', {'slots': 'eight'}, 400, 'or default'),
        ('warehouse', 'set', {'per_minute': '0'}, 400, 'or unlimited or default'),
        ('warehouse', 'set', {'slots': '9' * 40}, 400, 'give a whole number'),
        ('warehouse', 'set', {}, 400, 'neither slots nor per_minute is given'),
        ('warehous', 'set', {'slots': '1'}, 404, 'did you mean'),
        ('warehouse', 'burn', {'slots': '1'}, 404, 'cannot be done to a pool'),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    pages: DashboardHarness, name: str, action: str, form: dict[str, str], status: int, told: str
) -> None:
    before = pages.dump()

    by_api = pages.client.post(
        f'/api/v1/pools/{name}/{action}',
        json=form,
        headers={'Host': 'localhost', 'Idempotency-Key': 'k'},
        environ_base=pages.place,
    )
    answer = pages.post(f'/pools/{name}/{action}', form)

    assert answer.status_code == by_api.status_code == status
    assert told in answer.text
    assert pages.dump() == before


def test_the_api_changes_a_size_once_per_key(pages: DashboardHarness) -> None:
    for _ in range(2):
        answer = pages.client.post(
            '/api/v1/pools/warehouse/set',
            json={'slots': 6, 'reason': 'backup'},
            headers={'Host': 'localhost', 'Idempotency-Key': 'k'},
            environ_base=pages.place,
        )
        assert answer.status_code == 202

    assert asked(pages) == [(CommandKind.POOL_SAVE, 'warehouse', {'slots': 6}, 'backup')]


def test_a_context_without_pools_shows_none_and_says_how(
    pages: DashboardHarness, tmp_path: Any
) -> None:
    (tmp_path / 'other').mkdir()
    found = DashboardHarness(tmp_path / 'other', 'tests.pipelines.years')
    try:
        assert 'href="/pools"' in pages.get('/').text
        assert 'href="/pools"' not in found.get('/').text
        assert 'There are no pools.' in found.get('/pools').text
    finally:
        found.close()


def test_a_preview_tells_what_its_runs_take(pages: DashboardHarness) -> None:
    address = '/api/v1/preview?process=SiteHourly&start=2026112205'
    told = 'SiteHourly takes 1 of 4 slots, 600 starts a minute of warehouse for each run'

    answer = pages.get(address).json
    assert answer is not None
    assert answer['pools'] == [f'{told}: at most 4 at once']
    page = pages.get('/change/reprocess?process=SiteHourly&first=2026112205').text
    assert told in page


def test_what_waits_for_its_turn_is_not_called_ill(pages: DashboardHarness) -> None:
    resize(pages, 1)
    for minutes in (0, 3):
        pages.runtime.clock.advance(timedelta(minutes=minutes))
        pages.get('/')
        model, now = pages.site.model, pages.runtime.clock.now()
        idle = pages.site.idle.idle(model, pages.store, 1, now)

    assert 'SiteHourly' not in {item.key.process for item in idle}
    assert 'SiteHourly' in pages.site.idle._seen, 'but for the pool it would be'


def test_a_pool_that_is_held_says_until_when(pages: DashboardHarness) -> None:
    stamp = containing_utc(Qualifier.REAL_TIME, NOW)
    freeze = Command(
        id=CommandId('f'),
        kind=CommandKind.FREEZE,
        process=ProcessName('warehouse'),
        start=stamp,
        end=stamp.shift(1),
        details=details_of(Scope.POOL, NOW + timedelta(days=1)),
        actor='ann',
        reason='<b>migration</b>',
        created_at=NOW,
    )
    pages.store.insert_command(freeze)
    pages.runtime.clock.advance(timedelta(seconds=1))

    page = pages.get('/pools').text
    assert 'Nothing that takes of it starts: ' in page
    assert 'by ann: &lt;b&gt;migration&lt;/b&gt;, until' in page
    assert 'has room' not in page
    found = pool_of(pages)
    assert found['held_until'] == f'{NOW + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}'
    assert [item['name'] for item in found['waiters']] == ['SiteHourly']
