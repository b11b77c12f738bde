"""A finished, a failed and a waiting part of a store for commands that read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from synergy.cli.main import main
from synergy.core.structs import Struct


class Said(Struct, frozen=True):
    """What a command line printed and returned."""

    code: int
    out: str
    err: str


@pytest.fixture
def launch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """Return a function that runs one command line on a home of this test."""
    monkeypatch.setenv('SYNERGY_HOME', str(tmp_path / 'home'))
    monkeypatch.setenv('SYNERGY_END_TIMEPERIOD', '2013010300')

    def run(*arguments: str) -> Said:
        try:
            code = main(arguments)
        except SystemExit as error:
            code = int(error.code or 0)
        out, err = capsys.readouterr()
        return Said(code, out, err)

    return run
