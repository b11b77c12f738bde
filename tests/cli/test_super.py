"""super and shell: what they write, what they say, and what they answer to nonsense."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from synergy import bootstrap
from synergy.cli.control import Control
from synergy.core.commands import CommandKind, CommandState
from synergy.core.records import Box, BoxProcess
from synergy.core.structs import replace
from synergy.ports.store import Store
from tests.cli.conftest import Said

Launch = Callable[..., Said]
VANISHED_AFTER = timedelta(seconds=15)


@pytest.fixture
def store(launch: Launch) -> Iterator[Store]:  # noqa: ARG001 - sets the home
    """Return the store of the home in which commands are run."""
    with bootstrap.open_runtime(*bootstrap.load()) as runtime:
        yield runtime.open_store()


def alive(store: Store, box_id: str, version: str = '3.0') -> None:
    """Let a box be seen, with a Scheduler that runs."""
    store.heartbeat(
        Box(box_id=box_id, host=box_id, home='/h', pid=7, version=version), VANISHED_AFTER
    )
    store.report_actual(
        [BoxProcess(box_id=box_id, process='Scheduler', is_on=True, state='running', pids=(8,))]
    )


def test_the_box_is_named_once_in_its_home(launch: Launch, tmp_path: Path) -> None:
    assert launch('super', '--boxid', 'prod-1').code == 0

    assert (tmp_path / 'home' / 'box_id').read_text() == 'prod-1\n'
    assert bootstrap.load_settings().box_id == 'prod-1'


def test_a_setting_wins_over_the_file_and_is_not_contradicted(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    launch('super', '--boxid', 'prod-1')
    monkeypatch.setenv('SYNERGY_BOX_ID', 'other')

    refused = launch('super', '--boxid', 'prod-2')

    assert bootstrap.load_settings().box_id == 'other'
    assert refused.code == 5
    assert "box_id is set to 'other'" in refused.err


def test_start_and_stop_say_what_is_desired_on_a_box(launch: Launch, store: Store) -> None:
    alive(store, 'far')

    assert launch('super', '--stop', 'FlightDaily').code == 0
    assert launch('super', '--stop', 'FlightDaily', '--box', 'far').code == 0
    assert launch('super', '--start', 'FlightDaily', '--box', 'far').code == 0

    assert {
        row.box_id: row.is_on for row in store.box_processes() if row.process != 'Scheduler'
    } == {
        'dev': False,
        'far': True,
    }


def test_update_switches_all_on_and_reset_forgets_first(launch: Launch, store: Store) -> None:
    launch('super', '--stop', 'FlightDaily')
    store.set_desired('dev', 'Removed', is_on=False)
    store.set_drained('dev', is_draining=True)

    launch('super', '--update')
    updated = {row.process: row.is_on for row in store.box_processes('dev')}
    launch('super', '--reset')

    assert updated['FlightDaily']
    assert 'Removed' in updated
    assert {row.process for row in store.box_processes('dev')} == set(updated) - {'Removed'}
    assert store.boxes() == []


@pytest.mark.parametrize(
    ('words', 'code', 'expected'),
    [
        ((), 2, 'one of the arguments'),
        (('--boxid', 'a b'), 2, 'is not a box id'),
        (('--start', 'FlightHourli'), 3, "did you mean 'FlightHourly'"),
        (('--stop', 'Supervisor'), 2, 'stop Supervisor'),
        (('--stop', 'FlightDaily', '--box', 'fra'), 3, "did you mean 'far'"),
        (('--drain', 'nowhere'), 3, "box 'nowhere' is unknown"),
        (('--drain', '--wait', 'nan'), 2, "--wait: 'nan': give a number"),
        (('--query', '--wait', '3'), 2, '--wait goes with --drain'),
        (('--stop', 'FlightDaily', '--json'), 2, '--json goes with --query'),
        (('--forget', 'far'), 5, 'is alive'),
    ],
)
def test_nonsense_gets_one_clear_answer(
    launch: Launch, store: Store, words: tuple[str, ...], code: int, expected: str
) -> None:
    alive(store, 'far')

    said = launch('super', *words)

    assert said.code == code
    assert expected in said.err
    assert 'Traceback' not in said.err


def test_a_store_that_is_away_is_said(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('SYNERGY_STORE_URI', 'sqlite:///proc/nowhere/store.db')

    for words in (('--query',), ('--stop', 'FlightDaily'), ('--drain',), ('--reset',)):
        said = launch('super', *words)
        assert said.code == 4
        assert '/proc/nowhere' in said.err


def test_query_and_status_tell_boxes_standbys_and_mixed_versions(
    launch: Launch, store: Store
) -> None:
    alive(store, 'near')
    alive(store, 'far', '3.1')
    store.set_drained('far', is_draining=True)
    store.lead('near:8', timedelta(seconds=60))

    queried = json.loads(launch('super', '--query', '--all', '--json').out)
    status = json.loads(launch('status', '--json').out)
    said = launch('status').out

    assert [(item['box_id'], item['presence'], item['is_draining']) for item in queried] == [
        ('far', 'alive', True),
        ('near', 'alive', False),
    ]
    assert status['schedulers'] == [
        {'owner': 'near:8', 'is_leading': True},
        {'owner': 'far:8', 'is_leading': False},
    ]
    assert 'mixed versions: 3.0 on near; 3.1 on far' in said
    assert 'standing by: far:8' in said


def test_a_box_whose_supervisor_stopped_in_order_is_no_vanished_one(
    launch: Launch, store: Store
) -> None:
    store.heartbeat(Box(box_id='dev', host='h', home='/h', pid=None), VANISHED_AFTER)

    said = launch('super', '--query')

    assert said.code == 1
    assert 'stopped' in said.out
    assert replace(store.boxes()[0], seen_at=None).pid is None


@pytest.mark.parametrize(
    ('text', 'code', 'out', 'err'),
    [
        ('key("FlightHourly", "2013010101")', 0, 'FlightHourly@2013010101\n', ''),
        ('x = 41; print(x + 1)', 0, '42\n', ''),
        ('job("FlightHourly", "2013010101")', 0, '', ''),
        ('len(store.live_units()), len(jobs())', 0, '(0, 0)\n', ''),
        ('explain("FlightDaily", "20130101")', 0, 'waits for child', ''),
        ('refresh(); print(timetable.hierarchy is context.hierarchy)', 0, 'True\n', ''),
        ('1 / 0', 1, '', 'ZeroDivisionError: division by zero'),
        ('def', 1, '', 'SyntaxError'),
        ('job("FlightHourli", "2013")', 3, '', "did you mean 'FlightHourly'"),
    ],
)
def test_the_shell_runs_one_statement(
    launch: Launch,
    store: Store,  # noqa: ARG001 - the store must exist
    text: str,
    code: int,
    out: str,
    err: str,
) -> None:
    said = launch('shell', '-c', text)

    assert said.code == code
    assert out in said.out
    assert err in said.err


def test_the_shell_needs_a_store(launch: Launch) -> None:
    assert launch('shell', '-c', '1').code == 4


def test_what_is_wished_of_a_box_is_in_the_audit(launch: Launch, store: Store) -> None:
    alive(store, 'far')

    launch('super', '--stop', 'Scheduler', '--box', 'far', '--reason', 'new kernel')
    launch('super', '--undrain', 'far')

    drained, stopped = store.commands(tuple(CommandState), 9, (CommandKind.BOX,))
    assert (stopped.process, stopped.reason) == ('Scheduler', 'new kernel')
    assert dict(stopped.details) == {'box': 'far', 'action': 'stop'}
    assert (drained.details['action'], drained.reason) == ('undrain', None)


def test_what_start_and_stop_switch_is_in_the_audit(
    launch: Launch,  # noqa: ARG001 - sets the home
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Control, 'wait', lambda *_: True)

    with bootstrap.open_runtime(*bootstrap.load()) as runtime:
        control = Control(runtime)
        control.set_desired(control.entry('FlightDaily'), is_on=False)

    (record,) = store.commands((CommandState.DONE,), 9, (CommandKind.BOX,))
    assert (record.process, dict(record.details)) == (
        'FlightDaily',
        {'box': 'dev', 'action': 'stop'},
    )
