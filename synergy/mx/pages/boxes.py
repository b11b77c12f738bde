"""Boxes and what runs on them; a start or stop is what is desired, the Supervisor follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from werkzeug.wrappers import Response

from synergy.conf import names
from synergy.core.box_load import BoxLoad
from synergy.core.records import BoxProcess
from synergy.core.structs import Struct, replace
from synergy.core.supervision import ProcessStatus
from synergy.mx.live.marks import Mark
from synergy.mx.pages.confirm import Step, confirm, go_on
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import wrong
from synergy.mx.web.formats import counted
from synergy.mx.web.paging import part_of
from synergy.mx.web.redact import masked_text
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.operations.boxes import change_box, check_box, check_switch, switch_on_box
from synergy.view.box_work import box_work
from synergy.view.boxes import BoxView, Presence, box_views
from synergy.view.workload import NOTHING, Tallies

MARKS: Final = {
    ProcessStatus.RUNNING.value: Mark('ok', 'running'),
    ProcessStatus.STOPPED.value: Mark('noop', 'stopped'),
    ProcessStatus.STOPPING.value: Mark('block', 'stopping'),
    ProcessStatus.DRAINING.value: Mark('block', 'ends after its run'),
    ProcessStatus.BACKOFF.value: Mark('block', 'starts again'),
    ProcessStatus.FATAL.value: Mark('fail', 'given up'),
}
UNKNOWN: Final = Mark('due', 'not reported yet')
LOST: Final = Mark('fail', 'down')
PRESENCES: Final = {
    Presence.ALIVE: Mark('ok', 'alive'),
    Presence.VANISHED: Mark('fail', 'vanished'),
    Presence.STOPPED: Mark('noop', 'stopped'),
    Presence.UNSEEN: Mark('due', 'never seen'),
}
_NOT_RUNNING: Final = (None, ProcessStatus.STOPPED.value, ProcessStatus.FATAL.value)
BOX_ACTIONS: Final = ('drain', 'undrain', 'forget')
#: Processes on one page, of all boxes together.
ROWS_SHOWN: Final = 200
_START_SAYS: Final = 'The Supervisor there starts it within seconds, and again after a restart.'


class ProcessRow(Struct, frozen=True, kw_only=True):
    """One process on a box. up_for: of its instance that runs longest; None: not known.

    serves: of a group of workers, whose units they run.
    """

    process: BoxProcess
    mark: Mark
    up_for: timedelta | None
    cpu_percent: float | None
    memory_bytes: int | None
    work: Tallies
    serves: Sequence[str] | None = None

    @property
    def is_given_up(self) -> bool:
        """Tell whether its Supervisor waits for somebody to ask for its start."""
        return self.process.is_on and self.process.state == ProcessStatus.FATAL.value


class BoxRows(Struct, frozen=True, kw_only=True):
    """One box as the page shows it. mark: of its Supervisor. load: None when it is not known.

    rows: those of its processes that are on this page.
    """

    view: BoxView
    mark: Mark
    load: BoxLoad | None
    rows: Sequence[ProcessRow]

    @property
    def is_forgettable(self) -> bool:
        """Tell whether it may be taken off the list: nothing of it is there."""
        return self.view.presence is not Presence.ALIVE


def boxes(request: RequestContext) -> Response:
    """List what is wanted and what runs, box by box; of many processes a part."""
    request.look()
    text = (request.optional('q') or '').lower()
    with request.model.lock:
        runs = request.model.looking(request.now).runs
        work = box_work(request.model.timetable, runs, request.store, request.context.worker_of)
    views = box_views(request.store, request.settings.box_vanished)
    groups, by_worker = request.context.groups, request.context.served
    served = {str(name): list(by_worker.get(name, ())) for name in groups}
    all_rows = [(view, row) for view in views for row in view.processes]
    meant = [(view, row) for view, row in all_rows if text in row.process.lower()]
    part = part_of(request, len(meant), ROWS_SHOWN)
    rows: dict[str, list[ProcessRow]] = {view.box.box_id: [] for view in views}
    for view, row in meant[part.shown.start : part.shown.stop]:
        found = process_row(request, view, row, work.of(row))
        rows[view.box.box_id].append(replace(found, serves=served.get(row.process)))
    shown = [
        BoxRows(
            view=view,
            mark=PRESENCES[view.presence],
            load=load_of(view),
            rows=rows[view.box.box_id],
        )
        for view in views
    ]
    has_filter = bool(text) or len(all_rows) > ROWS_SHOWN
    return page(request, 'boxes.html', boxes=shown, part=part, text=text, has_filter=has_filter)


def load_of(view: BoxView) -> BoxLoad | None:
    """Return how busy a box is; of one that is not heard of any more, nobody knows."""
    return view.box.load if view.presence is Presence.ALIVE else None


def process_row(
    request: RequestContext, view: BoxView, row: BoxProcess, work: Tallies = NOTHING
) -> ProcessRow:
    """Return a process with what its instances use together. work: what it runs, and may take."""
    load = load_of(view)
    found = [] if load is None else [item for item in load.processes if item.pid in row.pids]
    return ProcessRow(
        process=row,
        mark=mark_of(view, row),
        up_for=max((request.now - item.started_at for item in found), default=None),
        cpu_percent=sum(item.cpu_percent for item in found) if found else None,
        memory_bytes=sum(item.memory_bytes for item in found) if found else None,
        work=work,
    )


def mark_of(view: BoxView, row: BoxProcess) -> Mark:
    """Return how a process stands: what a vanished box reported last says nothing any more."""
    if view.presence is Presence.VANISHED and row.state not in _NOT_RUNNING:
        return LOST
    if row.state == ProcessStatus.RUNNING.value and row.reason is not None:
        # It runs because it is started again and again, and is not up yet.
        return MARKS[ProcessStatus.BACKOFF.value]
    return MARKS.get(row.state or '', UNKNOWN)


def confirm_box_action(request: RequestContext, box_id: str, action: str) -> Response:
    """Say what draining a box, ending that, or forgetting it would do."""
    _check_action(request, box_id, action)
    title, button, says = {
        'drain': (
            f'Drain box {box_id}',
            'Drain',
            [
                'Its workers finish what they run, however long that takes, and take nothing more.',
                'Scheduler, MX and other daemons on it go on.',
                'It stays so, over restarts too, until it is undrained.',
            ],
        ),
        'undrain': (
            f'Let box {box_id} work again',
            'Undrain',
            ['It takes work again within seconds.'],
        ),
        'forget': (
            f'Forget box {box_id}',
            'Forget',
            [
                'It goes off the list, with what was switched on or off on it; what it ran last is '
                'rescued all the same.',
                'For a box that does not come back: one that does reports itself again, with '
                'everything that belongs there switched on.',
            ],
        ),
    }[action]
    step = Step(title=title, button=button, says=says, back='/boxes', back_text='boxes')
    return confirm(request, step)


def submit_box_action(request: RequestContext, box_id: str, action: str) -> Response:
    """Drain a box, end that, or forget it."""
    _check_action(request, box_id, action)
    vanished_after = request.settings.box_vanished
    asked = change_box(caller_of(request), box_id, action, vanished_after)
    return go_on(request, request.url('boxes'), asked)


def confirm_box_process_action(
    request: RequestContext, box_id: str, process: str, action: str
) -> Response:
    """Say what starting or stopping a process on a box would do."""
    check_switch(caller_of(request), box_id, process, action)
    row = _row(request, box_id, process)
    says = {
        'start': _start_says(row), 'stop': _stop_says(process, box_id),
        'restart': _restart_says(process),
    }  # fmt: skip
    step = Step(
        title=f'{action.capitalize()} {process} on {box_id}',
        button=action.capitalize(),
        says=says[action],
        back='/boxes',
        back_text='boxes',
    )
    return confirm(request, step)


def _start_says(row: BoxProcess) -> list[str]:
    said = '; its log says why' if row.reason is None else f': {masked_text(row.reason)}'
    given_up = (
        f'It was given up after failure upon failure, with {counted(row.restart_count, "restart")}'
        f'{said}. Fix that first, or it is given up again.'
    )
    is_given_up = row.state == ProcessStatus.FATAL.value
    return [given_up, _START_SAYS] if is_given_up else [_START_SAYS]


def _restart_says(process: str) -> list[str]:
    anew = 'It ends, and starts again at once with the code and the context as they are now.'
    match process:
        case names.PROCESS_SCHEDULER:
            return [anew, 'If it leads, one that stands by takes over, or it leads again itself.']
        case names.PROCESS_MX:
            return [
                anew,
                'This dashboard is away for a few seconds, if it is served from there.',
            ]
        case names.PROCESS_WATCH:
            return [anew, 'What people are to be told meanwhile is told by it, or by another one.']
        case _:
            return [anew, 'A worker finishes or hands back what it holds.']


def _stop_says(process: str, box_id: str) -> list[str]:
    stays = f'It stays off on {box_id}, over restarts too, until somebody starts it.'
    match process:
        case names.PROCESS_SCHEDULER:
            return [
                'If it leads, a Scheduler that stands by on another box takes over; where none '
                'stands by, nothing is started any more.',
                stays,
            ]
        case names.PROCESS_MX:
            return [
                'This dashboard and its API go away, if they are served from this box. Afterwards '
                'only the command line can start it: ./launch.py start MX',
                stays,
            ]
        case names.PROCESS_WATCH:
            return [
                'Another Watch takes over; where there is none, nobody is told of anything.',
                stays,
            ]
        case _:
            return ['A worker finishes or hands back what it holds.', stays]


def submit_box_process_action(
    request: RequestContext, box_id: str, process: str, action: str
) -> Response:
    """Say whether a process is to run on a box."""
    asked = switch_on_box(caller_of(request), box_id, process, action)
    return go_on(request, request.url('boxes'), asked)


def _row(request: RequestContext, box_id: str, process: str) -> BoxProcess:
    """Return the row of a process on a box; one that was never reported there has none yet."""
    rows = {row.process: row for row in request.store.box_processes(box_id)}
    return rows.get(process) or BoxProcess(box_id=box_id, process=process, is_on=False)


def _check_action(request: RequestContext, box_id: str, action: str) -> None:
    if action not in BOX_ACTIONS:
        raise wrong(f'{action!r:.40} cannot be done to a box', 'drain, undrain or forget it')
    check_box(caller_of(request), box_id, action, request.settings.box_vanished)
