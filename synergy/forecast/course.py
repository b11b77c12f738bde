"""One course of things: the deciding engine on a virtual clock, with runs of usual length.

It tells which jobs run, in which order they are started, and what each of them waits for. That is
all that is taken from it: how long runs really take is drawn many times along that order
(`synergy.forecast.draws`), which would cost far too much with the engine itself.

Runs end well in it, and what is held stays held. What is due and does not start is told with what
stands in its way (`synergy.forecast.stuck`). Nothing is saved: effects are read and dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import inf
from typing import Final

from synergy.core.effects import Effects, InsertUnit, SaveJob
from synergy.core.engine import Engine
from synergy.core.events import Event, Look, Processed, Reported
from synergy.core.holds import Holds
from synergy.core.jitter import phase
from synergy.core.node import InputKind, Node
from synergy.core.pools import demands_of, pools_in_use
from synergy.core.records import Job, ProcessName, Unit
from synergy.core.states import Blocking, JobState, UnitState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey
from synergy.forecast.happenings import Clock, Ended, Fire, Happening
from synergy.forecast.situation import Situation
from synergy.forecast.stuck import Stuck, stuck_in
from synergy.forecast.uncollected import uncollected

#: Seconds after which a pool that may be free again is looked at, at least.
_GRAIN: Final = 0.5
#: More runs than these are not looked at; what comes behind them is beyond the forecast.
RUNS_MAX: Final = 250_000
#: Of a live interval, runs between are looked at if they take a worker for such a share of the
#: time; so many fires of all triggers together.
_LIVE_SHARE_MIN: Final = 0.1
_LIVE_FIRES_MAX: Final = 20_000


class Planned(Struct, frozen=True, kw_only=True):
    """One run, or the end of a job without one.

    earliest: seconds from now on before which it does not begin. after: numbers of those that must
    have ended before. is_run: it takes a worker. unit: as it stands, if it is there already.
    strict: those of `after` without which, skipped, it is skipped, too. lapses_at: a run of a live
    interval that could not begin by then does not. is_again: the last attempt of its job failed.
    """

    key: JobKey
    earliest: float
    after: Sequence[int]
    is_run: bool = True
    unit: Unit | None = None
    strict: Sequence[int] = ()
    lapses_at: float = inf
    is_again: bool = False


class Course(Struct, frozen=True, kw_only=True):
    """All that runs, in the order of starts. last_of: by job, the number of what ends it.

    stuck: what is due until the end, and has not started by then. is_whole: nothing was left out
    because it was too much.
    """

    planned: Sequence[Planned]
    last_of: dict[JobKey, int]
    stuck: Sequence[Stuck]
    is_whole: bool


class _Run:
    """One run of the engine until a horizon."""

    def __init__(self, situation: Situation, seconds: float, runs_max: int) -> None:
        self._now, self._until, self._runs_max = situation.now, seconds, runs_max
        self._situation = situation
        self._timetable = timetable = situation.timetable
        self._hierarchy = hierarchy = timetable.hierarchy
        self._holds = Holds(hierarchy, freezes=situation.freezes)
        self._pools = pools_in_use(
            hierarchy.pools.sizes, demands_of(hierarchy), timetable.running_count, hierarchy.nodes
        )
        self._engine = Engine(timetable, pools=self._pools, holds=self._holds)
        self._clock = Clock()
        self._free = dict(situation.workers)
        self._queues: dict[str, deque[Unit]] = {}
        self._usual = {name: situation.work_of(name).lengths.median for name in hierarchy.nodes}
        self._planned: list[Planned] = []
        self._last_of: dict[JobKey, int] = {}
        #: The last runs of live intervals, none of which ends its job.
        self._live_of: dict[JobKey, int] = {}
        self._live_fires = 0
        #: By process, up to where its intervals are over from the beginning.
        self._over = {
            node.process.name: hierarchy.over_until(node, self._now) for node in hierarchy
        }
        #: By process, the numbers of what has ended its jobs, by ordinal.
        self._ended: dict[ProcessName, dict[int, int]] = {name: {} for name in hierarchy.nodes}
        self._is_live = {name: hierarchy.machine(name).runs_live for name in hierarchy.nodes}
        #: Of those whose live runs are looked at, seconds from one fire of the trigger to the next.
        self._live_seconds = {
            node.process.name: seconds
            for node in hierarchy
            if self._is_live[node.process.name]
            and node.process.is_on
            and (seconds := _seconds_between(node, self._now))
            and self._usual[node.process.name] / seconds >= _LIVE_SHARE_MIN
        }
        #: Until when each process was held when it was looked at last.
        self._opens_at: dict[ProcessName, datetime] = {}

    def course(self) -> Course:
        self._adopt()
        names = list(self._hierarchy.nodes)
        for node in self._hierarchy:
            self._set_timer(node, self._now, 0.0)
            self._set_trigger(node, self._now)
        self._decide([Look(name) for name in names], 0.0)
        is_whole, at = True, 0.0
        while taken := self._clock.take(self._until):
            at, found = taken
            self._decide([*self._events(found, at)], at)
            if len(self._planned) > self._runs_max:
                is_whole = False
                break
        end = self._now + timedelta(seconds=self._until if is_whole else at)
        self._timetable.extend(end)
        return Course(
            planned=self._planned,
            last_of=self._last_of,
            stuck=stuck_in(self._timetable, self._holds, self._situation.workers, end),
            is_whole=is_whole,
        )

    def _adopt(self) -> None:
        """Let what is under way go on: what runs, then what waits for a worker or its next try."""
        known = {unit.id: unit for unit in self._situation.units}
        jobs = [job for job in self._timetable.open_jobs() if job.has_live_unit]
        jobs.sort(key=lambda job: job.changed_at)
        for job in jobs:
            if self._pools is not None:  # Whoever has started last has its turn last.
                self._pools.has_turn(self._pools.taker(job.process))
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
            self._plan(job, unit, 0.0)
            elapsed = 0.0
            if unit.started_at is not None:
                elapsed = max((self._now - unit.started_at).total_seconds(), 0.0)
            left = self._situation.work_of(job.process).lengths.left(elapsed).median
            self._clock.put(left, Ended(unit))
        for job, known_unit in found:
            unit = _unit_of(job) if known_unit is None else known_unit
            if unit.state is UnitState.IN_PROGRESS:
                continue
            delay = 0.0
            if unit.not_before is not None:
                delay = max((unit.not_before - self._now).total_seconds(), 0.0)
            self._plan(job, unit, delay)
            self._clock.put(delay, unit)

    def _events(self, found: Iterable[Happening], at: float) -> Iterable[Event]:
        now = self._now + timedelta(seconds=at)
        for what in found:
            match what:
                case Look(process):
                    self._set_timer(self._hierarchy.nodes[process], now, at)
                    self._look_later(process, now, at)
                    yield what
                case Fire(process):
                    self._set_trigger(self._hierarchy.nodes[process], now)
                    yield Look(process, is_trigger=True)
                case Ended(unit):
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
        while self._engine.is_owing and len(self._planned) <= self._runs_max:
            effects = self._engine.on((), now)
            self._timetable.settle()
            if not effects.saves:
                break
            self._take(effects, at)
        if self._pools is not None and (next_at := self._pools.next_at()) is not None:
            self._clock.put(max((next_at - self._now).total_seconds(), at + _GRAIN), None)

    def _take(self, effects: Effects, at: float) -> None:
        made: Unit | None = None
        for save in effects.saves:
            match save:
                case InsertUnit(unit):
                    made = unit
                case SaveJob(job):
                    if made is not None and job.uow_id == made.id:
                        self._plan(job, None, self._earliest(job, at))
                        self._queue(made, at)
                        made = None
                    elif job.state.is_final:
                        self._end(job, at)
                case _:
                    pass

    def _plan(self, job: Job, known: Unit | None, earliest: float) -> None:
        key, number = job.key, len(self._planned)
        after: Sequence[int] = ()
        strict: Sequence[int] = ()
        if known is None:
            after, strict = self._after(job)
        lapses_at = inf
        if job.state is JobState.IN_PROGRESS and self._is_live[job.process]:
            self._live_of[key] = number
            lapses_at = earliest + self._live_seconds.get(job.process, inf)
        else:
            self._last_of[key] = number
        self._planned.append(
            Planned(
                key=key,
                earliest=earliest,
                after=after,
                unit=known,
                strict=strict,
                lapses_at=lapses_at,
                is_again=key in self._situation.again,
            )
        )

    def _end(self, job: Job, at: float) -> None:
        """Note the end of a job, be it by a run or without one."""
        number = self._last_of.get(job.key)
        if number is None:
            number = self._last_of[job.key] = len(self._planned)
            after, _ = self._after(job)
            self._planned.append(
                Planned(key=job.key, earliest=self._earliest(job, at), after=after, is_run=False)
            )
        self._ended[job.process][job.timeperiod.ordinal] = number

    def _earliest(self, job: Job, at: float) -> float:
        """Return before when a job does not start, `at` it does: it may have waited since then."""
        ordinal = job.timeperiod.ordinal
        if job.state is JobState.IN_PROGRESS and self._is_live[job.process]:
            return at
        if ordinal < self._over[job.process]:
            return 0.0
        over_at = self._hierarchy.over_at(self._hierarchy.nodes[job.process], ordinal)
        return max((over_at - self._now).total_seconds(), 0.0)

    def _after(self, job: Job) -> tuple[Sequence[int], Sequence[int]]:
        """Return what had to end before a job could start, of what has ended since.

        And those of them without which, skipped, it is skipped.
        """
        node, ordinal = self._hierarchy.nodes[job.process], job.timeperiod.ordinal
        found: list[int] = []
        strict: list[int] = []
        before = self._live_of.get(job.key) if self._live_of else None
        if before is not None:
            found.append(before)
        for source in node.inputs:
            ended = self._ended[source.process]
            if not ended:
                continue
            begin = len(found)
            for part in self._hierarchy.covered(node, ordinal) or (ordinal,):
                wanted = self._hierarchy.input_range(node, source, part)
                if len(wanted) > len(ended):
                    found += [number for at, number in ended.items() if at in wanted]
                else:
                    found += [ended[at] for at in wanted if at in ended]
            if (
                node.process.blocking is Blocking.DEPENDENCIES
                and source.kind is InputKind.DEPENDENCY
                and source.at_least is None
            ):
                strict += found[begin:]
        return found, strict

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
            self._clock.put(at + self._usual[unit.process], Ended(unit))

    def _worker(self, process: ProcessName) -> str:
        return self._hierarchy.nodes[process].process.worker

    def _set_trigger(self, node: Node, now: datetime) -> None:
        """Let live intervals run when the trigger fires next, if that takes workers to speak of."""
        name = node.process.name
        if name not in self._live_seconds or self._live_fires >= _LIVE_FIRES_MAX:
            return
        self._live_fires += 1
        delay = phase(name, node.process.jitter)
        fire = node.process.trigger.next_fire(now - delay) + delay
        self._clock.put((fire - self._now).total_seconds(), Fire(name))

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


def _seconds_between(node: Node, now: datetime) -> float:
    """Return how much later than the next fire of a trigger the one after it comes."""
    trigger = node.process.trigger
    fire = trigger.next_fire(now)
    return (trigger.next_fire(fire) - fire).total_seconds()


def course_of(situation: Situation, length: timedelta, runs_max: int = RUNS_MAX) -> Course:
    """Return what runs within a length of time from now on, as things usually go."""
    with uncollected():
        return _Run(situation, length.total_seconds(), runs_max).course()
