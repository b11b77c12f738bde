"""From preview to request: what was shown is what is asked for, once."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest

from synergy.core.commands import CommandKind, CommandState
from synergy.core.effects import SaveJob, SaveOverride
from synergy.core.overrides import override_of
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from tests.mx.dashboard_harness import FAILED_HOUR, NOW, DashboardHarness

REQUESTED = CommandState.REQUESTED
ADDRESS = '/change/reprocess?process=SiteDaily&first=2026112000&last=2026112100&with_children=on'


def fields(text: str) -> dict[str, str]:
    """Return the hidden fields of the form that confirms."""
    form = text[text.index('method="post" action="/change/') :]
    return dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))


def newest(pages: DashboardHarness) -> tuple[CommandKind, CommandState, str, str | None]:
    found = pages.store.commands(tuple(CommandState), 1)[0]
    return found.kind, found.state, found.actor, found.reason


def test_a_preview_shows_the_cascade_and_changes_nothing(pages: DashboardHarness) -> None:
    before = pages.dump()

    text = pages.get(ADDRESS).text

    assert 'Step 3' in text
    assert '48 intervals' in text
    assert pages.dump() == before


def test_a_preview_names_parents_that_have_not_run_and_need_no_reset(
    pages: DashboardHarness,
) -> None:
    address = '/change/reprocess?process=SiteHourly&first=2026112305'

    text = pages.get(address).text

    assert '1 interval in 1 process' in ' '.join(re.sub(r'<[^>]+>', ' ', text).split())
    assert 'Not run yet, so not reset' in text
    assert 'href="/i/SiteDaily/2026112300"' in text
    assert 'href="/i/SiteYearly/2026000000"' in text
    assert text.count('no reset needed') == 4


def test_a_preview_of_the_api_names_them_too(pages: DashboardHarness) -> None:
    address = '/api/v1/preview?kind=reprocess&process=SiteHourly&start=2026112305'

    found = pages.get(address).json

    assert found is not None
    assert found['count'] == 1
    assert found['waiting'][0] == {
        'process': 'SiteDaily',
        'count': 1,
        'first': '2026112300',
        'last': '2026112300',
    }


def test_a_range_of_the_api_may_begin_with_a_day(pages: DashboardHarness) -> None:
    address = '/api/v1/preview?kind=reprocess&process=SiteHourly&start=20261123&end=20261124'

    by_day = pages.get(address).json
    by_hour = pages.get(address.replace('23&', '2300&')).json

    assert by_day is not None
    assert by_day['count'] > 1
    assert by_day == by_hour


def test_a_preview_draws_what_follows_without_a_reset(pages: DashboardHarness) -> None:
    text = pages.get('/change/reprocess?process=SiteHourly&first=2026112305').text
    drawing = text.partition('<svg class="casc"')[2].partition('</svg>')[0]

    assert drawing.count('<rect class="n x"') == 1
    assert drawing.count('<rect class="n q"') == 4
    assert 'AlertDaily</text>' in drawing
    assert 'Step 4' in drawing
    assert 'step 2, without a reset: 1 SiteDaily' in drawing
    assert re.findall(r'class="step">(\d)<', text) == ['1', '2', '3', '3', '4']


def test_a_preview_of_a_skip_counts_and_draws_what_is_skipped_in_consequence(
    pages: DashboardHarness,
) -> None:
    query = 'process=SiteDaily&first=2026112200'

    text = pages.get(f'/change/skip?{query}').text
    found = pages.get('/api/v1/preview?kind=skip&process=SiteDaily&start=2026112200').json

    drawing = text.partition('<svg class="casc"')[2].partition('</svg>')[0]
    assert 'AlertDaily</text>' in drawing
    assert 'in consequence: 1 AlertDaily' in drawing
    assert '3 intervals in 3 processes' in ' '.join(re.sub(r'<[^>]+>', ' ', text).split())
    assert '>Skip 3 intervals</button>' in text
    assert found is not None
    assert (found['count'], len(found['doomed'])) == (2, 1)


@pytest.mark.parametrize(('kind', 'first'), [('skip', '2026112209'), ('cancel', '2026112310')])
def test_a_preview_of_what_is_skipped_says_which_parents_go_on_without(
    pages: DashboardHarness, kind: str, first: str
) -> None:
    day = f'{first[:8]}00'

    text = pages.get(f'/change/{kind}?process=SiteHourly&first={first}').text
    found = pages.get(f'/api/v1/preview?kind={kind}&process=SiteHourly&start={first}').json

    assert found is not None
    assert found['without'] == [{'process': 'SiteDaily', 'count': 1, 'first': day, 'last': day}]
    assert '1 interval of SiteDaily goes on without' in text
    assert f'href="/i/SiteDaily/{day}"' in text
    assert 'runs without its data' in text


def test_a_parent_that_is_skipped_in_consequence_does_not_go_on(pages: DashboardHarness) -> None:
    found = pages.get('/api/v1/preview?kind=skip&process=SiteDaily&start=2026112200').json

    assert found is not None
    assert [item['process'] for item in found['doomed']] == ['AlertDaily']
    assert [item['process'] for item in found['without']] == ['SiteMonthly']


def test_a_live_run_can_be_run_again_or_cancelled(pages: DashboardHarness) -> None:
    again = 'href="/change/reprocess?process=SiteHourly&amp;first=2026112310"'
    cancel = 'href="/change/cancel?process=SiteHourly&amp;first=2026112310"'

    interval = pages.get('/i/SiteHourly/2026112310').text
    assert f'{again}>Run again' in interval
    assert f'{cancel}>Cancel <span class="muted">(skips it)' in interval
    live = pages.get('/runs').text
    assert again.rstrip('"') in live
    assert 'Cancel (skips it)' in live
    assert again in pages.get('/change/cancel?process=SiteHourly&first=2026112310').text.replace(
        '&amp;last=2026112310', ''
    )
    form = fields(pages.get('/change/reprocess?process=SiteHourly&first=2026112310').text)
    assert pages.post('/change/reprocess', {**form, 'reason': 'hangs'}).status_code == 303


def test_only_a_reprocess_has_durations_and_waits(pages: DashboardHarness) -> None:
    said = ('>About</th>', 'a step starts when')
    queries = {
        'reprocess': 'process=SiteDaily&first=2026112000',
        'skip': 'process=SiteHourly&first=2026112209',
        'cancel': 'process=SiteHourly&first=2026112310',
    }

    texts = {kind: pages.get(f'/change/{kind}?{query}').text for kind, query in queries.items()}

    assert all('id="h-s"' in text for text in texts.values())
    assert [kind for kind, text in texts.items() if any(words in text for words in said)] == [
        'reprocess'
    ]


def test_a_preview_of_nothing_names_its_range_and_leads_back(pages: DashboardHarness) -> None:
    one = pages.get('/change/reprocess?process=SiteDaily&first=2026112200')
    two = pages.get('/change/reprocess?process=SiteDaily&first=2026112200&last=2026112300')

    assert (one.status_code, two.status_code) == (422, 422)
    assert 'reprocess of SiteDaily 2026112200 touches no job: none of them has run yet' in one.text
    assert 'href="/i/SiteDaily/2026112200">SiteDaily 2026112200</a>' in one.text
    assert 'reprocess of SiteDaily 2026112200 – 2026112300 touches no job' in two.text
    found = re.search(r'href="(/t/SiteDaily[^"]+)"', two.text)
    assert found is not None
    assert pages.get(found[1].replace('&amp;', '&')).status_code == 200


def test_what_was_shown_is_asked_for(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    form = fields(pages.get(ADDRESS).text)

    answer = pages.post('/change/reprocess', {**form, 'reason': 'late file'})

    assert answer.status_code == 303
    assert newest(pages) == (
        CommandKind.REPROCESS,
        CommandState.REQUESTED,
        'anyone@127.0.0.1',
        'late file',
    )
    assert pages.get(answer.headers['Location']).status_code == 200


def test_a_double_click_asks_once(pages: DashboardHarness) -> None:
    form = {**fields(pages.get(ADDRESS).text), 'reason': 'late file'}

    first = pages.post('/change/reprocess', form)
    second = pages.post('/change/reprocess', form)

    assert first.headers['Location'] == second.headers['Location']


def test_a_plan_that_has_changed_is_shown_anew(pages: DashboardHarness) -> None:
    form = fields(pages.get(ADDRESS).text)
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    key = pages.key('AlertDaily', '2026112100')
    job = Job(
        process=key.process,
        timeperiod=key.timeperiod,
        state=JobState.PROCESSED,
        rev=1,
        changed_at=NOW + timedelta(seconds=1),
    )
    pages.store.commit(leadership, [SaveJob(job, 'processed')])
    pages.runtime.clock.advance(timedelta(seconds=2))

    answer = pages.post('/change/reprocess', {**form, 'reason': 'late file'})

    assert answer.status_code == 409
    assert 'The plan has changed' in answer.text
    assert 'late file' in answer.text
    assert newest(pages)[3] != 'late file'


def test_a_change_needs_a_reason(pages: DashboardHarness) -> None:
    answer = pages.post('/change/reprocess', fields(pages.get(ADDRESS).text))

    assert answer.status_code == 400
    assert 'the reason is missing' in answer.text
    assert 'name="plan_hash"' in answer.text  # The plan and its form are there still.


def test_a_preview_of_a_skip_leaves_the_read_model_alone(pages: DashboardHarness) -> None:
    text = pages.get('/change/skip?process=SiteHourly&first=2026112209').text

    assert '1 interval' in text
    assert pages.site.model.timetable.state(pages.key(*FAILED_HOUR)) is JobState.IN_PROGRESS


def test_a_request_is_paused(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    answer = pages.post('/requests/a1b2c3d4e5f6/pause', {'reason': 'night'})

    assert answer.status_code == 303
    assert newest(pages)[0] is CommandKind.PAUSE


def test_a_worker_is_stopped_and_the_audit_says_who(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    answer = pages.post('/boxes/dev/SiteHourly/stop', {'reason': 'new release'})

    rows = {row.process: row.is_on for row in pages.store.box_processes('dev')}
    assert answer.status_code == 303
    assert rows['SiteHourly'] is False
    assert newest(pages)[:3] == (CommandKind.BOX, CommandState.DONE, 'anyone@127.0.0.1')
    assert 'SiteHourly' in pages.get('/audit').text


def test_a_dead_letter_is_tried_again(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    uow = pages.store.dead_units(1)[0].id

    preview = pages.get(f'/dead/{uow}/retry').headers['Location']
    form = fields(pages.get(preview).text)
    answer = pages.post('/change/reprocess', {**form, 'reason': 'the row is fixed'})

    assert pages.post(f'/dead/{uow}/retry', {}).headers['Location'] == preview
    asked = pages.store.commands((CommandState.REQUESTED,), 9)
    assert answer.headers['Location'].startswith('/requests/')
    assert [(item.kind, item.details) for item in asked] == [(CommandKind.REPROCESS, {'dead': uow})]


def test_a_free_run_shows_its_fires_before_it_is_saved(pages: DashboardHarness) -> None:
    before = pages.dump()
    form = {
        'process': 'Shell', 'entry': 'nightly', 'trigger': 'at 02:30', 'overlap': 'skip',
        'misfire': 'once', 'misfire_max': '10', 'is_on': 'on',
        'arguments': '{"api_token": "just typed"}',
    }  # fmt: skip

    answer = pages.post('/freeruns/fires', form)

    assert answer.status_code == 200
    assert answer.text.count('02:30:00') == 5
    # What was typed is in the form still, and in no address, cache or row.
    assert 'just typed' in answer.text
    assert answer.headers['Cache-Control'] == 'no-store'
    assert pages.dump() == before
    assert 'formmethod="get"' not in answer.text


def test_a_free_run_is_made(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    form = {
        'process': 'Shell', 'entry': 'nightly', 'trigger': 'at 02:30', 'arguments': '{"a": 1}',
        'overlap': 'queue', 'misfire': 'skip', 'misfire_max': '3', 'is_on': 'on',
    }  # fmt: skip

    answer = pages.post('/freeruns/edit', form)

    found = pages.store.commands((CommandState.REQUESTED,), 1)[0]
    assert answer.status_code == 303
    assert (found.kind, found.process) == (CommandKind.FREERUN_SAVE, 'Shell::nightly')
    assert found.details['arguments'] == {'a': 1}
    assert found.details['is_new'] is True
    assert answer.headers['Location'] == f'/freeruns/Shell::nightly?asked={found.id}'


def test_a_free_run_that_makes_no_sense_is_shown_again(pages: DashboardHarness) -> None:
    base = {'process': 'Shell', 'entry': 'x', 'overlap': 'skip', 'misfire': 'once'}
    for trigger, arguments in (('sometimes', '{}'), ('every 60', '{'), ('every 60', '[1]')):
        form = {**base, 'trigger': trigger, 'arguments': arguments}

        answer = pages.post('/freeruns/edit', form)

        assert answer.status_code == 400
        assert 'This cannot be saved' in answer.text


def test_editing_keeps_a_secret_that_was_masked(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    text = pages.get('/freeruns/edit?name=Shell::sweep').text
    form = {
        'name': 'Shell::sweep', 'trigger': 'every 900', 'overlap': 'skip', 'misfire': 'once',
        'arguments': '{"api_token": "\u2022\u2022\u2022", "command": ["true"]}', 'is_on': 'on',
    }  # fmt: skip

    answer = pages.post('/freeruns/edit', form)

    assert 'hush-hush' not in text
    assert answer.status_code == 303
    saved = pages.store.commands((CommandState.REQUESTED,), 1)[0]
    assert saved.details['arguments'] == {'api_token': 'hush-hush', 'command': ['true']}


def test_a_masked_secret_under_another_name_has_to_be_typed_again(pages: DashboardHarness) -> None:
    form = {
        'name': 'Shell::sweep', 'trigger': 'every 900', 'overlap': 'skip', 'misfire': 'once',
        'arguments': '{"secret_token": "\u2022\u2022\u2022", "command": ["true"]}', 'is_on': 'on',
    }  # fmt: skip
    before = pages.dump()

    answer = pages.post('/freeruns/edit', form)

    assert answer.status_code == 400
    assert 'type the secret again' in answer.text
    assert pages.dump() == before


def test_a_box_is_drained(pages: DashboardHarness) -> None:
    assert pages.post('/boxes/dev/drain', {'reason': 'new kernel'}).status_code == 303

    assert [box.is_draining for box in pages.store.boxes()] == [True]
    assert 'draining' in pages.get('/boxes').text
    assert pages.post('/boxes/nowhere/drain', {'reason': 'x'}).status_code == 404


@pytest.mark.parametrize(
    ('who', 'word', 'is_ticked'),
    [
        ('scheduler: 25 runs in a row failed alike', 'paused by itself', True),
        ('anna: migration', 'switched off', False),
    ],
)
def test_a_reprocess_of_what_is_off_says_so_and_switches_it_on(
    pages: DashboardHarness, who: str, word: str, is_ticked: bool
) -> None:
    node = pages.runtime.context.hierarchy.nodes[ProcessName('SiteHourly')]
    override = override_of(node, {'is_on': False}, None, who, NOW)
    assert override is not None
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    pages.store.commit(leadership, [SaveOverride(override)])
    pages.runtime.clock.advance(timedelta(seconds=5))
    address = '/change/reprocess?process=SiteHourly&first=2026112305'

    text = pages.get(address).text
    found = pages.get('/api/v1/preview?process=SiteHourly&start=2026112305').json

    assert f'<h3>SiteHourly is {word}</h3>' in text
    assert who in text
    assert re.findall(r'name="switch_on"( checked)?>', text) == [' checked' if is_ticked else '']
    assert found is not None
    assert [row['process'] for row in found['off']] == ['SiteHourly']

    form = {**fields(text), 'reason': 'repaired'}
    pages.post('/change/reprocess', {**form, 'form_id': 'one'})
    assert newest(pages)[0] is CommandKind.REPROCESS
    pages.post('/change/reprocess', {**form, 'form_id': 'two', 'switch_on': 'on'})

    kinds = [(item.kind, dict(item.details)) for item in pages.store.commands((REQUESTED,), 3)]
    assert (CommandKind.PROCESS_SAVE, {'is_on': True}) in kinds
    assert [kind for kind, _ in kinds].count(CommandKind.REPROCESS) == 2


def test_a_skip_of_what_is_off_says_nothing_of_that(pages: DashboardHarness) -> None:
    found = pages.get('/api/v1/preview?kind=skip&process=SiteHourly&start=2026112209').json

    assert found is not None
    assert found['off'] == []


def test_a_request_says_how_its_jobs_run(pages: DashboardHarness) -> None:
    about = '/change/reprocess?process=SiteHourly&first=2026112300'
    said = (
        'max_running=2&order=newest&even_if_off=on&arguments=%7B%22password%22%3A%22hunter2%22%7D'
    )

    step = pages.get(f'{about}&{said}').text

    assert 'at most 2 of its jobs at the same time; the newest first' in step
    assert 'name="max_running" value="2"' in step
    sent = {name: unescape(value) for name, value in fields(step).items()}
    form = sent | {'reason': 'again', 'arguments': '{"password": "hunter2"}'}
    asked = pages.post('/change/reprocess', form)
    assert asked.status_code == 303, asked.text
    command = pages.store.open_commands(9)[-1]
    assert command.details == {
        'max_running': 2,
        'order': 'newest',
        'even_if_off': True,
        'arguments': {'password': 'hunter2'},
    }
    for page in (asked.headers['Location'], '/audit', f'/api/v1/requests/{command.id}'):
        text = pages.get(page).text
        assert 'newest' in text
        assert 'hunter2' not in text
    assert pages.get(f'{about}&max_running=0').status_code == 400
    wrong = pages.post('/change/reprocess', form | {'arguments': '[1]', 'form_id': 'other'})
    assert wrong.status_code == 400
