"""Operator commands over HTTP, against a dashboard on a real port and without any store."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from waitress.server import create_server

from synergy import bootstrap
from synergy.cli import local_asking as cli_local
from synergy.cli import remote_asking as cli_remote
from synergy.cli.registry import RECORDS
from synergy.cli.remote import UNSAID
from synergy.core.commands import CommandKind, CommandState
from synergy.core.users import Role
from synergy.operations.credentials import new_token
from tests.cli.conftest import Said
from tests.mx.conftest import history as history  # The store with a past that pages are tested on.
from tests.mx.dashboard_harness import NOW, REQUEST_ID, DashboardHarness
from tests.mx.serving import end
from tests.mx.test_freeruns import SWEEP, running

Launch = Callable[..., Said]


@pytest.fixture
def pages(
    request: pytest.FixtureRequest, tmp_path: Path, history: Path
) -> Iterator[DashboardHarness]:
    """Return the dashboard that is asked; its context is that of the tests of pages, or another."""
    home = tmp_path / 'served'
    home.mkdir()
    shutil.copy(history, home / 'store.db')
    found = DashboardHarness(home, getattr(request, 'param', 'tests.pipelines.pages'))
    found.add_user('anna', Role.ADMIN)
    yield found
    found.close()


@pytest.fixture
def remote(
    pages: DashboardHarness, launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Launch]:
    """Return `launch` on a machine that knows nothing but the dashboard's address and a token."""
    # Any: its types lack the port.
    waitress: Any = create_server(pages.app, host='127.0.0.1', port=0, threads=2)

    def serve() -> None:
        with suppress(OSError):
            waitress.run()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    pages.add_user('anna', Role.OPERATOR)
    token, text = new_token('anna', Role.OPERATOR, None, NOW, timedelta(days=1))
    pages.store.save_token(token)
    monkeypatch.setenv('SYNERGY_SERVER', f'http://127.0.0.1:{waitress.effective_port}')
    monkeypatch.setenv('SYNERGY_TOKEN', text)
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'there_is_no_such_module')
    monkeypatch.setattr(cli_remote, 'ANSWER_SECONDS', 0.0)
    yield launch
    end(waitress, thread)


@pytest.mark.parametrize('name', [record.name for record in RECORDS if record.works_over_http])
def test_every_command_that_works_over_http_asks_the_dashboard_alone(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv('SYNERGY_SERVER', 'http://127.0.0.1:9')
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'there_is_no_such_module')
    about_jobs = ('job', 'why', 'inputs', 'log', 'reprocess', 'skip', 'cancel')
    words = {
        'super': ['--query'],
        'mark-done': ['SiteHourly', '2026112209', '--reason', 'by hand'],
        'recut': ['SiteHourly', '2026112209', '--reason', 'hours', '--yes'],
        'freeze': ['--until', '+1 hour', '--reason', 'migration'],
    } | {item: ['SiteHourly', '2026112209'] for item in about_jobs}

    said = launch(name, *words.get(name, []))

    assert said.code == 4
    assert 'the dashboard http://127.0.0.1:9 cannot be reached' in said.err
    assert not (tmp_path / 'home').exists()


