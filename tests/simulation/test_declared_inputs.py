"""Histories in which everything goes wrong, of processes that declare what they wait for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from synergy.core import closure, reached, readiness
from synergy.core.structs import replace
from synergy.core.timetable import Timetable
from synergy.simulation.runs import simulate_inputs
from tests.depth import deep

pytestmark = pytest.mark.heavy
SEEDS = deep(8)
#: A mutant must be found within so many histories.
SEEDS_FOR_MUTANTS = 12


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize('first', range(0, SEEDS, 4))
def test_no_promise_is_broken(first: int) -> None:
    histories = [simulate_inputs(seed) for seed in range(first, first + 4)]

    assert [f'{item.seed}: {item.broken}' for item in histories if item.broken] == []
    assert all(item.start_count > 100 for item in histories)


def forget_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A window that forgets its end."""
    pending = readiness._pending

    def mutant(timetable: Timetable, source: Any, ordinals: range, limit: int) -> Any:
        is_window = source.last is not None or len(ordinals) > 1
        return pending(timetable, source, ordinals[:-1] if is_window else ordinals, limit)

    monkeypatch.setattr(readiness, '_pending', mutant)


def ask_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes late asks nothing."""
    monkeypatch.setattr('synergy.core.engine.requests_after', lambda *_: ())


def let_order_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the order alone runs again."""
    ascend = reached.ascend

    def mutant(timetable: Timetable, touched: Any) -> Any:
        hierarchy = timetable.hierarchy
        nodes = {
            name: replace(
                node,
                inputs=tuple(replace(source, is_order_only=False) for source in node.inputs),
            )
            for name, node in hierarchy.nodes.items()
        }
        timetable.hierarchy = hierarchy.replaced(nodes)
        try:
            return ascend(timetable, touched)
        finally:
            timetable.hierarchy = hierarchy

    monkeypatch.setattr(closure, 'ascend', mutant)


def miss_what_runs_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that does not wait for what a request runs again."""
    monkeypatch.setattr(readiness, '_rerun_count', lambda *_: 0)


#: first: near a history that fails, for those before it only take time.
@pytest.mark.parametrize(
    ('mutate', 'first'),
    [(forget_the_end, 0), (ask_nothing, 1), (let_order_flow, 8), (miss_what_runs_again, 5)],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_a_fault_in_us_is_found(
    monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch], None], first: int
) -> None:
    mutate(monkeypatch)

    seeds = range(first, first + SEEDS_FOR_MUTANTS)
    assert any(simulate_inputs(seed).broken for seed in seeds)
