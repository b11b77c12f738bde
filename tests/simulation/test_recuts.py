"""Histories in which the level, zone or week start of a process changes, and it is recut or not."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pytest

from synergy.core import changed_levels, context_change
from synergy.core.commands import Command
from synergy.core.cut import Cut
from synergy.core.recut import RecutFacts
from synergy.core.structs import replace
from synergy.ports.store import SchedulerStore
from synergy.scheduler import context_change as growth
from synergy.scheduler import gathering
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


def nothing_is_left_out(patch: pytest.MonkeyPatch) -> None:
    """Take rows of another level, or clock, for those of the present one."""
    patch.setattr(changed_levels, 'refused_levels', lambda *_: {})
    patch.setattr(context_change, 'refused_levels', lambda *_: {})


def nothing_runs_again(patch: pytest.MonkeyPatch) -> None:
    """Leave as it is what has run on intervals that are archived."""
    patch.setattr(growth, 'growth_request', lambda *_: None)


def cut_before_all_is_archived(patch: pytest.MonkeyPatch) -> None:
    """Begin new intervals beside old rows."""
    of_recut = gathering._of_recut

    def early(store: SchedulerStore, command: Command) -> RecutFacts:
        return replace(of_recut(store, command), has_rows=False)

    patch.setattr(gathering, '_of_recut', early)


#: first: near a history that fails, for those before it only take time.
@pytest.mark.parametrize(
    ('mutate', 'first'),
    [
        (runs_of_other_levels_are_forgotten, 11),
        (nothing_is_left_out, 8),
        (nothing_runs_again, 4),
        (cut_before_all_is_archived, 3),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_a_mutant_is_found(
    monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None], first: int
) -> None:
    mutate(monkeypatch)

    seeds = range(first, first + SEEDS_FOR_MUTANTS)
    assert any(simulate_recuts(seed).broken for seed in seeds)
