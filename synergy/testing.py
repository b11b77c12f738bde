"""Run a context on a simulated clock, in a unit test: the real Scheduler, the real workers.

    with run_context(start='2026112300', days=2) as run:
        assert run.state('SiteDaily', '2026112300') == PROCESSED

Scheduler, retries and commands are those of production; clock, store and broker are simulated and
in memory, so days pass in a moment and nothing of an installation is touched. What your workers
touch is your own: lead them to a folder or a database of the test, or replace them by `stubs`.
There are no time-outs here, and user code that asks the operating system for the time gets today.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from synergy import bootstrap
from synergy.conf.context import load_context
from synergy.conf.model import Context, FreerunEntry, WorkerEntry
from synergy.conf.settings import load_settings
from synergy.core.calendar import Calendar
from synergy.core.commands import Command, CommandKind, CommandState
from synergy.core.nearest import nearest
from synergy.core.records import CommandId, ProcessName, Unit
from synergy.core.states import JobState, UnitState
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey, Measure
from synergy.core.working import left_out
from synergy.core.written_timeperiod import at_level, instant_at
from synergy.core.zones import UTC_CALENDAR
from synergy.scheduler.main import pipeline_of
from synergy.simulation.crews import crew_of
from synergy.simulation.faults import Faults
from synergy.simulation.forecast import beginning_at
from synergy.simulation.plot import Plot, UserCode
from synergy.simulation.world import World
from synergy.workers import Outcome, Uow, Worker
from synergy.workers.code_opener import open_source
from synergy.workers.handler import Handler, load_handler

__all__ = [
    'EMBRYO',
    'FINAL_RUN',
    'IN_PROGRESS',
    'NOOP',
    'PROCESSED',
    'SKIPPED',
    'ContextRun',
    'JobState',
    'Outcome',
    'Ran',
    'RequestRefused',
    'UnitState',
    'Uow',
    'Worker',
    'run_context',
]

EMBRYO: Final = JobState.EMBRYO
IN_PROGRESS: Final = JobState.IN_PROGRESS
FINAL_RUN: Final = JobState.FINAL_RUN
PROCESSED: Final = JobState.PROCESSED
SKIPPED: Final = JobState.SKIPPED
NOOP: Final = JobState.NOOP

#: Stands in for the worker of a process; returns what `process_uow` may return.
Stub: TypeAlias = Callable[[Uow], object]
_CHECK_EVERY: Final = 1_000_000
#: Of simulated time: a request is read, planned and applied in batches.
_ANSWER_SECONDS: Final = 0.5


class RequestRefused(Exception):
    """The Scheduler refused what a test asked for; the message says why."""


class Ran(Struct, frozen=True, kw_only=True):
    """One run of a job. attempt: how many tries it took so far, lost_count: how many lost
    their worker; error: of the last one.
    """

    process: str
    timeperiod: str
    run: int
    attempt: int
    lost_count: int
    state: UnitState
    count: int
    error: str | None
    started_at: datetime | None
    ended_at: datetime | None


@contextmanager
def run_context(
    module: str = 'context',
    *,
    start: str | None = None,
    days: float = 1,
    stubs: Mapping[str, Stub] | None = None,
    seconds: float = 1.0,
    project: Path | None = None,
) -> Iterator[ContextRun]:
    """Run a context for `days` of simulated time, then hand it over for questions.

    module: its name, as in SYNERGY_CONTEXT_MODULE. start: hour in UTC, `2026030100`, or
    date, `2026-03-01`, at which the clock and every tree begin, whatever the context says; a date
    is that of the zone of all trees, if they have one. Without it, trees begin as the context says,
    and the clock with the first of them. stubs: by process, what to call
    instead of its worker. seconds: of simulated time that each run takes. project: folder of
    the context; the current one unless given. Raises ContextError, with every problem, when the
    context is refused.
    """
    context = _loaded(module, project)
    pipeline = pipeline_of(context, bootstrap.clock())
    begin = _begin(context) if start is None else instant_at(start, None, _calendar(context))
    pipeline = beginning_at(pipeline, begin, is_exact=start is not None)
    pipeline = replace(
        pipeline, freeruns=[replace(item, changed_at=begin) for item in pipeline.freeruns]
    )
    entries = _workers(context, stubs or {})
    world = World(
        Plot(
            pipeline=pipeline,
            start=begin,
            crew=crew_of(context),
            duration=lambda _: seconds,
            is_calm=True,
            user_code_of=lambda name: _user_code(context, entries[name], (stubs or {}).get(name)),
        ),
        seed=0,
        faults=Faults(),
    )
    with _informed(), closing(world):
        run = ContextRun(world)
        run.pass_time(days=days)
        yield run
        world.monitor.check_rows()


class ContextRun:
    """A context on a simulated clock, which stands still between two calls of `pass_time`."""

    def __init__(self, world: World) -> None:
        """Look at a world; `run_context` makes it."""
        self._world = world
        self._request_count = 0

    @property
    def now(self) -> datetime:
        """Return the simulated instant."""
        return self._world.clock.now()

    def pass_time(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> None:
        """Let time pass, and everything happen that is due in it."""
        length = timedelta(days=days, hours=hours, minutes=minutes)
        self._world.run(length.total_seconds(), _CHECK_EVERY)

    def state(self, process: str, timeperiod: str) -> JobState:
        """Return the state of a job; zeros at the end of `timeperiod` may be left out."""
        key = self._key(process, timeperiod)
        job = self._world.store.jobs([key]).get(key)
        if job is not None:
            return job.state
        # What a working calendar leaves out has no row, and is final from the start.
        node, ordinal = self._world.hierarchy.nodes[key.process], key.timeperiod.ordinal
        has_begun = ordinal < self._world.hierarchy.begun_until(node, self.now)
        found, ordinals = node.process, range(ordinal, ordinal + 1)
        marks = left_out(node.calendar, found.working, found.qualifier, ordinals)
        return JobState.NOOP if has_begun and any(marks) else JobState.EMBRYO

    def late_at(self, process: str, timeperiod: str) -> datetime:
        """Return from when on a job is late unless it is done, by its deadline or without one."""
        key = self._key(process, timeperiod)
        node = self._world.hierarchy.nodes[key.process]
        return self._world.hierarchy.late_at(node, key.timeperiod.ordinal)

    def runs(self, process: str, timeperiod: str) -> Sequence[Ran]:
        """Return the runs of a job, the first first."""
        return [_ran(unit) for unit in self._world.store.runs(self._key(process, timeperiod))]

    def all_runs(self) -> Sequence[Ran]:
        """Return every run that has begun, free runs too, in the order in which they began."""
        runs = [_ran(unit) for unit in self._world.store.all_units()]
        begun = [run for run in runs if run.started_at is not None]
        return sorted(begun, key=lambda run: (run.started_at or self.now, run.process))

    def log(self, process: str, timeperiod: str) -> Sequence[str]:
        """Return what the newest run of a job has logged, line by line."""
        store = self._world.store
        units = store.runs(self._key(process, timeperiod))
        return [line.text for line in store.log(units[-1].id)] if units else []

    def reprocess(
        self, process: str, timeperiod: str, *, with_children: bool = False, anyway: bool = False
    ) -> None:
        """Ask for a job to run again, as `synergy reprocess` does; then let time pass.

        anyway: also what a working calendar leaves out.
        """
        self._ask(CommandKind.REPROCESS, process, timeperiod, with_children, is_anyway=anyway)

    def skip(self, process: str, timeperiod: str) -> None:
        """Ask for a job to end as skipped, as `synergy skip` does; then let time pass."""
        self._ask(CommandKind.SKIP, process, timeperiod)

    def _ask(
        self,
        kind: CommandKind,
        process: str,
        timeperiod: str,
        with_children: bool = False,
        *,
        is_anyway: bool = False,
    ) -> None:
        """Insert a command and wait for it to be done; raise RequestRefused."""
        key = self._key(process, timeperiod)
        self._request_count += 1
        command = Command(
            id=CommandId(f'test-{self._request_count}'),
            kind=kind,
            process=key.process,
            start=key.timeperiod,
            end=key.timeperiod.shift(1),
            with_children=with_children,
            details={'anyway': True} if is_anyway else {},
            actor='test',
            created_at=self.now,
        )
        self._world.ask(command)
        self._world.run(_ANSWER_SECONDS, _CHECK_EVERY)
        found = self._world.store.command(command.id)
        if found is not None and found.state is CommandState.REFUSED:
            raise RequestRefused(str(found.outcome))

    def _key(self, process: str, timeperiod: str) -> JobKey:
        nodes = self._world.hierarchy.nodes
        node = nodes.get(ProcessName(process))
        if node is None:
            raise LookupError(
                f'process {process!r} is not a managed process of this context'
                f'{nearest(process, nodes)}; it has: {", ".join(nodes)}'
            )
        text = timeperiod
        if timeperiod.isdecimal() and len(timeperiod) < len('YYYYMMDDHH'):
            text = timeperiod.ljust(len('YYYYMMDDHH'), '0')
        if node.process.qualifier.measure is Measure.MINUTE and text.isdecimal():
            text = text.ljust(len('YYYYMMDDHHMM'), '0')
        now = self._world.clock.now()
        found = at_level(node.process.qualifier, text, now, node.calendar)
        if found.ordinal < node.first or (node.until is not None and found.ordinal >= node.until):
            first = self._world.hierarchy.timeperiod(node, node.first)
            raise LookupError(
                f'{process}@{found} is outside its tree, which begins with {first}; '
                'choose another interval, or another start'
            )
        return JobKey(node.process.name, found)


@contextmanager
def _informed() -> Iterator[None]:
    """Let logs of runs have what workers log, and the terminal stay quiet, for a block."""
    root, silent = logging.getLogger(), logging.NullHandler()
    level = root.level
    root.setLevel(min(level, logging.INFO) or logging.INFO)
    root.addHandler(silent)
    try:
        yield
    finally:
        root.removeHandler(silent)
        root.setLevel(level)


def _loaded(module: str, project: Path | None) -> Context:
    environ = {**os.environ, 'SYNERGY_CONTEXT_MODULE': module}
    folder = bootstrap.project_folder(environ) if project is None else project
    return load_context(load_settings(environ, folder))


def _calendar(context: Context) -> Calendar:
    """Return the calendar by which a date is meant: of the zone of all trees, or UTC."""
    calendars = {node.tree.zone: node.calendar for node in context.hierarchy}
    return next(iter(calendars.values())) if len(calendars) == 1 else UTC_CALENDAR


def _begin(context: Context) -> datetime:
    """Return when the first tree begins; of a context of free runs only, some midnight."""
    starts = [node.tree.start for node in context.hierarchy]
    return min(starts, default=datetime(2026, 1, 1, tzinfo=UTC))


def _workers(context: Context, stubs: Mapping[str, Stub]) -> Mapping[ProcessName, WorkerEntry]:
    """Return what takes units; raise LookupError for a stub of anything else."""
    entries = context.workers
    for name in stubs:
        if name not in entries:
            raise LookupError(
                f'stub {name!r} is of no process of this context{nearest(name, entries)}; '
                f'it has: {", ".join(entries)}'
            )
    return entries


def _user_code(context: Context, entry: WorkerEntry, stub: Stub | None) -> UserCode:
    is_sourced = stub is None and not isinstance(entry, FreerunEntry) and entry.data_source
    return UserCode(
        handler=load_handler(entry.classname, entry.name) if stub is None else Handler(stub),
        calendars=context.calendars_of(entry.name),
        source=entry.source,
        sink=entry.sink,
        data_source=open_source(entry) if is_sourced else None,
    )


def _ran(unit: Unit) -> Ran:
    return Ran(
        process=unit.process,
        timeperiod=str(unit.timeperiod),
        run=unit.run,
        attempt=unit.attempt,
        lost_count=unit.lost_count,
        state=unit.state,
        count=unit.processed_count,
        error=unit.error,
        started_at=unit.started_at,
        ended_at=unit.finished_at,
    )
