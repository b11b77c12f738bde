"""Managed processes: how each does, and changing them at run time: on, off, another trigger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import Command, counted
from synergy.core.lanes import CatchUp
from synergy.core.node import Node
from synergy.core.records import Process, ProcessName
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey
from synergy.core.zones import name_of
from synergy.mx.pages.confirm import Input, Step, confirm, go_on
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import Refused, refused_by, unknown
from synergy.mx.web.paging import part_of
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.cells import Painter, next_due
from synergy.mx.widgets.estimating import estimator_of
from synergy.mx.widgets.tree_rows import process_standing
from synergy.operations.processes import DEFAULT, change_process
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.view.backlog import Backlog, backlog_of, with_pace
from synergy.view.conditions import PROCESSED, Condition
from synergy.view.fires import changes_said, fire_said, fires_after, zone_of
from synergy.view.workload import Tallies, Workload, workload_of

#: Processes on one page.
ROWS_SHOWN: Final = 100
_FIELD_BY_ACTION: Final = {'trigger': 'trigger', 'catch-up': 'catch_up'}


class ProcessLine(Struct, frozen=True, kw_only=True):
    """One managed process as registered, and how it does. mark: of its first open interval."""

    node: Node
    workers: int
    last_good: JobKey | None
    next_key: JobKey | None
    next_at: datetime | None
    late: int
    failed: int
    work: Tallies
    mark: Condition
    backlog: Backlog | None


class Mistake(Struct, frozen=True, kw_only=True):
    """A form about a process that was not taken."""

    process: ProcessName
    error: Refused


def processes(request: RequestContext, mistake: Mistake | None = None) -> Response:
    """List managed processes, page by page, and daemons. mistake: what was sent, to correct."""
    request.look()
    text = (request.http.args.get('q') or '').strip().lower()
    with request.model.lock:
        painter = Painter(request)
        work = workload_of(request.model.timetable, request.model.looking(request.now).runs)
        nodes = [node for node in request.model.hierarchy if _is_meant(node, text)]
        names = [node.process.name for node in nodes]
        holding = None if mistake is None else names.index(mistake.process)
        part = part_of(request, len(nodes), ROWS_SHOWN, holding)
        shown = nodes[part.shown.start : part.shown.stop]
        rows = [_line(request, painter, node, work) for node in shown]
    estimator = estimator_of(request, {})
    rows = [
        replace(row, backlog=with_pace(row.backlog, estimator)) if row.backlog else row
        for row in rows
    ]
    return page(
        request,
        'processes.html',
        200 if mistake is None else mistake.error.status,
        rows=rows,
        part=part,
        text=text,
        has_filter=bool(text) or len(nodes) > ROWS_SHOWN,
        daemons=list(request.context.daemons.values()),
        mistake=mistake,
    )


def _is_meant(node: Node, text: str) -> bool:
    """Tell whether a process, or its tree, goes by a name with a text in it."""
    return text in node.process.name.lower() or text in node.tree.name.lower()


def _line(request: RequestContext, painter: Painter, node: Node, work: Workload) -> ProcessLine:
    model, name = request.model, node.process.name
    over = painter.over(node)
    pending = model.timetable.first_pending(name, range(node.first, over))
    ordinal = next_due(painter, node) if pending is None else pending
    has_next = node.until is None or ordinal < node.until
    entry = request.context.managed.get(name)
    return ProcessLine(
        node=node,
        workers=0 if entry is None else entry.instances,
        last_good=painter.last_good(node),
        next_key=model.key(node, ordinal) if has_next else None,
        next_at=model.hierarchy.over_at(node, ordinal) if has_next else None,
        late=process_standing(request, painter, node).late,
        failed=len(model.failed[name]),
        work=work.of(name),
        backlog=backlog_of(model.timetable, node, request.now),
        mark=PROCESSED if pending is None else painter.mark(node, model.key(node, pending)),
    )


def confirm_process_action(request: RequestContext, name: str, action: str) -> Response:
    """Say what switching a process, or looking at it now, would do."""
    node = request.node(name)
    process, history = node.process, _history(request, node)
    says = {
        'on': f'It starts by its trigger again, {process.trigger}. {history}'.strip(),
        'off': 'Nothing of it is started any more; what is under way goes on. What depends on it '
        'waits.',
        'default': 'What was changed here is forgotten: its switch and trigger are as context.py '
        'says.',
        'run': 'The Scheduler looks at it now, as if its trigger had fired, and starts what may '
        'start.',
        'restart': 'Its workers end and start again, on every box on which it is on, with the code '
        'and the context as they are now. Each finishes or hands back what it holds.',
    }
    if action == 'trigger':
        return confirm(request, _trigger_step(process, request.now))
    if action == 'catch-up':
        as_it_is = request.model.hierarchy.nodes[process.name].process
        return confirm(request, _catch_up_step(as_it_is, history))
    if action not in says:
        raise unknown(
            f'{action!r:.40} has no step to confirm', 'use the list of processes', '/processes'
        )
    titles = {
        'run': 'Run {} now',
        'restart': 'Restart the workers of {}',
        'default': 'Let {} go by context.py',
    }
    step = Step(
        title=titles.get(action, f'Switch {{}} {action}').format(process.name),
        button={'run': 'Run now', 'restart': 'Restart', 'default': 'As in context.py'}.get(
            action, f'Switch {action}'
        ),
        says=[says[action], *_of_group(request, process, action)],
        back='/processes',
        back_text='processes',
    )
    return confirm(request, step)


def _of_group(request: RequestContext, process: Process, action: str) -> Sequence[str]:
    """Return whose workers are restarted, too, where a group of workers runs a process."""
    if action != 'restart' or process.group is None:
        return ()
    others = len(request.context.served.get(process.group, ())) - 1
    shared = counted(others, 'other process', 'other processes')
    return (f'They are those of the group {process.group}, which run {shared}, too.',)


def _trigger_step(process: Process, now: datetime) -> Step:
    """Return the step to another trigger, with when the present one fires next."""
    trigger = process.trigger
    fires = fires_after(trigger, now)
    said = [fire_said(trigger, at) for at in fires]
    return Step(
        title=f'Change the trigger of {process.name}',
        button='Set trigger',
        says=[
            f'By now it is {trigger}, and fires next, by the clock of {name_of(zone_of(trigger))}:',
            *said,
            *changes_said(trigger, fires, now),
        ],
        inputs=[Input(name='trigger', label='Trigger', value=str(trigger))],
        back='/processes',
        back_text='processes',
    )


def _history(request: RequestContext, node: Node) -> str:
    """Return what of a process is due at once, or is once it is on; empty: little or nothing."""
    request.look()
    with request.model.lock:
        as_it_is = request.model.hierarchy.nodes[node.process.name]
        backlog = backlog_of(request.model.timetable, as_it_is, request.now)
    return '' if backlog is None else f'{with_pace(backlog, estimator_of(request, {}))}.'


def _catch_up_step(process: Process, history: str) -> Step:
    """Return the step to another way of catching up."""
    ways = [way for way in CatchUp if way is not CatchUp.NONE]
    return Step(
        title=f'Change how {process.name} catches up',
        button='Catch up so',
        says=[
            *([history] if history else []),
            f'Now: {process.catch_up.words}.',
            *(f'{way}: {way.words}.' for way in ways),
            f'{CatchUp.NONE}: what is history by now and never ran is left out, and counts as '
            'ended; every other answer brings it back.',
        ],
        inputs=[
            Input(
                name='catch_up',
                label='Catch up',
                value=process.catch_up.value,
                choices=[*CatchUp, DEFAULT],
            )
        ],
        back='/processes',
        back_text='processes',
    )


def submit_process_action(request: RequestContext, name: str, action: str) -> Response:
    """Switch a process, change its trigger, or look at it now."""
    try:
        asked = ask_change(request, name, action)
    except OperationRefused as error:
        if error.kind is not RefusalKind.MALFORMED:
            raise
        return _mistaken(request, name, refused_by(error))
    except Refused as error:
        if error.status != RefusalKind.MALFORMED.status:
            raise
        return _mistaken(request, name, error)
    return go_on(request, request.url('processes'), asked)


def ask_change(request: RequestContext, name: str, action: str) -> Command:
    """Ask for what `action` says about a process."""
    field = _FIELD_BY_ACTION.get(action)
    value = None if field is None else request.text(field)
    return change_process(caller_of(request), request.node(name), action, value)


def _mistaken(request: RequestContext, name: str, error: Refused) -> Response:
    return processes(request, Mistake(process=request.node(name).process.name, error=error))