@pytest.mark.parametrize(
    ('words', 'text'),
    [
        (['status'], 'dev:4711 leads in term 1'),
        (['jobs', '-p', 'SiteDaily', '--from', '20261122'], '2026112200'),
        (['job', 'SiteHourly', '2026112209'], 'failed and held'),
        (['job', 'SiteHourly', '2026-11-22', '09'], 'failed and held'),
        (['job', 'SiteHourly', 'yesterday', '09', '--json'], '"timeperiod": "2026112209"'),
        (['why', 'SiteDaily', 'yesterday'], '    SiteHourly@2026112209: is held'),
        (['log', 'SiteHourly', '2026-11-23T10'], 'counting visits'),
        (['jobs', 'SiteDaily', '--newest', '1'], '2026112300'),
        (['journal', '--process', 'SiteDaily', '--json'], '[]'),
        (['jobs', 'SiteDaily', '--from', 'yesterday', '--to', 'today'], '2026112200'),
        (['why', 'SiteDaily', '20261122'], '    SiteHourly@2026112209: is held'),
        (
            ['why', 'SiteDaily', '20261122'],
            '      -> Run 2026112209 again: ./launch.py reprocess SiteHourly 2026112209',
        ),
        (['log', 'SiteHourly', '2026112310'], 'counting visits'),
        (['reprocess', 'SiteDaily', '20261120', '--dry-run'], 'in this order'),
        (['skip', 'SiteHourly', '20261122', '--to', '20261123', '--dry-run'], '2026112200'),
        (['reprocess', 'SiteHourly', '2026112305', '--dry-run'], 'needs no reset, has not run yet'),
        (['requests'], REQUEST_ID),
        (['requests', REQUEST_ID], 'reprocess'),
        (['jobs', '--by-error'], 'is not a number'),
        (['jobs', 'SiteHourly', '--state', 'held', '--by-error'], '2026112209'),
        (
            [
                'reprocess',
                'SiteHourly',
                '20261122',
                '00',
                '--to',
                '20261123',
                '--error',
                'number',
                '--dry-run',
            ],
            'SiteHourly',
        ),
        (['dead'], '2026112209'),
        (['dead', '--state', 'held'], '2026112209'),
        (['dead', '--state', 'held', '--json'], '"interval": "held"'),
        (['freerun'], 'Shell::sweep'),
        (['process'], 'SiteMonthly'),
    ],
    ids=lambda item: ' '.join(item) if isinstance(item, list) else '',
)
def test_what_is_read_locally_is_read_over_http(
    remote: Launch, words: list[str], text: str
) -> None:
    said = remote(*words)

    assert said.code == 0, said.err
    assert text in said.out
    if words[0] != 'log':
        json.loads(remote(*words, '--json').out)


def test_jobs_are_the_range_that_was_meant(remote: Launch) -> None:
    words = ('jobs', '-p', 'SiteMonthly', '--from', '20261001', '--to', '20261101', '--json')

    assert [item['timeperiod'] for item in json.loads(remote(*words).out)] == ['2026100000']
    assert 'more than 3' in remote('jobs', '--limit', '3').err


@pytest.mark.parametrize(
    ('words', 'kind'),
    [
        (['reprocess', 'SiteDaily', '20261120', '--reason', 'late'], CommandKind.REPROCESS),
        (['skip', 'SiteDaily', '20261122', '--reason', 'late'], CommandKind.SKIP),
        (['skip', 'SiteHourly', '2026112200', '--to', '20261123', '--error', 'NOT A', '--reason',
          'late'], CommandKind.SKIP),
        (['requests', 'pause', REQUEST_ID, '--reason', 'late'], CommandKind.PAUSE),
        (['freerun', 'run', 'Shell::sweep', '--reason', 'late'], CommandKind.FREERUN_RUN),
        (['freerun', 'cancel', 'Shell::sweep', '--reason', 'late'], CommandKind.FREERUN_CANCEL),
        (['freerun', 'edit', 'Shell::sweep', '--trigger', 'every 5', '--reason', 'late'],
         CommandKind.FREERUN_SAVE),
        (['process', 'off', 'SiteDaily', '--reason', 'late'], CommandKind.PROCESS_SAVE),
        (['process', 'trigger', 'SiteDaily', 'at 05:00', '--reason', 'late'],
         CommandKind.PROCESS_SAVE),
    ],
)  # fmt: skip
def test_what_is_asked_for_reaches_the_scheduler(
    remote: Launch, pages: DashboardHarness, words: list[str], kind: CommandKind
) -> None:
    said = remote(*words)

    assert said.code == 0, said.err
    (asked,) = pages.store.commands((CommandState.REQUESTED,), 9)
    assert (asked.kind, asked.actor, asked.reason) == (kind, 'anna@127.0.0.1', 'late')


def test_boxes_are_asked_switched_and_drained(remote: Launch, pages: DashboardHarness) -> None:
    assert 'Scheduler' in remote('super', '--query', '--all').out
    # The only box need not be named.
    assert remote('super', '--stop', 'Shell').code == 0
    assert remote('super', '--drain', 'dev', '--wait', '0').code == 1

    rows = {row.process: row.is_on for row in pages.store.box_processes('dev')}
    assert rows['Shell'] is False
    assert [box.is_draining for box in pages.store.boxes()] == [True]
    assert 'SYNERGY_SERVER' in remote('super', '--boxid', 'other').err
    assert '--drain only' in remote('super', '--undrain', 'dev', '--wait', '1').err


