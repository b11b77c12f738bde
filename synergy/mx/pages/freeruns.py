"""Free runs: cron-like entries; shown with their next fires before they are saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from werkzeug.wrappers import Response

from synergy.core.bounded import ARGUMENTS, OutOfBounds, loads
from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandKind
from synergy.core.freerun_definition import IS_NEW, MISFIRE_MAX, FreerunRefused
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.readers import spelled, whole
from synergy.core.structs import Struct
from synergy.core.trigger import Trigger
from synergy.core.users import Role
from synergy.core.zones import name_of
from synergy.mx.pages.confirm import Step, confirm, go_on
from synergy.mx.web.caller import caller_of, fresh_form_id
from synergy.mx.web.errors import unknown
from synergy.mx.web.flash import flash_of
from synergy.mx.web.paging import part_of
from synergy.mx.web.redact import masked, unmasked
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.operations import freeruns as operations
from synergy.operations.code_arguments import why_admins_only
from synergy.operations.refusal import OperationRefused
from synergy.ports.store import EVENTS_PER_JOB_MAX
from synergy.view.cause import Cause, CauseKind
from synergy.view.conditions import condition_of_unit
from synergy.view.fires import changes_said, fire_said, zone_of
from synergy.view.freeruns import (
    FreerunView,
    entries,
    failing,
    freeruns,
    next_fires,
    standing,
    views_of,
)
from synergy.view.whole import all_dead_units
from synergy.view.why_freerun import explain_freerun, question_of
from synergy.view.workload import workload_of

#: Runs of one entry, and lines of a log, that are shown without asking.
RUNS_MAX, LOG_LINES = 50, 200
#: Until the page of an entry that is only asked for is read again.
LOOK_AGAIN_SECONDS: Final = 2
#: Entries on one page; the newest runs of each are looked at.
ENTRIES_SHOWN: Final = 100
#: Next fires on the page of one.
FIRES_SHOWN: Final = 3
_FIRE_FORM: Final = '%a %d %b %Y %H:%M:%S'
LISTS = ('all', 'failing')
_BLANK = {
    'process': '', 'entry': '', 'trigger': 'every 3600', 'overlap': 'skip', 'misfire': 'once',
    'misfire_max': '10', 'arguments': '{}', 'description': '', 'is_on': 'on',
}  # fmt: skip


class Form(Struct, frozen=True, kw_only=True):
    """The form as filled in. problem: why it cannot be saved.

    fires: when it would run next, in words and as instants; changes: of the clock until then.
    """

    values: Mapping[str, str]
    problem: str | None = None
    fires: Sequence[tuple[str, datetime]] = ()
    changes: Sequence[str] = ()


def freerun_list(request: RequestContext) -> Response:
    """List entries, or those that fail, page by page, and how each has done lately."""
    only = request.choice('only', LISTS, 'all')
    text = (request.optional('q') or '').lower()
    known = entries(request.context, request.store, request.now)
    found = [entry for entry in known if text in entry.name.lower()]
    if only == 'failing':
        names = set(failing(request.store, list(all_dead_units(request.store))))
        found = [entry for entry in found if entry.name in names]
    part = part_of(request, len(found), ENTRIES_SHOWN)
    shown = views_of(request.context, found[part.shown.start : part.shown.stop], request.now)
    request.look()
    with request.model.lock:
        work = workload_of(request.model.timetable, request.model.looking(request.now).runs)
    return page(
        request,
        'freeruns.html',
        rows=[(view, standing(request.store, view.freerun.name)) for view in shown],
        mark_of=partial(condition_of_unit, now=request.now),
        work=work,
        only=only,
        part=part,
        text=text,
        has_filter=bool(text) or len(known) > ENTRIES_SHOWN,
    )


def freerun(request: RequestContext, name: str) -> Response:
    """Return one entry with its newest runs; of one that is only asked for, how far that is."""
    if (asked := _wanted(request, name)) is not None:
        return _not_made(request, name, asked)
    view = known_freerun(request, name)
    units = request.store.freerun_units(view.freerun.name, RUNS_MAX + 1)
    wanted = request.optional('uow')
    chosen = next((unit for unit in units if unit.id == wanted), next(iter(units), None))
    lines = [] if chosen is None else request.store.log(chosen.id)
    trigger, fires = view.freerun.trigger, view.next_fires[:FIRES_SHOWN]
    return page(
        request,
        'freerun.html',
        view=view,
        waits=[
            cause
            for cause in why_freerun(request, view.freerun)
            if cause.kind not in (CauseKind.RESTS, CauseKind.RUNNING, CauseKind.OFF)
        ],
        zone=name_of(zone_of(trigger)),
        fires=_told(trigger, fires),
        changes=list(changes_said(trigger, fires, request.now)),
        runs=[(unit, condition_of_unit(unit, request.now)) for unit in units[:RUNS_MAX]],
        has_older=len(units) > RUNS_MAX,
        chosen=chosen,
        lines=lines if request.optional('all') else lines[-LOG_LINES:],
        line_count=len(lines),
        events=request.store.freerun_events(view.freerun.name, EVENTS_PER_JOB_MAX),
    )


def why_freerun(request: RequestContext, entry: Freerun) -> Sequence[Cause]:
    """Return why the runs of an entry stand where they stand, or why none starts."""
    request.look()
    with request.model.lock:
        question = question_of(
            request.context,
            request.model.timetable,
            request.store,
            entry,
            request.now,
            request.settings.box_vanished,
        )
        return explain_freerun(question)


def _wanted(request: RequestContext, name: str) -> Command | None:
    """Return what the address says was asked for, if that is an entry which does not exist."""
    asked = flash_of(request)
    if asked is None or asked.command.kind is not CommandKind.FREERUN_SAVE:
        return None
    known = [view.freerun.name for view in freeruns(request.context, request.store, request.now)]
    is_meant = asked.command.process == name and name not in known
    return asked.command if is_meant else None


def _not_made(request: RequestContext, name: str, asked: Command) -> Response:
    is_waiting = asked.state in OPEN_COMMAND_STATES
    status = 200 if is_waiting else 404
    response = page(request, 'freerun_pending.html', status, name=name, is_waiting=is_waiting)
    if is_waiting:
        # It has other parts than the page that follows, which a live update would not bring.
        response.headers['Refresh'] = str(LOOK_AGAIN_SECONDS)
    return response


def freerun_form(request: RequestContext) -> Response:
    """Show the form for an entry, empty or as it is, with the next fires of what it says."""
    name = request.optional('name')
    before = None if name is None else known_freerun(request, name).freerun
    values = dict(_BLANK if before is None else _values_of(before))
    form = Form(values=values) if before is None else _checked(request, values, before)
    return _form(request, form, before)


def show_fires(request: RequestContext) -> Response:
    """Show the form as filled in, with its next fires; nothing is kept.

    A POST that changes nothing: what is typed may be secret, and must not stand in an address.
    """
    name = request.optional('name')
    before = None if name is None else known_freerun(request, name).freerun
    values = {field: request.http.form.get(field, '') for field in _BLANK}
    return _form(request, _checked(request, values, before), before)


def submit_freerun(request: RequestContext) -> Response:
    """Ask the Scheduler to keep an entry; show the form again when it would refuse."""
    name = request.optional('name')
    before = None if name is None else known_freerun(request, name).freerun
    values = {field: request.http.form.get(field, '') for field in _BLANK}
    form = _checked(request, values, before)
    if form.problem is not None:
        return _form(request, form, before, 400)
    full_name = name or f'{values["process"]}::{values["entry"].strip()}'
    details = _details(values, before)
    if before is None:
        # Somebody else may make it until the Scheduler sees this.
        details[IS_NEW] = True
    asked = operations.save_freerun(caller_of(request), full_name, details)
    return go_on(request, request.url('freerun', name=full_name), asked)


def confirm_freerun_action(request: RequestContext, name: str, action: str) -> Response:
    """Say what switching, running, cancelling or removing an entry would do."""
    found = known_freerun(request, name).freerun
    if action not in operations.ACTIONS:
        raise unknown(
            f'{action!r:.40} cannot be done to a free run',
            f'one of {", ".join(operations.ACTIONS)}',
        )
    uow = request.optional('uow')
    says = {
        'on': f'It fires by its trigger, {found.trigger}.',
        'off': 'It fires no more until it is switched on; what is under way goes on.',
        'run': 'It starts now, out of turn; when one is under way, its overlap policy '
        f'({found.overlap.value}) decides.',
        'cancel': 'The run is given up: its worker stops within seconds, its result is discarded. '
        'What it has changed already stays. Later fires are not touched.',
        'remove': 'The entry and its trigger are gone; what is under way goes on, and its runs '
        'stay in the store.',
    }
    titles = {'on': 'Switch {} on', 'off': 'Switch {} off', 'run': 'Run {} now'}
    title = titles.get(action, f'{action.capitalize()} {{}}').format(found.name)
    step = Step(
        title=title if action != 'cancel' else f'Cancel {_runs_text(found, uow)} of {found.name}',
        button=titles.get(action, action.capitalize() + '{}').replace(' {}', '').replace('{}', ''),
        says=[says[action]],
        back=request.url('freerun', name=found.name),
        back_text=found.name,
        hidden=[] if uow is None else [('uow', uow)],
    )
    return confirm(request, step)


def _runs_text(found: Freerun, uow: str | None) -> str:
    return 'the run' if uow is not None or len(found.live) == 1 else 'all runs under way'


def submit_freerun_action(request: RequestContext, name: str, action: str) -> Response:
    """Switch an entry on or off, run it now, cancel what runs, or remove it."""
    view = known_freerun(request, name)
    asked = ask_switch(request, view.freerun.name, action)
    if action == 'remove':
        return go_on(request, request.url('freerun_list'), asked)
    return go_on(request, request.url('freerun', name=view.freerun.name), asked)


def ask_switch(request: RequestContext, name: str, action: str) -> Command:
    """Ask for what `action` says about an entry."""
    uow_id = request.optional('uow') if action == 'cancel' else None
    return operations.switch_freerun(caller_of(request), name, action, uow_id)


def known_freerun(request: RequestContext, name: str) -> FreerunView:
    """Return an entry; raise OperationRefused when there is none of that name."""
    return operations.known_freerun(caller_of(request), name)


def _form(
    request: RequestContext, form: Form, before: Freerun | None, status: int = 200
) -> Response:
    return page(
        request,
        'freerun_form.html',
        status,
        form=form,
        before=before,
        processes=operations.processes_of(caller_of(request)),
        overlaps=[item.value for item in Overlap],
        misfires=[item.value for item in Misfire],
        form_id=fresh_form_id(),
        locked=_locked(request, before),
    )


def _locked(request: RequestContext, before: Freerun | None) -> str | None:
    """Return why the visitor may not write arguments, of a new entry those of which processes."""
    if request.visitor.may(Role.ADMIN):
        return None
    if before is not None:
        return why_admins_only(request.context, before.process, before.arguments)
    processes = operations.processes_of(caller_of(request))
    names = [name for name in processes if why_admins_only(request.context, name)]
    return f"Arguments of {', '.join(names)} are an admin's to write." if names else None


def _checked(request: RequestContext, values: Mapping[str, str], before: Freerun | None) -> Form:
    name = before.name if before else f'{values["process"]}::{values["entry"].strip()}'
    try:
        details = _details(values, before)
        if before is None:
            details[IS_NEW] = True
        defined = operations.defined(caller_of(request), name, details)
    except OperationRefused as error:
        return Form(values=values, problem=error.what)
    except ValueError as error:
        return Form(values=values, problem=str(error))
    fires = next_fires(defined, request.now)
    return Form(
        values=values,
        fires=_told(defined.trigger, fires),
        changes=list(changes_said(defined.trigger, fires, request.now)),
    )


def _told(trigger: Trigger, fires: Sequence[datetime]) -> Sequence[tuple[str, datetime]]:
    return [(fire_said(trigger, at, _FIRE_FORM), at) for at in fires]


def _details(values: Mapping[str, str], before: Freerun | None) -> dict[str, Any]:
    """Return a definition from the texts of a form; raise FreerunRefused.

    What the form showed as masked stays as it was `before`.
    """
    try:
        arguments = loads(values['arguments'] or '{}', ARGUMENTS)
    except OutOfBounds as error:
        raise FreerunRefused(
            f'the arguments cannot be taken: {error}; give {{"name": value}}'
        ) from error
    bound = values['misfire_max'].strip() or '10'
    return {
        'trigger': values['trigger'].strip(),
        'is_on': bool(values['is_on']),
        'overlap': values['overlap'],
        'misfire': values['misfire'],
        'misfire_max': _whole(bound),
        'arguments': unmasked(arguments, {} if before is None else dict(before.arguments)),
        'description': unmasked(
            values['description'].strip() or None, None if before is None else before.description
        ),
    }


def _whole(text: str) -> int | str:
    """Return a number, or a text that is then refused for not being one."""
    try:
        return spelled(whole(0, MISFIRE_MAX))(text)
    except ValueError:
        return text


def _values_of(before: Freerun) -> Mapping[str, str]:
    return {
        'process': before.process,
        'entry': before.entry,
        'trigger': str(before.trigger),
        'overlap': before.overlap.value,
        'misfire': before.misfire.value,
        'misfire_max': str(before.misfire_max),
        'arguments': json.dumps(masked(dict(before.arguments)), indent=2, ensure_ascii=False),
        'description': masked(before.description or ''),
        'is_on': 'on' if before.is_on else '',
    }
