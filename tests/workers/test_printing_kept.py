"""What processes print that outlive a run, and what a run has printed that is cut short."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.kept import HOURS
from tests.system_harness import SystemHarness


@pytest.fixture
def system(tmp_path: Path) -> Iterator[SystemHarness]:
    with SystemHarness(tmp_path / 'home', 'tests.pipelines.kept') as running:
        running.start('Scheduler')
        yield running


def hours() -> list[str]:
    return [f'20261101{hour:02}' for hour in range(HOURS)]


def texts(system: SystemHarness, process: str, hour: str) -> list[str]:
    key = system.key(process, hour)
    system.wait_final(key)
    return [line.text for line in system.store.log(system.unit(key).id)]


def test_a_pool_that_is_kept_prints_for_the_run_under_way(system: SystemHarness) -> None:
    system.start('PooledHourly')

    for hour in hours():
        found = texts(system, 'PooledHourly', hour)

        assert sorted(found) == sorted([*(f'{hour} task {n}' for n in range(10)), f'{hour} parent'])


def test_a_process_from_setup_on_keeps_no_line_from_its_run(system: SystemHarness) -> None:
    system.start('ChattyHourly')

    for hour in hours():
        found = texts(system, 'ChattyHourly', hour)

        assert [text for text in found if text != 'chat'] == [f'{hour} begins', f'{hour} process']
    log = (system.home / 'logs' / 'chattyhourly_hourly.log').read_text()
    assert log.count('stdout chat') > HOURS


def test_a_crash_is_told_where_it_is_found_when_the_worker_is_gone(system: SystemHarness) -> None:
    worker = system.start('CrashHourly')

    assert worker.wait(30) == -11

    out = (system.home / 'CrashHourly.out').read_text()
    assert 'Fatal Python error: Segmentation fault' in out
    assert 'in crashes' in out
    log = (system.home / 'logs' / 'crashhourly_hourly.log').read_text()
    assert '2026110100 before the crash' in log


def test_a_run_that_is_interrupted_keeps_half_a_line(system: SystemHarness) -> None:
    system.start('SlowHourly')

    for hour in hours()[:2]:
        found = texts(system, 'SlowHourly', hour)

        assert [text for text in found if 'half' in text] == [f'{hour} half a line']
        assert found[-1] == 'timed out after 0.7 s'
