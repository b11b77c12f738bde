"""One step before a change: it says what follows and asks why; the next page says how it is."""

from __future__ import annotations

import re
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.records import BoxProcess
from tests.mx.dashboard_harness import NOW, DashboardHarness
from tests.mx.test_access import hidden
from tests.view.test_why import HOUR, waits

STEPS = {
    '/boxes/dev/SiteHourly/stop': CommandKind.BOX,
    '/boxes/dev/SiteHourly/start': CommandKind.BOX,
    '/boxes/dev/SiteHourly/restart': CommandKind.BOX,
    '/boxes/dev/Scheduler/restart': CommandKind.BOX,
    '/boxes/dev/MX/restart': CommandKind.BOX,
    '/boxes/dev/drain': CommandKind.BOX,
    '/boxes/dev/undrain': CommandKind.BOX,
    '/freeruns/Shell::sweep/on': CommandKind.FREERUN_SAVE,
    '/freeruns/Shell::sweep/off': CommandKind.FREERUN_SAVE,
    '/freeruns/Shell::sweep/run': CommandKind.FREERUN_RUN,
    '/freeruns/Shell::sweep/cancel': CommandKind.FREERUN_CANCEL,
    '/freeruns/Shell::sweep/remove': CommandKind.FREERUN_REMOVE,
    '/processes/SiteHourly/run': CommandKind.PROCESS_RUN,
    '/processes/SiteHourly/restart': CommandKind.BOX,
    '/processes/SiteHourly/off': CommandKind.PROCESS_SAVE,
    '/requests/a1b2c3d4e5f6/pause': CommandKind.PAUSE,
    '/requests/a1b2c3d4e5f6/cancel': CommandKind.ABANDON,
}
#: Not done without a reason.
GRAVE = [address for address in STEPS if re.search('stop|drain$|cancel|remove', address)]
GRAVE.remove('/boxes/dev/undrain')

INTERVAL = '/i/SiteDaily/2026112200'


def newest(pages: DashboardHarness) -> Command:
    return pages.store.commands(tuple(CommandState), 1)[0]


def form_of(text: str) -> dict[str, str]:
    return hidden(text.partition('class="confirm')[2].partition('</form>')[0])


@pytest.mark.parametrize('address', STEPS)
def test_the_step_changes_nothing_and_the_reason_reaches_the_audit(
    pages: DashboardHarness, address: str
) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    before = pages.dump()

    step = pages.get(address)

    assert pages.dump() == before
    assert f'action="{address}"' in step.text
    answer = pages.post(address, {**form_of(step.text), 'reason': 'new <release>'})
    found = newest(pages)
    assert (found.kind, found.reason) == (STEPS[address], 'new <release>')
    assert answer.status_code == 303
    assert answer.headers['Location'].endswith(f'asked={found.id}')
    assert 'id="r-flash"' in pages.get(answer.headers['Location']).text
    assert 'new &lt;release&gt;' in pages.get('/audit').text


@pytest.mark.parametrize('address', GRAVE)
def test_what_takes_something_away_needs_a_reason(pages: DashboardHarness, address: str) -> None:
    before = pages.dump()

    assert ' required' in pages.get(address).text
    again = pages.post(address, {'reason': ' '})
    assert again.status_code == 400
    assert 'the reason is missing' in again.text
    assert f'action="{address}"' in again.text  # The form is there to be filled in.
    assert pages.dump() == before


def test_harmless_changes_need_none(pages: DashboardHarness) -> None:
    for address in sorted(set(STEPS) - set(GRAVE)):
        assert pages.post(address, {}).status_code == 303, address


