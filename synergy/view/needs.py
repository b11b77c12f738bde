"""What waits for a person and does not end by itself: one list for overview, API and status.

Boxes that have vanished, processes that do not come up or have no worker (`needs_of_workers`);
failed and held jobs and free runs that fail, by what is wrong; what the Scheduler has paused by
itself; paused requests; processes that are off while others wait for them; runs far over their
usual time; working calendars that run out.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence, Set
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from synergy.conf.names import PROCESS_WATCH
from synergy.core.commands import (
    JOB_KINDS,
    OPEN_COMMAND_STATES,
    Command,
    CommandKind,
    CommandState,
    counted,
)
from synergy.core.failure_streaks import is_paused_by_itself
from synergy.core.freerun_record import is_freerun
from synergy.core.overrides import off_text
from synergy.core.records import ProcessName, Unit
from synergy.core.states import UnitState
from synergy.view.cause import resume, switch_freerun_on, switch_on, why_command
from synergy.view.freeruns import standing
from synergy.view.letter_groups import GroupView, letter_groups
from synergy.view.need import Need, NeedKind, Seen
from synergy.view.needs_of_workers import needs_of_workers
from synergy.view.past_store import is_past
from synergy.view.self_paused import self_paused
from synergy.view.troubles import Trouble
from synergy.view.unwatched import unwatched
from synergy.view.words import at, span

#: A run counts as stuck when it takes so many times what half of its kind take, and longer than
#: this: runs of milliseconds vary more.
OVERLONG_RATIO: Final = 10
OVERLONG_MIN: Final = timedelta(seconds=30)
#: Runs under way that are looked at, those that run longest; requests; and records of pauses.
_RUNS_MAX: Final = 200
#: Those that run longest come first: where one of these does not run for long, no other does.
_RUNS_FEW: Final = 20
_REQUESTS_MAX: Final = 100
_RECORDS_MAX: Final = 200


def needs(seen: Seen, kinds: Collection[NeedKind] = frozenset(NeedKind)) -> list[Need]:
    """Return what waits for a person, what concerns most first.

    kinds: only of these, and what is read together with them. Hold the lock of the read model, if
    the timetable is its own. Dead letters are only read when a job is held, or there are free runs.
    Of a past instant nobody needs anything any more.
    """
    if is_past(seen.store):
        return []
    parts = (part for part, made in _PARTS if not made.isdisjoint(kinds))
    return [need for part in parts for need in part(seen)]


def _calendar_ends(seen: Seen) -> Iterator[Need]:
    """Yield the working calendars that have run out, or do soon."""
    for end in seen.calendar_ends:
        names = end.processes
        yield Need(
            kind=NeedKind.CALENDAR_ENDS,
            subject=end.calendar.name,
            address=f'/t/{quote(names[0])}' if len(names) == 1 else '/processes',
            text=end.text,
            advice=end.advice,
        )


def _no_watch(seen: Seen) -> Iterator[Need]:
    """Yield that nobody watches, although somebody is to be told of alerts."""
    found = unwatched(seen.context, seen.store, seen.views, seen.store.store_now())
    if found is not None:
        yield Need(
            kind=NeedKind.NO_WATCH,
            subject=PROCESS_WATCH,
            address='/alerts',
            text=found.text,
            advice=found.advice,
            since=found.since,
            action=found.action,
        )


def _failed(seen: Seen) -> Iterator[Need]:
    """Yield what failed, that of one process and error together, and what is paused for it."""
    freeruns = seen.store.freeruns()
    paused = {
        trouble.process: trouble
        for trouble in self_paused(seen.timetable.hierarchy, seen.store, seen.now, freeruns)
        if trouble.process is not None
    }
    told = set()
    for view in _open_groups(seen, {entry.name for entry in freeruns}):
        told.add(view.group.process)
        yield _group(view, paused.get(view.group.process))
    for process, trouble in paused.items():
        if process not in told:
            yield _self_paused(process, trouble)


def _open_groups(seen: Seen, freeruns: Set[ProcessName]) -> Iterator[GroupView]:
    """Yield the groups of which a job is held, or whose free run failed the last time, too."""
    if not freeruns and not any(job.is_held for job in seen.timetable.open_jobs()):
        return
    found = letter_groups(seen.timetable, seen.store)
    failing = {
        name
        for name in {view.group.process for view in found} & freeruns
        if standing(seen.store, name).failed_count
    }
    for view in found:
        if view.held_count or view.group.process in failing:
            # One is enough of a free run: its errors are of the same entry.
            failing.discard(view.group.process)
            yield view


def _group(view: GroupView, paused: Trouble | None) -> Need:
    group = view.group
    held_up = f', holds up {view.held_text}' if view.held_text else ''
    retry = f'./launch.py dead retry --process {group.process}'
    also, action = None, None
    if paused is not None:
        also = f'Paused by itself since {paused.since:%Y-%m-%d %H:%M:%S} UTC: nothing of it starts'
        if group.is_freerun:
            action = switch_freerun_on(group.process)
            retry = action.command
        else:
            retry += ' --switch-on'
    return Need(
        kind=NeedKind.FAILED,
        subject=group.process,
        address=f'/{"freeruns" if group.is_freerun else "t"}/{quote(group.process)}',
        text=f'{group.process}: {view.count_text}, {view.span_text}, {group.error}{held_up}'
        f'{"" if also is None else f". {also}"}',
        advice=f'Fix the cause, then {retry}',
        since=group.first_at,
        count=max(view.held_count, 1),
        action=action,
        group=view,
        also=also,
    )


def _self_paused(process: ProcessName, trouble: Trouble) -> Need:
    action = switch_freerun_on(process) if is_freerun(process) else switch_on(process)
    return Need(
        kind=NeedKind.SELF_PAUSED,
        subject=process,
        address=trouble.address or '/processes',
        text=trouble.text.removesuffix('.'),
        advice=f'Nothing of it starts. Fix the cause, then {action.command}',
        since=trouble.since,
        action=action,
    )


def _paused(seen: Seen) -> Iterator[Need]:
    paused = [
        command
        for command in seen.store.commands(OPEN_COMMAND_STATES, _REQUESTS_MAX, JOB_KINDS)
        if command.is_paused
    ]
    if not paused:
        return
    records = seen.store.commands((CommandState.DONE,), _RECORDS_MAX, (CommandKind.PAUSE,))
    for command in paused:
        pause = next((item for item in records if item.target == command.id), None)
        yield _paused_request(seen, command, pause)


def _paused_request(seen: Seen, command: Command, pause: Command | None) -> Need:
    by = '' if pause is None else f' by {pause.who}'
    when = '' if pause is None else f' since {at(pause.created_at, seen.now)}'
    return Need(
        kind=NeedKind.PAUSED,
        subject=f'request {command.id[:6]}',
        address=f'/requests/{command.id}',
        text=f'request {command.id} ({command.kind.value} {command.process} {command.said}) is '
        f'paused{when}{by}',
        advice=f'It goes on with ./launch.py requests resume {command.id}',
        since=None if pause is None else pause.created_at,
        count=max(command.planned_count - command.applied_count, 1),
        action=resume(command.id),
    )


def _off(seen: Seen) -> Iterator[Need]:
    """Yield processes that are off while intervals are due for which others wait."""
    hierarchy = seen.timetable.hierarchy
    for node in hierarchy:
        process = node.process
        override = process.override
        if process.is_on or not node.outputs:
            continue
        if override is not None and is_paused_by_itself(override.is_on_by):
            # Told among the troubles, with the error because of which.
            continue
        over = range(node.first, max(hierarchy.over_until(node, seen.now), node.first))
        count = seen.timetable.pending_count(process.name, over)
        if not count:
            continue
        yield Need(
            kind=NeedKind.OFF,
            subject=process.name,
            address=f'/t/{quote(process.name)}',
            text=f'{off_text(process)}: {counted(count, "interval")} of it '
            f'{"is" if count == 1 else "are"} due, and {_waits(node.outputs)} for it',
            advice=f'Switch it on: ./launch.py process on {process.name}',
            since=None if override is None else override.is_on_at,
            count=count,
            action=switch_on(process.name),
        )


def _overlong(seen: Seen) -> Iterator[Need]:
    units = seen.store.live_units(_RUNS_FEW)
    if len(units) == _RUNS_FEW and _runs_long(units[-1], seen.now):
        units = seen.store.live_units(_RUNS_MAX)
    running = [unit for unit in units if _runs_long(unit, seen.now)]
    usual = {process: seen.usual(process).p50 for process in _processes(running)}
    for unit in running:
        p50 = usual[unit.process]
        assert unit.started_at is not None, 'it runs'
        took = seen.now - unit.started_at
        if p50 is not None and took > p50 * OVERLONG_RATIO:
            yield _overlong_run(unit, took, p50)


def _runs_long(unit: Unit, now: datetime) -> bool:
    return (
        unit.state is UnitState.IN_PROGRESS
        and unit.started_at is not None
        and now - unit.started_at > OVERLONG_MIN
    )


def _overlong_run(unit: Unit, took: timedelta, p50: timedelta) -> Need:
    place = f'{quote(unit.process)}/{unit.timeperiod}'
    log = f'./launch.py log {unit.process} {unit.timeperiod}'
    if is_freerun(unit.process):
        address, advice = f'/freeruns/{quote(unit.process)}', f'See ./launch.py log {unit.process}'
    else:
        address, advice = f'/i/{place}', f'See {log}, and {why_command(unit.key)}'
    return Need(
        kind=NeedKind.OVERLONG,
        subject=str(unit.key),
        address=address,
        text=f'{unit.key} runs for {span(took)} on {unit.owner}; usual are {span(p50)}',
        advice=advice,
        since=unit.started_at,
    )


def _processes(units: Sequence[Unit]) -> Collection[ProcessName]:
    return dict.fromkeys(unit.process for unit in units)


def _waits(processes: Sequence[ProcessName]) -> str:
    return f'{" and ".join(processes)} {"waits" if len(processes) == 1 else "wait"}'


#: What reads which kinds, in the order of lists.
_PARTS: Final[Sequence[tuple[Callable[[Seen], Iterator[Need]], Set[NeedKind]]]] = (
    (
        needs_of_workers,
        {NeedKind.VANISHED, NeedKind.NOT_UP, NeedKind.NO_WORKER, NeedKind.START_OVERDUE},
    ),
    (_no_watch, {NeedKind.NO_WATCH}),
    (_failed, {NeedKind.FAILED, NeedKind.SELF_PAUSED}),
    (_paused, {NeedKind.PAUSED}),
    (_off, {NeedKind.OFF}),
    (_overlong, {NeedKind.OVERLONG}),
    (_calendar_ends, {NeedKind.CALENDAR_ENDS}),
)
