"""The page of a request: what it touches, how far it is, and what can be done about it yet."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import SaveCommand, SaveJob
from synergy.core.records import BoxProcess, Json, ProcessName
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.view.untaken import UNTAKEN_AFTER
from tests.mx.dashboard_harness import BOX, NOW, REQUEST_ID, DashboardHarness, _begun, _job
from tests.mx.test_interval import switch_off

CANCEL = f'href="/requests/{REQUEST_ID}/cancel"'
PAUSE = f'href="/requests/{REQUEST_ID}/pause"'
ADDRESS = f'/requests/{REQUEST_ID}'


def known(pages: DashboardHarness) -> Command:
    found = pages.store.command(CommandId(REQUEST_ID))
    assert found is not None
    return found


def save(pages: DashboardHarness, command: Command) -> None:
    """Have the Scheduler leave a request like this."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    pages.store.commit(leadership, [SaveCommand(command)])
    pages.runtime.clock.advance(timedelta(seconds=1))


def skip(pages: DashboardHarness, **fields: Any) -> Command:
    """Ask for a skip that is being applied."""
    command = replace(
        known(pages),
        id=CommandId('f4e5'),
        kind=CommandKind.SKIP,
        state=CommandState.APPLYING,
        **fields,
    )
    pages.store.insert_command(command)
    return command


def control(pages: DashboardHarness, kind: CommandKind, target: Command, at: datetime) -> None:
    """Have paused or resumed a request."""
    command = replace(
        target,
        id=CommandId(kind.value),
        kind=kind,
        target=target.id,
        state=CommandState.DONE,
        created_at=at,
        finished_at=at,
    )
    pages.store.insert_command(command)


def test_a_cancel_says_what_it_puts_back_as_long_as_the_request_is_open(
    pages: DashboardHarness,
) -> None:
    for state, applied in ((CommandState.APPLYING, 2), (CommandState.RUNNING, 4)):
        save(pages, replace(known(pages), state=state, applied_count=applied))

        assert CANCEL in pages.get(ADDRESS).text
        assert PAUSE in pages.get(ADDRESS).text
        step = pages.get(f'{ADDRESS}/cancel').text
        assert 'get the final state back that they had before' in step
        assert 'Lets 1 job run' in step
        told = pages.get(f'/api/v1/requests/{REQUEST_ID}/undo').get_json()
        assert (told['put_back_count'], told['let_run_count']) == (0, 1)


def test_a_cancel_of_what_has_ended_is_refused_at_the_door(pages: DashboardHarness) -> None:
    save(pages, replace(known(pages), state=CommandState.DONE))

    assert CANCEL not in pages.get(ADDRESS).text
    assert pages.get(f'{ADDRESS}/cancel').status_code == 409
    assert pages.get(f'/api/v1/requests/{REQUEST_ID}/undo').status_code == 409


def test_a_preview_says_what_a_cancel_will_do(pages: DashboardHarness) -> None:
    query = 'process=SiteDaily&first=2026112000'

    text = pages.get(f'/change/reprocess?{query}').text

    assert 'You can pause or cancel the request afterwards' in text
    assert 'their former final state back' in text


def test_a_request_that_nobody_has_seen_can_be_withdrawn(pages: DashboardHarness) -> None:
    start = known(pages).start
    fresh = replace(
        known(pages),
        id=CommandId('f4e5'),
        state=CommandState.REQUESTED,
        end=start.shift(3),
        plan=None,
        planned_count=0,
        applied_count=0,
        created_at=NOW,
    )
    pages.store.insert_command(fresh)

    text = pages.get('/requests/f4e5').text
    assert 'href="/requests/f4e5/cancel">Cancel…' in text
    assert 'href="/requests/f4e5/pause"' in text
    assert '2026112000 – 2026112200</span></h1>' in text
    assert '2026112000 – 2026112200' in pages.get('/').text
    step = pages.get('/requests/f4e5/cancel').text
    assert 'withdrawn as a whole' in step
    assert '>Cancel it</button>' in step


def test_what_is_not_about_jobs_cannot_be_paused(pages: DashboardHarness) -> None:
    command = replace(known(pages), id=CommandId('f4e5'), kind=CommandKind.DROP)
    pages.store.insert_command(replace(command, state=CommandState.REQUESTED))

    text = pages.get('/requests/f4e5').text

    assert '/requests/f4e5/pause' not in text
    assert '/requests/f4e5/cancel' not in text


def test_rate_and_expected_end_leave_paused_time_out(pages: DashboardHarness) -> None:
    # Begun 5 minutes ago, paused but for the first 8 and the last 2 seconds.
    begun = known(pages).created_at
    fresh = skip(pages, planned_count=40, applied_count=20)
    control(pages, CommandKind.PAUSE, fresh, begun + timedelta(seconds=8))
    control(pages, CommandKind.RESUME, fresh, NOW - timedelta(seconds=2))

    text = pages.get(f'/requests/{fresh.id}').text

    assert '2.0 per second' in text
    assert '<dd>in 10 s</dd>' in text


