"""Dead letters: units without an attempt left; try them again, or take them off the list."""

from __future__ import annotations

from dataclasses import replace
from typing import Final
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from synergy.core.commands import Command
from synergy.core.dead_letters import LETTER, LetterAction, is_settled_by, kind_of, settling
from synergy.core.freerun_record import is_freerun
from synergy.core.records import Unit, UowId
from synergy.core.states import UnitState
from synergy.mx.pages.confirm import Step, confirm, go_on
from synergy.mx.web.errors import unknown, wrong
from synergy.mx.web.orders import asked_before, id_of, place, reason_of
from synergy.mx.web.paging import dead_page, older
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page, see

ACTIONS: Final = tuple(item.value for item in LetterAction)


def dead_letters(request: RequestContext) -> Response:
    """List them, newest first."""
    units, cursor = dead_page(request)
    return page(request, 'dead_letters.html', units=units, older=older(request, cursor))


def confirm_dead_letter_action(request: RequestContext, uow_id: str, action: str) -> Response:
    """Say what retrying or dropping a dead letter would do; a retried job has a whole cascade."""
    unit = known_dead(request, uow_id)
    if action not in ACTIONS:
        raise wrong(f'{action!r:.40} is nothing to do to a dead letter', 'retry or drop it')
    if action == 'retry' and not is_freerun(unit.process):
        return redirect(retry_address(unit), 302)
    says = ['It starts once more, now.', 'The dead letter goes off the list.']
    if action == 'drop':
        says = ['It goes off this list; nothing runs again. The run and its log stay.']
    step = Step(
        title=f'{action.capitalize()} the dead letter {unit.key}',
        button=action.capitalize(),
        says=says,
        back='/dead',
        back_text='dead letters',
    )
    return confirm(request, step)


def retry_address(unit: Unit) -> str:
    """Return the preview of everything that runs again when the job of a dead letter does."""
    place = urlencode({'process': unit.process, 'first': str(unit.timeperiod), 'dead': unit.id})
    return f'/change/reprocess?{place}'


def submit_dead_letter_action(request: RequestContext, uow_id: str, action: str) -> Response:
    """Retry a free run or drop a dead letter; the retry of a job is shown first."""
    unit = known_dead(request, uow_id)
    if action == 'retry' and not is_freerun(unit.process):
        return see(retry_address(unit))
    command = settle(request, uow_id, action)
    return go_on(request, request.url('dead_letters'), command)


def letter_details(request: RequestContext, command: Command) -> Command:
    """Return a command with the dead letter that its preview was opened for, if it settles it."""
    uow_id = request.optional('dead')
    unit = None if uow_id is None else request.store.units([UowId(uow_id)]).get(UowId(uow_id))
    if unit is None or not is_settled_by(command, unit):
        return command
    return replace(command, details={LETTER: unit.id})


def known_dead(request: RequestContext, uow_id: str) -> Unit:
    """Return a dead letter; raise Refused when there is none of that id."""
    unit = request.store.units([UowId(uow_id)]).get(UowId(uow_id))
    if unit is None or unit.state is not UnitState.DEAD:
        raise unknown(
            f'there is no dead letter {uow_id!r:.60}', 'it was dealt with; see the list', '/dead'
        )
    return unit


def settle(request: RequestContext, uow_id: str, action: str) -> Command:
    """Ask for what `action` says; return the command that does the work.

    The letter of a retry stays until the Scheduler has begun with that: it may refuse it.
    """
    if action not in ACTIONS:
        raise wrong(f'{action!r:.40} is nothing to do to a dead letter', 'retry or drop it')
    unit = request.store.units([UowId(uow_id)]).get(UowId(uow_id))
    command = None if unit is None else _command(request, unit, LetterAction(action))
    found = None if command is None else asked_before(request, command)
    if unit is None or command is None or (found is None and unit.state is not UnitState.DEAD):
        raise unknown(
            f'there is no dead letter {uow_id!r:.60}', 'it was dealt with; see the list', '/dead'
        )
    return found or place(request, command)


def _command(request: RequestContext, unit: Unit, action: LetterAction) -> Command:
    return settling(
        unit,
        action,
        command_id=id_of(request, kind_of(unit, action), unit.id),
        actor=request.actor,
        reason=reason_of(request),
        now=request.now,
    )
