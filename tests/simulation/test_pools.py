"""Histories in which everything goes wrong, of processes and a free run that share pools."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from synergy.core.pool_takers import Taker
from synergy.core.pools import Pools
from synergy.core.records import ProcessName
from synergy.simulation.runs import simulate_pools
from tests.depth import deep

pytestmark = pytest.mark.heavy
SEEDS = deep(4)
#: A mutant must be found within so many histories.
SEEDS_FOR_MUTANTS = 8


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize('first', range(0, SEEDS, 2))
def test_no_promise_is_broken_and_no_slot_taken_twice_or_leaked(first: int) -> None:
    histories = [simulate_pools(seed) for seed in range(first, first + 2)]

    assert [f'{item.seed}: {item.broken}' for item in histories if item.broken] == []
    assert all(item.start_count > 40 for item in histories)


def forget_what_runs(patch: pytest.MonkeyPatch) -> None:
    """A leader that counts only what it has started itself."""
    begin = Pools.begin

    def begun(self: Pools, now: datetime) -> None:
        before = dict(self._used)
        begin(self, now)
        if not before:
            self._used = dict.fromkeys(self._used, 0)

    patch.setattr(Pools, 'begin', begun)


def forget_free_runs(patch: pytest.MonkeyPatch) -> None:
    """Free runs hold nothing."""
    patch.setattr(Pools, 'hold', lambda *_: None)


def give_nothing_back(patch: pytest.MonkeyPatch) -> None:
    """What a process has ever taken stays taken."""
    most: dict[ProcessName, int] = {}
    started = Pools.started

    def counted(self: Pools, taker: Taker, count: int, now: datetime) -> None:
        most[taker.name] = most.get(taker.name, 0) + max(count, 0)
        self._running = lambda name: most.get(name, 0)
        started(self, taker, count, now)

    patch.setattr(Pools, 'started', counted)


@pytest.mark.parametrize('mutate', [forget_what_runs, forget_free_runs, give_nothing_back])
def test_a_mutant_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)

    assert any(simulate_pools(seed).broken for seed in range(SEEDS_FOR_MUTANTS))
