"""What is installed from the wheel: the command, the data, and a project that runs at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from synergy import __version__
from synergy.bootstrap import PROJECT

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build from a copy: setuptools leaves its own folders beside the sources."""
    folder = tmp_path_factory.mktemp('wheel')
    source = folder / 'source'
    source.mkdir()
    for name in ('pyproject.toml', 'setup.py', 'README.md', 'LICENSE'):
        shutil.copy(PROJECT / name, source)
    leave = shutil.ignore_patterns('__pycache__')
    shutil.copytree(PROJECT / 'synergy', source / 'synergy', ignore=leave)
    run([sys.executable, '-m', 'pip', 'wheel', '--no-deps', '-w', str(folder), str(source)])
    (built,) = folder.glob('*.whl')
    return built


@pytest.fixture(scope='module')
def python(wheel: Path) -> Path:
    """Return the interpreter of an environment with the wheel; its needs are those of this one."""
    folder = wheel.parent / 'environment'
    run([sys.executable, '-m', 'venv', '--without-pip', str(folder)])
    python = folder / 'bin' / 'python'
    version = f'python{sys.version_info[0]}.{sys.version_info[1]}'
    packages = Path(sys.prefix) / 'lib' / version / 'site-packages'
    # What is installed here already need not be fetched again; the wheel itself is installed.
    (folder / 'lib' / version / 'site-packages' / 'needs.pth').write_text(f'{packages}\n')
    run([str(python), '-m', 'pip', 'install', '--quiet', '--no-deps', str(wheel)])
    return python


def run(
    command: list[str], folder: Path | None = None, code: int = 0
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=folder, env=clean(), capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == code, f'{command}: {done.stdout}\n{done.stderr}'
    return done


def clean() -> dict[str, str]:
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('SYNERGY_', 'PYTHON'))
    }


def test_the_wheel_has_data_and_type_information(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert 'synergy/py.typed' in names
    assert {
        f'synergy/scaffold/{file.relative_to(PROJECT / "synergy" / "scaffold")}'
        for file in (PROJECT / 'synergy' / 'scaffold').rglob('*.txt')
    } <= names
    vendor = PROJECT / 'synergy' / 'mx' / 'static' / 'vendor'
    assert {f'synergy/mx/static/vendor/{file.name}' for file in vendor.iterdir()} <= names
    licences = {name.rpartition('/')[2] for name in names if '/licenses/' in name}
    assert {
        'LICENSE',
        'htmx.LICENSE.txt',
        'idiomorph.LICENSE.txt',
        'uPlot.LICENSE.txt',
    } <= licences
    assert all(name.startswith(('synergy/', 'synergy_scheduler-')) for name in names)
    assert __version__ in wheel.name


def test_a_new_project_runs_with_the_installed_package(python: Path, tmp_path: Path) -> None:
    synergy = str(python.parent / 'synergy')
    project = tmp_path / 'pipeline'

    shown = run([synergy, 'new', str(project)], tmp_path).stdout
    assert 'synergy up' in shown
    assert 'launch.py' not in shown
    assert not (project / 'launch.py').exists()
    run([synergy, 'check'], project)
    run([str(python), '-m', 'unittest', '-q'], project)

    assert first_processed(synergy, project) == 'SiteHourly'


def first_processed(synergy: str, project: Path) -> str:
    """Start everything in the background, wait for a processed interval, stop everything."""
    run([synergy, 'start', 'Supervisor'], project)
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            command = [synergy, 'jobs', '--state', 'processed', '--json']
            found = subprocess.run(
                command, cwd=project, env=clean(), capture_output=True, text=True, check=False
            )
            jobs = json.loads(found.stdout) if found.returncode == 0 else []
            if jobs:
                return str(jobs[0]['process'])
            time.sleep(0.2)
    finally:
        run([synergy, 'stop', 'Supervisor'], project)
    logs = '\n'.join(file.read_text()[-1500:] for file in project.glob('.synergy/logs/*'))
    raise AssertionError(f'nothing was processed\n{logs}')


def test_messages_name_the_command_that_there_is(python: Path, tmp_path: Path) -> None:
    synergy = str(python.parent / 'synergy')

    for arguments, code in ((['--help'], 0), (['status', '--help'], 0), (['chekc'], 2)):
        done = run([synergy, *arguments], tmp_path, code)

        assert 'synergy' in done.stdout + done.stderr
        assert 'launch.py' not in done.stdout + done.stderr
        assert not re.search(r'^  demo ', done.stdout, re.MULTILINE)


def test_what_needs_a_checkout_says_so(python: Path, tmp_path: Path) -> None:
    done = run([str(python.parent / 'synergy'), 'demo'], tmp_path, code=4)

    assert re.search('checkout.*python3 launch.py demo', done.stderr)


def test_a_folder_without_a_project_says_how_to_get_one(python: Path, tmp_path: Path) -> None:
    done = run([str(python.parent / 'synergy'), 'check'], tmp_path, code=6)

    assert 'synergy new' in done.stderr
