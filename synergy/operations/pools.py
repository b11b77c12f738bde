"""Pools at run time: another size, or that of context.py again."""

from __future__ import annotations

from typing import Final

from synergy.core.commands import Command, CommandKind
from synergy.core.pool_record import PER_MINUTE_MAX, SLOTS_MAX
from synergy.core.pool_sizes import PoolRefused, override_of, pool_named
from synergy.core.readers import Reader, spelled, whole
from synergy.core.records import Json
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.submission import asked_before, command_for, submit

#: What to give instead of a number to follow context.py again.
DEFAULT: Final = 'default'
#: What to give instead of a number of starts for any number.
UNLIMITED: Final = 'unlimited'
ACTIONS: Final = ('set', 'default')

_SLOTS: Final = spelled(whole(1, SLOTS_MAX))
_PER_MINUTE: Final = spelled(whole(1, PER_MINUTE_MAX))


def change_pool(
    caller: Caller,
    name: str,
    action: str,
    slots: str | None = None,
    per_minute: str | None = None,
) -> Command:
    """Ask for another size of a pool; refuse what the Scheduler would refuse.

    action: of ACTIONS. slots, per_minute: of the action set, numbers as texts, or DEFAULT; None
    leaves what is there. per_minute UNLIMITED: any number.
    """
    command = command_for(caller, CommandKind.POOL_SAVE, name)
    if (known := asked_before(caller, command)) is not None:
        return known
    pools = caller.context.hierarchy.pools.sizes
    try:
        pool = pool_named(name, pools)
    except PoolRefused as error:
        what, _, advice = str(error).partition('; ')
        raise OperationRefused(RefusalKind.UNKNOWN, what, advice, listed_at='/pools') from error
    details = _meant(action, slots, per_minute)
    try:
        override_of(pool, details, None, caller.actor, caller.now)
    except PoolRefused as error:
        raise malformed(str(error), 'correct it; nothing was changed', str(error)) from error
    return submit(caller, command_for(caller, CommandKind.POOL_SAVE, pool.name, details))


def _meant(action: str, slots: str | None, per_minute: str | None) -> dict[str, Json]:
    match action:
        case 'default':
            return {'slots': None, 'per_minute': None}
        case 'set':
            details: dict[str, Json] = {}
            if slots is not None:
                details['slots'] = None if slots == DEFAULT else _number('slots', slots, _SLOTS)
            if per_minute is not None:
                details['per_minute'] = _rate(per_minute)
            if not details:
                raise malformed(
                    'neither slots nor per_minute is given',
                    'give one of them',
                    f'give --slots N or --per-minute N; {DEFAULT} is as in context.py',
                )
            return details
        case _:
            raise OperationRefused(
                RefusalKind.UNKNOWN,
                f'{action!r:.40} cannot be done to a pool',
                f'one of {", ".join(ACTIONS)}',
            )


def _rate(text: str) -> int | None:
    if text == DEFAULT:
        return None
    return 0 if text == UNLIMITED else _number('per_minute', text, _PER_MINUTE)


def _number(field: str, text: str, read: Reader[int]) -> int:
    try:
        return read(text)
    except ValueError as error:
        words = DEFAULT if field == 'slots' else f'{UNLIMITED} or {DEFAULT}'
        said = f'{field} = {text!r:.60}: {error}, or {words}'
        raise malformed(said, 'correct it; nothing was changed', said) from error
