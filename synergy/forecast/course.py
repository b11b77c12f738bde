"""One course of things: the deciding engine on a virtual clock, with runs of usual length.

It tells which jobs run, in which order they are started, and what each of them waits for. That is
all that is taken from it: how long runs really take is drawn many times along that order
(`synergy.forecast.draws`), which would cost far too much with the engine itself.

Runs end well in it, and what is held stays held. Nothing is saved: effects are read and dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final, TypeAlias

from synergy.core.effects import Effects, InsertUnit, SaveJob
from synergy.core.engine import Engine
from synergy.core.events import Event, Look, Processed, Reported
from synergy.core.holds import Holds
from synergy.core.node import Node
from synergy.core.pools import demands_of, pools_in_use
from synergy.core.records import Job, ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey
from synergy.forecast.situation import Situation

#: Seconds within which what happens is decided upon together.
_GRAIN: Final = 0.5
#: More runs than these are not looked at; what comes behind them is beyond the forecast.
RUNS_MAX: Final = 250_000
#: Fires of one trigger that let live intervals run.
_LIVE_FIRES_MAX: Final = 500


class Planned(Struct, frozen=True, kw_only=True):
    """One run, or the end of a job without one.

    earliest: seconds from now on before which it does not begin. after: numbers of those that must
    have ended before. is_run: it takes a worker. unit: as it stands, if it is there already.
    ends_job: its job is final, or held, when it has ended.
    """

    key: JobKey
    earliest: float
    after: Sequence[int]
    is_run: bool = True
    unit: Unit | None = None


class Course(Struct, frozen=True, kw_only=True):
    """All that runs, in the order of starts. last_of: by job, the number of what ends it.

    is_whole: nothing was left out because it was too much.
    """

    planned: Sequence[Planned]
    last_of: dict[JobKey, int]
    is_whole: bool


class _Ended(Struct, frozen=True):
    unit: Unit


_Happening: TypeAlias = Look | _Ended | Unit | None


class _Clock:
    """What is yet to happen, in seconds from the beginning."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, _Happening]] = []
        self._count = 0

    def put(self, at: float, what: _Happening) -> None:
        self._count += 1
        heappush(self._heap, (at, self._count, what))

    def take(self, until: float) -> tuple[float, list[_Happening]] | None:
        """Return what happens next, with all that does so soon after it; None: nothing."""
        heap = self._heap
        if not heap or heap[0][0] > until:
            return None
        at, found, last = heap[0][0], [], heap[0][0] + _GRAIN
        while heap and heap[0][0] <= last and heap[0][0] <= until:
            at, _, what = heappop(heap)
            found.append(what)
        return at, found


