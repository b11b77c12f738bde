"""Histories in which the level, zone or week start of a process changes, and it is recut or not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from synergy.core.cut import Cut
from synergy.simulation.runs import simulate_recuts
from tests.depth import deep

pytestmark = pytest.mark.heavy
SEEDS = deep(6)
#: A mutant must be found within so many histories.
SEEDS_FOR_MUTANTS = 2


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # So few that one recut takes several commits.
    monkeypatch.setattr('synergy.core.recut.ROWS_PER_BATCH_MAX', 7)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize('first', range(0, SEEDS, 3))
def test_no_promise_is_broken(first: int) -> None:
    histories = [simulate_recuts(seed) for seed in range(first, first + 3)]

    assert [f'{item.seed}: {item.broken}' for item in histories if item.broken] == []
    assert all(item.start_count > 50 for item in histories)


def runs_of_other_levels_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Count on from the runs of the level alone that a recut was for."""
    patch.setattr(Cut, 'runs_of', lambda cut, level: cut.runs * (level is cut.qualifier))


#: first: near a history that fails, for those before it only take time.
@pytest.mark.parametrize(
    ('mutate', 'first'),
    [(runs_of_other_levels_are_forgotten, 11)],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_a_mutant_is_found(
    monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None], first: int
) -> None:
    mutate(monkeypatch)

    seeds = range(first, first + SEEDS_FOR_MUTANTS)
    assert any(simulate_recuts(seed).broken for seed in seeds)
