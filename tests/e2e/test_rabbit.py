"""The whole system on RabbitMQ: real processes, and a server that goes away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.servers.rabbitmq import RabbitServer
from synergy.core.states import JobState
from tests.system_harness import SystemHarness, kill


@pytest.fixture
def system(tmp_path: Path, rabbit: RabbitServer) -> Iterator[SystemHarness]:
    uri = rabbit.add_vhost(tmp_path.name)
    with SystemHarness(
        tmp_path / 'home', 'tests.pipelines.nested', SYNERGY_BROKER_URI=uri
    ) as running:
        running.start('Scheduler')
        yield running


def starts(system: SystemHarness) -> Counter[str]:
    """Return how often each job was started."""
    return Counter(line.split()[0] for line in system.journal())


def test_a_pipeline_outlives_the_death_of_its_server_and_of_a_worker(
    system: SystemHarness, rabbit: RabbitServer
) -> None:
    victim = system.start('NestedHourly')
    system.start('NestedHourly')
    system.start('NestedDaily')
    system.wait_for(lambda: len(system.journal()) >= 8, 'the first hours')

    rabbit.restart()
    system.wait_for(lambda: len(system.journal()) >= 20, 'hours after the restart')
    kill(victim)

    for day in ('2026110100', '2026110200'):
        assert system.wait_final(system.key('NestedDaily', day)) is JobState.PROCESSED
    started = starts(system)
    assert len(started) == 50
    # Only the unit in the hands of the killed worker may have begun twice.
    assert sum(started.values()) <= 51
    first_day = [line.split()[0] for line in system.journal()].index('NestedDaily@2026110100')
    hours = [f'NestedHourly@20261101{hour:02}' for hour in range(24)]
    before = {line.split()[0] for line in system.journal()[:first_day]}
    assert set(hours) <= before


def test_nothing_is_left_in_the_queues_and_verify_agrees(system: SystemHarness) -> None:
    system.start('NestedHourly')
    system.start('NestedDaily')
    for day in ('2026110100', '2026110200'):
        assert system.wait_final(system.key('NestedDaily', day)) is JobState.PROCESSED

    broker = system.runtime.open_broker()
    broker.declare([entry.route for entry in system.context.managed.values()])
    system.wait_for(lambda: not any(broker.depth_by_queue().values()), 'empty queues')
    verified = system.launch('verify')
    assert verified.returncode == 0, verified.stdout
    assert starts(system).most_common(1)[0][1] == 1
