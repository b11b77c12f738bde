"""What is to be expected of the hours ahead, as a store has everything now.

The deciding engine tells which jobs run in which order, on a virtual clock; how long they take is
drawn many times from what was measured (`synergy.forecast`). Nothing is written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Annotated, Final, TypedDict

from synergy.core.durations import Measured, work_of
from synergy.core.records import ProcessName
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.forecast.course import RUNS_MAX
from synergy.forecast.likely import Action, ActionKind, Due, Likely, Link, Waits
from synergy.forecast.outlook import Outlook, forecast
from synergy.forecast.situation import Situation
from synergy.ports.freezing import freezes_in
from synergy.ports.store import EndedRun, Reader
from synergy.view.boxes import box_views
from synergy.view.encode import instant
from synergy.view.estimates import workers_by_process
from synergy.view.forecast_stuck import RootDocument, StuckDocument, encode_root, encode_stuck
from synergy.view.forecast_trees import asked_of_trees
from synergy.view.why_documents import At

#: How far one may look, and does if nothing is said.
LENGTH_MAX: Final = timedelta(days=7)
LENGTH: Final = timedelta(hours=24)
#: Newest runs of a process that are looked at: fewer where there are many processes.
_RUNS_MAX: Final = 200
_RUNS_MIN: Final = 20
_RUNS_IN_ALL: Final = 40_000
#: Runs of an ordinary night, and more: for whoever looks ahead again and again at a known price.
RUNS_OF_A_LOOK: Final = 20_000
#: Deadlines that are told with what decides them, and less likely than what to hold.
_EXPLAINED_MAX: Final = 3
AT_RISK: Final = 0.9
#: Items of a list.
ITEMS_MAX: Final = 1_000


class LinkDocument(TypedDict):
    """One run of a critical path."""

    process: str
    timeperiod: str
    start: At
    end: At | None
    waits: Annotated[str, f'for what it began no earlier: {", ".join(Waits)}']
    of: Annotated[str, 'the process, group or pool that it has waited for']


class HelpDocument(TypedDict):
    """The one action that helps most, as found by drawing once more as if it were done."""

    kind: Annotated[str, f'one of {", ".join(ActionKind)}']
    of: Annotated[str, 'the process, group, pool, freeze or request']
    more: Annotated[int, 'so many workers, places or slots']
    timeperiod: Annotated[str | None, 'of the job that is to be tried at once']
    holds: Annotated[float | None, 'how likely the deadline holds then; null: it has none']
    sooner_seconds: Annotated[float, 'by so much the likely end is earlier']


class LikelyDocument(TypedDict):
    """When a job is likely to end: four in five courses end within [low, high]."""

    process: str
    timeperiod: str
    started: Annotated[str | None, 'since when it runs; null: it does not run now']
    start: At | None
    end: Annotated[
        str | None, 'half of the courses end by then; null: an operator has to act, or see root'
    ]
    low: At | None
    high: At | None
    late_at: At | None
    holds: Annotated[float | None, 'how likely it ends in time; null: it has no deadline']
    path: Annotated[list[LinkDocument], 'what decides it, of the deadlines most at risk']
    action: HelpDocument | None
    root: Annotated[RootDocument | None, 'what it waits for; null: it is expected to start']


class AllDueDocument(TypedDict):
    """When all is likely to be done that could start now but for what it waits for."""

    jobs: int
    end: At | None
    low: At | None
    high: At | None


class TreeForecastDocument(TypedDict):
    """What the owner of a tree asks: when its newest day, or month, is done."""

    tree: str
    is_due: Annotated[bool, 'its interval is over now; else it is the next to be over']
    likely: LikelyDocument


class JobForecastDocument(TypedDict):
    """What is to be expected of one job."""

    at: At
    until: At
    draws: Annotated[int, 'courses that were drawn']
    likely: Annotated[
        LikelyDocument | None, 'null: nothing of it is expected to run within the hours ahead'
    ]


class ForecastDocument(TypedDict):
    """What is to be expected within the hours ahead."""

    at: At
    until: At
    jobs: Annotated[int, 'that are likely to end']
    draws: Annotated[int, 'courses that were drawn']
    is_whole: Annotated[bool, 'false: more would run than was looked at']
    due: AllDueDocument
    trees: Annotated[list[TreeForecastDocument], 'of each tree its newest day, and what is longer']
    deadlines: Annotated[list[LikelyDocument], 'the least likely to hold first']
    at_risk: Annotated[int, f'deadlines that hold with less than {AT_RISK:.0%}']
    items: Annotated[list[LikelyDocument], 'jobs by their likely end']
    stuck: Annotated[list[StuckDocument], 'what is due and does not start by itself']
    stuck_jobs: Annotated[int, 'how many jobs that are']


def situation_of(
    timetable: Timetable, store: Reader, now: datetime, vanished_after: timedelta
) -> Situation:
    """Return where everything stands. timetable: is taken over; nobody else may look at it."""
    names = list(timetable.hierarchy.nodes)
    most = min(max(_RUNS_IN_ALL // max(len(names), 1), _RUNS_MIN), _RUNS_MAX)
    return Situation(
        now=now,
        timetable=timetable,
        units=[unit for unit in store.live_units() if unit.process in timetable.hierarchy.nodes],
        work={name: work_of(measured(store.ended_runs(name, most))) for name in names},
        workers=workers_by_process(box_views(store, vanished_after)),
        freezes=freezes_in(store),
    )


def measured(runs: Iterable[EndedRun]) -> list[Measured]:
    """Return how runs went, without those that were cancelled: these tell of a person."""
    return [
        Measured(
            run.took.total_seconds(), run.started_at.hour, run.attempt, run.state is UnitState.DEAD
        )
        for run in runs
        if run.state is not UnitState.CANCELED
    ]


def forecast_of(situation: Situation, length: timedelta, runs_max: int = RUNS_MAX) -> Outlook:
    """Return what is to be expected within a length of time. runs_max: that are looked at."""
    return forecast(situation, length, runs_max)


def encode_forecast(
    outlook: Outlook, names: Collection[ProcessName] | None = None, limit: int = ITEMS_MAX
) -> ForecastDocument:
    """Return a forecast as it is sent. names: only of these; limit: most items of each list."""

    def is_wanted(item: Likely) -> bool:
        return names is None or item.key.process in names

    deadlines = [item for item in outlook.deadlines() if is_wanted(item)]
    at_risk = [item for item in deadlines if (item.holds or 0.0) < AT_RISK]
    likely = [item for key in outlook.jobs if (item := outlook.of(key)) and is_wanted(item)]
    likely.sort(key=lambda item: (item.end is None, item.end, item.key))
    explained = _explained(at_risk)
    stuck_jobs, stuck = encode_stuck(
        outlook.stuck, lambda name: names is None or name in names, limit
    )
    return {
        'at': instant(outlook.now) or '',
        'until': instant(outlook.until) or '',
        'jobs': len(likely),
        'draws': len(outlook.draws.ends),
        'is_whole': outlook.is_whole,
        'due': _due(outlook.due(names)),
        'trees': _trees(outlook, [*likely, *filter(is_wanted, _newest_stuck(outlook))], limit),
        'deadlines': [
            _encode(outlook, item, is_explained=item.key in explained) for item in deadlines[:limit]
        ],
        'at_risk': len(at_risk),
        'items': [_encode(outlook, item, is_explained=False) for item in likely[:limit]],
        'stuck': stuck,
        'stuck_jobs': stuck_jobs,
    }


def encode_job(outlook: Outlook, key: JobKey) -> JobForecastDocument:
    """Return what is to be expected of one job, with what decides it."""
    item = outlook.of(key)
    return {
        'at': instant(outlook.now) or '',
        'until': instant(outlook.until) or '',
        'draws': len(outlook.draws.ends),
        'likely': None if item is None else _encode(outlook, item, is_explained=True),
    }


def _newest_stuck(outlook: Outlook) -> Iterator[Likely]:
    """Yield the last job of each stretch that does not start."""
    for item in outlook.stuck:
        key = JobKey(item.process, Timeperiod(item.qualifier, item.ordinals[-1]))
        if (likely := outlook.of(key)) is not None:
            yield likely


def _trees(outlook: Outlook, likely: Iterable[Likely], limit: int) -> list[TreeForecastDocument]:
    by_key = {item.key: item for item in likely}
    return [
        {
            'tree': tree,
            'is_due': outlook.is_over(key),
            'likely': _encode(outlook, by_key[key], is_explained=False),
        }
        for tree, key in asked_of_trees(outlook.hierarchy, by_key, outlook.is_over)[:limit]
    ]


def _explained(at_risk: Iterable[Likely]) -> set[JobKey]:
    """Return the deadlines that are explained: of those that wait for the same root the first."""
    found: dict[object, JobKey] = {}
    for item in at_risk:
        if len(found) >= _EXPLAINED_MAX:
            break
        found.setdefault(item.root or item.key, item.key)
    return set(found.values())


def _due(due: Due) -> AllDueDocument:
    return {
        'jobs': due.count,
        'end': instant(due.end),
        'low': instant(due.low),
        'high': instant(due.high),
    }


def _encode(outlook: Outlook, item: Likely, *, is_explained: bool) -> LikelyDocument:
    action = outlook.best_action(item.key) if is_explained else None
    return {
        'process': item.key.process,
        'timeperiod': str(item.key.timeperiod),
        'started': instant(outlook.started.get(item.key)),
        'start': instant(item.start),
        'end': instant(item.end),
        'low': instant(item.low),
        'high': instant(item.high),
        'late_at': instant(item.late_at),
        'holds': None if item.holds is None else round(item.holds, 3),
        'path': [_link(link) for link in outlook.path(item.key)] if is_explained else [],
        'action': None if action is None else encode_action(action),
        'root': None if item.root is None else encode_root(item.root),
    }


def _link(link: Link) -> LinkDocument:
    return {
        'process': link.key.process,
        'timeperiod': str(link.key.timeperiod),
        'start': instant(link.start) or '',
        'end': instant(link.end),
        'waits': link.waits.value,
        'of': link.of,
    }


def encode_action(action: Action) -> HelpDocument:
    """Return an action as it is sent."""
    return {
        'kind': action.kind.value,
        'of': action.of,
        'more': action.more,
        'timeperiod': None if action.key is None else str(action.key.timeperiod),
        'holds': None if action.holds is None else round(action.holds, 3),
        'sooner_seconds': round(action.sooner.total_seconds(), 1),
    }


def action_said(action: HelpDocument) -> str:
    """Return what helps, in words, with the command where there is one."""
    holds, minutes = action['holds'], round(action['sooner_seconds'] / 60)
    then = f'it ends {minutes:,} minutes earlier' if holds is None else f'it holds with {holds:.0%}'
    return f'{_deed_said(action)}; then {then}'


def _deed_said(action: HelpDocument) -> str:
    """Return what to do, without what comes of it."""
    of, more = action['of'], action['more']
    match ActionKind(action['kind']):
        case ActionKind.WORKERS:
            return f'{more} more worker of {of} (present_on_boxes, or another box)'
        case ActionKind.MAX_RUNNING:
            return f'max_running of {of} raised by {more} in context.py'
        case ActionKind.POOL:
            return f'pool {of} raised by {more} slots: ./launch.py pools set {of} --slots N'
        case ActionKind.RATE:
            return (
                f'pool {of} raised by {more} starts a minute: '
                f'./launch.py pools set {of} --per-minute N'
            )
        case ActionKind.RETRY:
            command = f'./launch.py reprocess {of} {action["timeperiod"]}'
            return f'{of} {action["timeperiod"]} tried at once: {command}'
        case ActionKind.SWITCH_ON:
            return f'{of} switched on: ./launch.py process on {of}'
        case ActionKind.THAW:
            return f'the freeze ended: ./launch.py thaw {of}'
        case ActionKind.RESUME:
            return f'the request resumed: ./launch.py requests resume {of}'


def chance_said(holds: float) -> str:
    """Return a probability as people read it; nothing is certain."""
    if holds > 0.99:
        return '> 99 %'
    return '< 1 %' if holds < 0.01 else f'{holds * 100:.0f} %'
