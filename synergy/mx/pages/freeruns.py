"""Free runs: cron-like entries; shown with their next fires before they are saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from werkzeug.wrappers import Response

from synergy.core.bounded import ARGUMENTS, OutOfBounds, loads
from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandKind
from synergy.core.freerun_definition import IS_NEW, MISFIRE_MAX, FreerunRefused
from synergy.core.freerun_record import Freerun, Misfire, Overlap, is_freerun
from synergy.core.readers import spelled, whole
from synergy.core.records import Unit
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.users import Role
from synergy.mx.pages.confirm import Step, confirm, go_on
from synergy.mx.web.caller import caller_of, fresh_form_id
from synergy.mx.web.errors import unknown, wrong
from synergy.mx.web.flash import flash_of
from synergy.mx.web.paging import ended_at, ended_cursor, micros_of, micros_read, older
from synergy.mx.web.redact import masked, unmasked
from synergy.mx.web.request_context import LIMIT_MAX, RequestContext
from synergy.mx.web.responses import page
from synergy.operations import freeruns as operations
from synergy.operations.code_arguments import why_admins_only
from synergy.operations.refusal import OperationRefused
from synergy.ports.store import EVENTS_PER_JOB_MAX
from synergy.view.conditions import BY_UNIT, SOUGHT_RUNS, condition_of_unit
from synergy.view.freeruns import FreerunView, failing, freeruns, next_fires, standing
from synergy.view.whole import all_dead_units
from synergy.view.workload import workload_of

#: Runs of one entry, and lines of a log, that are shown without asking.
RUNS_MAX, LOG_LINES = 50, 200
#: Until the page of an entry that is only asked for is read again.
LOOK_AGAIN_SECONDS: Final = 2
#: Entries whose newest runs are looked at for the list.
STANDINGS_MAX: Final = 500
RUNS_SHOWN: Final = 200
#: Ended runs looked through for one page of runs.
LOOKED_AT_MAX: Final = 5_000
HOURS_MAX: Final = 720
#: What cursors in the runs under way begin with.
_LIVE: Final = 'live.'
RUN_STATES, RUN_ENTRIES, LISTS = tuple(SOUGHT_RUNS), ('all', 'on', 'off'), ('all', 'failing')
_BLANK = {
    'process': '', 'entry': '', 'trigger': 'every 3600', 'overlap': 'skip', 'misfire': 'once',
    'misfire_max': '10', 'arguments': '{}', 'description': '', 'is_on': 'on',
}  # fmt: skip


class Form(Struct, frozen=True, kw_only=True):
    """The form as filled in. problem: why it cannot be saved; fires: when it would run next."""

    values: Mapping[str, str]
    problem: str | None = None
    fires: Sequence[datetime] = ()


class Runs(Struct, frozen=True, kw_only=True):
    """Runs of all entries, and the filters that left them. cursor: where more of them begin."""

    units: Sequence[Unit]
    cursor: str | None
    hours: int
    entries: str
    states: Sequence[str]
    text: str


def freerun_list(request: RequestContext) -> Response:
    """List all entries, or those that fail, and how each has done lately."""
    found = freeruns(request.context, request.store, request.now)
    only = request.choice('only', LISTS, 'all')
    if only == 'failing':
        names = failing(request.store, list(all_dead_units(request.store)))
        found = [view for view in found if view.freerun.name in names]
    rows = [
        (view, standing(request.store, view.freerun.name) if number < STANDINGS_MAX else None)
        for number, view in enumerate(found)
    ]
    mark_of = partial(condition_of_unit, now=request.now)
    request.look()
    with request.model.lock:
        work = workload_of(request.model.timetable, request.model.looking(request.now).runs)
    return page(request, 'freeruns.html', rows=rows, mark_of=mark_of, work=work, only=only)


def freerun_runs(request: RequestContext) -> Response:
    """List runs of all entries: those under way, then those that ended last."""
    runs = runs_of(request)
    shown = [(unit, condition_of_unit(unit, request.now)) for unit in runs.units]
    return page(
        request,
        'freerun_runs.html',
        runs=runs,
        shown=shown,
        conditions=SOUGHT_RUNS,
        words=' or '.join(SOUGHT_RUNS[name].word for name in runs.states),
        older=older(request, runs.cursor),
    )


def runs_of(request: RequestContext) -> Runs:
    """Return the runs that the filters of the address leave."""
    limit = request.number('limit', RUNS_SHOWN, 1, LIMIT_MAX)
    hours = request.number('hours', 24, 1, HOURS_MAX)
    entries = request.choice('entries', RUN_ENTRIES, 'all')
    words = request.http.args.getlist('state')
    for word in words:
        if word not in RUN_STATES:
            raise wrong(f'state is {word!r:.40}', f'one of {", ".join(RUN_STATES)}')
    text = (request.optional('q') or '').lower()
    wanted = {SOUGHT_RUNS[word] for word in words or RUN_STATES}
    is_on = {item.name: item.is_on for item in request.store.freeruns()}

    def is_meant(unit: Unit) -> bool:
        is_kept = entries == 'all' or is_on.get(unit.process, False) is (entries == 'on')
        stands_so = condition_of_unit(unit, request.now) in wanted
        return stands_so and is_kept and text in unit.process.lower()

    ended = [state for state in UnitState if not state.is_live and BY_UNIT[state] in wanted]
    since = request.now - timedelta(hours=hours)
    live, after = _live(request)
    found = request.store.ended_freerun_units(since, ended, LOOKED_AT_MAX, after) if ended else []
    units = [unit for unit in (*live, *found) if is_meant(unit)]
    cursor = None
    if len(units) > limit:
        cursor = _cursor_of(units[limit - 1])
    elif len(found) == LOOKED_AT_MAX:
        cursor = _cursor_of(found[-1])
    return Runs(
        units=units[:limit],
        cursor=cursor,
        hours=hours,
        entries=entries,
        states=words,
        text=text,
    )


def _live(request: RequestContext) -> tuple[Sequence[Unit], Unit | None]:
    """Return the runs under way, oldest first, and the ended one after which the list goes on."""
    cursor = request.optional('cursor')
    if cursor is not None and not cursor.startswith(_LIVE):
        return (), ended_at(request)
    live = sorted(
        (unit for unit in request.store.live_units() if is_freerun(unit.process)), key=_begun
    )
    if cursor is None:
        return live, None
    micros, _, uow_id = cursor.removeprefix(_LIVE).partition('.')
    place = micros_read(cursor, micros), uow_id
    return [unit for unit in live if _begun(unit) > place], None


def _begun(unit: Unit) -> tuple[int, str]:
    return micros_of(unit.created_at), unit.id


def _cursor_of(unit: Unit) -> str | None:
    if not unit.state.is_live:
        return ended_cursor(unit)
    micros, uow_id = _begun(unit)
    return f'{_LIVE}{micros}.{uow_id}'


def freerun(request: RequestContext, name: str) -> Response:
    """Return one entry with its newest runs; of one that is only asked for, how far that is."""
    if (asked := _wanted(request, name)) is not None:
        return _not_made(request, name, asked)
    view = known_freerun(request, name)
    units = request.store.freerun_units(view.freerun.name, RUNS_MAX + 1)
    wanted = request.optional('uow')
    chosen = next((unit for unit in units if unit.id == wanted), next(iter(units), None))
    lines = [] if chosen is None else request.store.log(chosen.id)
    return page(
        request,
        'freerun.html',
        view=view,
        runs=[(unit, condition_of_unit(unit, request.now)) for unit in units[:RUNS_MAX]],
        has_older=len(units) > RUNS_MAX,
        chosen=chosen,
        lines=lines if request.optional('all') else lines[-LOG_LINES:],
        line_count=len(lines),
        events=request.store.freerun_events(view.freerun.name, EVENTS_PER_JOB_MAX),
    )


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
    return Form(values=values, fires=next_fires(defined, request.now))


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