class _Run:
    """One run of the engine until a horizon."""

    def __init__(self, situation: Situation, seconds: float) -> None:
        self._now, self._until = situation.now, seconds
        self._situation = situation
        self._timetable = timetable = situation.timetable
        self._hierarchy = hierarchy = timetable.hierarchy
        self._holds = Holds(hierarchy, freezes=situation.freezes)
        self._pools = pools_in_use(
            hierarchy.pools.sizes, demands_of(hierarchy), timetable.running_count, hierarchy.nodes
        )
        self._engine = Engine(timetable, pools=self._pools, holds=self._holds)
        self._clock = _Clock()
        self._free = dict(situation.workers)
        self._queues: dict[str, deque[Unit]] = {}
        self._usual = {name: situation.work_of(name).lengths.median for name in hierarchy.nodes}
        self._planned: list[Planned] = []
        self._last_of: dict[JobKey, int] = {}
        #: By process, the numbers of what has ended its jobs, by ordinal.
        self._ended: dict[ProcessName, dict[int, int]] = {name: {} for name in hierarchy.nodes}
        #: Until when each process was held when it was looked at last.
        self._opens_at: dict[ProcessName, datetime] = {}

    def course(self) -> Course:
        self._adopt()
        names = list(self._hierarchy.nodes)
        for node in self._hierarchy:
            self._set_timer(node, self._now, 0.0)
        self._clock.put(0.0, None)
        self._decide([Look(name) for name in names], 0.0)
        is_whole = True
        while taken := self._clock.take(self._until):
            at, found = taken
            self._decide([*self._events(found, at)], at)
            if len(self._planned) > RUNS_MAX:
                is_whole = False
                break
        return Course(planned=self._planned, last_of=self._last_of, is_whole=is_whole)

    def _adopt(self) -> None:
        """Let what is under way go on: what runs, then what waits for a worker or its next try."""
        known = {unit.id: unit for unit in self._situation.units}
        jobs = [job for job in self._timetable.open_jobs() if job.has_live_unit]
        found = [(job, known.get(job.uow_id)) for job in jobs if job.uow_id is not None]
        running = [
            (job, unit)
            for job, unit in found
            if unit is not None and unit.state is UnitState.IN_PROGRESS
        ]
        for job, unit in running:
            worker = self._worker(job.process)
            if worker in self._free:
                self._free[worker] -= 1
            self._plan(job, unit, 0.0, ())
            elapsed = 0.0
            if unit.started_at is not None:
                elapsed = max((self._now - unit.started_at).total_seconds(), 0.0)
            left = self._situation.work_of(job.process).lengths.left(elapsed).median
            self._clock.put(left, _Ended(unit))
        for job, known_unit in found:
            unit = _unit_of(job) if known_unit is None else known_unit
            if unit.state is UnitState.IN_PROGRESS:
                continue
            delay = 0.0
            if unit.not_before is not None:
                delay = max((unit.not_before - self._now).total_seconds(), 0.0)
            self._plan(job, unit, delay, ())
            self._clock.put(delay, unit)

    def _events(self, found: Iterable[_Happening], at: float) -> Iterable[Event]:
        now = self._now + timedelta(seconds=at)
        for what in found:
            match what:
                case Look(process):
                    self._set_timer(self._hierarchy.nodes[process], now, at)
                    self._look_later(process, now, at)
                    yield what
                case _Ended(unit):
                    self._give_back(unit, at)
                    self._look_later(unit.process, now, at)
                    yield self._report(unit)
                case Unit():
                    self._queue(what, at)
                case None:
                    pass

    def _look_later(self, process: ProcessName, now: datetime, at: float) -> None:
        """Look at a process once nothing holds it any more."""
        until = self._holds.until(process, now) if self._holds.is_used else None
        if until is not None and self._opens_at.get(process) != until:
            self._opens_at[process] = until
            self._clock.put(max((until - self._now).total_seconds(), at), Look(process))

    def _give_back(self, unit: Unit, at: float) -> None:
        worker = self._worker(unit.process)
        if worker in self._free:
            self._free[worker] += 1
        self._start_queued(worker, at)

    def _report(self, unit: Unit) -> Event:
        if self._hierarchy.machine(unit.process).retries_processed:
            return Reported(replace(unit, state=UnitState.PROCESSED))
        return Processed(unit.id, unit.key, unit.run, 1)

    def _decide(self, events: list[Event], at: float) -> None:
        """Decide until nobody is owed a look any more."""
        now = self._now + timedelta(seconds=at)
        effects = self._engine.on(events, now)
        self._timetable.settle()
        self._take(effects, at)
        while self._engine.is_owing and len(self._planned) <= RUNS_MAX:
            effects = self._engine.on((), now)
            self._timetable.settle()
            if not effects.saves:
                break
            self._take(effects, at)
        if self._pools is not None and (next_at := self._pools.next_at()) is not None:
            self._clock.put(max((next_at - self._now).total_seconds(), at + _GRAIN), None)

    def _take(self, effects: Effects, at: float) -> None:
        inserted: dict[JobKey, Unit] = {}
        for save in effects.saves:
            match save:
                case InsertUnit(unit):
                    inserted[unit.key] = unit
                case SaveJob(job):
                    made = inserted.pop(job.key, None)
                    if made is not None:
                        self._plan(job, None, self._earliest(job), self._after(job))
                        self._queue(made, at)
                    elif job.state.is_final:
                        self._end(job)
                case _:
                    pass

    def _plan(
        self,
        job: Job,
        known: Unit | None,
        earliest: float,
        after: Sequence[int],
    ) -> None:
        self._last_of[job.key] = len(self._planned)
        self._planned.append(Planned(key=job.key, earliest=earliest, after=after, unit=known))

    def _end(self, job: Job) -> None:
        """Note the end of a job, be it by a run or without one."""
        number = self._last_of.get(job.key)
        if number is None:
            number = self._last_of[job.key] = len(self._planned)
            self._planned.append(
                Planned(
                    key=job.key,
                    earliest=self._earliest(job),
                    after=self._after(job),
                    is_run=False,
                )
            )
        self._ended[job.process][job.timeperiod.ordinal] = number

    def _earliest(self, job: Job) -> float:
        node = self._hierarchy.nodes[job.process]
        if self._hierarchy.machine(job.process).runs_live and job.run > 1:
            return 0.0
        at = self._hierarchy.over_at(node, job.timeperiod.ordinal)
        return max((at - self._now).total_seconds(), 0.0)

    def _after(self, job: Job) -> Sequence[int]:
        """Return what had to end before a job could start, of what has ended since."""
        node, ordinal = self._hierarchy.nodes[job.process], job.timeperiod.ordinal
        found: list[int] = []
        before = self._last_of.get(job.key)
        if before is not None:
            found.append(before)  # An earlier run of the same job.
        for source in node.inputs:
            ended = self._ended[source.process]
            if not ended:
                continue
            for part in self._hierarchy.covered(node, ordinal) or (ordinal,):
                wanted = self._hierarchy.input_range(node, source, part)
                if len(wanted) > len(ended):
                    found += [number for at, number in ended.items() if at in wanted]
                else:
                    found += [ended[at] for at in wanted if at in ended]
        return found

    def _queue(self, unit: Unit, at: float) -> None:
        worker = self._worker(unit.process)
        self._queues.setdefault(worker, deque()).append(unit)
        self._start_queued(worker, at)

    def _start_queued(self, worker: str, at: float) -> None:
        queue = self._queues.get(worker)
        while queue and self._free.get(worker, 1) > 0:
            unit = queue.popleft()
            if worker in self._free:
                self._free[worker] -= 1
            self._clock.put(at + self._usual[unit.process], _Ended(unit))

    def _worker(self, process: ProcessName) -> str:
        return self._hierarchy.nodes[process].process.worker

    def _set_timer(self, node: Node, now: datetime, at: float) -> None:
        """Look at a process when its next interval may start, or an input is given up."""
        over_until = self._hierarchy.over_until(node, now)
        if not node.process.is_on or (node.until is not None and over_until >= node.until):
            return
        next_at = self._hierarchy.over_at(node, over_until)
        for source in node.inputs:
            if source.at_least is not None:
                end = self._hierarchy.next_end(node, now - source.give_up_after)
                if end is not None:
                    next_at = min(next_at, max(end + source.give_up_after, now))
        seconds = (next_at - self._now).total_seconds()
        self._clock.put(seconds if seconds > at else at + 1.0, Look(node.process.name))


def _unit_of(job: Job) -> Unit:
    """Return the unit that a job waits for, where it was not read with the others."""
    assert job.uow_id is not None
    return Unit(
        id=job.uow_id,
        process=job.process,
        timeperiod=job.timeperiod,
        start=job.timeperiod,
        end=job.timeperiod.shift(1),
        run=job.run,
        created_at=job.changed_at,
    )


def course_of(situation: Situation, length: timedelta) -> Course:
    """Return what runs within a length of time from now on, as things usually go."""
    return _Run(situation, length.total_seconds()).course()
