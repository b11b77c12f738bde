"""Why does no worker take a unit? From what the boxes report, and who has stopped what on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from synergy.conf.names import PROCESS_SCHEDULER, PROCESS_SUPERVISOR
from synergy.core.commands import Command, CommandKind, CommandState
from synergy.core.records import BoxProcess
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.supervision import ProcessStatus
from synergy.core.timeperiod import JobKey
from synergy.ports.store import Reader
from synergy.view.boxes import BoxView, Presence, box_views
from synergy.view.cause import Cause, CauseKind, start_on, start_there, undrain
from synergy.view.past_store import is_past
from synergy.view.words import at

#: Boxes of which is told; of more, only how many there are.
BOXES_MAX: Final = 5
#: Records of what people did to boxes that are looked through for who stopped a worker.
_RECORDS_MAX: Final = 200
_BUSY_MAX: Final = 3
#: Of the name by which a worker claims, see `synergy.workers.main`.
_OWNER_PARTS: Final = 4


class Boxes(Struct, frozen=True, kw_only=True):
    """What the store knows of boxes at `now`. told_of: the job whose causes these are."""

    store: Reader
    now: datetime
    vanished_after: timedelta
    told_of: JobKey


def no_worker(boxes: Boxes, process: str) -> Sequence[Cause]:
    """Return why nobody runs `process`, box by box; nothing when somebody on a box should.

    process: of a group, its workers. One that was started by hand, without a Supervisor, is not
    seen. Of a past instant it is not known.
    """
    if is_past(boxes.store):
        return ()
    return no_worker_among(boxes, process, box_views(boxes.store, boxes.vanished_after))


def no_worker_among(boxes: Boxes, process: str, views: Sequence[BoxView]) -> Sequence[Cause]:
    """Return why none of these boxes runs `process`; nothing when one of them should."""
    found = [(view, row) for view in views for row in view.processes if row.process == process]
    if any(is_able(view, row) for view, row in found):
        return list(_busy(boxes, process, [row for view, row in found if is_able(view, row)]))
    if not found:
        return [_no_box(boxes, process, views)]
    causes = [_obstacle(boxes, view, row) for view, row in found[:BOXES_MAX]]
    if len(found) > BOXES_MAX:
        more = len(found) - BOXES_MAX
        text = f'{more} more boxes do not run it either; ./launch.py super --query --all'
        causes.append(Cause(key=boxes.told_of, kind=CauseKind.NO_BOX, text=text))
    return causes


def able_processes(views: Iterable[BoxView]) -> frozenset[str]:
    """Return the processes that run on some box and take work there."""
    return frozenset(row.process for view in views for row in view.processes if is_able(view, row))


def able_on(store: Reader, vanished_after: timedelta) -> frozenset[str]:
    """Return the processes that take work on some box that the store knows now."""
    return able_processes(box_views(store, vanished_after))


def is_able(view: BoxView, row: BoxProcess) -> bool:
    """Tell whether a process runs on a box and takes work there."""
    return (
        view.presence is Presence.ALIVE
        and not _is_drained(view, row)
        and row.is_on
        and row.state == ProcessStatus.RUNNING.value
        # One that ends again and again as it starts runs most of the time, and does nothing.
        and row.reason is None
    )


def worker_in(owner: str | None) -> str | None:
    """Return the name of the workers, a process's or a group's, of which one owns a unit.

    owner: `box:name:instance:pid`; None: of what it is not said.
    """
    parts = (owner or '').split(':')
    return parts[1] if len(parts) == _OWNER_PARTS else None


def _is_drained(view: BoxView, row: BoxProcess) -> bool:
    """Tell whether a box drains and that is about `row`: its Scheduler goes on."""
    return view.box.is_draining and row.process != PROCESS_SCHEDULER


def _busy(boxes: Boxes, process: str, rows: Sequence[BoxProcess]) -> Iterator[Cause]:
    """Say so when every worker that runs has a unit already."""
    running = [
        unit
        for unit in boxes.store.live_units()
        if (worker_in(unit.owner) or unit.process) == process
        and unit.state is UnitState.IN_PROGRESS
    ]
    worker_count = sum(len(row.pids) for row in rows)
    if not running or len(running) < worker_count:
        return
    named = ', '.join(str(unit.key) for unit in running[:_BUSY_MAX])
    more = ', ...' if len(running) > _BUSY_MAX else ''
    yield Cause(
        key=boxes.told_of,
        kind=CauseKind.BUSY,
        text=f'all workers of {process} ({worker_count}) are busy: {named}{more}',
        since=running[0].started_at,
    )


def _no_box(boxes: Boxes, process: str, views: Sequence[BoxView]) -> Cause:
    if not views:
        return Cause(
            key=boxes.told_of,
            kind=CauseKind.NO_BOX,
            text='no Supervisor has ever reported a box, so nothing runs unless it was started by '
            'hand',
            action=start_there(PROCESS_SUPERVISOR, None),
        )
    return Cause(
        key=boxes.told_of,
        kind=CauseKind.NO_BOX,
        text=f'no box is set to run {process}: its present_on_boxes names none of '
        f'{", ".join(view.box.box_id for view in views[:BOXES_MAX])}; correct it in context.py and '
        'start their Supervisors again',
    )


def _obstacle(boxes: Boxes, view: BoxView, row: BoxProcess) -> Cause:
    """Return why `row` runs nothing on its box, the most certain reason first."""
    if view.presence is not Presence.ALIVE:
        return _gone(boxes, view)
    if not row.is_on:
        asked = _asked(boxes, view.box.box_id, row.process, 'stop')
        since = row.changed_at if asked is None else asked.created_at
        return Cause(
            key=boxes.told_of,
            kind=CauseKind.WORKER_OFF,
            text=f'{row.process} is switched off on box {row.box_id}{_when(boxes, since)}'
            f'{_by(asked)}',
            since=since,
            action=start_on(row.box_id, row.process),
        )
    if _is_drained(view, row):
        asked = _asked(boxes, view.box.box_id, view.box.box_id, 'drain')
        since = None if asked is None else asked.created_at
        return Cause(
            key=boxes.told_of,
            kind=CauseKind.DRAINED,
            text=f'box {row.box_id} drains, its workers take no more'
            f'{_when(boxes, since)}{_by(asked)}',
            since=since,
            action=undrain(row.box_id),
        )
    return _ended(boxes, row)


def _gone(boxes: Boxes, view: BoxView) -> Cause:
    box = view.box
    match view.presence:
        case Presence.VANISHED:
            text = f'box {box.box_id} ({box.host}) vanished: not heard of'
        case Presence.STOPPED:
            text = f'the Supervisor of box {box.box_id} stopped'
        case Presence.UNSEEN:
            text = f'no Supervisor of box {box.box_id} was ever heard of'
        case Presence.ALIVE:
            raise ValueError(f'box {box.box_id} is alive')
        case _:
            assert_never(view.presence)
    return Cause(
        key=boxes.told_of,
        kind=CauseKind.BOX_GONE,
        text=f'{text}{_when(boxes, box.seen_at)}',
        since=box.seen_at,
        action=start_there(PROCESS_SUPERVISOR, box.box_id),
    )


def _ended(boxes: Boxes, row: BoxProcess) -> Cause:
    """Return how a process stands that is wanted on a live box and does not run."""
    when = _when(boxes, row.changed_at)
    if row.state == ProcessStatus.FATAL.value:
        restarts = f' and {row.restart_count} restarts' if row.restart_count else ''
        said = '; its log says why' if row.reason is None else f': {row.reason}'
        return Cause(
            key=boxes.told_of,
            kind=CauseKind.GIVEN_UP,
            text=f'{row.process} was given up on box {row.box_id} after failure upon failure'
            f'{restarts}{when}{said}{_log(row)}',
            since=row.changed_at,
            action=start_on(row.box_id, row.process),
            box_id=row.box_id,
            log_file=row.log_file,
        )
    if row.reason is not None:
        return Cause(
            key=boxes.told_of,
            kind=CauseKind.STARTING,
            text=f'{row.process} does not start on box {row.box_id}: {row.reason}; it is tried '
            f'again and again{_log(row)}',
            since=row.changed_at,
            box_id=row.box_id,
            log_file=row.log_file,
        )
    told = {
        ProcessStatus.BACKOFF.value: 'has ended and is started again after a pause',
        ProcessStatus.DRAINING.value: 'finishes what it runs before it starts again',
        ProcessStatus.STOPPING.value: 'is stopping before it starts again',
    }.get(row.state or '', 'is about to be started')
    return Cause(
        key=boxes.told_of,
        kind=CauseKind.STARTING,
        text=f'{row.process} {told} on box {row.box_id}{when}',
        since=row.changed_at,
    )


def _log(row: BoxProcess) -> str:
    return '' if row.log_file is None else f'. Its log: {row.log_file}'


def _asked(boxes: Boxes, box_id: str, thing: str, action: str) -> Command | None:
    """Return who asked for `action`, if the newest record about `thing` on a box is that."""
    records = boxes.store.commands((CommandState.DONE,), _RECORDS_MAX, (CommandKind.BOX,))
    about = (
        item for item in records if item.process == thing and item.details.get('box') == box_id
    )
    newest = next(about, None)
    return newest if newest is not None and newest.details.get('action') == action else None


def _by(asked: Command | None) -> str:
    return '' if asked is None else f' by {asked.who}'


def _when(boxes: Boxes, since: datetime | None) -> str:
    return '' if since is None else f' since {at(since, boxes.now)}'
