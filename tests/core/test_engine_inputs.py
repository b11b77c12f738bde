"""The engine on contexts drawn by chance, with every kind of input, against what is promised.

What may start, who is reset by a request and who is not, what runs again by itself and why: looked
up by a model that works each interval's inputs out slowly, by the clock.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from synergy.core import closure, inputs, late_inputs, reached, readiness
from synergy.core.input import Input
from synergy.core.node import Node
from synergy.core.states import Due
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, Timeperiod
from synergy.core.timetable import Timetable
from synergy.core.working import WorkingDays
from tests.core.drawn_inputs import drawn
from tests.core.engine_histories import History, is_broken
from tests.depth import deep

SEEDS = deep(6)
#: A mutant must be found within so many histories.
SEEDS_FOR_MUTANTS = 3


def history_of(seed: int) -> History:
    draw = random.Random(seed)
    model = drawn(draw)
    return History(model, min(begin for begin, _ in model.spans.values()), draw)


@pytest.mark.parametrize('seed', range(SEEDS))
def test_every_history_goes_as_it_is_promised(seed: int) -> None:
    history_of(seed).play()


def test_all_kinds_of_inputs_are_drawn() -> None:
    found: set[str] = set()
    for seed in range(12):
        model = drawn(random.Random(seed))
        found |= {'calendar'} if model.left_out else set()
        for node in model.hierarchy:
            found |= {node.process.qualifier.word, node.tree.zone}
            found |= {
                word for source in node.inputs for word in _kinds(model.hierarchy, node, source)
            }

    assert found >= {
        'calendar', 'hourly', 'daily', 'weekly', 'monthly', 'UTC', 'Europe/Berlin',
        'America/New_York', 'Asia/Kathmandu', 'nested', 'offset', 'last', 'part', 'late ignored',
        'order', 'previous', 'finer', 'coarser', 'same', 'other zone',
    }  # fmt: skip


def _kinds(hierarchy: Any, node: Node, source: Input) -> Iterator[str]:
    other = hierarchy.nodes[source.process]
    own, level = node.process.qualifier, other.process.qualifier
    yield 'same' if own is level else 'finer' if own.measure < level.measure else 'coarser'
    told = {
        'nested': node.child == source.process,
        'offset': source.offset != 0,
        'last': source.last is not None,
        'part': source.at_least is not None,
        'late ignored': source.is_late_ignored,
        'order': source.is_order_only,
        'previous': source.process == node.process.name,
        'other zone': node.tree.zone != other.tree.zone,
    }
    yield from (word for word, holds in told.items() if holds)


def inverse_is_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Count the last hour of a day in which clocks change to the next one, on the way up only."""
    right = inputs.affected

    def wrong(node: Node, source: Input, other: Node, ordinals: range) -> range:
        found = right(node, source, other, ordinals)
        is_of_days = node.process.qualifier is Qualifier.DAILY
        if (
            not is_of_days
            or other.process.qualifier.measure <= Qualifier.DAILY.measure
            or not found
        ):
            return found
        day = Timeperiod(Qualifier.DAILY, found.start)
        hours = (node.calendar.end(day) - node.calendar.start(day)) // timedelta(hours=1)
        last = Timeperiod(other.process.qualifier, ordinals.start)
        is_last = other.calendar.end(last) == node.calendar.end(day)
        return range(found.start + 1, found.stop + 1) if is_last and hours in {23, 25} else found

    patch.setattr(inputs, 'affected', wrong)


def a_window_forgets_its_end(patch: pytest.MonkeyPatch) -> None:
    right = readiness._pending

    def wrong(timetable: Timetable, source: Input, ordinals: range, limit: int) -> Any:
        ordinals = ordinals if source.last is None else ordinals[:-1]
        return right(timetable, source, ordinals, limit)

    patch.setattr(readiness, '_pending', wrong)


def what_is_late_runs_nothing_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr('synergy.core.engine.requests_after', lambda *_: ())


def each_late_one_runs_it_again(patch: pytest.MonkeyPatch) -> None:
    """Ask at each that comes, not once nothing is missing any more."""
    right = Timetable.first_pending

    def wrong(*arguments: Any) -> Iterator[Any]:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(Timetable, 'first_pending', lambda *_: None)
            found = [*late_inputs.requests_after(*arguments)]
        assert Timetable.first_pending is right
        yield from found

    patch.setattr('synergy.core.engine.requests_after', wrong)


def the_second_waits_for_nothing(patch: pytest.MonkeyPatch) -> None:
    """Let `previous` forget the first interval of the tree."""
    right = inputs.input_range

    def wrong(node: Node, source: Input, other: Node, ordinal: int) -> range:
        found = right(node, source, other, ordinal)
        is_first = source.offset < 0 and found.start == other.first
        return found[1:] if is_first else found

    patch.setattr(inputs, 'input_range', wrong)


def the_first_waits_for_one_before_all(patch: pytest.MonkeyPatch) -> None:
    """Let `previous` mean an interval before the tree begins, which never comes."""
    right = readiness.readiness

    def wrong(timetable: Timetable, key: Any, *more: Any) -> Any:
        found = right(timetable, key, *more)
        node = timetable.hierarchy.nodes[key.process]
        waits = any(source.process == key.process for source in node.inputs)
        is_first = waits and key.timeperiod.ordinal == node.first
        return replace(found, due=Due.BLOCKED) if is_first else found

    patch.setattr(readiness, 'readiness', wrong)
    patch.setattr('synergy.core.engine.readiness', wrong)


def the_order_alone_flows(patch: pytest.MonkeyPatch) -> None:
    right = reached.ascend

    def wrong(timetable: Timetable, touched: Any) -> Any:
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
            return right(timetable, touched)
        finally:
            timetable.hierarchy = hierarchy

    patch.setattr(closure, 'ascend', wrong)


def nothing_is_given_up_too_late(patch: pytest.MonkeyPatch) -> None:
    """Take a part for enough before the rest is given up."""
    patch.setattr(readiness, 'is_enough', lambda window, _: window.done >= window.at_least)


def what_runs_again_is_not_waited_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(readiness, '_rerun_count', lambda *_: 0)


def places_count_all_days(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(WorkingDays, 'shifted', lambda _, day, count: day + count)


def days_that_are_not_known_are_one(patch: pytest.MonkeyPatch) -> None:
    """Take any day after the last that a calendar knows for the first of them."""
    right = WorkingDays.shifted
    patch.setattr(
        WorkingDays, 'shifted', lambda self, day, count: right(self, min(day, self.until), count)
    )


#: first: near a history that fails, for those before it only take time.
@pytest.mark.parametrize(
    ('mutate', 'first'),
    [
        (inverse_is_off_by_one, 18),
        (a_window_forgets_its_end, 0),
        (what_is_late_runs_nothing_again, 2),
        (each_late_one_runs_it_again, 2),
        (the_second_waits_for_nothing, 0),
        (the_first_waits_for_one_before_all, 1),
        (the_order_alone_flows, 11),
        (nothing_is_given_up_too_late, 11),
        (what_runs_again_is_not_waited_for, 11),
        (places_count_all_days, 19),
        (days_that_are_not_known_are_one, 4),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_a_mutant_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None], first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)

    seeds = range(first, first + SEEDS_FOR_MUTANTS)
    assert any(is_broken(partial(history_of, seed)) for seed in seeds)
