"""Runs as followers of the journal tell of them, in histories in which everything goes wrong."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Generic, TypeVar

import pytest

from synergy.conf.model import Context
from synergy.core.hierarchy import Hierarchy
from synergy.core.journal import CauseKind, Line
from synergy.core.journal_pages import lines_of
from synergy.core.records import UowId
from synergy.core.telemetry import LineageEvent, LineageKind, LineageRun, Span
from synergy.core.trace_ids import uuid_of_run
from synergy.core.watching import WatchLease
from synergy.ports.store import Store
from synergy.ports.telemetry import NotTaken
from synergy.simulation.monitor import Monitor
from synergy.simulation.runs import simulate, simulate_contexts
from synergy.view.lineage import Lineage
from synergy.view.runs_told import RunEnd, RunTold, runs_told, units_named
from synergy.watch.telling import LineageTeller, SpanTeller, Teller, TellingFollower
from tests.builders import instant
from tests.depth import deep

SEEDS = deep(2)
LEASE = WatchLease(owner='w', term=1, until=instant('2026112312') + timedelta(days=9))
T = TypeVar('T')


class Receiving(Generic[T]):
    """Takes what is sent, but for some, of which it may have taken a part."""

    def __init__(self, drawn: random.Random) -> None:
        self.items: list[T] = []
        self._drawn = drawn

    def send(self, items: Sequence[T]) -> None:
        chance = self._drawn.random()
        if chance < 0.2:
            raise NotTaken('away')
        self.items += items
        if chance < 0.3:
            raise NotTaken('it broke off')


def followed(store: Store, name: str, teller: Teller[T], seed: int) -> list[T]:
    """Return what a follower sends that is begun again and again."""
    drawn = random.Random(seed)
    sink = Receiving[T](drawn)
    store.save_journal_cursor(name, 0)
    is_done = False
    while not is_done:
        follower = TellingFollower(name, teller, sink, drawn.choice([1, 7, 60]))
        for _ in range(drawn.choice([1, 5, 40])):
            # 1 s: nothing is left; more: something was not taken.
            is_done = follower.look(store, LEASE) == 1 or is_done
    return sink.items


class Histories:
    """What the stores of histories hold at their ends."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.told: list[tuple[Sequence[Line], Sequence[RunTold], set[UowId]]] = []
        self.spans: list[list[Span]] = []
        self.events: list[list[LineageEvent]] = []
        check = Monitor.check_journal

        def keeping(monitor: Monitor) -> None:
            check(monitor)
            store = monitor.store
            lines = [*chain.from_iterable(map(lines_of, store.journal_pages(0, 100_000)))]
            units = store.units(units_named(lines))
            live = {unit.id for unit in store.live_units()}
            self.told.append((lines, [*runs_told(lines, units)], live))
            lineage = Lineage(context=context_of(monitor.hierarchy), namespace='ours')
            seed = len(self.told)
            self.spans.append(followed(store, 'traces', SpanTeller(), seed))
            self.events.append(followed(store, 'lineage', LineageTeller(lineage), seed))

        patch.setattr(Monitor, 'check_journal', keeping)


def context_of(hierarchy: Hierarchy) -> Context:
    return Context(daemons={}, managed={}, freeruns={}, queues=(), hierarchy=hierarchy)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def histories(monkeypatch: pytest.MonkeyPatch) -> Histories:
    return Histories(monkeypatch)


def repaired(lines: Sequence[Line]) -> set[str]:
    """Return what lines are about of which a repair has told less than there was."""
    return {line.about for line in lines if line.cause.kind is CauseKind.REPAIR}


def wrong(lines: Sequence[Line], told: Sequence[RunTold], live: set[UowId]) -> Iterator[str]:
    """Yield which runs did not begin and then end, once each."""
    open_runs: set[UowId] = set()
    begun = {run.uow_id for run in told if run.end is None}
    skipped = repaired(lines)
    for run in told:
        if run.line.about in skipped or run.uow_id not in begun:
            continue  # What is not told of any more has begun before.
        if run.end is None:
            if run.uow_id in open_runs:
                yield f'{run.line.about} run {run.run} begins twice'
            open_runs.add(run.uow_id)
        elif run.uow_id not in open_runs:
            yield f'{run.line.about} run {run.run} is over twice: {run.line.text}'
        else:
            open_runs.remove(run.uow_id)
    yield from (f'{uow_id} is not over' for uow_id in open_runs - live)


def wrong_spans(spans: Sequence[Span], told: Sequence[RunTold]) -> Iterator[str]:
    """Yield which spans differ when they are sent again, hang in the air, or are missing."""
    known: dict[tuple[str, str], Span] = {}
    for span in spans:
        if known.setdefault((span.trace, span.id), span) != span:
            yield f'{span.name} {span.id} was sent twice, and not alike'
        if span.end < span.begin:
            yield f'{span.name} {span.id} ends before it begins'
    for trace, name in [(span.trace, span.parent) for span in spans if span.parent is not None]:
        if (trace, name) not in known:
            yield f'{name} of {trace} is missing'
    runs = {span.attributes.get('synergy.uow') for span in spans}
    yield from (f'{run.uow_id} has no span' for run in told if run.end and run.uow_id not in runs)


def wrong_events(events: Sequence[LineageEvent], told: Sequence[RunTold]) -> Iterator[str]:
    """Yield which runs do not begin and then end, once each, however often that was sent."""
    by_run: dict[LineageRun, list[LineageEvent]] = {}
    for event in events:
        found = by_run.setdefault(event.run, [])
        if event not in found:
            found.append(event)
    open_runs = {uuid_of_run(run.uow_id) for run in told}
    open_runs -= {uuid_of_run(run.uow_id) for run in told if run.end is not None}
    for run, found in by_run.items():
        kinds = [event.kind is LineageKind.START for event in found]
        if kinds != [True, False] and not (run.id in open_runs and kinds == [True]):
            yield f'{run.job} {run.id}: {[event.kind.value for event in found]}'


def test_each_run_begins_and_is_over_once(histories: Histories) -> None:
    for seed in range(SEEDS):
        assert (simulate_contexts if seed % 2 else simulate)(seed).broken is None

    ends = Counter(run.end for _, told, _ in histories.told for run in told)
    assert [problem for item in histories.told for problem in wrong(*item)] == []
    for (lines, told, _), spans, events in zip(
        histories.told, histories.spans, histories.events, strict=True
    ):
        assert [*wrong_spans(spans, told)] == []
        if not repaired(lines):
            assert [*wrong_events(events, told)] == []
    assert ends[None] > SEEDS * 30
    assert ends[RunEnd.PROCESSED] > SEEDS * 30
    assert ends[RunEnd.CANCELED] > 0
