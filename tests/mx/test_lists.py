"""Lists go on: pages lead to what is older, and the API has a cursor until nothing is left."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from synergy.core.commands import CommandId
from synergy.core.effects import InsertUnit, MoveUnit
from synergy.core.records import Outcome, ProcessName, UnitEnd
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from tests.mx.dashboard_harness import NOW, REQUEST_ID, DashboardHarness, _unit

SEARCHES = (
    'process:site* state:processed since:90h',
    'process:*daily since:9d',
    'state:noop',
    'box:dev since:80h',
)


def all_of(pages: DashboardHarness, address: str, limit: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: str | None = ''
    while cursor is not None:
        page = pages.get(f'/api/v1{address}&limit={limit}&cursor={cursor}').json
        assert page is not None
        found += page['items']
        cursor = page['next_cursor']
    return found


def older_of(text: str) -> str | None:
    match = re.search(r'<a class="link" rel="next" href="([^"]+)"', text)
    return None if match is None else unescape(match[1])


def ask_for_much(pages: DashboardHarness, count: int) -> None:
    known = pages.store.command(CommandId(REQUEST_ID))
    assert known is not None
    for number in range(count):
        actor = f'{"rare" if number == count - 1 else "often"}@10.0.0.7'
        at = NOW - timedelta(hours=1, seconds=number)
        pages.store.insert_command(
            replace(known, id=CommandId(f'c{number}'), created_at=at, actor=actor)
        )


def sweep(pages: DashboardHarness, count: int) -> None:
    """Let a free run have ended runs, and two under way."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    units = []
    for number in range(count):
        stamp = containing_utc(Qualifier.REAL_TIME, NOW - timedelta(minutes=number))
        units.append(_unit(JobKey(ProcessName('Shell::sweep'), stamp)))
    pages.store.commit(leadership, [InsertUnit(unit) for unit in units])
    for unit in units[2:]:
        (claimed,) = pages.store.claim([unit.id], 'w', timedelta(hours=1))
        end = UnitEnd(uow_id=unit.id, fence=claimed.fence, outcome=Outcome.noop())
        pages.store.finish([end])


# The audit tells of a freeze, too.
@pytest.mark.parametrize(('address', 'last'), [('/audit', 97), ('/requests', 98)])
def test_a_page_of_what_was_asked_leads_to_what_is_older(
    pages: DashboardHarness, address: str, last: int
) -> None:
    ask_for_much(pages, 104)
    first = pages.get(address).text

    older = older_of(first)

    assert older is not None
    second = pages.get(older).text
    assert f'/requests/c{last}"' in first
    assert f'/requests/c{last + 1}"' not in first
    assert f'/requests/c{last + 1}"' in second
    assert '/requests/c103"' in second
    assert older_of(second) is None


def test_the_audit_finds_who_asked_long_ago(pages: DashboardHarness) -> None:
    ask_for_much(pages, 1_100)

    assert '/requests/c1099"' in pages.get('/audit?who=rare').text


def test_the_older_page_keeps_the_filter(pages: DashboardHarness) -> None:
    ask_for_much(pages, 104)

    assert (older_of(pages.get('/audit?who=often').text) or '').startswith('/audit?who=often&')


def test_dead_letters_lead_to_older_ones(pages: DashboardHarness) -> None:
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    key = pages.key('SiteHourly', '2026112312')
    for number in range(3):
        unit = _unit(JobKey(key.process, key.timeperiod.shift(number)))
        dead = MoveUnit(
            uow_id=unit.id,
            from_state=UnitState.REQUESTED,
            from_fence=0,
            to_state=UnitState.DEAD,
            at=NOW - timedelta(minutes=number),
        )
        pages.store.commit(leadership, [InsertUnit(unit)])
        pages.store.commit(leadership, [dead])

    older = older_of(pages.get('/dead?limit=3').text)

    assert older is not None
    assert '2026112209' in pages.get(older).text
    assert older_of(pages.get(older).text) is None


@pytest.mark.parametrize('text', SEARCHES)
def test_a_search_is_read_to_its_end(pages: DashboardHarness, text: str) -> None:
    whole = all_of(pages, f'/search?q={text}', 1000)

    paged = all_of(pages, f'/search?q={text}', 7)

    assert paged == whole
    assert len(whole) > 7


def test_a_search_for_blocked_ones_goes_on_where_the_looks_ended(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = all_of(pages, '/search?q=state:blocked', 1000)

    monkeypatch.setattr('synergy.mx.pages.search.LOOKS_MAX', 1)
    monkeypatch.setattr('synergy.mx.pages.search.LOOKS_MIN', 1)

    assert all_of(pages, '/search?q=state:blocked', 1000) == whole != []


def test_a_page_of_a_search_leads_to_what_is_older(pages: DashboardHarness) -> None:
    older = older_of(pages.get('/search?q=state:processed&limit=5').text)

    assert older is not None
    assert older_of(pages.get(older).text) not in (None, older)


@pytest.mark.parametrize('address', ['/search?q=', '/freeruns/runs?'])
def test_a_cursor_that_no_answer_gave_is_refused(pages: DashboardHarness, address: str) -> None:
    assert pages.get(f'/api/v1{address}&cursor=live.x').status_code == 400


def test_runs_of_free_runs_are_read_to_their_end(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep(pages, 9)
    whole = all_of(pages, '/freeruns/runs?', 1000)

    assert len(whole) == 9
    assert all_of(pages, '/freeruns/runs?', 1) == whole
    monkeypatch.setattr('synergy.mx.pages.freerun_runs.LOOKED_AT_MAX', 2)
    assert all_of(pages, '/freeruns/runs?', 3) == whole
    older = older_of(pages.get('/freeruns/runs?limit=4').text)
    assert older is not None
    assert pages.get(older).status_code == 200
