"""`launch.py try`: one interval's code in the foreground, with nothing of it in the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from synergy import bootstrap
from synergy.adapters.os.descendants import OsDescendants
from synergy.core.effects import SaveFreerun
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.workers import Uow
from tests.cli.conftest import Said
from tests.pipelines import tried

HOUR = '2026110107'


@pytest.fixture
def trying(
    launch: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Said]]:
    monkeypatch.setenv('SYNERGY_CONTEXT_MODULE', 'tests.pipelines.tried')
    monkeypatch.delenv('SYNERGY_END_TIMEPERIOD')
    # Orphans of other tests are not for this process.
    monkeypatch.setattr(OsDescendants, 'adopt', lambda _: None)
    tried.HAPPENED.clear()
    yield lambda *words: launch('try', *words)
    tried.HAPPENED.clear()


def rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_a_try_runs_the_code_and_leaves_nothing(
    trying: Callable[..., Said], tmp_path: Path
) -> None:
    without = trying('Hourly', HOUR, '--arguments', '{"a": 2, "b": 3}')

    assert without.code == 0
    assert not (tmp_path / 'home').exists()
    setup, uow, teardown = tried.HAPPENED
    assert (setup, teardown) == ('setup', 'teardown')
    assert isinstance(uow, Uow)
    assert (uow.timeperiod, uow.end_timeperiod, uow.source) == (HOUR, '2026110108', 'raw')
    assert (uow.run, uow.idempotency_key) == (0, f'Hourly@{HOUR}#0')
    assert uow.arguments == {'a': 2, 'b': 3, 'password': 'hunter2'}
    for part in (f'reading {HOUR}\n', 'outcome    processed', 'count      3', 'no store is read'):
        assert part in without.out
    assert 'is real; the ledger is not touched' in without.out
    assert 'hunter2' not in without.out

    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        store, now = runtime.open_store(), runtime.clock.now()
        added = context.freeruns[next(iter(context.freeruns))].freerun(now)
        added = replace(
            added,
            name=ProcessName('Shell::added'),
            rev=1,
            arguments={**added.arguments, 'command': 'echo added; exit 2'},
        )
        leadership = store.lead('dev:1', timedelta(hours=1))
        assert leadership is not None
        store.commit(leadership, [SaveFreerun(added, 'added')])
    path = tmp_path / 'home' / 'store.db'
    before = rows(path)

    raised = trying('Hourly', HOUR, '--arguments', '{"do": "raise"}')
    failed = trying('Shell::added')
    noop = trying('Shell::greet', HOUR)
    unready = trying('Daily', '20261101')

    assert rows(path) == before
    assert raised.code == failed.code == unready.code == 1
    assert 'error      ValueError: row 4' in raised.out
    first = raised.err.splitlines()[:2]
    assert first[0].startswith('Traceback')
    assert 'pipelines/tried.py' in first[1]
    assert tried.HAPPENED[-1] == 'teardown'
    assert 'exit code 2' in failed.out
    assert 'added' in failed.err
    assert noop.code == 0
    assert 'outcome    noop' in noop.out
    assert 'tried 0' in noop.err
    assert 'the code of its process cannot be set up: LookupError' in unready.out
    assert 'inputs     Hourly 2026110100 to 2026110123 (24); lacks ' in unready.out


@pytest.mark.parametrize(
    ('words', 'code', 'told'),
    [
        (['Hourl', HOUR], 3, "did you mean 'Hourly'"),
        (['Hourly'], 2, 'give the timeperiod of Hourly'),
        (['Hourly', 'soon'], 3, 'soon'),
        (['Hourly', '2026-11'], 2, 'Hourly, which is hourly'),
        (['Hourly', '2020110107'], 3, 'outside'),
        (['Shell', HOUR], 3, 'as in Shell::greet'),
        (['Shell::gree'], 3, "did you mean 'Shell::greet'"),
        (['Paired', '2026110100'], 3, 'is done with 2026110102'),
        (['Hourly', HOUR, '--arguments', '{'], 2, 'it is not JSON'),
        (['Hourly', HOUR, '--arguments', '[1]'], 2, 'is not a JSON object'),
        (['Hourly', HOUR, '--pdb'], 2, 'needs a terminal'),
    ],
)
def test_what_cannot_be_tried_is_refused(
    trying: Callable[..., Said], words: list[str], code: int, told: str
) -> None:
    said = trying(*words)

    assert (said.code, tried.HAPPENED) == (code, [])
    assert told in said.err