def test_a_paused_request_has_no_rate(pages: DashboardHarness) -> None:
    fresh = skip(pages, planned_count=40, applied_count=20, is_paused=True)

    text = pages.get(f'/requests/{fresh.id}').text

    assert 'per second' not in text
    assert 'none: it waits for a person' in text
    assert 'paused until somebody resumes it' in text


def test_a_request_without_a_job_left_is_finishing(pages: DashboardHarness) -> None:
    fresh = skip(pages, planned_count=4, applied_count=4)

    assert '<dd>finishing</dd>' in pages.get(f'/requests/{fresh.id}').text


def test_what_is_not_about_jobs_has_no_progress_and_shows_its_details(
    pages: DashboardHarness,
) -> None:
    command = replace(
        known(pages),
        id=CommandId('f4e5'),
        kind=CommandKind.FREERUN_SAVE,
        process=ProcessName('Shell::nightly'),
        details={'trigger': 'at 02:30', 'is_on': True, 'arguments': {'api_token': 'hush'}},
        state=CommandState.DONE,
        finished_at=NOW,
        outcome='done',
    )
    pages.store.insert_command(command)

    text = pages.get('/requests/f4e5').text

    assert '<h1>Save Shell::nightly</h1>' in text
    assert 'at 02:30' in text
    assert 'hush' not in text
    assert '<dt>Done</dt>' not in text
    assert 'Expected end' not in text
    assert 'class="outcome"' not in text


def test_the_audit_reads_as_sentences(pages: DashboardHarness) -> None:
    control(pages, CommandKind.ABANDON, known(pages), NOW)
    pages.post('/boxes/dev/SiteHourly/stop', {'reason': 'new release'})

    text = pages.get('/audit').text

    assert '>stop SiteHourly on dev</a>' in text
    assert f'>cancel request {REQUEST_ID[:6]} about SiteDaily</a>' in text
    assert '>reprocess SiteDaily 2026112000</a>' in text
    assert '"action"' not in text.partition('id="r-rows"')[2]
    assert '<span class="muted small">done</span>' not in text
    assert '<option value="freerun_save">save a free run</option>' in text
    page = pages.get(f'/requests/{CommandKind.ABANDON.value}').text
    assert f'href="/requests/{REQUEST_ID}">{REQUEST_ID}</a>' in page


def ordinal(pages: DashboardHarness, process: str, timeperiod: str) -> int:
    return pages.key(process, timeperiod).timeperiod.ordinal


def rows_of(text: str) -> list[list[str]]:
    """Return the texts of the cells of what a request touches."""
    table = text.partition('id="r-plan"')[2].partition('</table>')[0].partition('<tbody>')[2]
    rows = re.findall(r'<tr>(.*?)</tr>', table, re.DOTALL)
    return [
        [re.sub(r'<[^>]+>', '', cell).strip() for cell in re.findall(r'<t[hd].*?</t[hd]>', row)]
        for row in rows
    ]


def test_a_request_shows_what_it_touches_and_leads_there(pages: DashboardHarness) -> None:
    hour = ordinal(pages, 'SiteHourly', '2026112208')
    day = ordinal(pages, 'SiteDaily', '2026112000')
    # The first four hours are reset, of which one, the failed 09, is not final.
    plan = {
        ProcessName('SiteHourly'): ((hour, hour + 3), (hour + 5, hour + 8)),
        ProcessName('SiteDaily'): ((day, day + 1),),
        ProcessName('GoneDaily'): ((day, day + 2),),
    }
    save(
        pages,
        replace(
            known(pages), state=CommandState.APPLYING, plan=plan, planned_count=9, applied_count=4
        ),
    )

    text = pages.get(ADDRESS).text

    assert rows_of(text) == [
        ['SiteHourly', '2026112208 – 2026112215', '6', '3'],
        ['SiteDaily', '2026112000', '1', '1'],
        ['GoneDaily', 'not in the context any more', '2', '2'],
    ]
    link = re.search(r'href="(/t/SiteHourly[^"]+)"', text)
    assert link is not None
    map_text = pages.get(link[1].replace('&amp;', '&')).text
    assert '2026112208' in map_text
    save(pages, replace(known(pages), state=CommandState.DONE, plan=plan, applied_count=9))
    assert rows_of(pages.get(ADDRESS).text)[0] == ['SiteHourly', '2026112208 – 2026112215', '6']


