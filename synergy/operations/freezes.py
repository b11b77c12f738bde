"""Freezing, so that nothing of a scope starts until an instant, and thawing before that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from synergy.conf.model import Context
from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandKind
from synergy.core.freezes import (
    EVERYTHING,
    FREEZES_MAX,
    LONG,
    Freeze,
    Scope,
    details_of,
    unknown_scope,
)
from synergy.core.trigger import parse_trigger
from synergy.core.written_timeperiod import UnreadTimeperiod, instant_at
from synergy.operations.caller import Caller
from synergy.operations.named import meant_by
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.submission import asked_before, command_for, submit
from synergy.ports.freezing import freezes_in
from synergy.ports.store import CommandReader

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: What says of what a freeze is; with none of them it is of everything.
SCOPES: Final = (Scope.PROCESS, Scope.TREE, Scope.POOL)
#: How an instant is written.
UNTIL: Final = (
    'an hour or a minute in UTC, as in 2026-11-29T04:00, or a length from now, as in "+2 hours"'
)


def freeze(
    caller: Caller, given: Mapping[Scope, str | None], until: str, *, is_long: bool = False
) -> Command:
    """Let nothing of a scope start until an instant; refuse what makes no sense.

    given: the name of one process, free run, tree or pool, if not everything is meant. is_long: it
    may last more than a year.
    """
    scopes = [scope for scope in SCOPES if given.get(scope)]
    if len(scopes) > 1:
        said = ' and '.join(scope.value for scope in scopes)
        raise malformed(f'{said} are given', 'give one of them, or none for everything')
    scope = scopes[0] if scopes else Scope.ALL
    name = given.get(scope) or EVERYTHING
    if (known := asked_before(caller, command_for(caller, CommandKind.FREEZE, name))) is not None:
        # It may have ended since, and its instant may be in the past.
        return known
    if (why := unknown_scope(scope, name, names_of(caller.context))) is not None:
        raise OperationRefused(RefusalKind.UNKNOWN, why, 'correct it; nothing was frozen')
    end = until_of(until, caller.now)
    if end <= caller.now:
        raise malformed(
            f'until {end:%Y-%m-%d %H:%M} UTC is in the past', f'give {UNTIL}; nothing was frozen'
        )
    if end - caller.now > LONG and not is_long:
        raise malformed(
            f'until {end:%Y-%m-%d %H:%M} UTC is more than a year',
            'say so with --long (in the API long=true), or give an earlier instant',
        )
    if not (caller.reason or '').strip():
        raise malformed(
            'a freeze needs a reason', 'give --reason: others will ask why nothing starts'
        )
    return submit(caller, command_for(caller, CommandKind.FREEZE, name, details_of(scope, end)))


def thaw(caller: Caller, freeze_id: str) -> Command:
    """End a freeze before its time, named by its id or the beginning of it."""
    # Only then is it looked for: what was asked for before has ended it.
    if (
        known := asked_before(caller, command_for(caller, CommandKind.THAW, freeze_id))
    ) is not None:
        return known
    found = known_freeze(caller.store, freeze_id, caller.now)
    return submit(caller, command_for(caller, CommandKind.THAW, found.name, target=found.id))


def holding(store: CommandReader, now: datetime) -> Sequence[Freeze]:
    """Return the freezes that hold now, the oldest first."""
    return [item for item in freezes_in(store) if item.until > now]


def known_freeze(store: CommandReader, freeze_id: str, now: datetime) -> Freeze:
    """Return a freeze that holds, by its id or a beginning of it that no other has."""
    held = {item.id: item for item in holding(store, now)}
    commands = store.commands(OPEN_COMMAND_STATES, FREEZES_MAX, (CommandKind.FREEZE,))
    open_ones = [item for item in commands if item.id in held]
    found = meant_by(freeze_id, open_ones, lambda item: item.id, 'freeze')
    if found is None:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'there is no freeze {freeze_id!r:.80} that holds',
            './launch.py thaw lists those that do',
            listed_at='/freezes',
        )
    return held[found.id]


def until_of(text: str, now: datetime) -> datetime:
    """Return the instant that a text means; raise OperationRefused."""
    return instant_meant(text, now, f'until {text!r:.60} cannot be read', UNTIL)


def instant_meant(text: str, now: datetime, unread: str, grammar: str) -> datetime:
    """Return the instant that a text means: one in UTC, or a length from now.

    Raises OperationRefused, which says `unread`, and how instants are written.
    """
    stripped = text.strip()
    try:
        if stripped.startswith('+'):
            length = parse_trigger(f'every {stripped[1:]}')
            return now + (length.next_fire(_EPOCH) - _EPOCH)
        return instant_at(stripped.removesuffix('Z').removesuffix('UTC').strip(), now)
    except (UnreadTimeperiod, ValueError, OverflowError) as error:
        raise malformed(unread, f'give {grammar}') from error


def names_of(context: Context) -> Mapping[Scope, Iterable[str]]:
    """Return what can be frozen."""
    freeruns = context.freeruns.values()
    return {
        Scope.PROCESS: [
            *context.managed,
            *dict.fromkeys(entry.name for entry in freeruns),
            *(entry.full_name for entry in freeruns),
        ],
        Scope.POOL: list(context.hierarchy.pools.sizes),
        Scope.TREE: list(
            dict.fromkeys(node.tree.name for node in context.hierarchy.nodes.values())
        ),
    }