def test_boxes_are_updated_reset_and_forgotten(remote: Launch, pages: DashboardHarness) -> None:
    remote('super', '--stop', 'Shell')

    updated = remote('super', '--update')

    rows = {row.process: row.is_on for row in pages.store.box_processes('dev')}
    assert (updated.code, rows['Shell'], rows['AlertDaily']) == (0, True, True)
    assert f'{len(rows)} processes are on on box dev' in updated.out
    assert remote('super', '--reset').code == 0
    assert remote('super', '--forget', 'dev').out == 'box dev is forgotten\n'
    assert pages.store.box_processes('dev') == []
    assert remote('super', '--forget', 'dev').code == 3
    kept = [item.details['action'] for item in pages.store.commands((CommandState.DONE,), 9)]
    assert sorted(map(str, kept)) == ['forget', 'reset', 'stop', 'update']


@pytest.mark.parametrize(
    'words',
    [
        ('status',),
        ('jobs', '-p', 'SiteHourly', '--state', 'late'),
        ('job', 'SiteHourly', '2026112209'),
        ('job', 'SiteDaily', '2026112200'),
        ('why', 'SiteDaily', '20261122'),
        ('inputs', 'SiteDaily', '20261122'),
        (
            *('reprocess', 'SiteDaily', '20261120', '--dry-run', '--max-running', '3'),
            *('--order', 'newest', '--arguments', '{"depth": 3, "password": "hunter2"}'),
        ),
        ('requests',),
        ('requests', REQUEST_ID),
        ('dead',),
        ('jobs', '--by-error'),
        ('jobs', '--by-error', '--from', '20261123'),
        ('reprocess', 'SiteHourly', '2026112209', '--error', 'number', '--dry-run'),
        ('reprocess', 'SiteHourly', '2026112209', '--error', 'nothing like it'),
        ('freerun',),
        ('freerun', 'ls', 'Shell::sweep'),
        ('freerun', 'runs'),
        ('freerun', 'runs', 'Shell::sweep'),
        ('freerun', 'runs', 'Shell::swep'),
        ('freerun', 'runs', '--state', 'running'),
        ('freerun', 'runs', '--state', 'queued'),
        ('freerun', 'runs', 'Shell::sweep', '--state', 'running'),
        ('freerun', 'runs', 'Shell::sweep', '--state', 'noop'),
        ('freerun', 'ls', '--state', 'noop'),
        ('freerun', 'cancel', 'Shell::sweep', '--run', '7'),
        ('freerun', 'run', 'Shell::sweep', '--run', '7'),
        ('process',),
        ('super', '--query', '--all'),
    ],
    ids=' '.join,
)
def test_a_dashboard_and_a_store_are_shown_alike(
    remote: Launch, pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    for run in (4, 5):
        running(pages, SWEEP, run)
    over_http = remote(*words)

    on_this_machine(pages, monkeypatch)
    here = remote(*words)

    assert 'hunter2' not in over_http.out
    if '--arguments' in words:
        assert 'SiteDaily with other depth, password' in over_http.out
    assert here.err.partition(';')[0] == over_http.err.partition(';')[0]
    assert (here.out, here.code) == (over_http.out, over_http.code)


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (('dead', '--process', 'Nobody'), "no dead letter matches process 'Nobody'; "),
        (('dead', '--error', 'away'), "no dead letter matches error 'away'; "),
        (('dead', 'ls', '--state', 'running'), "no dead letter matches interval 'running'; "),
        (('jobs', 'SiteDaily', '--state', 'held'),
         "no job matches process 'SiteDaily' and state 'held'; "),
        (('jobs', '--by-error', '--from', '20261123'),
         "no failed job matches from '20261123'; "),
        (('freerun', 'runs', '--state', 'queued'),
         'none of the free runs under way is queued; '),
    ],
)  # fmt: skip
def test_a_filter_that_matches_nothing_is_said(
    remote: Launch, words: tuple[str, ...], said: str
) -> None:
    shown = remote(*words)

    assert (shown.out, shown.code) == ('', 0)
    assert shown.err.startswith(said)


