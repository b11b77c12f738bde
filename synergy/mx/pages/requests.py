"""Requests: what operators have asked for, how far it is, and pause, resume, cancel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import (
    JOB_KINDS,
    OPEN_COMMAND_STATES,
    RESETTING_KINDS,
    Command,
    CommandKind,
    CommandState,
)
from synergy.core.records import CommandId, ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import Timeperiod
from synergy.mx.live.marks import Mark
from synergy.mx.live.standings import kept_while_busy
from synergy.mx.pages.confirm import Step, confirm, go_on
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import wrong
from synergy.mx.web.paging import commands_page, older
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.estimating import estimator_of
from synergy.mx.widgets.selection import range_address
from synergy.operations.requests import (
    KIND_BY_ACTION,
    control_request,
    known_request,
    preview_cancel,
)
from synergy.view.conditions import BY_STATE, FAILED, HELD, PAUSED
from synergy.view.no_worker import able_on
from synergy.view.request_progress import (
    NONE,
    RequestProgress,
    Touched,
    progress_of,
    rest_of,
    touched_of,
)
from synergy.view.undo import UndoPreview
from synergy.view.whole import all_commands

MARKS: Final = {
    CommandState.REQUESTED: Mark('due', 'requested'),
    CommandState.APPLYING: Mark('run', 'applying'),
    CommandState.RUNNING: Mark('final', 'running'),
    CommandState.DONE: Mark('ok', 'done'),
    CommandState.REFUSED: Mark('fail', 'refused'),
    CommandState.CANCELLED: Mark('skip', 'cancelled'),
}
_WIDTH: Final = 100.0


class Part(Struct, frozen=True, kw_only=True):
    """A stretch of a progress bar. start, width: of 100."""

    mark: Mark
    count: int
    start: float
    width: float


class RequestRow(Struct, frozen=True, kw_only=True):
    """One request. done: jobs that are final again. left: not yet.

    rate: of jobs per second while it is not paused. rest: how long it may take yet. Both are None
    while it waits for a person, or is paused.
    """

    command: Command
    mark: Mark
    progress: RequestProgress
    parts: tuple[Part, ...]
    done: int
    left: int
    rate: float | None
    rest: timedelta | None

    @property
    def is_about_jobs(self) -> bool:
        """Tell whether it has jobs, so that it can be followed."""
        return self.command.kind in JOB_KINDS

    @property
    def is_open(self) -> bool:
        """Tell whether it is about jobs and the Scheduler still has to do with it."""
        return self.is_about_jobs and self.command.state in OPEN_COMMAND_STATES

    @property
    def is_cancellable(self) -> bool:
        """Tell whether a cancel may drop or put back anything; its preview says how much."""
        return self.is_open


class TouchedRow(Struct, frozen=True, kw_only=True):
    """What a request touches of one process. left: not done yet. address: of it, on the map.

    first, last, address: None once the process has left the context.
    """

    process: ProcessName
    count: int
    left: int
    first: Timeperiod | None = None
    last: Timeperiod | None = None
    address: str | None = None


def requests(request: RequestContext) -> Response:
    """Return the newest requests about jobs."""
    found, cursor = commands_page(request, tuple(CommandState), JOB_KINDS)
    return page(
        request, 'requests.html', rows=request_rows(request, found), older=older(request, cursor)
    )


def request(request: RequestContext, request_id: str) -> Response:
    """Return one request with its progress."""
    row = request_row(request, known_request(request.store, request_id))
    return page(request, 'request.html', row=row, touched=touched_rows(request, row))


def confirm_request_action(request: RequestContext, request_id: str, action: str) -> Response:
    """Say what pausing, resuming or cancelling a request would do."""
    target = known_request(request.store, request_id)
    if action not in KIND_BY_ACTION:
        raise wrong(f'{action!r:.40} cannot be done to a request', 'pause, resume or cancel it')
    says = {
        'pause': 'What runs goes on; nothing more of the request is started until it is resumed.',
        'resume': 'It goes on where it was paused.',
    }
    is_cancel = action == 'cancel'
    step = Step(
        title=f'{action.capitalize()} the request about {target.process}',
        button='Cancel it' if is_cancel else action.capitalize(),
        says=[
            f'{target.kind.value.capitalize()} {target.process} by {target.who}.',
            *(undo_of(request, target.id).says() if is_cancel else [says[action]]),
        ],
        back=request.url('request', request_id=target.id),
        back_text=f'request {target.id[:6]}',
    )
    return confirm(request, step)


def undo_of(request: RequestContext, request_id: str) -> UndoPreview:
    """Return what cancelling a request would do."""
    request.look()
    with request.model.lock:
        return preview_cancel(request.store, request.model.timetable, request_id)


def submit_request_action(request: RequestContext, request_id: str, action: str) -> Response:
    """Pause, resume or cancel a request."""
    target = known_request(request.store, request_id)
    if action not in KIND_BY_ACTION:
        raise wrong(f'{action!r:.40} cannot be done to a request', 'pause, resume or cancel it')
    asked = control_request(caller_of(request), target.id, action)
    return go_on(request, request.url('request', request_id=target.id), asked)


def request_row(request: RequestContext, command: Command) -> RequestRow:
    """Return how far a request is."""
    return request_rows(request, [command])[0]


def request_rows(request: RequestContext, commands: Sequence[Command]) -> Sequence[RequestRow]:
    """Return how far requests are."""
    is_any_open = any(command.state in OPEN_COMMAND_STATES for command in commands)
    kinds = (CommandKind.PAUSE, CommandKind.RESUME)
    pauses = list(all_commands(request.store, (CommandState.DONE,), kinds)) if is_any_open else ()
    request.look()
    estimator = estimator_of(request, {})
    able = partial(able_on, request.store, request.settings.box_vanished)

    def stands() -> Mapping[CommandId, tuple[RequestProgress, timedelta | None]]:
        looking = request.model.looking(request.now)
        progress = progress_of(looking, request.store, commands, able)
        return {
            item.id: (found, rest_of(request.model.timetable, estimator, item, found))
            for item in commands
            if (found := progress.get(item.id)) is not None
        }

    stamp = tuple((item.id, item.state, item.is_paused, item.applied_count) for item in commands)
    what = ('requests', *(item.id for item in commands))
    with request.model.lock:
        known = kept_while_busy(request.model, what, stamp, request.now, stands)
    return [_row(request, item, *known.get(item.id, (NONE, None)), pauses) for item in commands]


def touched_rows(request: RequestContext, row: RequestRow) -> Sequence[TouchedRow]:
    """Return what the plan of a request touches, in its order."""
    request.look()
    with request.model.lock:
        found = touched_of(request.model.timetable, row.command)
        return [_touched(request, item) for item in found]


def _touched(request: RequestContext, item: Touched) -> TouchedRow:
    node = request.model.hierarchy.nodes.get(item.process)
    if node is None:
        return TouchedRow(process=item.process, count=item.count, left=item.left)
    first = request.model.key(node, item.runs[0].start).timeperiod
    last = request.model.key(node, item.runs[-1].stop - 1).timeperiod
    return TouchedRow(
        process=item.process,
        count=item.count,
        left=item.left,
        first=first,
        last=last,
        address=range_address(item.process, first, last),
    )


def _row(
    request: RequestContext,
    command: Command,
    progress: RequestProgress,
    rest: timedelta | None,
    pauses: Sequence[Command],
) -> RequestRow:
    is_open = command.state in OPEN_COMMAND_STATES
    done = _done(command, progress)
    left = max(command.planned_count - done, 0) if is_open else 0
    rate = None
    waits = is_open and progress.waits_for is not None
    if done and is_open and not waits:
        elapsed = request.now - command.created_at - _paused(command, pauses)
        rate = done / elapsed.total_seconds() if elapsed > timedelta() else None
    if rate and left and command.kind is not CommandKind.REPROCESS:
        # Nothing of it runs: what it touches is dealt with at one pace.
        rest = timedelta(seconds=left / rate)
    return RequestRow(
        command=command,
        mark=_mark_of(command, waits=waits),
        progress=progress,
        parts=_parts(command, progress),
        done=done,
        left=left,
        rate=rate,
        rest=rest if left else None,
    )


def _mark_of(command: Command, *, waits: bool) -> Mark:
    if command.is_paused:
        return Mark(PAUSED.css, PAUSED.word)
    return Mark(HELD.css, 'waits for a person') if waits else MARKS[command.state]


def _paused(command: Command, pauses: Sequence[Command]) -> timedelta:
    """Return how long a request that goes on now was paused. pauses: and resumes, of any."""
    total = timedelta()
    since = None
    own = (item for item in pauses if item.target == command.id)
    for item in sorted(own, key=lambda item: item.finished_at or item.created_at):
        at = item.finished_at or item.created_at
        if item.kind is CommandKind.PAUSE:
            since = since or at
        elif since is not None:
            total += at - since
            since = None
    return total


def _done(command: Command, progress: RequestProgress) -> int:
    if command.state is CommandState.DONE:
        return command.planned_count
    if command.kind not in RESETTING_KINDS:
        return command.applied_count
    return sum(progress.by_condition.get(item, 0) for item in (*BY_STATE.values(), FAILED))


def _parts(command: Command, progress: RequestProgress) -> tuple[Part, ...]:
    total = max(command.planned_count, sum(progress.by_condition.values()), 1)
    parts: list[Part] = []
    at = 0.0
    for mark, count in progress.shown:
        width = _WIDTH * count / total
        parts.append(Part(mark=mark, count=count, start=round(at, 2), width=round(width, 2)))
        at += width
    return tuple(parts)
