"""Freezes: nothing of a scope starts until an instant, for an operator said so.

A freeze is a command, FREEZE, and holds from the moment it is inserted: its row in the store is
what everybody reads, and the record in the audit, too. It ends by itself at its instant, or before
that by THAW.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandKind, CommandState
from synergy.core.effects import Effects
from synergy.core.nearest import nearest
from synergy.core.records import CommandId, Json
from synergy.core.requests import ended, moved
from synergy.core.structs import Struct

#: Freezes that are read at a time, the newest.
FREEZES_MAX: Final = 500
#: One that lasts longer has to be asked for as such.
LONG: Final = timedelta(days=366)
#: Of a command, where a freeze is of everything.
EVERYTHING: Final = 'all'


class Scope(StrEnum):
    """Of what nothing starts."""

    ALL = 'all'
    PROCESS = 'process'
    TREE = 'tree'
    POOL = 'pool'


class Freeze(Struct, frozen=True, kw_only=True):
    """One freeze. name: of the process, the free run, the tree or the pool."""

    id: CommandId
    scope: Scope
    name: str
    since: datetime
    until: datetime
    by: str
    reason: str | None

    @property
    def what(self) -> str:
        """Return of what nothing starts."""
        return 'everything' if self.scope is Scope.ALL else f'{self.scope.value} {self.name}'

    def __str__(self) -> str:
        """Return what is frozen, by whom, and why."""
        told = f'{self.what} is frozen since {self.since:%Y-%m-%d %H:%M} UTC by {self.by}'
        return f'{told}: {self.reason}' if self.reason else told


def details_of(scope: Scope, until: datetime) -> Mapping[str, Json]:
    """Return what a FREEZE says beside the name of its process."""
    return {'scope': scope.value, 'until': until.isoformat()}


def freeze_of(command: Command) -> Freeze | None:
    """Return the freeze that a command asks for; None where its row does not say until when.

    One that has been ended held until then.
    """
    try:
        scope = Scope(str(command.details.get('scope')))
        until = datetime.fromisoformat(str(command.details.get('until')))
    except ValueError:
        return None
    if until.tzinfo is None or command.state is CommandState.REFUSED:
        return None
    if command.state not in OPEN_COMMAND_STATES and command.finished_at is not None:
        until = min(until, command.finished_at)
    return Freeze(
        id=command.id,
        scope=scope,
        name=command.process,
        since=command.created_at,
        until=until,
        by=command.actor,
        reason=command.reason,
    )


def freezes_of(commands: Iterable[Command]) -> Sequence[Freeze]:
    """Return the freezes that commands ask for, the oldest first."""
    found = (freeze_of(item) for item in commands if item.kind is CommandKind.FREEZE)
    return sorted((item for item in found if item), key=lambda freeze: (freeze.since, freeze.id))


def frozen(command: Command, known: Mapping[Scope, Iterable[str]], now: datetime) -> Effects:
    """Return what becomes of a FREEZE when the Scheduler looks at it. known: names by scope."""
    freeze = freeze_of(command)
    if freeze is None:
        return ended(command, now, 'it does not say of what and until when', is_done=False)
    why = unknown_scope(freeze.scope, freeze.name, known)
    if why is not None and command.state is CommandState.REQUESTED:
        return ended(command, now, why, is_done=False)
    if freeze.until <= now:
        return ended(command, now, 'its time is over', is_done=True)
    if command.state is CommandState.REQUESTED:
        return moved(command, CommandState.RUNNING, now)
    return Effects()


def thawed(command: Command, target: Command | None, now: datetime) -> Effects:
    """Return what ends a freeze before its time, and the THAW that asks for it."""
    if target is None or target.kind is not CommandKind.FREEZE:
        return ended(command, now, f'there is no freeze {command.target!r}', is_done=False)
    if target.state not in OPEN_COMMAND_STATES:
        return ended(command, now, f'it has ended already: {target.outcome}', is_done=False)
    effects = ended(target, now, f'thawed by {command.who}', is_done=True)
    effects.add(ended(command, now, str(target.id), is_done=True))
    return effects


def unknown_scope(scope: Scope, name: str, known: Mapping[Scope, Iterable[str]]) -> str | None:
    """Return why there is nothing of that name to freeze; None where there is."""
    if scope is Scope.ALL:
        return None
    names = [*known.get(scope, ())]
    if name in names:
        return None
    return f'there is no {scope.value} {name!r:.80}{nearest(name, names)}'
