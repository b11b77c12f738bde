"""The environment of a checkout: whether it is complete does not depend on who asks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT
from synergy.core.exit_codes import ExitCode
from synergy.install import Environment

Version = namedtuple('Version', 'major minor micro releaselevel serial')


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Return one that was installed; pip itself is not run."""
    (tmp_path / 'pyproject.toml').write_text('[project]\ndependencies = ["a"]\n')
    (tmp_path / '.ve' / 'bin').mkdir(parents=True)
    made = Environment(tmp_path)
    made.python.symlink_to(sys.executable)
    with monkeypatch.context() as patched:
        done = subprocess.CompletedProcess([], 0, '', '')
        patched.setattr('synergy.install.subprocess.run', lambda *_, **__: done)
        made.complete('runtime')
    return made


def test_another_python_that_asks_installs_nothing_again(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert environment.is_complete('runtime')

    monkeypatch.setattr('synergy.install.sys.version_info', Version(3, 99, 0, 'final', 0))

    assert Environment(environment.project).is_complete('runtime')


def test_an_environment_whose_python_was_replaced_is_made_again(environment: Environment) -> None:
    environment.python.unlink()
    (environment.python.parent / 'python3.99').write_text('')
    environment.python.symlink_to('python3.99')

    assert not environment.is_complete('runtime')


def test_the_product_is_compiled_also_where_python_would_not_write(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('PYTHONDONTWRITEBYTECODE', '1')
    monkeypatch.delenv('PYTHONPYCACHEPREFIX', raising=False)
    environment.compile()  # There is nothing to compile: nobody is told.
    package = environment.project / 'synergy'
    package.mkdir()
    (package / 'sound.py').write_text('NUMBER = 1\n')
    (package / 'broken.py').write_text('NUMBER =\n')

    environment.compile()

    compiled = [path.name.partition('.')[0] for path in package.rglob('*.pyc')]
    assert compiled == ['sound']


def test_a_source_that_changed_runs_as_it_is_now_however_old_it_looks(
    environment: Environment,
) -> None:
    package = environment.project / 'synergy'
    package.mkdir()
    source = package / '__init__.py'
    source.write_text('NUMBER = 1\n')
    environment.compile()
    before = source.stat()
    source.write_text('NUMBER = 2\n')
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))

    command = [sys.executable, '-c', 'import synergy; print(synergy.NUMBER)']
    done = subprocess.run(command, cwd=environment.project, capture_output=True, check=True)

    assert done.stdout == b'2\n'


@pytest.mark.parametrize('is_made', [True, False])
def test_an_older_python_hands_over_to_that_of_the_environment(
    tmp_path: Path, is_made: bool
) -> None:
    door = tmp_path / 'launch.py'
    door.write_text((PROJECT / 'launch.py').read_text())
    if is_made:
        python = tmp_path / '.ve' / 'bin' / 'python'
        python.parent.mkdir(parents=True)
        python.write_text('#!/bin/sh\necho handed "$@"\n')
        python.chmod(0o700)
    program = (
        'import runpy, sys; sys.version_info = (3, 9, 2); '
        "sys.argv = ['launch.py', 'status', '--json']; "
        f"runpy.run_path({str(door)!r}, run_name='__main__')"
    )

    done = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=False
    )

    if is_made:
        assert (done.returncode, done.stdout) == (0, f'handed {door} status --json\n')
    else:
        assert done.returncode == 2
        assert 'runs on Python 3.9' in done.stderr


def test_what_was_added_to_the_list_during_an_install_is_still_missing(
    environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def install(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        if 'install' in command:
            (environment.project / 'pyproject.toml').write_text(
                '[project]\ndependencies = ["a", "b"]\n'
            )
        return subprocess.CompletedProcess(command, 0, '', '')

    monkeypatch.setattr('synergy.install.subprocess.run', install)
    environment.complete('runtime')

    assert not environment.is_complete('runtime')


def test_what_cannot_be_installed_is_refused_and_not_passed_over() -> None:
    asked = [sys.executable, str(PROJECT / 'launch.py'), 'install', 'tests']

    done = subprocess.run(asked, capture_output=True, text=True, check=False)

    assert done.returncode == ExitCode.USAGE
    assert "invalid choice: 'tests'" in done.stderr
