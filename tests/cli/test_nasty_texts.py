"""Every exit of the command line, and the log files, with what others may have written."""

from __future__ import annotations

import ast
import json
import logging
import re
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from synergy import bootstrap, logs
from synergy.bootstrap import PROJECT
from synergy.cli.streams import spoken
from synergy.core.records import BoxProcess, LogLine, Outcome, UnitEnd
from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.operations.credentials import new_token, user_of
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.main import pipeline_of
from tests import nasty_texts
from tests.cli.conftest import Said

Launch = Callable[..., Said]

NASTY = (
    'A\x1b[2J\x1b]0;t\x07B\x9b31mC\rD\x08E\u202eF\u2066G\u200bH\u2028\x85I\ufeff'
    '[red]J[/] [/nope] [link=http://x]K :boom: \\[L'
    '\nFORGED line\n2026-11-29 03:00:00,000 ERROR   forged x y'
)
#: All but newline and tab: those are ours between lines.
RAW = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]')


@pytest.fixture
def soiled(launch: Launch) -> Launch:
    """A store in which everything that others may write is nasty."""
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        store, broker = runtime.open_store(), runtime.open_broker()
        scheduler = Scheduler(
            pipeline_of(context, runtime.clock),
            store=runtime.open_store(),
            broker=runtime.open_broker(),
            clock=runtime.clock,
            settings=LoopSettings(
                owner=f'dev{NASTY}:1',
                leader_lease=timedelta(seconds=10),
                sweep_period=timedelta(seconds=10),
                inbox_batch_max=100,
            ),
        )
        scheduler.step()
        now = runtime.clock.now()
        unit = min(
            (unit for unit in store.live_units() if unit.process == 'FlightHourly'),
            key=lambda unit: unit.timeperiod.ordinal,
        )
        [claimed] = store.claim([unit.id], f'dev{NASTY}', timedelta(seconds=9))
        line = LogLine(attempt=1, at=now, level='INFO', text=NASTY)
        store.finish(
            [
                UnitEnd(
                    uow_id=unit.id, fence=claimed.fence, outcome=Outcome.failed(NASTY), log=(line,)
                )
            ]
        )
        broker.publish([Message(REPORT_ROUTE, {'uow': unit.id})])
        scheduler.step()
        nasty_texts.write(store, NASTY, now, request='a1b2c3d4e5f6', box_id=NASTY)
        user = user_of('anna', Role.ADMIN, 'correct horse battery', now)
        store.add_user(replace(user, name=NASTY))
        store.save_token(new_token(NASTY, Role.VIEWER, NASTY, now, None)[0])
        store.report_actual(
            [BoxProcess(box_id=NASTY, process=NASTY, is_on=True, state='running', pids=(1,))]
        )
    return launch


COMMANDS = [
    ('status',),
    ('jobs', 'FlightHourly'),
    ('job', 'FlightHourly', '2013010100'),
    ('why', 'FlightDaily', '20130101'),
    ('log', 'FlightHourly', '2013010100'),
    ('requests',),
    ('requests', 'a1b2c3d4e5f6'),
    ('dead',),
    ('freerun',),
    ('freerun', 'runs'),
    ('process',),
    ('user', 'ls'),
    ('super', '--query', '--all'),
    ('verify',),
    ('mq', 'ls'),
    ('query',),
    ('db', '--check'),
]


@pytest.mark.parametrize('words', COMMANDS, ids=' '.join)
def test_a_command_shows_what_is_there_and_paints_nothing(
    soiled: Launch, words: tuple[str, ...]
) -> None:
    said = soiled(*words)

    assert said.code in (0, 1), said.err
    assert 'Traceback' not in said.err
    for text in (said.out, said.err):
        assert RAW.search(text) is None
        assert not any(
            line.startswith(('FORGED', '2026-11-29 03:00:00')) for line in text.split('\n')
        )


@pytest.mark.parametrize('words', [item for item in COMMANDS if item[0] != 'db'], ids=' '.join)
def test_json_stays_json(soiled: Launch, words: tuple[str, ...]) -> None:
    said = soiled(*words, '--json')

    json.loads(said.out)
    assert RAW.search(said.out) is None


def test_what_was_written_can_be_read(soiled: Launch) -> None:
    line = soiled('log', 'FlightHourly', '2013010100').out

    assert r'A\x1b[2J' in line
    assert '[red]J[/] [/nope] [link=http://x]K :boom:' in line
    assert r'\nFORGED line' in line


@pytest.mark.parametrize(
    'words',
    [(f'no{NASTY}',), ('jobs', NASTY), ('why', NASTY, NASTY), ('requests', NASTY), ('log', NASTY)],
    ids=['command', 'jobs', 'why', 'requests', 'log'],
)
def test_a_refusal_repeats_nothing_raw(launch: Launch, words: tuple[str, ...]) -> None:
    said = launch(*words)

    assert said.code not in (0, 70)
    assert RAW.search(said.err) is None


def test_one_record_is_one_line_of_a_log_file(tmp_path: Path) -> None:
    before = sys.stdout, sys.stderr, logging.raiseExceptions, logging.getLogger().handlers[:]
    try:
        outlet = logs.set_up(
            title='x', level='INFO', file=tmp_path / 'x.log', bytes_max=10**6, count=1,
            is_console=False,
        )  # fmt: skip
        logger = logging.getLogger('tests.nasty')
        logger.warning('%s said %s', 'somebody', NASTY)
        try:
            raise ValueError(NASTY)
        except ValueError:
            logger.exception('it failed')
        for handler in outlet._handlers:
            handler.close()
    finally:
        sys.stdout, sys.stderr, logging.raiseExceptions, handlers = before
        logging.basicConfig(handlers=handlers, force=True)

    text = (tmp_path / 'x.log').read_text()
    begun = [line for line in text.split('\n') if not line.startswith(' ')]

    assert RAW.search(text) is None
    today = time.strftime('%Y-%m-%d')
    assert [line for line in begun if line] == [
        line for line in begun if line.startswith(today) and 'tests.nasty' in line
    ]
    assert len([line for line in begun if line]) == 2
    # A traceback can still be read.
    assert '\n        raise ValueError(NASTY)\n' in text


def test_a_terminal_without_these_letters_gets_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / 'said').open('w', encoding='latin-1') as terminal:
        monkeypatch.setattr(sys, 'stdout', terminal)
        with spoken():
            print('Größe Проект')  # noqa: T201 - what is tested

    assert (tmp_path / 'said').read_bytes() == b'Gr\xf6\xdfe ' + b''.join(
        f'\\u{ord(letter):04x}'.encode() for letter in 'Проект'
    ) + b'\n'


def test_nothing_prints_past_the_door() -> None:
    """`print` goes through it by itself; what writes elsewhere has to be one of these."""
    past = {
        'streams.py': 'the door itself',
        'console.py': 'tables: their cells are escaped one by one',
        'demo_progress.py': 'numbers and names of the demo',
        'demo_live_view.py': 'as above; results are escaped',
    }
    for file in sorted((PROJECT / 'synergy' / 'cli').glob('*.py')):
        tree = ast.parse(file.read_text())
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        written = {
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and ast.unparse(node) in ('sys.__stdout__', 'sys.stdout.buffer', 'os.write')
        }
        draws = any(str(module).startswith('rich') for module in modules)
        assert not (draws or written) or file.name in past, file
