"""Dead letters: units without an attempt left; try them again, or take them off the list."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.core.commands import Command, CommandKind
from synergy.core.freerun_record import is_freerun
from synergy.core.records import Unit, UowId
from synergy.core.states import UnitState
from synergy.mx.ask import LIMIT_DEFAULT, LIMIT_MAX, Ask
from synergy.mx.errors import unknown, wrong
from synergy.mx.orders import asked_before, id_of, place, reason_of
from synergy.mx.render import page, see


def dead_letters(ask: Ask) -> Response:
    """List them, newest first."""
    units = ask.store.dead_units(ask.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX))
    return page(ask, 'dead.html', units=units)


def settle_dead_letter(ask: Ask, uow_id: str, action: str) -> Response:
    """Retry a dead letter, or drop it."""
    command = settle(ask, uow_id, action)
    if command.kind is CommandKind.REPROCESS:
        return see(ask.url('request', request_id=command.id))
    return see(ask.url('dead_letters'))


def settle(ask: Ask, uow_id: str, action: str) -> Command:
    """Ask for what `action` says; return the command that does the work."""
    if action not in ('retry', 'drop'):
        raise wrong(f'{action!r:.40} is nothing to do to a dead letter', 'retry or drop it')
    unit = ask.store.units([UowId(uow_id)]).get(UowId(uow_id))
    kind = CommandKind.DROP
    if action == 'retry' and unit is not None:
        kind = CommandKind.FREERUN_RUN if is_freerun(unit.process) else CommandKind.REPROCESS
    command = None if unit is None else _command(ask, unit, kind)
    found = None if command is None else asked_before(ask, command)
    if unit is None or command is None or (found is None and unit.state is not UnitState.DEAD):
        raise unknown(f'there is no dead letter {uow_id!r:.60}', 'it was dealt with; see the list')
    found = found or place(ask, command)
    if kind is not CommandKind.DROP:
        # Asked for again, too: what asked before may have ended in between.
        place(ask, _command(ask, unit, CommandKind.DROP, 'drop'))
    return found


def _command(ask: Ask, unit: Unit, kind: CommandKind, part: str = '') -> Command:
    return Command(
        id=id_of(ask, kind, unit.id, part),
        kind=kind,
        process=unit.process,
        start=unit.timeperiod,
        end=unit.timeperiod.shift(1),
        details={'uow': unit.id} if kind is CommandKind.DROP else {},
        actor=ask.actor,
        reason=reason_of(ask) or f'dead letter {unit.id}',
        created_at=ask.now,
    )
