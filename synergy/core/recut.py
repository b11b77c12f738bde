"""A recut: what is next for the command that lets a process begin by a new definition.

    left out -> under way -> archived, batch by batch -> cut -> as any other process

How far it is stands in the store, and nowhere else: in the context that is led (`LedProcess.recut`:
its rows are being archived, so it is left out), in the rows that are left, and in the override that
says where its intervals begin. The next index takes these up, and compares what waits for them, as
after any change of the context. Whoever dies in between leaves the next leader the rest. What is
under way is cancelled first, by the rules of a cancel: a higher fence, so that no late report
counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandState, counted
from synergy.core.cut import Cut
from synergy.core.effects import ArchiveRows, CancelUnit, Effects, Note, SaveContext, SaveOverride
from synergy.core.hierarchy import Hierarchy
from synergy.core.led_context import LedContext, LedProcess
from synergy.core.node import Node
from synergy.core.overrides import Overrides
from synergy.core.records import UowId
from synergy.core.requests import ended, moved
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Qualifier, Timeperiod

#: Rows of jobs, and of units, that one commit archives: bounds the commit.
ROWS_PER_BATCH_MAX: Final = 2000
#: Of the command: the zone in which its start is meant.
ZONE: Final = 'zone'


class RecutFacts(Struct, frozen=True, kw_only=True):
    """What the store says of the process of a recut.

    is_taken: another recut of it is under way. live: its units that have not ended. has_rows:
    whether any are left to archive, once that is under way. archived_count: jobs that the command
    has archived. runs: of an interval of each level, at most, in the archive. The last two are
    known once nothing is left.
    """

    led: LedContext | None
    is_taken: bool
    live: Sequence[UowId]
    has_rows: bool
    archived_count: int
    runs: Mapping[Qualifier, int]


def decide_recut(
    command: Command, facts: RecutFacts, overrides: Overrides, *, is_left_out: bool, now: datetime
) -> Effects:
    """Return what is next; nothing while the context is not the one for which it was asked."""
    name = command.process
    before = None if facts.led is None else facts.led.processes.get(name)
    is_under_way = before is not None and before.recut == command.id
    cut = overrides.cut_of(name)
    is_cut = cut is not None and cut.request == command.id
    node = overrides.hierarchy.nodes.get(name)
    if is_cut and not is_under_way:
        told = f'{counted(facts.archived_count)} archived, intervals begin at {command.start}'
        return ended(command, now, told, is_done=True)
    if not is_under_way:
        taken_by = before.recut if before is not None and facts.is_taken else None
        why = problem(
            overrides.hierarchy, command, taken_by=taken_by, is_left_out=is_left_out, now=now
        )
        if why is not None or facts.led is None or before is None:
            why = why or f'nothing is known of the context in which {name} ran; ask again'
            return ended(command, now, why, is_done=False)
        return _begun(command, facts, facts.led, before, now)
    assert facts.led is not None, 'it says that this is under way'
    if node is None or not _is_meant(command, node):
        return Effects()
    if facts.has_rows:
        return Effects([ArchiveRows(name, command.id, facts.led.rev, ROWS_PER_BATCH_MAX)])
    return Effects() if is_cut else _cut(command, facts, overrides, node, now)


def problem(
    hierarchy: Hierarchy,
    command: Command,
    *,
    taken_by: str | None,
    is_left_out: bool,
    now: datetime,
) -> str | None:
    """Return why a recut cannot be done, with what helps; None: it can.

    taken_by: another recut of the process that has not ended. One that was ended on the way is
    gone on with: rows that are archived already stay under its id.
    """
    name, start = command.process, command.start
    node = hierarchy.nodes.get(name)
    if node is None:
        return f'there is no managed process {name}; ./launch.py process ls shows all'
    if taken_by is not None:
        return f'{name} is being recut by request {taken_by}; ./launch.py requests shows it'
    if not is_left_out:
        return (
            f'level, time zone and week start of {name} are those of its history: there is nothing '
            f'to recut; ./launch.py reprocess {name} runs intervals again'
        )
    if not _is_meant(command, node):
        return (
            f'{name} is {node.process.qualifier.word} of {node.tree.zone} where the Scheduler '
            f'leads, and {start} was meant as {start.qualifier.word} of '
            f'{command.details.get(ZONE)}; ask where context.py is the same'
        )
    return start_problem(hierarchy, node, start, now)


def start_problem(hierarchy: Hierarchy, node: Node, start: Timeperiod, now: datetime) -> str | None:
    """Return why intervals of a process cannot begin at `start`; None: they can."""
    first, until = node.first, max(hierarchy.begun_until(node, now), node.first + 1)
    if first <= start.ordinal < until:
        return None
    told = f'{hierarchy.timeperiod(node, first)} to {hierarchy.timeperiod(node, until - 1)}'
    return (
        f'{node.process.name} cannot begin at {start}: its tree has begun intervals from {told}; '
        'give one of these'
    )


def _is_meant(command: Command, node: Node) -> bool:
    is_of_level = command.start.qualifier is node.process.qualifier
    return is_of_level and command.details.get(ZONE) == node.tree.zone


def _begun(
    command: Command, facts: RecutFacts, led: LedContext, before: LedProcess, now: datetime
) -> Effects:
    marked = replace(before, recut=command.id, is_out=True)
    effects = Effects([CancelUnit(uow_id, command.by, now) for uow_id in facts.live])
    effects.saves.append(SaveContext(_with(led, command, marked)))
    effects.add(moved(command, CommandState.APPLYING, now))
    return effects


def _cut(
    command: Command, facts: RecutFacts, overrides: Overrides, node: Node, now: datetime
) -> Effects:
    """Begin intervals by the new definition: the next index has them."""
    name, level = command.process, node.process.qualifier
    cut = Cut(
        request=command.id,
        qualifier=level,
        zone=node.tree.zone,
        first=command.start.ordinal,
        runs=facts.runs.get(level, 0),
        others=tuple(sorted(item for item in facts.runs.items() if item[0] is not level)),
        at=now,
        by=command.who,
    )
    text = f'{name} begins at {command.start}; its former intervals are archived'
    note = Note('recut', f'{text} by request {command.id}')
    return Effects([SaveOverride(overrides.with_cut(name, cut))], notes=[note])


def is_taken(process: LedProcess | None, by: Command | None, command_id: str) -> bool:
    """Tell whether a process is being recut by another command that has not ended.

    by: the command that `process.recut` names, as it stands.
    """
    is_marked = process is not None and process.recut not in (None, command_id)
    return is_marked and by is not None and by.state in OPEN_COMMAND_STATES


def is_cut_by(effects: Effects) -> bool:
    """Tell whether effects of a recut begin the process anew."""
    return any(isinstance(save, SaveOverride) for save in effects.saves)


def with_cuts(hierarchy: Hierarchy, led: LedContext | None) -> LedContext | None:
    """Return the context as it counts as led, once the rows of a recut are all archived.

    Nothing is known of what these processes waited for, and there is nothing of them to compare.
    What waits for them is compared with what it was led with; by the commit that remembers the
    present context their recuts are over.
    """
    begun = {}
    for name, before in ({} if led is None else led.processes).items():
        node = hierarchy.nodes.get(name)
        override = None if node is None else node.process.override
        cut = None if override is None else override.cut
        if node is None or cut is None or before.recut != cut.request:
            continue
        level, zone = node.process.qualifier, node.tree.zone
        if cut.is_of(level, zone):
            begun[name] = LedProcess(qualifier=level, zone=zone)
    if led is None or not begun:
        return led
    return replace(led, processes={**led.processes, **begun})


def _with(led: LedContext, command: Command, process: LedProcess) -> LedContext:
    processes = {**led.processes, command.process: process}
    return replace(led, rev=led.rev + 1, processes=processes)