@pytest.mark.parametrize(
    ('words', 'code', 'said'),
    [
        (('dead', 'ls', '--state', 'runing'), 2, 'invalid choice'),
        (('freerun', 'runs', '--state', 'dead'), 2, 'invalid choice'),
        (('process', 'ls', 'SiteHurly'), 3, 'SiteHourly'),
    ],
)
def test_a_filter_that_does_not_exist_is_refused(
    remote: Launch, words: tuple[str, ...], code: int, said: str
) -> None:
    shown = remote(*words)

    assert shown.code == code
    assert said in shown.err


def on_this_machine(pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands read the store of the dashboard themselves."""
    monkeypatch.delenv('SYNERGY_SERVER')
    monkeypatch.delenv('SYNERGY_END_TIMEPERIOD')
    monkeypatch.setenv('SYNERGY_HOME', str(pages.runtime.path.parent))
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.pages')
    monkeypatch.setattr(bootstrap, 'SystemClock', lambda: pages.runtime.clock)


@pytest.mark.parametrize('is_remote', [True, False])
def test_one_run_of_several_is_cancelled(
    remote: Launch, pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch, is_remote: bool
) -> None:
    units = [running(pages, SWEEP, run) for run in (4, 5)]
    if not is_remote:
        on_this_machine(pages, monkeypatch)
        monkeypatch.setattr(cli_local, 'ANSWER_SECONDS', 0.0)
    assert all(unit.id in remote('freerun', 'runs').out for unit in units)

    said = remote('freerun', 'cancel', SWEEP, '--run', '5', '--reason', 'wrong folder')

    assert said.code == 0, said.err
    (asked,) = pages.store.commands((CommandState.REQUESTED,), 9)
    assert (asked.kind, dict(asked.details)) == (CommandKind.FREERUN_CANCEL, {'uow': units[1].id})
    assert asked.reason == 'wrong folder'
    refused = remote('freerun', 'cancel', SWEEP, '--run', '3')
    assert refused.code == 3
    assert 'under way: 4, 5; ./launch.py freerun runs Shell::sweep' in refused.err


def test_the_next_fires_are_told_before_an_entry_is_made(remote: Launch) -> None:
    said = remote('freerun', 'add', 'Shell::noon', '--trigger', 'at 12:00')

    assert said.code == 0, said.err
    assert said.out.startswith('next fires (UTC): ')
    assert said.out.count('12:00:00') == 5
    wrong = remote('freerun', 'add', 'Shell::never', '--trigger', 'at 99:00')
    assert wrong.code == 2


def test_fires_on_the_clock_of_a_zone_are_told_with_utc_beside(remote: Launch) -> None:
    said = remote('freerun', 'add', 'Shell::noon', '--trigger', 'at 12:00 Europe/Berlin')

    assert said.code == 0, said.err
    assert said.out.startswith('next fires (Europe/Berlin): ')
    assert said.out.count('12:00:00 CET, 11:00:00 UTC') == 5
    wrong = remote('freerun', 'add', 'Shell::never', '--trigger', 'at 12:00 Europe/Berln')
    assert wrong.code == 2
    assert "did you mean 'Europe/Berlin'" in wrong.err
    other = remote('process', 'trigger', 'SiteDaily', 'at 12:00 Europe/Berlin')
    assert other.code == 2
    assert "give the tree time_zone='Europe/Berlin'" in other.err


@pytest.mark.parametrize(
    ('words', 'code', 'text'),
    [
        (['why', 'SiteDayly', '20261122'], 3, 'SiteDaily'),
        (['reprocess', 'SiteHourly', '20261123'], 2, '2026112300 --to 2026112400'),
        (['why', 'SiteHourly', 'last', 'week'], 2, 'is a week, not an hour'),
        (['why', 'SiteHourly', '2026'], 2, 'the whole year is 2026010100'),
        (['reprocess', 'SiteHourly', '2026112209', '--to', 'never'], 3, 'yesterday, yesterday 07'),
        (
            ['cancel', 'SiteDaily', '20261120', '--reason', 'x'],
            3,
            'choose another range; nothing was changed',
        ),
        (['requests', 'nothing'], 3, 'there is no request'),
        (['freerun', 'add', 'Shell::sweep', '--trigger', 'every 5'], 5, 'exists already'),
        (['process', 'trigger', 'SiteDaily', 'never'], 2, 'nothing was changed'),
        (['status', '--token', 'f00.bar'], 4, 'SYNERGY_TOKEN'),
        (['status', '--server', 'ftp://nowhere'], 2, 'not the address'),
    ],
)
def test_errors_say_what_to_do(remote: Launch, words: list[str], code: int, text: str) -> None:
    said = remote(*words)

    assert said.code == code
    assert text in said.err


LOCAL = [
    record.name
    for record in RECORDS
    if record.is_here and record.needs_store and not record.works_over_http
]


@pytest.mark.parametrize('name', LOCAL)
def test_what_needs_the_store_of_this_machine_says_so(
    launch: Launch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    words = {'user': ['ls'], 'mq': ['ls'], 'start': ['Supervisor'], 'stop': ['Supervisor']}
    given = launch(name, *words.get(name, []), '--server', 'http://127.0.0.1:9')
    monkeypatch.setenv('SYNERGY_SERVER', 'http://127.0.0.1:9')

    said = launch(name, *words.get(name, []))

    assert (said.code, given.code) == (2, 2)
    assert said.err == given.err
    assert f'{name} does not speak to a dashboard; unset SYNERGY_SERVER' in said.err
    assert not (tmp_path / 'home').exists()


def test_what_needs_no_store_does_not_mind_a_server(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SYNERGY_SERVER', 'http://127.0.0.1:9')

    assert launch('check').code == 0


def test_a_range_ends_where_its_words_say(remote: Launch, pages: DashboardHarness) -> None:
    words = ('reprocess', 'SiteHourly', '2026112200', '--to', '20261123', '--only', 'failed')

    assert remote(*words).code == 0

    (asked,) = pages.store.commands((CommandState.REQUESTED,), 9)
    assert (str(asked.start), str(asked.end)) == ('2026112200', '2026112300')


def test_a_viewer_is_refused(remote: Launch, pages: DashboardHarness) -> None:
    token, text = new_token('anna', Role.VIEWER, None, NOW, None)
    pages.store.save_token(token)

    said = remote('process', 'off', 'SiteDaily', '--token', text)

    assert said.code == 4
    assert 'needs the role operator' in said.err


def test_nobody_there_is_one_clear_message(launch: Launch) -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        url = f'http://127.0.0.1:{taken.getsockname()[1]}'

    said = launch('status', '--server', url)

    assert said.code == 4
    assert 'cannot be reached' in said.err


def test_the_variables_are_no_settings(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SYNERGY_SERVER', '')
    monkeypatch.setenv('SYNERGY_TOKEN', 'f00.bar')

    assert launch('check').code == 0


def test_the_audit_says_that_no_reason_was_given(remote: Launch, pages: DashboardHarness) -> None:
    assert remote('super', '--drain', 'dev').code == 0
    assert remote('super', '--undrain', 'dev').code == 0
    assert remote('super', '--drain', 'dev', '--reason', 'new kernel').code == 0

    asked = pages.store.commands(tuple(CommandState), 9, (CommandKind.BOX,))
    assert {item.reason for item in asked} == {'new kernel', None, UNSAID}


@pytest.mark.parametrize('pages', ['tests.pipelines.governed'], indirect=True)
@pytest.mark.parametrize('is_remote', [True, False])
def test_a_letter_whose_process_has_left_the_context_stays(
    remote: Launch, pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch, is_remote: bool
) -> None:
    if not is_remote:
        on_this_machine(pages, monkeypatch)
        monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.governed')
    (dead,) = pages.store.dead_units(9)

    one = remote('dead', 'retry', dead.id)
    every = remote('dead', 'retry', '--all')

    assert (one.code, every.code) == (5, 1)
    assert 'SiteHourly has left the context' in one.err
    assert f'{dead.id}: SiteHourly has left the context' in every.err
    assert list(pages.store.dead_units(9)) == [dead]
    assert not pages.store.commands((CommandState.REQUESTED,), 9)
