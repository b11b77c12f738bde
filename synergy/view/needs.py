"""What waits for a person and does not end by itself: one list for overview, API and status.

Failed and held jobs, by what is wrong; paused requests; boxes that have vanished; processes that do
not come up; runs far over their usual time; processes that are off while others wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from synergy.core.commands import JOB_KINDS, OPEN_COMMAND_STATES, Command, CommandKind, CommandState
from synergy.core.failure_streaks import is_paused_by_itself
from synergy.core.freerun_record import is_freerun
from synergy.core.overrides import off_text
from synergy.core.records import BoxProcess, ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.timetable import Timetable
from synergy.ports.store import Reader
from synergy.view.boxes import BoxView, Presence, does_not_start, start_advice
from synergy.view.cause import Action, resume, start_on, switch_on, why_command
from synergy.view.letter_groups import GroupView, letter_groups
from synergy.view.usual import Usual
from synergy.view.words import at, span

#: A run counts as stuck when it takes so many times what half of its kind take, and longer than
#: this: runs of milliseconds vary more.
OVERLONG_RATIO: Final = 10
OVERLONG_MIN: Final = timedelta(seconds=30)
#: Runs under way that are looked at, those that run longest; requests; and records of pauses.
_RUNS_MAX: Final = 200
_REQUESTS_MAX: Final = 100
_RECORDS_MAX: Final = 200


class NeedKind(StrEnum):
    """What it is that waits for a person."""

    FAILED = 'failed'
    PAUSED = 'paused'
    VANISHED = 'vanished'
    NOT_UP = 'not_up'
    OVERLONG = 'overlong'
    OFF = 'off'


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One thing that waits for a person.

    subject: what it is about, and address: its page in the dashboard. text: a sentence without its
    stop; advice: what helps, with a command. count: of what waits, where that can be counted.
    action: one button that helps. box_id, log_file: of a log that says more. group: of FAILED.
    """

    kind: NeedKind
    subject: str
    address: str
    text: str
    advice: str
    since: datetime | None = None
    count: int = 1
    action: Action | None = None
    box_id: str | None = None
    log_file: str | None = None
    group: GroupView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What needs are told from. usual: how long runs of a process take; units: those under way."""

    timetable: Timetable
    store: Reader
    views: Sequence[BoxView]
    usual: Callable[[ProcessName], Usual]
    now: datetime


def needs(seen: Seen) -> list[Need]:
    """Return what waits for a person, what concerns most first.

    Hold the lock of the read model, if the timetable is its own. Dead letters are only read when a
    job is held.
    """
    return [
        *_of_boxes(seen.views),
        *_of_processes(seen.views),
        *_failed(seen),
        *_paused(seen),
        *_off(seen),
        *_overlong(seen),
    ]


def _of_boxes(views: Sequence[BoxView]) -> Iterator[Need]:
    for view in views:
        if view.presence is Presence.VANISHED:
            box = view.box
            yield Need(
                kind=NeedKind.VANISHED,
                subject=box.box_id,
                address='/boxes',
                text=f'box {box.box_id} ({box.host}) has vanished; what it ran is rescued when its '
                'leases run out',
                advice='Start its Supervisor again; gone for good: ./launch.py super --forget '
                f'{box.box_id}',
                since=box.seen_at,
            )


def _of_processes(views: Sequence[BoxView]) -> Iterator[Need]:
    for view in views:
        for row in view.processes:
            if view.is_ill(row):
                yield _not_up(row)


def _not_up(row: BoxProcess) -> Need:
    return Need(
        kind=NeedKind.NOT_UP,
        subject=f'{row.process} on {row.box_id}',
        address='/boxes',
        text=does_not_start(row),
        advice=start_advice(row),
        since=row.changed_at,
        action=start_on(row.box_id, row.process),
        box_id=row.box_id,
        log_file=row.log_file,
    )


def _failed(seen: Seen) -> Iterator[Need]:
    """Yield failed jobs that are held, those of one process and error together."""
    if not any(job.is_held for job in seen.timetable.open_jobs()):
        return
    for view in letter_groups(seen.timetable, seen.store):
        group = view.group
        if not view.held_count:
            continue
        held_up = f', holds up {view.held_text}' if view.held_text else ''
        yield Need(
            kind=NeedKind.FAILED,
            subject=group.process,
            address=f'/t/{quote(group.process)}',
            text=f'{group.process}: {view.count_text}, {view.span_text}, {group.error}{held_up}',
            advice=f'Fix the cause, then ./launch.py dead retry --process {group.process}',
            since=group.first_at,
            count=view.held_count,
            group=view,
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
        f'paused{by}{when}',
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
            text=f'{off_text(process)}: {_intervals(count)} of it are due, and '
            f'{" and ".join(node.outputs)} wait for it',
            advice=f'Switch it on: ./launch.py process on {process.name}',
            since=None if override is None else override.is_on_at,
            count=count,
            action=switch_on(process.name),
        )


def _overlong(seen: Seen) -> Iterator[Need]:
    running = [
        unit
        for unit in seen.store.live_units(_RUNS_MAX)
        if unit.state is UnitState.IN_PROGRESS
        and unit.started_at is not None
        and seen.now - unit.started_at > OVERLONG_MIN
    ]
    usual = {process: seen.usual(process).p50 for process in _processes(running)}
    for unit in running:
        p50 = usual[unit.process]
        assert unit.started_at is not None, 'it runs'
        took = seen.now - unit.started_at
        if p50 is not None and took > p50 * OVERLONG_RATIO:
            yield _overlong_run(unit, took, p50)


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


def _intervals(count: int) -> str:
    return f'{count:,} interval' if count == 1 else f'{count:,} intervals'
