"""What a round with unruly user code looks for is found when it is there."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bench.chaos import unruly
from bench.chaos.names import JOURNAL_VARIABLE, UNRULY_VARIABLE
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import InsertUnit
from synergy.core.records import LogLine
from synergy.workers import Uow
from synergy.workers.uow import uow_of
from tests.builders import first_unit, instant, key

NOW = instant('2026112312')
HOUR = key('SiteHourly@2026112200')
UNIT = first_unit(HOUR, NOW)


def uow() -> Uow:
    return uow_of(UNIT, None, None, lambda: False)


def test_a_line_in_the_log_of_another_run_is_found(tmp_path: Path) -> None:
    with closing(SqliteStore.open(tmp_path / 'store.db', clock=SimulatedClock(NOW))) as store:
        leadership = store.lead('one', timedelta(hours=1))
        assert leadership is not None
        store.commit(leadership, [InsertUnit(UNIT)])
        texts = [
            f'\\x1b noise <run of {UNIT.id} attempt 1> and more',
            f'<run of {UNIT.id} attempt 2> prints on',
            '<run of 0123abc attempt 1> prints on',
            'nothing of interest',
        ]
        store.append_log(
            UNIT.id, [LogLine(attempt=1, at=NOW, level='INFO', text=text) for text in texts]
        )

        found = list(unruly.lines_of_others(store))

    assert len(found) == 2
    assert f'has a line of {UNIT.id} attempt 2' in found[0]
    assert 'has a line of 0123abc attempt 1' in found[1]


def test_a_process_that_is_left_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unruly, '_GONE_SECONDS', 0.0)
    monkeypatch.setenv(JOURNAL_VARIABLE, str(tmp_path / 'journal'))
    monkeypatch.setenv(UNRULY_VARIABLE, str(tmp_path / 'complaints'))
    monkeypatch.setenv('SYNERGY_BOX_ID', 'box1')
    assert list(unruly.left_processes()) == []
    # Itself, for those that it starts here are not children of a worker.
    monkeypatch.setattr(unruly, '_WAYS', (lambda *_: None, lambda *_: None))

    with subprocess.Popen(['sleep', '444'], env=os.environ) as child:
        assert any(f'sleep (pid {child.pid})' in text for text in unruly.left_processes())
        unruly.misbehave(uow())
        child.kill()

    (complaint,) = [text for text in unruly.complaints() if f'(pid {child.pid})' in text]
    assert 'runs before it have left' in complaint