def hold(pages: DashboardHarness, *timeperiods: str) -> None:
    """Have jobs of the request fail for good, so that they wait for a person."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    for text in timeperiods:
        key = pages.key('SiteHourly', text)
        before = pages.store.jobs([key]).get(key)
        job = replace(
            before or _job(key, JobState.IN_PROGRESS, 0),
            state=JobState.IN_PROGRESS,
            rev=1 if before is None else before.rev + 1,
            is_held=True,
            request_id=CommandId(REQUEST_ID),
            reason='no data',
            changed_at=NOW,
        )
        pages.store.commit(leadership, [SaveJob(job, 'held')])
    pages.runtime.clock.advance(timedelta(seconds=1))


def test_a_request_whose_jobs_are_held_waits_for_a_person_and_has_no_expected_end(
    pages: DashboardHarness,
) -> None:
    running = pages.get(f'/api/v1/requests/{REQUEST_ID}').json
    assert running is not None
    save(pages, replace(known(pages), state=CommandState.RUNNING))

    hold(pages, '2026112001', '2026112002')
    text = pages.get(ADDRESS).text
    found = pages.get(f'/api/v1/requests/{REQUEST_ID}').json

    assert 'waits for a person' in text
    assert '2 failed and held, until somebody runs or skips them' in text
    assert '2 failed and held</span>' in text
    assert 'in progress' not in text
    assert found is not None
    assert found['conditions']['held'] == 2
    assert found['conditions'].get('running', 0) == running['conditions'].get('running', 0)
    assert found['waits_for_person'].startswith('2 failed and held')
    assert found['rest_seconds'] is None


def test_a_request_says_how_many_of_it_run_of_how_many_may_and_in_which_order(
    pages: DashboardHarness,
) -> None:
    plain = pages.get(f'/api/v1/requests/{REQUEST_ID}').json
    assert plain is not None
    assert (plain['max_running'], plain['order']) == (None, 'oldest')
    paced = CommandId('paced')
    details: dict[str, Json] = {'max_running': 4000, 'order': 'newest'}
    pages.store.insert_command(replace(known(pages), id=paced, details=details))
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    before = next(job for job in pages.store.open_jobs() if job.has_live_unit)
    pages.runtime.clock.advance(timedelta(seconds=1))
    now = pages.runtime.clock.now()
    job = replace(before, rev=before.rev + 1, request_id=paced, changed_at=now)
    pages.store.commit(leadership, [SaveJob(job, 'asked for')])

    found = pages.get(f'/api/v1/requests/{paced}').json
    text = pages.get(f'/requests/{paced}').text

    assert found is not None
    assert (found['under_way'], found['max_running'], found['order']) == (1, 4000, 'newest')
    assert '<dd>1 of at most 4,000 under way</dd><dd>the newest first</dd>' in text


def test_a_request_about_a_process_that_is_off_waits_for_a_person(pages: DashboardHarness) -> None:
    key = pages.key('SiteHourly', '2026112001')
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    before = pages.store.jobs([key])[key]
    reset = replace(
        before,
        state=JobState.EMBRYO,
        rev=before.rev + 1,
        uow_id=None,
        request_id=CommandId(REQUEST_ID),
        changed_at=NOW,
    )
    pages.store.commit(leadership, [SaveJob(reset, 'reset')])
    switch_off(pages)

    found = pages.get(f'/api/v1/requests/{REQUEST_ID}').json

    assert found is not None
    assert found['waits_for_person'] == (
        'SiteHourly is switched off, until somebody switches it on'
    )
    assert found['rest_seconds'] is None


def test_a_request_whose_jobs_no_worker_takes_waits_for_a_person(pages: DashboardHarness) -> None:
    save(pages, replace(known(pages), state=CommandState.RUNNING))
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    unit, begun = _begun(pages.key('AlertDaily', '2026112200'))
    assert isinstance(begun, SaveJob)
    job = replace(begun.job, changed_at=NOW, request_id=CommandId(REQUEST_ID))
    pages.store.commit(leadership, [unit, SaveJob(job, 'queued')])
    pages.runtime.clock.advance(timedelta(seconds=1))
    told = 'no box has a worker of AlertDaily that takes work'
    assert told not in pages.get(ADDRESS).text

    pages.runtime.clock.advance(UNTAKEN_AFTER)

    assert told in pages.get(ADDRESS).text
    found = pages.get(f'/api/v1/requests/{REQUEST_ID}').json
    assert found is not None
    assert (found['waits_for_person'], found['rest_seconds']) == (told, None)

    on = BoxProcess(box_id='dev', process='AlertDaily', is_on=True, state='running', pids=(7,))
    pages.store.report_actual([on])
    pages.store.heartbeat(BOX, timedelta(seconds=15))

    assert told not in pages.get(ADDRESS).text
