"""A new project, made from a checkout, through the door that it gets."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from synergy.cli.command import ExitCode
from synergy.cli.main import main
from synergy.doors import BESIDE, project_folder


def launch(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: text for name, text in os.environ.items() if not name.startswith('SYNERGY_')}
    return subprocess.run(
        [sys.executable, str(project / 'launch.py'), *arguments],
        cwd='/', env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_new_project_is_sound_and_its_tests_pass(tmp_path: Path) -> None:
    project = tmp_path / 'pipeline'

    assert main(['new', str(project)]) == ExitCode.OK

    checked = launch(project, 'check')
    assert f'home {project}/.synergy' in checked.stdout, checked.stderr
    tested = launch(project, 'test')
    assert tested.returncode == 0, tested.stdout + tested.stderr
    files = [*project.rglob('*.py'), *project.rglob('*.md')]
    assert [file for file in files if re.search('@[A-Z]+@', file.read_text())] == []


@pytest.mark.parametrize(
    ('make', 'code'),
    [
        (lambda folder: (folder.mkdir(), (folder / 'mine').touch()), ExitCode.CONFLICT),
        (lambda folder: folder.touch(), ExitCode.CONFLICT),
    ],
)
def test_nothing_of_anybody_is_overwritten(
    make: object, code: ExitCode, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / 'taken'
    assert callable(make)
    make(folder)

    assert main(['new', str(folder)]) == code
    assert 'choose another' in capsys.readouterr().err


def test_the_project_is_the_one_that_is_named_or_here_or_the_checkout(tmp_path: Path) -> None:
    named, here = tmp_path / 'named', tmp_path / 'here'
    here.mkdir()

    assert project_folder({'SYNERGY_PROJECT': str(named)}, here) == named
    assert project_folder({}, here) == BESIDE
    (here / 'context.py').touch()
    assert project_folder({}, here) == here


def test_a_project_does_not_borrow_the_settings_of_the_checkout(tmp_path: Path) -> None:
    environ = {**os.environ, 'SYNERGY_PROJECT': str(tmp_path)}

    done = subprocess.run(
        [sys.executable, str(BESIDE / 'launch.py'), 'check'],
        env=environ, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == ExitCode.MISCONFIGURED
    assert f"context module 'context' was not found in {tmp_path}" in done.stderr
    assert 'new DIR' in done.stderr
