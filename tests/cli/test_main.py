"""From a command line to the command that it means."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from synergy.bootstrap import PROJECT
from synergy.cli.main import main
from tests.cli.conftest import Said


@pytest.mark.parametrize(
    'arguments', [['-q', 'tests/core'], ['-k', 'engine'], ['tests/core', '-x'], ['--', '-x']]
)
def test_options_after_test_are_those_of_pytest(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run: list[list[str]] = []

    def note(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        run.append(list(command))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr('synergy.cli.commands.test._install_missing', lambda: None)
    monkeypatch.setattr('synergy.cli.commands.test.subprocess.run', note)

    assert main(['test', *arguments]) == 0
    assert [command[3:] for command in run] == [[item for item in arguments if item != '--']]


def test_a_wrong_option_says_where_the_right_ones_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(['status', '--jsn'])

    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        './launch.py status: unrecognized arguments: --jsn; ./launch.py status --help shows how\n'
    )


def test_no_command_shows_where_to_begin(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 1

    assert './launch.py new DIR' in capsys.readouterr().out


def test_a_word_that_is_no_text_is_refused(launch: Callable[..., Said]) -> None:
    said = launch('reprocess', 'FlightDaily', '20130101', '--reason', 'caf\udce9')

    assert said.code == 2
    assert "b'caf\\xe9' is not text in UTF-8" in said.err


@pytest.mark.parametrize('words', [['--help'], [], ['status', '--help'], ['list']], ids=' '.join)
def test_a_reader_that_has_seen_enough_is_not_an_error(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, '-m', 'synergy.cli', *words],
            stdout=writing, stderr=subprocess.PIPE, text=True, cwd=PROJECT, check=False,
        )  # fmt: skip
    finally:
        os.close(writing)

    assert (done.returncode, done.stderr) == (0, '')
