"""Whole pipelines on real processes with the ledger in MongoDB, through deaths on both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.servers.mongodb import MongoServers
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from tests.system_harness import SystemHarness, kill

DAYS = ('2026110100', '2026110200', '2026110300')
PROCESSES = ('NestHourly', 'NestDaily', 'LaterDaily')


@pytest.fixture
def nested(tmp_path: Path, mongo_uri: str) -> Iterator[SystemHarness]:
    with SystemHarness(
        tmp_path / 'home', 'tests.pipelines.three_days', store_uri=mongo_uri
    ) as running:
        yield running


def wait_for_all(system: SystemHarness) -> None:
    """Wait for the last days; then everything that they wait for must be processed, too."""
    for day in DAYS:
        assert system.wait_final(system.key('LaterDaily', day)) is JobState.PROCESSED
    counts = {name: count for (name, _), count in system.store.count_jobs().items()}
    states = {state for _, state in system.store.count_jobs()}
    assert states == {JobState.PROCESSED}
    assert counts == {'NestHourly': 72, 'NestDaily': 3, 'LaterDaily': 3}
    verified = system.launch('verify')
    assert verified.returncode == 0, verified.stdout + verified.stderr


def starts(system: SystemHarness) -> Counter[str]:
    """Return how often each run was started, by its idempotency key."""
    return Counter(line.split()[-1] for line in system.journal())


def test_a_pipeline_completes_each_interval_once(nested: SystemHarness) -> None:
    nested.start('Scheduler')
    for name in PROCESSES:
        nested.start(name)

    wait_for_all(nested)

    assert set(starts(nested).values()) == {1}
    assert len(starts(nested)) == 78
    assert not (nested.home / 'store.db').exists()


def test_a_killed_worker_and_scheduler_lose_nothing(nested: SystemHarness) -> None:
    scheduler = nested.start('Scheduler')
    workers = {name: nested.start(name) for name in PROCESSES}

    for count in (10, 25):
        nested.wait_for(lambda n=count: len(nested.journal()) >= n, 'some runs')  # type: ignore[misc]
        kill(workers['NestHourly'])
        kill(scheduler)
        scheduler, workers['NestHourly'] = nested.start('Scheduler'), nested.start('NestHourly')

    wait_for_all(nested)
    again = {name: count for name, count in starts(nested).items() if count > 1}
    # Only what a killed worker held may have been started again: short units, several at a time.
    for name, count in again.items():
        process, timeperiod = name.partition('#')[0].split('@')
        (unit,) = nested.store.runs(nested.key(process, timeperiod))
        assert unit.lost_count >= count - 1, name


def test_the_death_of_the_primary_is_lived_through(tmp_path: Path, own_mongo: MongoServers) -> None:
    uri = own_mongo.uri_of(tmp_path.name)
    with SystemHarness(tmp_path / 'home', 'tests.pipelines.three_days', store_uri=uri) as nested:
        nested.start('Scheduler')
        for name in PROCESSES:
            nested.start(name)
        nested.wait_for(lambda: len(nested.journal()) >= 10, 'some runs')

        primary = own_mongo.primary()
        own_mongo.kill(primary)
        try:
            wait_for_all(nested)
        finally:
            own_mongo.restart(primary)
            own_mongo.wait_healthy()

        assert len(starts(nested)) == 78


def test_a_killed_workers_unit_is_rescued(tmp_path: Path, mongo_uri: str) -> None:
    with SystemHarness(
        tmp_path / 'home', 'tests.pipelines.behaviours', store_uri=mongo_uri
    ) as system:
        system.start('Scheduler')
        worker = system.start('PatientDaily')
        system.wait_for(lambda: len(system.journal()) == 1, 'the first start')

        kill(worker)
        system.tell('go')
        system.start('PatientDaily')
        key: JobKey = system.key('PatientDaily')

        assert system.wait_final(key) is JobState.PROCESSED
        unit = system.unit(key)
        assert (unit.run, unit.attempt, unit.fence) == (1, 2, 3)
