"""Projects and boxes with names of any alphabet, and terminals of any encoding."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT

SECONDS = 90
NAMES = ['Проект', '项目 🚀', 'it\'s "mine"', 'back\\slash $(id) %20#?', '-dash', 'Größe']
#: As a login shell, cron, and a container of before hand them down.
LOCALES = {
    'C': {'LC_ALL': 'C'},
    'POSIX without coercion': {'LC_ALL': 'POSIX', 'PYTHONCOERCECLOCALE': '0', 'PYTHONUTF8': '0'},
    'ascii': {'PYTHONIOENCODING': 'ascii'},
    'latin-1': {'LANG': 'de_DE.ISO-8859-1', 'PYTHONIOENCODING': 'latin-1'},
}


def plain() -> dict[str, str]:
    kept = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(('SYNERGY_', 'LC_', 'LANG', 'PYTHON'))
    }
    return {**kept, 'SYNERGY_MX_PORT': '0', 'SYNERGY_SWEEP_SECONDS': '0.5'}


def launch(
    project: Path, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, str(project / 'launch.py'), *arguments],
        cwd=project, env={**plain(), **(environ or {})}, stdin=subprocess.DEVNULL,
        capture_output=True, check=False, timeout=SECONDS,
    )  # fmt: skip


def made(tmp_path: Path, name: str, environ: Mapping[str, str] | None = None) -> Path:
    done = launch(PROJECT, 'new', str(tmp_path / name), environ=environ)
    assert done.returncode == 0, done.stderr
    return tmp_path / name


@pytest.mark.parametrize('name', NAMES)
def test_a_project_may_have_any_name_that_can_be_seen(tmp_path: Path, name: str) -> None:
    project = made(tmp_path, name)

    checked = launch(project, 'check', '--json')
    listed = launch(project, 'list')
    named = launch(project, 'super', '--boxid', 'коробка-1')

    assert json.loads(checked.stdout)['is_valid'] is True
    assert b'SiteDaily' in listed.stdout
    assert named.returncode == 0, named.stderr
    assert (project / '.synergy' / 'box_id').read_text(encoding='utf-8') == 'коробка-1\n'


@pytest.mark.parametrize('name', ['a\nb', 'a\x1b[2J', 'a\u202eb', 'a\u200bb'])
def test_a_name_that_cannot_be_seen_is_refused(tmp_path: Path, name: str) -> None:
    done = launch(PROJECT, 'new', str(tmp_path / name))

    assert done.returncode == 2
    assert name.encode() not in done.stderr


@pytest.mark.parametrize('environ', LOCALES.values(), ids=LOCALES)
def test_a_project_runs_in_any_locale(tmp_path: Path, environ: dict[str, str]) -> None:
    project = made(tmp_path, 'Größe Проект', environ)
    worker = project / 'workers' / 'site_hourly.py'
    text = worker.read_text(encoding='utf-8')
    worker.write_text(
        text.replace('import ', "print('Größe Проект 🚀', ascii(open))\nimport ", 1),
        encoding='utf-8',
    )
    assert launch(project, 'super', '--boxid', 'коробка', environ=environ).returncode == 0

    try:
        started = launch(project, 'start', 'Supervisor', environ=environ)
        assert started.returncode == 0, started.stderr
        until = time.monotonic() + SECONDS
        found: list[dict[str, str]] = []
        # To ask costs a process each time, so only once the worker has spoken.
        while 'Größe Проект 🚀' not in logs(project) and time.monotonic() < until:
            time.sleep(0.05)
        while not (hours := [job['timeperiod'] for job in found if is_processed_hour(job)]):
            assert time.monotonic() < until, logs(project)
            found = json.loads(launch(project, 'jobs', '--json', environ=environ).stdout or '[]')
        for words in (['status'], ['query'], ['super', '--query', '--all'], ['check'], ['jobs']):
            done = launch(project, *words, environ=environ)
            assert done.returncode == 0, done.stderr
            assert b'Traceback' not in done.stderr
        asked = launch(
            project, 'reprocess', 'SiteHourly', hours[-1], '--reason', 'Größe 🚀',
            environ=environ,
        )  # fmt: skip
        assert asked.returncode == 0, asked.stderr
        assert launch(project, 'requests', environ=environ).returncode == 0
    finally:
        stopped = launch(project, 'stop', 'Supervisor', environ=environ)

    assert stopped.returncode == 0, stopped.stderr
    said = logs(project)
    assert 'Größe Проект 🚀' in said
    assert 'Traceback' not in said


def is_processed_hour(job: Mapping[str, str]) -> bool:
    return job['process'] == 'SiteHourly' and job['state'] == 'state_processed'


def logs(project: Path) -> str:
    """Return all logs; they are UTF-8, whatever the locale was."""
    files = sorted((project / '.synergy' / 'logs').iterdir())
    return '\n'.join(file.read_bytes().decode('utf-8') for file in files)
