"""A round of chaos waits for as long as anything moves, and gives up once nothing does."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bench.chaos import round as rounds


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(rounds, '_STILL_SECONDS_MAX', 0.5)
    (tmp_path / 'logs').mkdir()
    environ = {'SYNERGY_HOME': str(tmp_path)}
    box = SimpleNamespace(keep_alive=lambda: None, environ=environ)
    return SimpleNamespace(journal=tmp_path / 'journal', boxes=[box])


@pytest.mark.parametrize('name', ['journal', 'logs/Scheduler.log'])
def test_work_that_goes_on_is_waited_for(place: Any, tmp_path: Path, name: str) -> None:
    is_over = threading.Event()

    def work() -> None:
        for _ in range(10):
            with (tmp_path / name).open('a') as file:
                file.write('begin\n')
            time.sleep(0.15)
        is_over.set()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert rounds._wait(place, is_over.is_set)
    finally:
        worker.join()


def test_work_that_stands_still_is_given_up(place: Any) -> None:
    place.journal.write_text('begin\n')

    assert not rounds._wait(place, lambda: False)
