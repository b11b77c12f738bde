"""Managed processes as operators have changed them at run time: on or off, when to look, and how to
catch up.

An override holds until context.py says something else about the switch, the trigger or the
catch-up of its process; then it is void, like that of a free run. Where its intervals begin
(`synergy.core.cut`) stays, and holds whenever its level and zone are those of the process. Whoever
decides or explains uses `Overrides.hierarchy` or, to read only, `as_led`: decision and explanation
cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from synergy.core import readers
from synergy.core.commands import Command
from synergy.core.cut import Cut
from synergy.core.effects import Effects, Note, RemoveOverride, SaveOverride
from synergy.core.freerun_definition import definition_of
from synergy.core.hierarchy import Hierarchy
from synergy.core.lanes import CatchUp, LaneStart
from synergy.core.led_context import LedContext, placed
from synergy.core.nearest import nearest
from synergy.core.node import Node
from synergy.core.readers import Reader, read_fields
from synergy.core.records import Json, Override, Process, ProcessName
from synergy.core.structs import replace
from synergy.core.trigger import Trigger, bare, followed

_READERS: Final[Mapping[str, Reader[Any]]] = {
    'is_on': readers.optional(readers.boolean),
    'trigger': readers.optional(readers.trigger),
    'catch_up': readers.optional(readers.member(CatchUp)),
}


class OverrideRefused(ValueError):
    """The change makes no override; the message says why and what to do."""


class Overrides:
    """All overrides of one hierarchy, as of the last commit; dropped when a save is refused."""

    def __init__(self, defined: Hierarchy, stored: Iterable[Override]) -> None:
        """Take over what the store has. defined: the hierarchy as context.py has it."""
        self._defined = defined
        self._by_process = {override.process: override for override in stored}
        # Since when what is live, as it was decided for this hierarchy.
        self._placed_by = LedContext(rev=0)
        self.hierarchy = applied(defined, self._by_process.values())

    def place(self, led: LedContext | None, lanes: Mapping[ProcessName, LaneStart]) -> None:
        """Let processes know what is live and what is left out, and pools who has left."""
        self._placed_by = replace(led or LedContext(rev=0), lanes=lanes)
        self.hierarchy = placed(self.hierarchy, self._placed_by)

    def void(self) -> Effects:
        """Forget what context.py has overtaken; return what is to be saved for it."""
        effects = Effects()
        for override in list(self._by_process.values()):
            if not _is_changed(override) and override.cut is not None:
                continue
            if _holds(self._defined, override):
                continue
            if override.cut is None:
                del self._by_process[override.process]
                effects.saves.append(RemoveOverride(override.process))
            else:
                bared = replace(_bare(override), rev=override.rev + 1)
                self._by_process[override.process] = bared
                effects.saves.append(SaveOverride(bared))
            text = f'{override.process} is as in the context again'
            effects.notes.append(Note('override_void', text))
        return effects

    def cut_of(self, process: ProcessName) -> Cut | None:
        """Return where the intervals of a process begin since its last recut, at some level."""
        override = self._by_process.get(process)
        return None if override is None else override.cut

    def with_cut(self, process: ProcessName, cut: Cut) -> Override:
        """Return the override by which intervals begin elsewhere.

        Nothing is changed here: whoever saves it builds all of this again.
        """
        return cut_anew(self._defined.nodes[process], self._by_process.get(process), cut)

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
        self.hierarchy = placed(applied(self._defined, self._by_process.values()), self._placed_by)
        return effects


def moves_lanes(command: Command) -> bool:
    """Tell whether a PROCESS_SAVE may change what is live or left out of a process."""
    return bool(command.details.keys() - {'trigger'})


def as_led(defined: Hierarchy, overrides: Iterable[Override], led: LedContext | None) -> Hierarchy:
    """Return the hierarchy as the Scheduler uses it, by what the store has of it."""
    return placed(applied(defined, overrides), led)


def applied(defined: Hierarchy, overrides: Iterable[Override]) -> Hierarchy:
    """Return the hierarchy with those overrides that hold."""
    nodes: dict[ProcessName, Node] = {}
    for override in overrides:
        node = defined.nodes.get(override.process)
        if node is None:
            continue
        if _holds(defined, override):
            process = replace(
                node.process,
                is_on=node.process.is_on if override.is_on is None else override.is_on,
                trigger=node.process.trigger
                if override.trigger is None
                else _followed(node, override.trigger),
                catch_up=override.catch_up or node.process.catch_up,
                override=override,
            )
            node = nodes[override.process] = replace(node, process=process)
        cut = override.cut
        if cut is None:
            continue
        process = replace(node.process, runs_before=cut.runs_of(node.process.qualifier))
        if cut.is_of(process.qualifier, node.tree.zone):
            shown = override if process.override is not None else _bare(override)
            process = replace(process, override=shown)
            node = begun_at(node, cut)
        nodes[override.process] = replace(node, process=process)
    return defined.replaced({**defined.nodes, **nodes}) if nodes else defined


def begun_at(node: Node, cut: Cut) -> Node:
    """Return a node whose intervals begin at a cut, unless its tree begins later."""
    first = max(node.first, cut.first)
    return replace(node, first=first if node.until is None else min(first, node.until))


def cut_anew(node: Node, before: Override | None, cut: Cut) -> Override:
    """Return what holds over a process once its intervals begin elsewhere."""
    if before is None:
        return Override(process=node.process.name, definition=_definition(node.process), cut=cut)
    return replace(before, cut=cut, rev=before.rev + 1)


def override_of(
    node: Node,
    details: Mapping[str, Json],
    before: Override | None,
    who: str,
    now: datetime,
) -> Override | None:
    """Return what holds over `process` after a change; None: it is as in context.py.

    node: the process as context.py has it. details: any of is_on, trigger and catch_up; None is as
    there. Raises OverrideRefused.
    """
    process = node.process
    try:
        values = read_fields(details, _READERS)
        if values.get('trigger') is not None:
            values['trigger'] = _followed(node, values['trigger'])
    except ValueError as error:
        raise OverrideRefused(str(error)) from error
    if not details:
        raise OverrideRefused('there is nothing to change; give is_on, trigger or catch_up')
    found = Override(process=process.name, definition=_definition(process), rev=1)
    if before is not None:
        is_of_now = before.definition == found.definition
        found = replace(before if is_of_now else _bare(before), rev=before.rev + 1)
        found = replace(found, definition=_definition(process))
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
    if 'catch_up' in values:
        # Said again, `none` is about what is history by now.
        catch_up = values['catch_up']
        is_same = catch_up == process.catch_up and catch_up is not CatchUp.NONE
        catch_up = None if is_same else catch_up
        found = replace(
            found,
            catch_up=catch_up,
            catch_up_at=None if catch_up is None else now,
            catch_up_by=None if catch_up is None else who,
        )
    return found if _is_changed(found) or found.cut is not None else None


def _is_changed(override: Override) -> bool:
    changed = (override.is_on, override.trigger, override.catch_up)
    return any(item is not None for item in changed)


def _bare(override: Override) -> Override:
    """Return an override without all but the start of intervals."""
    return replace(
        override,
        is_on=None,
        is_on_at=None,
        is_on_by=None,
        trigger=None,
        trigger_at=None,
        trigger_by=None,
        catch_up=None,
        catch_up_at=None,
        catch_up_by=None,
    )


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
    said: dict[str, Json] = {'is_on': process.is_on, 'trigger': str(process.trigger)}
    if process.catch_up is not CatchUp.BESIDE:
        said['catch_up'] = process.catch_up.value
    return definition_of(said)


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