def test_a_step_sent_twice_asks_once(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    form = {**form_of(pages.get('/freeruns/Shell::sweep/run').text), 'reason': 'x'}

    first, second = (pages.post('/freeruns/Shell::sweep/run', form) for _ in range(2))

    assert first.headers['Location'] == second.headers['Location']


def test_stopping_the_dashboard_says_what_that_means(pages: DashboardHarness) -> None:
    assert 'This dashboard and its API go away' in pages.get('/boxes/dev/MX/stop').text
    assert 'nothing is started any more' in pages.get('/boxes/dev/Scheduler/stop').text
    assert pages.get('/boxes/dev/Nobody/stop').status_code == 404
    assert pages.get('/boxes/dev/MX/burn').status_code == 400


def test_no_page_changes_anything_of_these_by_one_button(pages: DashboardHarness) -> None:
    for address in (
        '/boxes',
        '/freeruns',
        '/freeruns/Shell::sweep',
        '/dead',
        '/requests/a1b2c3d4e5f6',
    ):
        actions = set(re.findall(r'method="post" action="([^"]+)"', pages.get(address).text))

        assert actions <= {'/theme', '/logout'}, address


def test_only_operators_see_the_step(guarded: DashboardHarness) -> None:
    guarded.log_in('viewer')

    assert guarded.get('/boxes/dev/drain').status_code == 403


def test_the_api_takes_reasons(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    token = {'X-Form-Token': pages.form_token(), 'Idempotency-Key': 'k', 'Host': 'localhost'}
    for number, address in enumerate(STEPS):
        body = {'reason': f'why {number}'}
        headers = {**token, 'Idempotency-Key': address}
        answer = pages.client.post(f'/api/v1{address}', json=body, headers=headers)

        assert answer.status_code in (200, 202), address
        assert body['reason'] in {
            item.reason for item in pages.store.commands(tuple(CommandState), 50)
        }, address


def test_a_dead_letter_is_dropped_with_a_reason(pages: DashboardHarness) -> None:
    uow = pages.store.dead_units(1)[0].id

    assert 'nothing runs again' in pages.get(f'/dead/{uow}/drop').text
    assert pages.post(f'/dead/{uow}/drop', {}).status_code == 400
    assert pages.post(f'/dead/{uow}/drop', {'reason': 'known'}).status_code == 303
    assert pages.get('/dead/f00/drop').status_code == 404


def test_what_was_asked_for_is_followed(pages: DashboardHarness) -> None:
    pages.runtime.clock.advance(timedelta(seconds=1))
    where = pages.post('/freeruns/Shell::sweep/run', {}).headers['Location']

    assert 'Asked to run Shell::sweep now' in pages.get(where).text
    assert 'id="r-flash"' not in pages.get('/freeruns?asked=nonsense').text


def test_what_was_given_up_is_started_again_and_the_audit_says_who(pages: DashboardHarness) -> None:
    row = BoxProcess(box_id='dev', process='SiteHourly', is_on=True, state='fatal', restart_count=4)
    pages.store.report_actual([row])
    address = '/boxes/dev/SiteHourly/start'
    assert f'href="{address}" aria-label="Start SiteHourly again"' in pages.get('/boxes').text

    step = pages.get(address).text
    answer = pages.post(address, {**form_of(step), 'reason': 'disk is free again'})

    assert 'given up after failure upon failure, with 4 restarts; its log says why' in step
    found = newest(pages)
    assert (found.kind, found.reason) == (CommandKind.BOX, 'disk is free again')
    assert dict(found.details) == {'box': 'dev', 'action': 'start'}
    rows = {item.process: item.start_asked_at for item in pages.store.box_processes('dev')}
    assert (rows['SiteHourly'], rows['SiteDaily']) == (NOW, None)
    assert 'dev is to start SiteHourly' in pages.get(answer.headers['Location']).text


def test_what_was_given_up_is_started_again_over_the_api(pages: DashboardHarness) -> None:
    row = BoxProcess(box_id='dev', process='SiteHourly', is_on=True, state='fatal')
    pages.store.report_actual([row])
    headers = {
        'X-Form-Token': pages.form_token(), 'Idempotency-Key': 'once', 'Host': 'localhost',
    }  # fmt: skip

    answer = pages.client.post('/api/v1/boxes/dev/SiteHourly/start', json={}, headers=headers)

    assert answer.status_code == 200, answer.text
    rows = {item.process: item.start_asked_at for item in pages.store.box_processes('dev')}
    assert rows['SiteHourly'] == NOW


def test_the_why_box_leads_to_the_step_and_back(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    pages.store.set_drained('dev', is_draining=True)
    interval = f'/i/{HOUR[0]}/{HOUR[1]}'

    assert f'href="/boxes/dev/undrain?next={interval}"' in pages.get(interval).text


@pytest.mark.parametrize('address', STEPS)
def test_a_step_leads_back_to_where_the_reader_came_from(
    pages: DashboardHarness, address: str
) -> None:
    step = pages.get(f'{address}?next={INTERVAL}?run=1').text
    form = form_of(step)
    assert f'<a class="btn" href="{INTERVAL}?run=1">Leave it</a>' in step

    answer = pages.post(address, {**form, 'reason': 'new release'})

    assert answer.headers['Location'] == f'{INTERVAL}?run=1&asked={newest(pages).id}'
    assert 'id="r-flash"' in pages.get(answer.headers['Location']).text


@pytest.mark.parametrize(
    'elsewhere', ['//evil.example', 'https://evil.example/', '/\\evil.example', '/\t/evil.example']
)
def test_nobody_is_led_elsewhere(pages: DashboardHarness, elsewhere: str) -> None:
    step = pages.get(f'/boxes/dev/undrain?{urlencode({"next": elsewhere})}').text

    answer = pages.post('/boxes/dev/undrain', {**form_of(step), 'next': elsewhere})

    assert 'next' not in form_of(step)
    assert '<a class="btn" href="/boxes">Leave it</a>' in step
    assert answer.headers['Location'] == f'/boxes?asked={newest(pages).id}'


@pytest.mark.parametrize('action', ['pause', 'cancel'])
def test_a_step_hides_the_secrets_of_the_reason(pages: DashboardHarness, action: str) -> None:
    key = pages.key('SiteDaily', '2026112000')
    secretive = Command(
        id=CommandId('5ec4e7'),
        kind=CommandKind.REPROCESS,
        process=key.process,
        start=key.timeperiod,
        end=key.timeperiod.shift(1),
        actor='anna@10.0.0.7',
        reason='password=hunter2 was wrong for postgres://u:swordfish@h',
        created_at=NOW,
    )
    pages.store.insert_command(secretive)

    text = pages.get(f'/requests/{secretive.id}/{action}').text

    assert 'was wrong for' in text
    assert 'hunter2' not in text
    assert 'swordfish' not in text


@pytest.mark.parametrize(
    'address', ['/boxes/nope/drain', '/freeruns/Nope::entry/remove', '/dead/nope/drop']
)
def test_what_is_not_there_is_not_found_though_the_reason_is_missing(
    pages: DashboardHarness, address: str
) -> None:
    assert pages.post(address, {}).status_code == 404
