"""Histories whose index is recorded on the way, and rebuilt afterwards as of random instants.

What is recorded is the leader's own index after a turn, copied byte by byte, with the rows of its
open jobs; what is rebuilt is read from the store when all is over. Where a clock was set so that an
instant has been twice, it is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from random import Random
from typing import Any, Final

from synergy.core.commands import Command, CommandKind
from synergy.core.hierarchy import Hierarchy
from synergy.core.index_pages import IndexPage
from synergy.core.index_snapshot import AS_KEPT
from synergy.core.journal_pages import lines_of
from synergy.core.overrides import as_led
from synergy.core.past import Past, PastTimetable
from synergy.core.records import CommandId, Job, ProcessName
from synergy.core.states import OnFailure
from synergy.core.structs import Struct, replace
from synergy.ports.store import JobFilter, Store
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.faults import Faults
from synergy.simulation.plot import Plot
from synergy.simulation.world import World

_PAGES: Final = 10_000
_ROWS_MAX: Final = 100_000


class Recorded(Struct, frozen=True, kw_only=True):
    """How everything stood after a turn of the leader. last: the newest line. names: led so."""

    at: datetime
    last: int
    hierarchy: Hierarchy
    names: frozenset[ProcessName]
    pages: Sequence[IndexPage]
    open_jobs: Sequence[Job]


class Compared(Struct, frozen=True, kw_only=True):
    """What came of it. count: instants that were rebuilt. differing: of these, each told."""

    count: int
    differing: Sequence[str]


class Wanted(Struct, frozen=True, kw_only=True):
    """What is to be compared. count: so many instants. rebuild: returns the past of one of a store.

    done: is told what came of it.
    """

    count: int
    rebuild: Callable[[Store, Hierarchy, datetime], Past]
    done: Callable[[Compared], None]


class RecordingWorld(World):
    """An installation of which it is recorded how its index stands; see `compare`."""

    def __init__(self, plot: Plot, seed: int, faults: Faults, *, wanted: Wanted) -> None:
        """Record."""
        self.recorded: list[Recorded] = []
        self.wanted = wanted
        self.seed = seed
        self.scheduler_of = partial(_Recording, self)
        super().__init__(_holding(plot) if seed % 2 else plot, seed, faults)

    def run(self, seconds: float, check_every: int = 200) -> None:
        """Let time pass; then let an operator skip what is held."""
        super().run(seconds, check_every)
        for job in self.store.find_jobs(JobFilter(is_failed=True), _ROWS_MAX):
            if job.is_held:
                self.ask(
                    Command(
                        id=CommandId(f'skip {job.key} {self.stage.seconds}'),
                        kind=CommandKind.SKIP,
                        process=job.process,
                        start=job.timeperiod,
                        end=job.timeperiod.shift(1),
                        actor='chance',
                        created_at=self.clock.now(),
                    )
                )

    def set_clock(self) -> None:
        """Set it back in some histories alone: what has been twice is not compared."""
        if self.seed % 4 == 0:
            super().set_clock()
        else:
            self.stage.set_clock(timedelta(seconds=self.random.choice((3.0, 90.0, 7200.0))))

    def close(self) -> None:
        """Compare, and end all processes."""
        try:
            self.wanted.done(self.compare())
        finally:
            super().close()

    def compare(self) -> Compared:
        """Rebuild as many instants as are wanted, drawn by chance, and compare them."""
        random = Random(self.seed)
        today = as_led(self.hierarchy, self.store.overrides(), self.store.led_context())
        spans = [*self._spans()]
        count, differing = 0, []
        for _ in range(self.wanted.count if spans else 0):
            recorded, until = random.choice(spans)
            at = recorded.at + random.random() * (until - recorded.at)
            count += 1
            found = difference(recorded, self.wanted.rebuild(self.store, today, at), at)
            if found is not None:
                differing.append(f'seed {self.seed} at {at}: {found}')
        return Compared(count=count, differing=differing)

    def _spans(self) -> Sequence[tuple[Recorded, datetime]]:
        """Return what was recorded, each with the instant until which it stood so."""
        lines = [line.at for page in self.store.journal_pages(0, _PAGES) for line in lines_of(page)]
        marks = self.store.index_snapshots()
        latest_by = [*accumulate(lines, max)]
        earliest_from = [*accumulate(reversed(lines), min)][::-1]
        spans = []
        for recorded, following in zip(self.recorded, self.recorded[1:], strict=False):
            last = recorded.last
            bounds = [following.at]
            bounds += earliest_from[last : last + 1]
            later = [mark.at for mark in marks if mark.number > last]
            same = [mark.at for mark in marks if mark.number == last and mark.at > recorded.at]
            bounds += [*later, *same]
            until = min(bounds)
            is_once = not last or latest_by[last - 1] <= recorded.at
            began = any(mark.number <= last and mark.at <= recorded.at for mark in marks)
            if is_once and began and until > recorded.at:
                spans.append((recorded, until - timedelta(microseconds=1)))
        return spans


def _holding(plot: Plot) -> Plot:
    """Return it with every process such that its jobs are held once an attempt has failed."""
    hierarchy = plot.pipeline.hierarchy
    nodes = {
        name: replace(
            node,
            process=replace(
                node.process,
                on_failure=OnFailure.HOLD,
                retry=replace(node.process.retry, max_attempts=1),
            ),
        )
        for name, node in hierarchy.nodes.items()
    }
    return replace(plot, pipeline=replace(plot.pipeline, hierarchy=hierarchy.replaced(nodes)))


class _Recording(Scheduler):
    """A Scheduler of which it is taken down how its index stands, if that is the truth."""

    def __init__(self, world: RecordingWorld, pipeline: Pipeline, **others: Any) -> None:
        super().__init__(pipeline, **others)
        self._world = world

    def step(self) -> float:
        seconds = super().step()
        store, leadership = self._world.store, self._leader.leadership
        now = store.leadership()
        is_led = leadership is not None and now is not None and now.term == leadership.term
        if self._index is not None and is_led:
            timetable = self._index.engine.timetable
            out = self._index.engine.left_out
            self._world.recorded.append(
                Recorded(
                    at=self._world.clock.now(),
                    last=store.journal_span().stop - 1,
                    hierarchy=timetable.hierarchy,
                    names=frozenset(name for name in timetable.hierarchy.nodes if name not in out),
                    pages=timetable.snapshot(),
                    open_jobs=[*timetable.open_jobs()],
                )
            )
        return seconds


def difference(recorded: Recorded, past: Past, at: datetime) -> str | None:
    """Return how what was rebuilt differs from what was recorded; None: in nothing."""
    if past.hierarchy.nodes.keys() != recorded.names:
        return f'{sorted(past.hierarchy.nodes)} were led, not {sorted(recorded.names)}'
    then = PastTimetable(recorded.hierarchy)
    for page in recorded.pages:
        then.take(page, is_whole=True)
    then.extend(at)
    wanted = {page.process: page for page in then.snapshot()}
    for page in past.timetable.snapshot():
        other = wanted[page.process]
        codes, expected = page.codes.translate(AS_KEPT), other.codes.translate(AS_KEPT)
        if (page.qualifier, page.first) != (other.qualifier, other.first):
            return f'{page.process} begins elsewhere'
        if codes != expected:
            place = next(
                (
                    n
                    for n, pair in enumerate(zip(codes, expected, strict=False))
                    if len({*pair}) > 1
                ),
                min(len(codes), len(expected)),
            )
            return (
                f'{page.process} differs at place {place} of {len(expected)}: '
                f'{codes[place : place + 9]!r}, not {expected[place : place + 9]!r}'
            )
    rows = {_said(job) for job in past.timetable.open_jobs()}
    known = {_said(job) for job in recorded.open_jobs if job.process in recorded.names}
    if rows != known:
        return f'open jobs: {sorted(rows - known)[:3]}, not {sorted(known - rows)[:3]}'
    return None


def _said(job: Job) -> tuple[Any, ...]:
    return (
        job.process,
        str(job.timeperiod),
        job.state,
        job.rev,
        job.run,
        job.uow_id or '',
        job.failure_count,
        job.lost_count,
        job.is_held,
        job.request_id or '',
        job.changed_at,
    )
