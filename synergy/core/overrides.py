"""Managed processes as operators have changed them at run time: on or off, and when to look.

An override holds until context.py says something else about the switch or the trigger of its
process; then it is void, like that of a free run. Whoever decides or explains uses
`Overrides.hierarchy` or, to read only, by `applied`: decision and explanation cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from synergy.core import readers
from synergy.core.commands import Command
from synergy.core.effects import Effects, Note, RemoveOverride, SaveOverride
from synergy.core.freerun_definition import definition_of
from synergy.core.hierarchy import Hierarchy
from synergy.core.nearest import nearest
from synergy.core.node import Node
from synergy.core.readers import Reader, read_fields
from synergy.core.records import Json, Override, Process
from synergy.core.structs import replace
from synergy.core.trigger import Trigger, bare, followed

_READERS: Final[Mapping[str, Reader[Any]]] = {
    'is_on': readers.optional(readers.boolean),
    'trigger': readers.optional(readers.trigger),
}


class OverrideRefused(ValueError):
    """The change makes no override; the message says why and what to do."""


class Overrides:
    """All overrides of one hierarchy, as of the last commit; dropped when a save is refused."""

    def __init__(self, defined: Hierarchy, stored: Iterable[Override]) -> None:
        """Take over what the store has. defined: the hierarchy as context.py has it."""
        self._defined = defined
        self._by_process = {override.process: override for override in stored}
        self.hierarchy = applied(defined, self._by_process.values())

    def void(self) -> Effects:
        """Forget what context.py has overtaken; return what is to be saved for it."""
        gone = [
            override
            for override in self._by_process.values()
            if not _holds(self._defined, override)
        ]
        for override in gone:
            del self._by_process[override.process]
        return Effects(
            [RemoveOverride(override.process) for override in gone],
            notes=[
                Note('override_void', f'{override.process} is as in the context again')
                for override in gone
            ],
        )

    def change(self, command: Command, now: datetime) -> Effects:
        """Change what `command`, a PROCESS_SAVE, says; raise OverrideRefused."""
        node = self._defined.nodes.get(command.process)
        if node is None:
            raise OverrideRefused(
                f'{command.process!r} is not a managed process'
                f'{nearest(command.process, self._defined.nodes)}; ./launch.py process ls shows all'
            )
        process, before = node.process, self._by_process.get(command.process)
        changed = override_of(node, command.details, before, command.who, now)
        effects = Effects()
        if changed is not None:
            self._by_process[process.name] = changed
            effects.saves.append(SaveOverride(changed))
        elif before is not None:
            del self._by_process[process.name]
            effects.saves.append(RemoveOverride(process.name))
        self.hierarchy = applied(self._defined, self._by_process.values())
        return effects


def applied(defined: Hierarchy, overrides: Iterable[Override]) -> Hierarchy:
    """Return the hierarchy with those overrides that hold."""
    held = [override for override in overrides if _holds(defined, override)]
    if not held:
        return defined
    nodes = dict(defined.nodes)
    for override in held:
        node = nodes[override.process]
        process = replace(
            node.process,
            is_on=node.process.is_on if override.is_on is None else override.is_on,
            trigger=node.process.trigger
            if override.trigger is None
            else _followed(node, override.trigger),
            override=override,
        )
        nodes[override.process] = replace(node, process=process)
    return defined.replaced(nodes)


def override_of(
    node: Node,
    details: Mapping[str, Json],
    before: Override | None,
    who: str,
    now: datetime,
) -> Override | None:
    """Return what holds over `process` after a change; None: it is as in context.py.

    node: the process as context.py has it. details: any of is_on and trigger; None is as there.
    Raises OverrideRefused.
    """
    process = node.process
    try:
        values = read_fields(details, _READERS)
        if values.get('trigger') is not None:
            values['trigger'] = _followed(node, values['trigger'])
    except ValueError as error:
        raise OverrideRefused(str(error)) from error
    if not details:
        raise OverrideRefused('there is nothing to change; give is_on or trigger')
    found = Override(process=process.name, definition=_definition(process), rev=1)
    if before is not None:
        found = replace(before, rev=before.rev + 1)
    if 'is_on' in values:
        is_on = None if values['is_on'] == process.is_on else values['is_on']
        found = replace(
            found,
            is_on=is_on,
            is_on_at=None if is_on is None else now,
            is_on_by=None if is_on is None else who,
        )
    if 'trigger' in values:
        trigger = None if values['trigger'] == process.trigger else values['trigger']
        found = replace(
            found,
            trigger=None if trigger is None else bare(trigger),
            trigger_at=None if trigger is None else now,
            trigger_by=None if trigger is None else who,
        )
    return None if found.is_on is None and found.trigger is None else found


def _holds(defined: Hierarchy, override: Override) -> bool:
    node = defined.nodes.get(override.process)
    if node is None or override.definition != _definition(node.process):
        return False
    try:
        return override.trigger is None or bool(_followed(node, override.trigger))
    except ValueError:
        # It names a zone that the tree has no longer.
        return False


def _followed(node: Node, trigger: Trigger) -> Trigger:
    return followed(trigger, node.calendar.zone, node.tree.name)


def _definition(process: Process) -> str:
    return definition_of({'is_on': process.is_on, 'trigger': str(process.trigger)})


def switched_text(process: Process) -> str:
    """Return why a process is off and how it is switched on, for whoever asks for it."""
    told = off_text(process)
    if process.override is None:
        return told
    return f'{told}; ./launch.py process on {process.name} switches it on'


def off_text(process: Process) -> str:
    """Return why a process is off, for whoever waits for it."""
    override = process.override
    if override is None or override.is_on is None or override.is_on_at is None:
        return f'{process.name} is switched off (is_on=False in its entry)'
    return (
        f'{process.name} is switched off since {override.is_on_at:%Y-%m-%d %H:%M:%S} UTC '
        f'by {override.is_on_by}'
    )
