"""What the project's modules print while they are loaded is beside the answer, not in it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from synergy.bootstrap import PROJECT
from tests.system_harness import SystemHarness

CONTEXT = 'tests.pipelines.unstartable'
PRINTING = """
import logging, os, subprocess, sys
print('printed')
sys.stdout.write('written\\n')
os.write(1, b'by descriptor\\n')
os.system('echo by a shell')
subprocess.run(['echo', 'by a program'], check=True)
logging.basicConfig(stream=sys.stdout, level='INFO')
logging.getLogger().info('logged')
"""


@pytest.mark.parametrize('module', ['context', 'settings', 'helper'])
@pytest.mark.parametrize('words', [['list', '--json'], ['check', '--json']], ids=' '.join)
def test_json_is_not_spoiled(tmp_path: Path, module: str, words: list[str]) -> None:
    (tmp_path / 'context.py').write_text('process_context = {}\ntimetable_context = {}\n')
    (tmp_path / 'settings.py').write_text('settings = {}\n')
    (tmp_path / 'helper.py').write_text('')
    with (tmp_path / f'{module}.py').open('a') as file:
        file.write(PRINTING)
    if module == 'helper':
        with (tmp_path / 'context.py').open('a') as file:
            file.write('import helper\n')

    done = subprocess.run(
        [sys.executable, '-m', 'synergy.cli', *words],
        env={'SYNERGY_PROJECT': str(tmp_path), 'PYTHONPATH': str(PROJECT), 'PATH': '/usr/bin:/bin'},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    json.loads(done.stdout)
    for text in ('printed', 'written', 'by descriptor', 'by a shell', 'by a program', 'logged'):
        assert text in done.stderr


def test_query_tells_since_when_a_process_runs(tmp_path: Path) -> None:
    with SystemHarness(tmp_path / 'home', CONTEXT) as system:
        child = system.start('Scheduler')
        system.wait_for(lambda: bool(list(system.home.glob('run/*.pid'))), 'the Scheduler')

        rows = json.loads(system.launch('query', '--json').stdout)
        table = system.launch('query', 'Scheduler').stdout
        began = datetime.fromtimestamp(psutil.Process(child.pid).create_time(), UTC)

    row = next(item for item in rows if item['process'] == 'Scheduler')
    assert row['pid'] == child.pid
    started = datetime.fromisoformat(row['started_at'])
    assert abs(started - began) <= timedelta(seconds=1)
    assert f'{started:%Y-%m-%d %H:%M:%S}' in table
    assert [item['started_at'] for item in rows if item['pid'] is None] == [None] * (len(rows) - 1)
