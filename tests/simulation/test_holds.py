"""Closed hours and freezes in histories in which everything goes wrong; and faults in us."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from synergy.core import holds
from synergy.core.closed import closed_until
from synergy.ports.freezing import freezes_in
from synergy.scheduler import loading
from synergy.scheduler.index import Index
from synergy.scheduler.loading import Loading
from synergy.simulation.runs import simulate_holds
from synergy.workers.gate import Gate
from tests.depth import deep

SEEDS = deep(4)
#: A mutant must be found within so many histories.
SEEDS_FOR_MUTANTS = 20


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize('seed', range(SEEDS))
def test_nothing_starts_while_closed_or_frozen_and_all_of_it_after_that(seed: int) -> None:
    history = simulate_holds(seed)

    assert history.broken is None
    assert history.start_count > 20


def forget_at_failover(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new leader does not read freezes; one that is asked for is taken note of."""

    def refreeze(self: Loading, index: Index) -> None:
        index.holds.freezes = freezes_in(self._store)
        index.openings.forget()

    monkeypatch.setattr(loading, 'freezes_in', lambda *_: ())
    monkeypatch.setattr(Loading, 'refreeze', refreeze)


def open_too_early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours end a minute before they do."""

    def until(hours: Sequence[Any], now: datetime) -> datetime | None:
        found = closed_until(hours, now)
        early = None if found is None else found - timedelta(minutes=1)
        return None if early is None or early <= now else early

    monkeypatch.setattr(holds, 'closed_until', until)


def ask_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers claim and begin whatever they are rung for."""
    monkeypatch.setattr(Gate, 'admitted', lambda _, uow_ids: uow_ids)
    monkeypatch.setattr(Gate, 'may_begin', lambda *_: True)


@pytest.mark.parametrize('mutate', [forget_at_failover, open_too_early, ask_nothing])
def test_a_mutant_is_found(
    monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None]
) -> None:
    mutate(monkeypatch)

    assert any(simulate_holds(seed).broken for seed in range(SEEDS_FOR_MUTANTS))
