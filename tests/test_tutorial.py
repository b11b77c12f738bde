"""The tutorial, followed to the letter: its code blocks go where they say, its commands work."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from synergy.bootstrap import PROJECT
from synergy.cli.main import main
from tests.system_harness import PATIENCE_SECONDS

PAGE = PROJECT / 'docs' / 'tutorial.md'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / 'pipeline'
    assert main(['new', str(folder)]) == 0
    for place, code in re.findall(r'^```python\n# (.*?)\n(.*?)^```', PAGE.read_text(), re.M | re.S):
        name, _, how = place.partition(', ')
        file = folder / name
        match how:
            case '':
                file.write_text(code)
            case 'at the end':
                file.write_text(f'{file.read_text()}\n{code}')
            case 'in the class':
                head, mark, tail = file.read_text().partition("\n\nif __name__ == '__main__'")
                file.write_text(f'{head}\n{code}{mark}{tail}')
            case _:
                raise AssertionError(f'unknown place {place!r}')
    return folder


def launch(project: Path, *words: str) -> str:
    environ = {name: text for name, text in os.environ.items() if not name.startswith('SYNERGY_')}
    # Something else of this machine may have the usual port.
    environ['SYNERGY_MX_PORT'] = '0'
    done = subprocess.run(
        [sys.executable, str(project / 'launch.py'), *words],
        env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f'{words}: {done.stdout}{done.stderr}'
    return done.stdout + done.stderr


def test_what_the_tutorial_builds_passes_its_tests(project: Path) -> None:
    assert '3 managed processes in 2 trees' in launch(project, 'check')
    assert re.search('4 passed|Ran 4 tests', launch(project, 'test'))


def wait_for_alert(project: Path, day: str, run: int) -> None:
    """Wait until the alert of a day has ended its run of that number."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        jobs = json.loads(launch(project, 'jobs', 'AlertDaily', '--from', day, '--json'))
        if jobs[0]['run'] == run and jobs[0]['state'] in ('state_processed', 'state_noop'):
            return
        time.sleep(0.2)
    raise AssertionError(f'the alert did not run {run} times: {jobs}')


def test_a_reprocessed_hour_takes_its_day_and_alert_along(project: Path) -> None:
    yesterday = f'{datetime.now(UTC) - timedelta(days=1):%Y%m%d}'
    launch(project, 'start', 'Supervisor')
    try:
        wait_for_alert(project, yesterday, 1)
        shown = launch(project, 'reprocess', 'SiteHourly', f'{yesterday}07', '--dry-run')
        assert 'would touch 3 jobs' in shown
        launch(project, 'reprocess', 'SiteHourly', f'{yesterday}07', '--reason', 'late data')
        wait_for_alert(project, yesterday, 2)
    finally:
        launch(project, 'stop', 'Supervisor')
    assert 'no violation' in launch(project, 'verify')
