"""Any past instant: is what is rebuilt what was there, and how long does it take?

First, faulty histories are played whose index is recorded on the way: instants drawn by chance are
rebuilt from snapshots and journal, and compared byte by byte. Then ten years of hours, days and
months are written into a store, a snapshot each day, and instants of them are asked for; and last
the worst case: as many lines behind a snapshot as there may be.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Final

from bench.result import Result
from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import AddPage
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.index_snapshot import SnapshotMark, snapshot_of
from synergy.core.journal import BY_CLOCK, BY_UNIT, Happened, Line, LineKind
from synergy.core.journal_pages import page_of_lines
from synergy.core.led_context import LedContext, led_process
from synergy.core.node import Node
from synergy.core.records import Job, Leadership, Process, ProcessName, Tree
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, Timeperiod
from synergy.core.timetable import Timetable
from synergy.ports.stored.led_context import encode
from synergy.scheduler.index_snapshots import LINES_MAX
from synergy.simulation.past import Compared, RecordingWorld, Wanted
from synergy.simulation.runs import simulate
from synergy.view.past import past_at

_BEGIN: Final = datetime(2016, 11, 27, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_KINDS: Final[tuple[dict[str, bool], ...]] = (
    {},
    {'with_contexts': True},
    {'with_recuts': True},
    {'with_precedence': True},
)
_PER_HISTORY: Final = 200
_ASKED: Final = 300
_LINES_PER_PAGE: Final = 32


def run(*, is_quick: bool) -> Sequence[Result]:
    """Compare, then measure."""
    return [*_compared(1_000 if is_quick else 10_000), *_measured(1 if is_quick else 10)]


def _compared(instants: int) -> Iterator[Result]:
    logging.disable(logging.CRITICAL)
    found: list[Compared] = []
    seed, count = 0, 0
    while count < instants:
        wanted = Wanted(count=_PER_HISTORY, rebuild=past_at, done=found.append)
        kind = _KINDS[seed % len(_KINDS)]
        # Each kind with each of its seeds.
        simulate(
            1 + seed // len(_KINDS),
            world_of=partial(RecordingWorld, wanted=wanted),
            **kind,  # type: ignore[arg-type]
        )
        seed, count = seed + 1, sum(item.count for item in found)
    logging.disable(logging.NOTSET)
    differing = [told for item in found for told in item.differing]
    if differing:
        raise RuntimeError(f'{len(differing)} of {count} differ, such as {differing[0]}')
    yield _result(f'instants of {seed} faulty histories', count, '')
    yield _result('of these, rebuilt otherwise than recorded', len(differing), '', 'none')


def _result(what: str, value: float, unit: str, aim: str | None = None) -> Result:
    return Result(benchmark='past', what=what, value=value, unit=unit, aim=aim)


def _measured(years: int) -> Iterator[Result]:
    with TemporaryDirectory(prefix='synergy-bench-') as folder:
        end = _BEGIN + timedelta(days=365 * years)
        store = SqliteStore.open(Path(folder) / 'store.db', clock=SimulatedClock(end))
        leadership = store.lead('bench', timedelta(days=9999))
        assert leadership is not None
        history = _History(store, leadership)
        history.write(years * 365)
        lines = store.journal_span().stop - 1
        chance = random.Random(7)
        spent = [
            _seconds(store, history.hierarchy, _BEGIN + chance.random() * (end - _BEGIN))
            for _ in range(_ASKED)
        ]
        yield _result(f'lines of {years} years', lines, 'lines')
        yield _result(f'any instant of {years} years, median', median(spent) * 1000, 'ms')
        yield _result(f'the longest of {_ASKED}', max(spent) * 1000, 'ms', 'under 200')
        history.crowd(LINES_MAX)
        last = [_seconds(store, history.hierarchy, end + timedelta(hours=1)) for _ in range(9)]
        yield _result(f'behind {LINES_MAX:,} lines, median', median(last) * 1000, 'ms', 'under 200')
        store.close()


def _seconds(store: SqliteStore, hierarchy: Hierarchy, at: datetime) -> float:
    """Return the processor time that an instant takes: others may be at work, too."""
    began = time.process_time()
    past_at(store, hierarchy, at)
    return time.process_time() - began


class _History:
    """Years of three trees that end as they begin, hour by hour."""

    def __init__(self, store: SqliteStore, leadership: Leadership) -> None:
        processes = [
            Process(name=ProcessName(f'{name}{level.word.title()}'), qualifier=level)
            for name in ('Site', 'Alert', 'Fraud')
            for level in (Qualifier.HOURLY, Qualifier.DAILY, Qualifier.MONTHLY)
        ]
        trees = [
            Tree(
                name=name.lower(),
                levels=tuple(item.name for item in processes if item.name.startswith(name)),
                start=_BEGIN,
            )
            for name in ('Site', 'Alert', 'Fraud')
        ]
        self.hierarchy = build(processes, trees)
        self._store, self._leadership = store, leadership
        self._timetable = Timetable(self.hierarchy)
        self._context = encode(
            LedContext(
                rev=1,
                processes={
                    node.process.name: led_process(self.hierarchy, node) for node in self.hierarchy
                },
            )
        )
        self._next = 1
        self._done = {node.process.name: node.first for node in self.hierarchy}

    def write(self, days: int) -> None:
        """Write a history, day by day: a snapshot, and the lines of what ended since."""
        for day in range(days + 1):
            now = _BEGIN + day * _DAY
            self._timetable.extend(now)
            self._add([*self._ended(now)], now)
            self._timetable.settle()
            self._snapshot(now)

    def crowd(self, count: int) -> None:
        """Write so many lines behind the last snapshot."""
        node = next(iter(self.hierarchy))
        lines: list[Line] = []
        for number in range(count // 2):
            ordinal = node.first + number % (len(self._timetable.span(node.process.name)) - 1)
            lines += self._pair(node, ordinal, self._now)
        self._add(lines, self._now)

    def _snapshot(self, now: datetime) -> None:
        self._now = now
        mark = SnapshotMark(self._next - 1, now, 1)
        made = snapshot_of(mark, self._timetable.snapshot(), (), self._context)
        self._store.save_index_snapshot(self._leadership, made)

    def _ended(self, now: datetime) -> Iterator[Line]:
        for node in self.hierarchy:
            name, level = node.process.name, node.process.qualifier
            until = self.hierarchy.over_until(node, now)
            for ordinal in range(self._done[name], until):
                at = min(self.hierarchy.over_at(node, ordinal), now)
                yield from self._pair(node, ordinal, at)
                self._timetable.put(
                    Job(
                        process=name,
                        timeperiod=Timeperiod(level, ordinal),
                        state=JobState.PROCESSED,
                        rev=2,
                        run=1,
                        changed_at=at,
                    )
                )
            self._done[name] = max(self._done[name], until)

    def _pair(self, node: Node, ordinal: int, at: datetime) -> Iterator[Line]:
        for rev, (what, state) in enumerate(
            (
                (Happened.STARTED, JobState.IN_PROGRESS),
                (Happened.ENDED, JobState.PROCESSED),
            ),
            1,
        ):
            yield Line(
                number=0,
                term=1,
                at=at,
                kind=LineKind.JOB,
                process=node.process.name,
                timeperiod=Timeperiod(node.process.qualifier, ordinal),
                rev=rev,
                what=what,
                to_state=state,
                run=1,
                count=7 if what is Happened.ENDED else None,
                cause=BY_UNIT if what is Happened.ENDED else BY_CLOCK,
            )

    def _add(self, lines: Sequence[Line], now: datetime) -> None:
        lines = sorted(lines, key=lambda line: line.at)
        saves = []
        for start in range(0, len(lines), _LINES_PER_PAGE):
            page = page_of_lines(
                lines[start : start + _LINES_PER_PAGE], self._next, self._leadership.term, now
            )
            assert page is not None
            self._next = page.next
            saves.append(AddPage(page))
        if saves:
            self._store.commit(self._leadership, saves)
