"""Histories in which everything goes wrong, of all that decides who goes first; and faults in us.

Lanes and catch-up of each kind, switches, pools with priorities, rates and changed sizes, closed
hours and freezes, and entries that leave the context while they run.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from synergy.core import holds, timetable
from synergy.core.closed import closed_until
from synergy.core.holds import Holds
from synergy.core.lanes import Lane, Turns
from synergy.core.pool_record import PRIORITY_MAX
from synergy.core.pool_takers import _TURN_BITS, Taker
from synergy.core.pools import Pools
from synergy.core.records import ProcessName
from synergy.core.starting import Starting
from synergy.ports.freezing import freezes_in
from synergy.scheduler import loading
from synergy.scheduler.index import Index
from synergy.scheduler.loading import Loading
from synergy.simulation.runs import simulate_precedence
from synergy.workers.gate import Gate
from tests.depth import deep

pytestmark = pytest.mark.heavy
SEEDS = deep(8)
#: A mutant must be found within so many histories.
SEEDS_FOR_MUTANTS = 16


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize('first', range(0, SEEDS, 4))
def test_no_promise_is_broken(first: int) -> None:
    histories = [simulate_precedence(seed) for seed in range(first, first + 4)]

    assert [f'{item.seed}: {item.broken}' for item in histories if item.broken] == []
    assert all(item.start_count > 20 for item in histories)


def forget_freezes_at_failover(patch: pytest.MonkeyPatch) -> None:
    """A new leader does not read freezes; one that is asked for is taken note of."""

    def refreeze(self: Loading, index: Index) -> None:
        index.holds.freezes = freezes_in(self._store)
        index.openings.forget()

    patch.setattr(loading, 'freezes_in', lambda *_: ())
    patch.setattr(Loading, 'refreeze', refreeze)


def open_too_early(patch: pytest.MonkeyPatch) -> None:
    """Hours end a minute before they do."""

    def until(hours: Sequence[Any], now: datetime) -> datetime | None:
        found = closed_until(hours, now)
        early = None if found is None else found - timedelta(minutes=1)
        return None if early is None or early <= now else early

    patch.setattr(holds, 'closed_until', until)


def begin_at_once(patch: pytest.MonkeyPatch) -> None:
    """Workers claim and begin whatever they are rung for."""
    patch.setattr(Gate, 'admitted', lambda _, uow_ids: uow_ids)
    patch.setattr(Gate, 'may_begin', lambda *_: True)


def leave_pools_open(patch: pytest.MonkeyPatch) -> None:
    """Closed hours of pools close nobody."""
    patch.setattr(Holds, '_close_by_pools', lambda *_: None)


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


def put_the_lowest_first(patch: pytest.MonkeyPatch) -> None:
    """Priorities are the wrong way round."""

    def place(self: Taker) -> None:
        rank = 2 * self.priority + (not self.is_kept_for)
        assert self.priority <= PRIORITY_MAX
        self.order = rank << _TURN_BITS | self._turn

    patch.setattr(Taker, '_place', place)


def serve_live_ones_first(patch: pytest.MonkeyPatch) -> None:
    """The first lane that has work is always served."""

    def order(_: Turns, lanes: Iterable[Lane]) -> list[Lane]:
        return list(lanes)

    patch.setattr(Turns, 'order', order)


def let_nobody_have_had_anything(patch: pytest.MonkeyPatch) -> None:
    """Whoever was served has had nothing."""
    took = Turns.took

    def forgetful(self: Turns, lane: Lane) -> None:
        took(self, lane)
        self._had[lane] = 0

    patch.setattr(Turns, 'took', forgetful)


def start_what_is_left_out(patch: pytest.MonkeyPatch) -> None:
    """A catch-up of none leaves nothing out."""
    patch.setattr(timetable, 'leave_out', lambda *_: None)


def start_what_is_off(patch: pytest.MonkeyPatch) -> None:
    """A switch is not looked at."""

    def may(self: Starting, process: ProcessName, now: datetime) -> bool:
        return process not in self._silent and not self.is_held(process, now)

    patch.setattr(Starting, 'may', may)


#: first: near a history that fails, for those before it only take time.
@pytest.mark.parametrize(
    ('mutate', 'first'),
    [
        (forget_freezes_at_failover, 0),
        (open_too_early, 0),
        (begin_at_once, 0),
        (leave_pools_open, 0),
        (forget_what_runs, 5),
        (forget_free_runs, 11),
        (give_nothing_back, 0),
        (put_the_lowest_first, 1),
        (serve_live_ones_first, 0),
        (let_nobody_have_had_anything, 0),
        (start_what_is_left_out, 0),
        (start_what_is_off, 0),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_a_mutant_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None], first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)

    seeds = range(first, first + SEEDS_FOR_MUTANTS)
    assert any(simulate_precedence(seed).broken for seed in seeds)
