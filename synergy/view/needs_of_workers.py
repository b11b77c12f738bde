"""Boxes that have vanished, processes that do not come up, and queued work that nobody takes.

Work that waits for a box or a process of which is told already is told there: one trouble, one
entry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from synergy.core.commands import counted
from synergy.core.freerun_record import base_of, is_freerun
from synergy.core.records import BoxProcess
from synergy.core.structs import replace
from synergy.view.boxes import BoxView, Presence, does_not_start, start_advice
from synergy.view.cause import forget, start_on, why_command
from synergy.view.need import Need, NeedKind, Seen
from synergy.view.no_worker import Boxes, able_processes, no_worker_among
from synergy.view.untaken import Untaken, overdue, overdue_freeruns, untaken
from synergy.view.words import span

#: Processes whose queued work is told of one box, or of one group of workers.
_STUCK_SHOWN_MAX: Final = 5


def needs_of_workers(seen: Seen) -> Iterator[Need]:
    """Yield what keeps work from workers, what concerns most first."""
    able = able_processes(seen.views)
    queued = {item.process: item for item in untaken(seen.timetable, seen.work, able, seen.now)}
    worker_of = {name: seen.timetable.hierarchy.nodes[name].process.worker for name in queued}
    told = [name for name in queued if _is_told(seen.views, worker_of[name])]
    waiting: dict[str, list[Untaken]] = {}
    for name in told:
        waiting.setdefault(worker_of[name], []).append(queued[name])
    for view in seen.views:
        if view.presence is Presence.VANISHED:
            yield _vanished(view, waiting)
    for view in seen.views:
        for row in view.processes:
            if view.is_ill(row):
                yield _not_up(row, waiting)
    untold = ((item, worker_of[name]) for name, item in queued.items() if name not in told)
    yield from (_no_worker(seen, item, worker) for item, worker in untold)
    yield from _overdue(seen, queued)


def _is_told(views: Sequence[BoxView], process: str) -> bool:
    """Tell whether every box that should run a process has vanished, or does not get it up."""
    rows = [(view, row) for view in views for row in view.processes if row.process == process]
    return bool(rows) and all(
        (view.presence is Presence.VANISHED and row.is_on) or view.is_ill(row) for view, row in rows
    )


def _vanished(view: BoxView, waiting: Mapping[str, Sequence[Untaken]]) -> Need:
    box = view.box
    stuck = [item for row in view.processes for item in waiting.get(row.process, ())]
    return Need(
        kind=NeedKind.VANISHED,
        subject=box.box_id,
        address='/boxes',
        text=f'box {box.box_id} ({box.host}) has vanished; what it ran is rescued when its '
        f'leases run out{_waits(stuck)}',
        advice='Start its Supervisor again; gone for good: ./launch.py super --forget '
        f'{box.box_id}',
        since=box.seen_at,
        action=forget(box.box_id),
    )


def _not_up(row: BoxProcess, waiting: Mapping[str, Sequence[Untaken]]) -> Need:
    stuck = waiting.get(row.process, ())
    return Need(
        kind=NeedKind.NOT_UP,
        subject=f'{row.process} on {row.box_id}',
        address='/boxes',
        text=f'{does_not_start(row)}{_waits(stuck)}',
        advice=start_advice(row),
        since=row.changed_at,
        action=start_on(row.box_id, row.process),
        box_id=row.box_id,
        log_file=row.log_file,
    )


def _overdue(seen: Seen, told: Collection[str]) -> Iterator[Need]:
    """Yield what has waited for longer than its entry allows. told: processes that need not be."""
    for item in overdue(seen.timetable, seen.store, seen.work, seen.now):
        if item.process not in told:
            process = seen.timetable.hierarchy.nodes[item.process].process
            yield _start_overdue(seen, item, process.worker, process.start_timeout)
    if (context := seen.context) is not None:
        limits = context.start_timeouts
        for item in overdue_freeruns(seen.store, seen.work, limits, seen.now):
            worker = context.worker_of(item.process)
            yield _start_overdue(seen, item, worker, limits[base_of(item.process)])


def _start_overdue(seen: Seen, item: Untaken, worker: str, start_timeout: timedelta | None) -> Need:
    """Return that workers take work, and too late; of free runs, that nobody may."""
    need = _no_worker(seen, item, worker)
    assert start_timeout is not None
    runs, limit = counted(item.count, 'queued run'), span(start_timeout)
    told_of = f'{runs} of {item.process} {"has" if item.count == 1 else "have"} waited for a worker'
    advice = 'give it more of them: instances in context.py'
    return replace(
        need,
        kind=NeedKind.START_OVERDUE,
        text=f'{told_of} for longer than {limit} (start_timeout_seconds)',
        advice=f'{need.advice}; {advice}' if need.action is None else need.advice,
    )


def _no_worker(seen: Seen, item: Untaken, worker: str) -> Need:
    """Return that nobody takes the queued work of a process, why, and what helps."""
    told_of = Boxes(
        store=seen.store, now=seen.now, vanished_after=seen.vanished_after, told_of=item.key
    )
    causes = no_worker_among(told_of, worker, seen.views)
    action = next((cause.action for cause in causes if cause.action is not None), None)
    why = why_command(item.key)
    return Need(
        kind=NeedKind.NO_WORKER,
        subject=item.process,
        address=f'/freeruns/{quote(item.process)}'
        if is_freerun(item.process)
        else f'/i/{quote(item.process)}/{item.key.timeperiod}',
        text=f'{counted(item.count, "queued run")} of {item.process} '
        f'{"waits" if item.count == 1 else "wait"} for a worker: '
        f'{"; ".join(cause.text for cause in causes) or "no box runs one that takes work"}',
        advice=f'See {why}' if action is None else f'{action.label}: {action.command}',
        since=item.since,
        count=item.count,
        action=action,
    )


def _waits(stuck: Sequence[Untaken]) -> str:
    """Return what is queued because of it, as the end of a sentence."""
    if not stuck:
        return ''
    shown = stuck[:_STUCK_SHOWN_MAX]
    told = ' and '.join(f'{counted(item.count, "queued run")} of {item.process}' for item in shown)
    if len(stuck) > len(shown):
        told += f' and those of {len(stuck) - len(shown)} more'
    is_one = len(stuck) == 1 and stuck[0].count == 1
    return f'; {told} {"waits" if is_one else "wait"} for that'
