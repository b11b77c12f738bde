"""The demo as a newcomer runs it, and with its processes killed in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import psutil
import pytest

from synergy import bootstrap


def start_demo(home: Path, *options: str) -> subprocess.Popen[str]:
    environ = {
        **os.environ,
        'SYNERGY_UOW_LEASE_SECONDS': '3',
        'SYNERGY_LEADER_LEASE_SECONDS': '2',
        'SYNERGY_SWEEP_SECONDS': '0.5',
        'SYNERGY_RESTART_DELAY_SECONDS': '0.1',
        'SYNERGY_QUICK_EXIT_COUNT_MAX': '100',
    }
    return subprocess.Popen(
        [sys.executable, '-m', 'synergy.cli', 'demo', '--home', str(home), *options],
        cwd=bootstrap.PROJECT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Whoever runs the tests in the background lets them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the processes that run on a home, by the pid files in it."""
    found = []
    for file in (home / 'run').glob('*.pid'):
        try:
            found.append(psutil.Process(int(file.read_text().split()[0])))
        except (OSError, ValueError, IndexError, psutil.NoSuchProcess):
            continue
    return found


def test_the_first_days_are_processed_and_their_totals_agree(tmp_path: Path) -> None:
    demo = start_demo(tmp_path / 'h', '--days', '3', '--exit', '--json', str(tmp_path / 'r.json'))

    output, _ = demo.communicate(timeout=120)

    assert demo.returncode == 0, output
    result = json.loads((tmp_path / 'r.json').read_text())
    assert result['intervals'] == 72 * 2 + 3 * 3 + 2
    assert result['processed'] + result['noop'] == result['intervals']
    assert (result['totals_ok'], result['violations'], result['failed']) == (True, 0, 0)
    assert 'totals agree' in output
    assert processes_of(tmp_path / 'h') == []


@pytest.mark.parametrize('seed', [1, 2])
def test_kills_in_the_middle_change_nothing(tmp_path: Path, seed: int) -> None:
    home = tmp_path / 'h'
    demo = start_demo(home, '--days', '60', '--exit', '--json', str(tmp_path / 'r.json'))
    random = Random(seed)
    killed: list[str] = []
    until = time.monotonic() + 60
    while len(killed) < 4 and demo.poll() is None and time.monotonic() < until:
        time.sleep(0.3)
        running = processes_of(home)
        if len(running) < 9:
            continue
        victim = random.choice(running)
        try:
            killed.append(victim.name())
            os.kill(victim.pid, signal.SIGKILL)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue

    output, _ = demo.communicate(timeout=240)

    assert demo.returncode == 0, f'seed {seed}, killed {killed}\n{output}'
    result = json.loads((tmp_path / 'r.json').read_text())
    assert len(killed) >= 2
    assert result['processed'] + result['noop'] == result['intervals']
    assert (result['totals_ok'], result['violations']) == (True, 0)


def test_a_demo_refuses_a_folder_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / 'thesis.txt').write_text('years of work')
    demo = start_demo(tmp_path, '--days', '1', '--exit')

    output, _ = demo.communicate(timeout=60)

    assert demo.returncode == 5
    assert 'not made by a demo' in output
    assert (tmp_path / 'thesis.txt').read_text() == 'years of work'


def test_an_interrupted_demo_stops_everything(tmp_path: Path) -> None:
    demo = start_demo(tmp_path / 'h')
    until = time.monotonic() + 60
    while len(processes_of(tmp_path / 'h')) < 9 and time.monotonic() < until:
        time.sleep(0.1)
    running = processes_of(tmp_path / 'h')

    demo.send_signal(signal.SIGINT)
    output, _ = demo.communicate(timeout=60)

    assert demo.returncode == 130, output
    assert len(running) >= 9
    assert not any(process.is_running() for process in running)


def test_a_live_demo_shows_every_machine_and_its_counts_agree(tmp_path: Path) -> None:
    home = tmp_path / 'h'
    demo = start_demo(home, '--live', '--speed', '60', '--exit', '--json', str(tmp_path / 'r.json'))

    output, _ = demo.communicate(timeout=240)

    assert demo.returncode == 0, output
    result = json.loads((tmp_path / 'r.json').read_text())
    assert (result['totals_ok'], result['violations'], result['unseen']) == (True, 0, [])
    assert min(result['runs']['LiveHourly'], result['runs']['LiveDaily']) >= 2
    assert set(result['final']) == {
        'LiveQuarter', 'LiveHourly', 'LiveDaily', 'LiveWeekly', 'LiveMonthly', 'LiveYearly',
        'LiveTrend',
    }  # fmt: skip
    # On most days of a year no year is over since the demo began, on some no week or working day.
    begun = ('LiveQuarter', 'LiveHourly', 'LiveDaily', 'LiveMonthly')
    assert all(result['final'][process] for process in begun)
    assert 'counts agree with a recount of the raw table' in output
    assert processes_of(home) == []
