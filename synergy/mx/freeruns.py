"""Free runs: cron-like entries; shown with their next fires before they are saved."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Response

from synergy.core.commands import CommandKind
from synergy.core.freerun_definition import FreerunRefused, freerun_of
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.mx.ask import Ask
from synergy.mx.errors import unknown
from synergy.mx.marks import BY_UNIT
from synergy.mx.masks import masked, unmasked
from synergy.mx.orders import fresh_form_id, order, reason_of
from synergy.mx.render import page, see
from synergy.view.freeruns import FreerunView, freeruns, next_fires

RUNS_MAX = 50
EVENTS_MAX = 50
_BLANK = {
    'process': '', 'entry': '', 'trigger': 'every 3600', 'overlap': 'skip', 'misfire': 'once',
    'misfire_max': '10', 'arguments': '{}', 'description': '', 'is_on': 'on',
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form as filled in. problem: why it cannot be saved; fires: when it would run next."""

    values: Mapping[str, str]
    problem: str | None = None
    fires: Sequence[datetime] = ()


def freerun_list(ask: Ask) -> Response:
    """List all entries."""
    return page(ask, 'freeruns.html', rows=freeruns(ask.context, ask.store, ask.now))


def freerun(ask: Ask, name: str) -> Response:
    """Return one entry with its newest runs."""
    view = known_freerun(ask, name)
    units = ask.store.freerun_units(view.freerun.name, RUNS_MAX)
    chosen = next((unit for unit in units if unit.id == ask.optional('uow')), None)
    chosen = chosen or (units[0] if units else None)
    return page(
        ask,
        'freerun.html',
        view=view,
        runs=[(unit, BY_UNIT[unit.state]) for unit in units],
        chosen=chosen,
        lines=[] if chosen is None else ask.store.log(chosen.id)[-200:],
        events=ask.store.freerun_events(view.freerun.name, EVENTS_MAX),
    )


def freerun_form(ask: Ask) -> Response:
    """Show the form for an entry, empty or as it is, with the next fires of what it says."""
    name = ask.optional('name')
    before = None if name is None else known_freerun(ask, name).freerun
    values = dict(_BLANK if before is None else _values_of(before))
    form = Form(values=values) if before is None else _checked(ask, values, before)
    return _form(ask, form, before)


def show_fires(ask: Ask) -> Response:
    """Show the form as filled in, with its next fires; nothing is kept.

    A POST that changes nothing: what is typed may be secret, and must not stand in an address.
    """
    name = ask.optional('name')
    before = None if name is None else known_freerun(ask, name).freerun
    values = {field: ask.request.form.get(field, '') for field in _BLANK}
    return _form(ask, _checked(ask, values, before), before)


def save_freerun(ask: Ask) -> Response:
    """Ask the Scheduler to keep an entry; show the form again when it would refuse."""
    name = ask.optional('name')
    before = None if name is None else known_freerun(ask, name).freerun
    values = {field: ask.request.form.get(field, '') for field in _BLANK}
    form = _checked(ask, values, before)
    if form.problem is not None:
        return _form(ask, form, before, 400)
    full_name = name or f'{values["process"]}::{values["entry"].strip()}'
    details = _details(values, before)
    order(ask, CommandKind.FREERUN_SAVE, full_name, details=details, reason=reason_of(ask))
    return see(ask.url('freerun_list'))


def switch_freerun(ask: Ask, name: str, action: str) -> Response:
    """Switch an entry on or off, run it now, or remove it."""
    view = known_freerun(ask, name)
    details: dict[str, Any] = {}
    match action:
        case 'on' | 'off':
            kind, details = CommandKind.FREERUN_SAVE, {'is_on': action == 'on'}
        case 'run':
            kind = CommandKind.FREERUN_RUN
        case 'remove':
            kind = CommandKind.FREERUN_REMOVE
        case _:
            raise unknown(f'{action!r:.40} is nothing to do to a free run', 'on, off, run, remove')
    order(ask, kind, view.freerun.name, details=details, reason=reason_of(ask))
    return see(ask.url('freerun_list'))


def known_freerun(ask: Ask, name: str) -> FreerunView:
    """Return an entry; raise Refused when there is none of that name."""
    found = {view.freerun.name: view for view in freeruns(ask.context, ask.store, ask.now)}
    view = found.get(ProcessName(name))
    if view is None:
        raise unknown(
            f'there is no free run {name!r:.80}{nearest(name, found)}',
            'choose one from the list of free runs',
        )
    return view


def checked_definition(
    ask: Ask, name: str, details: Mapping[str, Any], before: Freerun | None
) -> Freerun:
    """Return what a definition would be; raise FreerunRefused."""
    return freerun_of(ProcessName(name), details, processes_of(ask), before, ask.now)


def processes_of(ask: Ask) -> Sequence[ProcessName]:
    """Return the processes that can have free runs."""
    return list(dict.fromkeys(entry.name for entry in ask.context.freeruns.values()))


def _form(ask: Ask, form: Form, before: Freerun | None, status: int = 200) -> Response:
    return page(
        ask,
        'freerun_form.html',
        status,
        form=form,
        before=before,
        processes=processes_of(ask),
        overlaps=[item.value for item in Overlap],
        misfires=[item.value for item in Misfire],
        form_id=fresh_form_id(),
    )


def _checked(ask: Ask, values: Mapping[str, str], before: Freerun | None) -> Form:
    name = before.name if before else f'{values["process"]}::{values["entry"].strip()}'
    if before is None:
        taken = any(view.freerun.name == name for view in freeruns(ask.context, ask.store, ask.now))
        if taken:
            return Form(values=values, problem=f'{name} exists already; edit it, or choose a name')
    try:
        defined = checked_definition(ask, name, _details(values, before), before)
    except (FreerunRefused, ValueError) as error:
        return Form(values=values, problem=str(error))
    return Form(values=values, fires=next_fires(defined, ask.now))


def _details(values: Mapping[str, str], before: Freerun | None) -> dict[str, Any]:
    """Return a definition from the texts of a form; raise FreerunRefused.

    What the form showed as masked stays as it was `before`.
    """
    try:
        arguments = json.loads(values['arguments'] or '{}')
    except ValueError as error:
        raise FreerunRefused(f'arguments are no JSON ({error}); give {{"name": value}}') from error
    bound = values['misfire_max'].strip() or '10'
    return {
        'trigger': values['trigger'].strip(),
        'is_on': bool(values['is_on']),
        'overlap': values['overlap'],
        'misfire': values['misfire'],
        'misfire_max': int(bound) if bound.isdecimal() else bound,
        'arguments': unmasked(arguments, {} if before is None else dict(before.arguments)),
        'description': values['description'].strip() or None,
    }


def _values_of(before: Freerun) -> Mapping[str, str]:
    return {
        'process': before.process,
        'entry': before.entry,
        'trigger': str(before.trigger),
        'overlap': before.overlap.value,
        'misfire': before.misfire.value,
        'misfire_max': str(before.misfire_max),
        'arguments': json.dumps(masked(dict(before.arguments)), indent=2, ensure_ascii=False),
        'description': before.description or '',
        'is_on': 'on' if before.is_on else '',
    }
