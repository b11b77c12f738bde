"""What a Supervisor makes of the answers to its heartbeat."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.box_load import BoxLoad
from synergy.core.records import Box
from synergy.supervisor.presence import Presence
from tests.builders import instant

VANISHED_AFTER = timedelta(seconds=15)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(instant('2026112312'))


@pytest.fixture
def store(clock: SimulatedClock) -> SqliteStore:
    return SqliteStore.open(Path(':memory:'), clock=clock)


def presence(host: str) -> Presence:
    return Presence(Box(box_id='box', host=host, pid=1), VANISHED_AFTER)


def test_it_writes_every_third_of_the_time_after_which_it_would_have_vanished(
    store: SqliteStore, clock: SimulatedClock
) -> None:
    here, began = presence('a'), clock.now()
    for second in range(11):
        here.beat(store, float(second))
        clock.advance(timedelta(seconds=1))

    assert store.boxes()[0].seen_at == began + timedelta(seconds=10)


def test_it_measures_only_when_it_writes(store: SqliteStore) -> None:
    here, asked = presence('a'), list[float]()

    def measure() -> BoxLoad:
        asked.append(0)
        return BoxLoad(load_average=0.5, cpu_count=2, memory_percent=10.0)

    here.beat(store, 0.0, measure)
    here.beat(store, 1.0, measure)

    assert len(asked) == 1
    assert store.boxes()[0].load == measure()


def test_a_box_in_use_elsewhere_is_said_once_and_taken_over_when_free(
    store: SqliteStore, caplog: pytest.LogCaptureFixture
) -> None:
    other, here = presence('a'), presence('b')
    other.beat(store, 0.0)

    here.beat(store, 0.0)
    here.beat(store, 5.0)

    assert not here.is_held
    assert caplog.text.count('in use by the Supervisor with pid 1 on a') == 1
    here.leave(store)
    other.leave(store)
    here.beat(store, 10.0)
    assert here.is_held
    assert store.boxes()[0].host == 'b'


def test_it_learns_of_a_drain_and_of_its_end(store: SqliteStore) -> None:
    here = presence('a')
    store.set_drained('box', is_draining=True)
    here.beat(store, 0.0)
    assert here.is_draining

    store.set_drained('box', is_draining=False)
    here.beat(store, 1.0)
    assert here.is_draining
    here.ring()
    here.beat(store, 1.0)

    assert not here.is_draining
