"""Free runs: how each has done lately, all their runs with filters, and cancelling one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import force_setattr

from synergy.core.commands import CommandKind, CommandState
from synergy.core.effects import InsertUnit, MoveUnit, RemoveFreerun, Save, SaveCommand, SaveFreerun
from synergy.core.freerun_record import Freerun
from synergy.core.records import LogLine, Outcome, ProcessName, Unit, UnitEnd, UowId, uow_id_of
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.trigger import parse_trigger
from tests.mx.dashboard_harness import NOW, DashboardHarness

NIGHTLY = {
    'process': 'Shell', 'entry': 'nightly', 'trigger': 'at 02:30', 'overlap': 'queue',
    'misfire': 'skip',
}  # fmt: skip
SWEEP, TIDY = ProcessName('Shell::sweep'), ProcessName('Shell::tidy')


def commit(pages: DashboardHarness, *saves: Save) -> None:
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    pages.store.commit(leadership, saves)


def unit_of(name: ProcessName, run: int, at: datetime) -> Unit:
    stamp = containing_utc(Qualifier.REAL_TIME, at)
    return Unit(
        id=uow_id_of(JobKey(name, stamp), run),
        process=name,
        timeperiod=stamp,
        start=stamp,
        end=stamp.shift(1),
        run=run,
        created_at=at,
    )


def ended(pages: DashboardHarness, name: ProcessName, run: int, outcome: Outcome) -> Unit:
    """Run an entry once, to its end; one that fails has no attempt left."""
    unit = unit_of(name, run, pages.runtime.clock.now())
    commit(pages, InsertUnit(unit))
    (held,) = pages.store.claim([unit.id], 'dev:Shell.1', timedelta(minutes=1))
    pages.store.finish([UnitEnd(uow_id=unit.id, fence=held.fence, outcome=outcome)])
    if outcome.error is not None:
        dead = MoveUnit(
            uow_id=unit.id,
            from_state=UnitState.INVALID,
            from_fence=held.fence,
            to_state=UnitState.DEAD,
            at=pages.runtime.clock.now(),
            error=outcome.error,
        )
        commit(pages, dead)
    pages.runtime.clock.advance(timedelta(seconds=1))
    return unit


def running(pages: DashboardHarness, name: ProcessName, run: int) -> Unit:
    unit = unit_of(name, run, pages.runtime.clock.now())
    commit(pages, InsertUnit(unit))
    pages.store.claim([unit.id], 'dev:Shell.1', timedelta(minutes=1))
    return unit


@pytest.fixture
def swept(pages: DashboardHarness) -> DashboardHarness:
    """Return a dashboard with two entries: one that fails again and again, one that is off."""
    sweep = Freerun(name=SWEEP, trigger=parse_trigger('every 60'), rev=1, changed_at=NOW)
    tidy = replace(sweep, name=TIDY, is_on=False)
    commit(pages, SaveFreerun(sweep, 'added'), SaveFreerun(tidy, 'added'))
    ended(pages, SWEEP, 1, Outcome.processed(7))
    for run in (2, 3, 4):
        ended(pages, SWEEP, run, Outcome.failed('no such <folder>'))
    ended(pages, TIDY, 1, Outcome.noop())
    return pages


def test_the_list_tells_what_fails_again_and_again(swept: DashboardHarness) -> None:
    text = swept.get('/freeruns').text

    assert 'on, failing' in text
    assert '3 times in a row' in text
    assert 'no such &lt;folder&gt;' in text
    found = {item['name']: item for item in (swept.get('/api/v1/freeruns').json or {})['items']}
    assert found[SWEEP]['failed_in_a_row'] == 3
    assert found[SWEEP]['last_error'] == 'no such <folder>'
    assert found[TIDY]['last_state'] == 'state_noop'


def test_health_counts_entries_that_fail(swept: DashboardHarness) -> None:
    waits = (swept.get('/api/v1/health').json or {})['waits']

    assert waits['failing free runs'] == 1
    ended(swept, SWEEP, 5, Outcome.processed(1))
    assert (swept.get('/api/v1/health').json or {})['waits']['failing free runs'] == 0


def test_entries_that_fail_are_listed_alone(swept: DashboardHarness) -> None:
    shown = swept.get('/freeruns?only=failing').text

    assert SWEEP in shown
    assert f'href="/freeruns/{TIDY}"' not in shown
    ended(swept, SWEEP, 5, Outcome.processed(1))
    assert 'No free run fails' in swept.get('/freeruns?only=failing').text


def test_an_entry_that_is_gone_fails_no_more(swept: DashboardHarness) -> None:
    (sweep,) = (item for item in swept.store.freeruns() if item.name == SWEEP)
    commit(swept, RemoveFreerun(sweep))

    assert (swept.get('/api/v1/health').json or {})['waits']['failing free runs'] == 0


@pytest.mark.parametrize(
    ('query', 'runs'),
    [
        ('', {*(f'sweep {run}' for run in range(1, 8)), 'tidy 1'}),
        ('?state=failed', {'sweep 2', 'sweep 3', 'sweep 4'}),
        ('?state=running&state=noop', {'sweep 5', 'tidy 1'}),
        ('?state=queued', {'sweep 6'}),
        ('?state=retrying', {'sweep 7'}),
        ('?state=running&state=queued&state=retrying', {'sweep 5', 'sweep 6', 'sweep 7'}),
        ('?entries=off', {'tidy 1'}),
        ('?entries=on&state=processed', {'sweep 1'}),
        ('?q=TIDY', {'tidy 1'}),
    ],
)
def test_runs_of_all_entries_are_filtered(
    swept: DashboardHarness, query: str, runs: set[str]
) -> None:
    running(swept, SWEEP, 5)
    now = swept.runtime.clock.now()
    later = replace(unit_of(SWEEP, 7, now), not_before=now + timedelta(hours=1))
    commit(swept, InsertUnit(unit_of(SWEEP, 6, now)), InsertUnit(later))

    items = (swept.get(f'/api/v1/freeruns/runs{query}').json or {})['items']

    assert {f'{item["process"].partition("::")[2]} {item["run"]}' for item in items} == runs
    assert swept.get(f'/freeruns/runs{query}').text.count('<tr>') == len(runs) + 1


def test_runs_of_long_ago_are_asked_for(swept: DashboardHarness) -> None:
    swept.runtime.clock.advance(timedelta(hours=3))

    assert 'none has ended within 1 hour' in swept.get('/freeruns/runs?hours=1').text
    assert SWEEP in swept.get('/freeruns/runs?hours=6').text
    assert swept.get('/freeruns/runs?state=maybe').status_code == 400
    assert swept.get('/freeruns/runs?hours=100000').status_code == 400


def test_a_run_is_cancelled_from_its_pages(swept: DashboardHarness) -> None:
    unit = running(swept, SWEEP, 5)
    address = f'/freeruns/{SWEEP}/cancel?uow={unit.id}'
    for place in ('/runs', '/freeruns/runs', f'/freeruns/{SWEEP}'):
        assert f'href="{address}"' in swept.get(place).text, place
    step = swept.get(address).text
    assert f'name="uow" value="{unit.id}"' in step

    form = {'uow': unit.id, 'reason': 'wrong folder'}
    answer = swept.post(f'/freeruns/{SWEEP}/cancel', form)

    found = swept.store.commands((CommandState.REQUESTED,), 1)[0]
    assert (found.kind, dict(found.details)) == (CommandKind.FREERUN_CANCEL, {'uow': unit.id})
    assert answer.headers['Location'] == f'/freeruns/{SWEEP}?asked={found.id}'


def test_a_log_is_opened_among_live_runs(swept: DashboardHarness) -> None:
    unit = running(swept, SWEEP, 5)
    lines = [
        LogLine(attempt=1, at=NOW, level='INFO', text=f'<line> number {number:02}')
        for number in range(30)
    ]
    swept.store.append_log(UowId(unit.id), lines)
    assert f'/runs?tail={unit.id}#u-{unit.id}' in swept.get('/runs').text

    text = swept.get(f'/runs?tail={unit.id}').text

    assert '&lt;line&gt; number 29' in text
    assert 'number 09' not in text
    assert 'data-n="30"' in text
    assert 'Hide log' in text
    assert swept.get('/runs?tail=f00').status_code == 200


def test_a_new_free_run_leads_to_its_own_page_as_soon_as_it_is_made(
    pages: DashboardHarness,
) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    address = pages.post('/freeruns/edit', NIGHTLY).headers['Location']

    waiting = pages.get(address)

    assert waiting.headers['Refresh'] == '2'
    assert 'The Scheduler has not made it yet' in waiting.text
    assert 'Asked to save Shell::nightly' in waiting.text
    assert pages.get('/freeruns/Shell::nightly').status_code == 404
    asked = pages.store.commands((CommandState.REQUESTED,), 1)[0]
    name = ProcessName('Shell::nightly')
    entry = Freerun(name=name, trigger=parse_trigger('at 02:30'), rev=1, changed_at=NOW)
    done = replace(asked, state=CommandState.DONE, outcome='Shell::nightly')
    commit(pages, SaveFreerun(entry, 'added'), SaveCommand(done))
    made = pages.get(address)
    assert 'Refresh' not in made.headers
    assert 'Done: save Shell::nightly' in made.text
    assert '<h1>Shell::nightly</h1>' in made.text


def test_a_new_free_run_that_is_refused_says_so(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    address = pages.post('/freeruns/edit', NIGHTLY).headers['Location']
    asked = pages.store.commands((CommandState.REQUESTED,), 1)[0]
    refused = replace(asked, state=CommandState.REFUSED, outcome='that trigger never fires')
    commit(pages, SaveCommand(refused))

    shown = pages.get(address)

    assert (shown.status_code, 'Refresh' in shown.headers) == (404, False)
    assert 'Refused to save Shell::nightly: that trigger never fires' in shown.text
    assert 'There is no such entry' in shown.text


def test_fires_are_told_by_the_clock_of_the_trigger_and_how_that_is_changed(
    pages: DashboardHarness,
) -> None:
    # From 23 November: on the first of a month, so that the clock goes forward before the fifth.
    form = {
        'process': 'Shell', 'entry': 'monthly', 'trigger': 'cron 30 2 1 * * Europe/Berlin',
        'overlap': 'skip', 'misfire': 'once', 'misfire_max': '10', 'is_on': 'on', 'arguments': '{}',
    }  # fmt: skip
    change = (
        'the clock of Europe/Berlin is changed on 2027-03-28: at 02:00 it is put forward to '
        '03:00; a time in between fires at 03:00'
    )

    shown = pages.post('/freeruns/fires', form).text

    assert 'Tue 01 Dec 2026 02:30:00 CET, 01:30:00 UTC' in shown
    assert 'Thu 01 Apr 2027 02:30:00 CEST, 00:30:00 UTC' in shown
    assert change in shown


def test_the_page_and_the_api_of_an_entry_name_the_clock(pages: DashboardHarness) -> None:
    trigger = parse_trigger('cron 30 2 1 4 * Europe/Berlin')
    entry = Freerun(name=SWEEP, trigger=trigger, rev=1, changed_at=NOW)
    commit(pages, SaveFreerun(entry, 'added'))

    page = pages.get(f'/freeruns/{entry.name}').text
    (found,) = [
        item
        for item in (pages.get('/api/v1/freeruns').json or {})['items']
        if item['name'] == entry.name
    ]

    assert 'Next fires (Europe/Berlin)' in page
    assert 'Thu 01 Apr 2027 02:30:00 CEST, 00:30:00 UTC' in page
    assert page.count('the clock of Europe/Berlin is changed on ') == 5
    assert found['time_zone'] == 'Europe/Berlin'
    # Until the fifth of them, in five years, it is changed nine times.
    assert len(found['clock_changes']) == 9


@pytest.fixture
def bounded(swept: DashboardHarness) -> DashboardHarness:
    """Return a dashboard of which a run has waited for a worker for longer than it may."""
    context = swept.site.context
    changed = {
        name: replace(entry, start_timeout=timedelta(seconds=90))
        for name, entry in context.freeruns.items()
    }
    assert changed
    force_setattr(swept.site, 'context', replace(context, freeruns=changed))
    unit = unit_of(SWEEP, 5, swept.runtime.clock.now())
    entry = next(item for item in swept.store.freeruns() if item.name == SWEEP)
    live = replace(entry, live=(unit.id,), rev=entry.rev + 1)
    commit(swept, InsertUnit(unit), SaveFreerun(live, 'started'))
    return swept


def test_a_run_that_waits_for_longer_than_it_may_is_told_wherever_one_of_a_job_is(
    bounded: DashboardHarness,
) -> None:
    def causes() -> list[str]:
        found = (bounded.get(f'/api/v1/freeruns/{SWEEP}/why').json or {})['causes']
        return [cause['text'] for cause in found]

    def needs() -> list[str]:
        status = bounded.get('/api/v1/status').json or {}
        return [need['text'] for need in status['needs'] if need['kind'] == 'start_overdue']

    assert causes()[0].startswith('run 5 waits for a worker since ')
    assert 'start_timeout_seconds' not in causes()[0]
    assert needs() == []
    assert (bounded.get(f'/api/v1/freeruns/{SWEEP}').json or {})['start_timeout_seconds'] == 90

    bounded.runtime.clock.advance(timedelta(seconds=91))
    told = 'longer than 1 min 30 s (start_timeout_seconds), so it is rung for again and again'
    assert causes()[0].endswith(told)
    [need] = needs()
    assert need == (
        f'1 queued run of {SWEEP} has waited for a worker for longer than 1 min 30 s '
        '(start_timeout_seconds)'
    )
    page = bounded.get(f'/freeruns/{SWEEP}').text
    assert told in page
    assert 'longer than 1 min 30 s</dd>' in page
    assert f'href="/freeruns/{SWEEP.replace("::", "%3A%3A")}"' in bounded.get('/').text


def test_why_an_entry_does_not_start(swept: DashboardHarness) -> None:
    def kinds(name: ProcessName) -> list[str]:
        found = (swept.get(f'/api/v1/freeruns/{name}/why').json or {})['causes']
        return [cause['kind'] for cause in found]

    assert kinds(SWEEP) == ['rests']
    assert kinds(TIDY) == ['frozen', 'off']
    assert 'Why is this waiting?' not in swept.get(f'/freeruns/{SWEEP}').text
    unit = running(swept, SWEEP, 6)
    entry = next(item for item in swept.store.freeruns() if item.name == SWEEP)
    live = replace(entry, live=(unit.id,), queued_at=NOW, rev=entry.rev + 1)
    commit(swept, SaveFreerun(live, 'started'))
    assert kinds(SWEEP) == ['running', 'pool']
    causes = (swept.get(f'/api/v1/freeruns/{SWEEP}/why').json or {})['causes']
    assert ' waits for ' in causes[-1]['text']
    assert causes[-1]['text'] in swept.get(f'/freeruns/{SWEEP}').text
