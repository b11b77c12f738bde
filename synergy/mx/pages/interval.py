"""One interval: facts, why it waits, its runs with their logs, its neighbours, its history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final, cast

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from synergy.core.commands import CommandKind
from synergy.core.node import Node
from synergy.core.records import Job, JobEvent, LogLine, ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.mx.live.forecasts import ForecastFailed
from synergy.mx.live.marks import Mark
from synergy.mx.live.read_model import Usual
from synergy.mx.pages.job_actions import touches_any
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.cells import Cell, Painter, href_of
from synergy.mx.widgets.chart import Chart, chart_of
from synergy.mx.widgets.foreseen import Clock, JobForecast, job_forecast_of
from synergy.mx.widgets.selection import range_address
from synergy.operations.foreseen import Asked
from synergy.ports.store import EVENTS_PER_JOB_MAX
from synergy.view.alerts import OpenGroup, groups_about, remembered
from synergy.view.attempts import Attempt, attempts_of
from synergy.view.cause import Action, Cause, CauseKind
from synergy.view.clock import changed
from synergy.view.conditions import (
    ATTEMPT_FAILED,
    BY_UNIT,
    LEFT_OUT,
    LOST,
    Condition,
    condition_of_unit,
)
from synergy.view.forecast import LENGTH, JobForecastDocument
from synergy.view.inputs import InputStanding, standings
from synergy.view.jobs import Neighbour, neighbours_of
from synergy.view.why import explain

#: Events that are looked through for what became of earlier attempts.
ATTEMPT_EVENTS_MAX: Final = 500
#: Runs, the newest, whose logs are looked through for the same.
ATTEMPT_LOGS_MAX: Final = 10
LOG_LINES: Final = 200
#: Runs, the newest, that are shown unless all are asked for: what runs live has dozens of them.
RUNS_SHOWN: Final = 10


#: Cells of one process beside each other; where there are more, one stands for them all.
RELATED_MAX: Final = 400
#: Marks of jobs of which nothing is to be expected any more.
_DONE: Final = ('ok', 'skip', 'noop', 'out')


class Step(Struct, frozen=True, kw_only=True):
    """One job on the way to the root of a wait. is_root: nothing behind it is waited for.

    since: since when it is so. expected_at: when it may change by itself.
    """

    key: JobKey
    depth: int
    mark: Condition
    causes: Sequence[Cause]
    since: datetime | None
    expected_at: datetime | None
    is_root: bool
    job: Job | None
    children: Sequence[Cell]

    @property
    def actions(self) -> Sequence[Action]:
        """Return what helps here, each once."""
        found = [cause.action for cause in self.causes if cause.action is not None]
        return list(dict.fromkeys(found))


class Run(Struct, frozen=True, kw_only=True):
    """One run of the job: its attempts, newest first."""

    unit: Unit
    attempts: Sequence[tuple[Attempt, Mark]]


class Log(Struct, frozen=True, kw_only=True):
    """The log of one run. attempt: of this one alone. skipped: earlier lines that are not shown."""

    unit: Unit
    attempt: int | None
    lines: Sequence[LogLine]
    skipped: int


class Interval(Struct, frozen=True, kw_only=True):
    """All that the page shows. may_start: when it is over; runs_live: it runs before that, too.

    late_at: from then on it is late. runs: the newest; run_count: of all. log_of: whose log is
    shown: while it waits, of what failed or runs at the root. can_reprocess, can_skip, can_mark:
    there is something to do so to.
    word: what is said of it, with what was skipped below it. changes: what is done to the clock of
    its tree within it. inputs: what it waits for. foreseen: when it is likely to be done.
    """

    node: Node
    key: JobKey
    job: Job | None
    mark: Condition
    word: str
    is_late: bool
    start: datetime
    end: datetime
    may_start: datetime
    late_at: datetime
    changes: str
    runs_live: bool
    runs: Sequence[Run]
    run_count: int
    log: Log | None
    log_of: JobKey
    events: Sequence[JobEvent]
    related: Sequence[tuple[str, Sequence[Cell]]]
    earlier: JobKey | None
    later: JobKey | None
    steps: Sequence[Step]
    inputs: Sequence[InputStanding]
    usual: Usual
    chart: Chart | None
    can_reprocess: bool
    can_skip: bool
    can_mark: bool
    foreseen: JobForecast | None


_RELATIONS: Final = (
    ('Depends on', 'dependency'),
    ('Parents', 'parent'),
    ('Children', 'child'),
    ('Dependents', 'dependent'),
)


def interval(request: RequestContext, process: str, timeperiod: str) -> Response:
    """Return the page of one interval."""
    key = request.key(process, timeperiod)
    if str(key.timeperiod) != timeperiod:
        # One address for each interval, however it was written.
        return redirect(href_of(key), 302)
    return page(
        request, 'interval.html', shown=interval_of(request, key), told=_told_of(request, key)
    )


def _told_of(request: RequestContext, key: JobKey) -> Sequence[OpenGroup]:
    """Return the alerts about an interval that somebody was told of; of a past instant none."""
    if request.past is not None:
        return []
    memory, _ = remembered(request.store)
    rules = request.context.alerts
    return [item for item in groups_about(memory, str(key), rules, request.now) if item.id]


def interval_of(request: RequestContext, key: JobKey) -> Interval:
    """Return everything about one interval."""
    model, node = request.model, request.node(key.process)
    ordinal = key.timeperiod.ordinal
    start, end = model.hierarchy.interval(node, ordinal)
    runs = request.store.runs(key)
    request.look()
    with model.lock:
        painter = Painter(request)
        mark, word = painter.mark(node, key), painter.cell(node, ordinal).word
        neighbours = list(neighbours_of(model.timetable, node, ordinal))
        steps = steps_of(request, painter, key)
        inputs = standings(model.looking(request.now), node, ordinal)
        related = [
            (title, _related(request, painter, neighbours, relation))
            for title, relation in _RELATIONS
        ]
        is_late = painter.is_late(node, ordinal, mark)
        can_reprocess = mark is LEFT_OUT or touches_any(request, CommandKind.REPROCESS, key)
        can_skip = touches_any(request, CommandKind.SKIP, key)
        can_mark = touches_any(request, CommandKind.MARK_DONE, key)
    log_of = key if request.optional('run') is not None and runs else _log_of(request, steps, key)
    durations = model.durations(request.store, key.process, key.timeperiod)
    return Interval(
        node=node,
        key=key,
        job=request.store.jobs([key]).get(key),
        mark=mark,
        word=word,
        is_late=is_late,
        start=start,
        end=end,
        may_start=model.hierarchy.over_at(node, ordinal),
        late_at=model.hierarchy.late_at(node, ordinal),
        changes=changed(node, start, end),
        runs_live=model.hierarchy.machine(node.process.name).runs_live,
        runs=_runs(request, key, runs if request.optional('runs') == 'all' else runs[-RUNS_SHOWN:]),
        run_count=len(runs),
        log=_log(request, runs if log_of == key else request.store.runs(log_of)),
        log_of=log_of,
        events=request.store.events(key, EVENTS_PER_JOB_MAX),
        related=related,
        earlier=_beside(neighbours, 'earlier'),
        later=_beside(neighbours, 'later'),
        steps=steps,
        inputs=inputs,
        usual=durations.usual,
        chart=chart_of(request, node, durations, runs),
        can_reprocess=can_reprocess,
        can_skip=can_skip,
        can_mark=can_mark,
        foreseen=None if mark.css in _DONE or request.past else _foreseen(request, node, key),
    )


def _foreseen(request: RequestContext, node: Node, key: JobKey) -> JobForecast | None:
    """Return when a job is likely to be done, by a forecast that nobody waits for."""
    if request.model.hierarchy.over_at(node, key.timeperiod.ordinal) > request.now + LENGTH:
        return None
    asked = Asked(process=key.process, timeperiod=str(key.timeperiod))
    try:
        found = cast('JobForecastDocument | None', request.site.forecasts.of(asked))
    except ForecastFailed:
        return None
    if found is None:
        return JobForecast(is_awaited=True)
    return job_forecast_of(found, Clock(now=request.now, zone=node.calendar.zone))


def _related(
    request: RequestContext, painter: Painter, neighbours: Sequence[Neighbour], relation: str
) -> Sequence[Cell]:
    """Return a cell for each of some neighbours, or one for all of a process that has too many."""
    by_process: dict[ProcessName, list[int]] = {}
    for item in neighbours:
        if item.relation == relation:
            by_process.setdefault(item.key.process, []).append(item.key.timeperiod.ordinal)
    cells: list[Cell] = []
    for name, ordinals in by_process.items():
        node = request.model.hierarchy.nodes[name]
        if len(ordinals) <= RELATED_MAX:
            cells += [painter.cell(node, ordinal) for ordinal in ordinals]
        else:
            whole = range(min(ordinals), max(ordinals) + 1)
            first, last = (Timeperiod(node.process.qualifier, at) for at in (whole[0], whole[-1]))
            href = range_address(name, first, last)
            told = f'{first} to {last}'
            cells.append(painter.rolled_up(node, whole, href=href, title=told))
    return cells


def steps_of(request: RequestContext, painter: Painter, key: JobKey) -> Sequence[Step]:
    """Return why a job stands where it stands, followed to the roots; hold the lock."""
    vanished_after = request.settings.box_vanished
    causes = explain(request.model.timetable, request.store, key, request.now, vanished_after)
    found: list[tuple[JobKey, int, list[Cause]]] = []
    for cause in causes:
        if not found or found[-1][0] != cause.key:
            found.append((cause.key, cause.depth, []))
        found[-1][2].append(cause)
    steps = []
    for number, (step_key, depth, said) in enumerate(found):
        node = request.model.hierarchy.nodes[step_key.process]
        job = request.model.timetable.open_job(step_key)
        is_last = number + 1 == len(found) or found[number + 1][1] <= depth
        steps.append(
            Step(
                key=step_key,
                depth=depth,
                mark=painter.mark(node, step_key),
                causes=said,
                # How long it is late is not how long it has waited for this.
                since=_first(cause.since for cause in said if cause.kind is not CauseKind.LATE),
                expected_at=_first(cause.expected_at for cause in said),
                is_root=is_last,
                job=job,
                children=() if is_last else _children(request, painter, node, step_key),
            )
        )
    return steps


def _first(instants: Iterable[datetime | None]) -> datetime | None:
    return next((instant for instant in instants if instant is not None), None)


def _log_of(request: RequestContext, steps: Sequence[Step], key: JobKey) -> JobKey:
    """Return whose log tells most of a job: while it waits, of what failed or runs at the root."""
    roots = [step for step in steps if step.is_root and step.key != key]
    failed = request.model.failed
    found = [step.key for step in roots if step.key.timeperiod.ordinal in failed[step.key.process]]
    found += [step.key for step in roots if step.job is not None and step.job.has_live_unit]
    return found[0] if found else key


def _children(request: RequestContext, painter: Painter, node: Node, key: JobKey) -> Sequence[Cell]:
    if node.child is None:
        return ()
    ordinal = key.timeperiod.ordinal
    child = request.model.hierarchy.nodes[node.child]
    ordinals = request.model.hierarchy.children_of(node, range(ordinal, ordinal + 1))
    return [painter.cell(child, number) for number in ordinals]


def _runs(request: RequestContext, key: JobKey, units: Sequence[Unit]) -> Sequence[Run]:
    """Return the runs, newest first; history and logs are read only for runs tried again."""
    tried_again = [unit for unit in reversed(units) if unit.attempt > 1]
    events = request.store.events(key, ATTEMPT_EVENTS_MAX) if tried_again else ()
    logs = {unit.id: request.store.log(unit.id) for unit in tried_again[:ATTEMPT_LOGS_MAX]}
    return [
        Run(
            unit=unit,
            attempts=[
                (attempt, _mark_of(attempt, request.now))
                for attempt in attempts_of(unit, logs.get(unit.id, ()), events)
            ],
        )
        for unit in reversed(units)
    ]


def _mark_of(attempt: Attempt, now: datetime) -> Mark:
    """Return how an attempt stands: a failed one may be followed by others."""
    if attempt.is_lost:
        return LOST
    if attempt.state is UnitState.INVALID:
        return ATTEMPT_FAILED
    is_newest = attempt.number == attempt.unit.attempt
    return condition_of_unit(attempt.unit, now) if is_newest else BY_UNIT[attempt.state]


def _log(request: RequestContext, runs: Sequence[Unit]) -> Log | None:
    if not runs:
        return None
    wanted = request.number('run', runs[-1].run, 0, 10**9)
    unit = next((unit for unit in runs if unit.run == wanted), runs[-1])
    lines = request.store.log(unit.id)
    attempt = request.number('attempt', 0, 0, 10**9) or None
    if attempt is not None:
        lines = [line for line in lines if line.attempt == attempt]
    kept = lines if request.optional('all') else lines[-LOG_LINES:]
    return Log(unit=unit, attempt=attempt, lines=kept, skipped=len(lines) - len(kept))


def _beside(neighbours: Sequence[Neighbour], relation: str) -> JobKey | None:
    return next((item.key for item in neighbours if item.relation == relation), None)
