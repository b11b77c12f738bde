"""Let all processes of a tree that are left out begin by their new definitions, at one instant.

Each is recut by a request of its own, so that each goes on whatever becomes of the others. What was
asked before under the same key, or form, is not asked again, and the rest of it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b

from synergy.core.changed_levels import left_out
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.nearest import nearest
from synergy.core.node import Node
from synergy.core.structs import replace
from synergy.core.timeperiod import Timeperiod
from synergy.core.written_timeperiod import UnreadTimeperiod, at_level, instant_at
from synergy.operations.caller import Caller
from synergy.operations.recut import check, is_under_way, need_reason, recut_command
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.submission import asked_before, submit
from synergy.view.recut import TreeRecutPreview, preview_tree_recut


def tree_commands(
    caller: Caller, tree: str, start: str | None, plan_hash: str | None = None
) -> Sequence[Command]:
    """Return the commands by which the processes of a tree begin at `start`, coarse to fine.

    They are about those that are left out and are not being recut, and those that were asked for
    under the same key. start:
    as people write an interval of any level; None: where the tree starts. Raises OperationRefused.
    """
    nodes = _nodes_of(caller, tree)
    out = left_out(caller.context.hierarchy, caller.store.led_context())
    base = caller.id_of(CommandKind.RECUT, f'{tree} {start}')
    at = nodes[0].tree.start if start is None else _instant(caller, nodes, start)
    begins = [node.calendar.containing(node.process.qualifier, at) for node in nodes]
    # On its first day a tree may have begun some hours later.
    is_first = any(item.ordinal >= node.first for item, node in zip(begins, nodes, strict=True))
    found = []
    for node, first in zip(nodes, begins, strict=True):
        name = node.process.name
        if is_first and first.ordinal < node.first:
            first = Timeperiod(node.process.qualifier, node.first)
        named = blake2b(f'{base}\n{name}'.encode(), digest_size=6).hexdigest()
        command = replace(recut_command(caller, node, first, plan_hash), id=CommandId(named))
        if caller.store.command(command.id) is not None or (
            name in out and not is_under_way(caller, command)
        ):
            found.append(command)
    if not found and any(node.process.name in out for node in nodes):
        raise OperationRefused(
            RefusalKind.CONFLICT,
            f'all processes of the tree {tree} that are left out are being recut',
            './launch.py requests shows how far it is; nothing was changed',
        )
    if not found:
        raise OperationRefused(
            RefusalKind.CONFLICT,
            f'level, time zone and week start of all processes of the tree {tree} are those of '
            'their history: there is nothing to recut',
            'nothing was changed',
        )
    return found


def preview_tree(caller: Caller, tree: str, commands: Sequence[Command]) -> TreeRecutPreview:
    """Return what recuts of a tree would do; raise OperationRefused when one cannot be done."""
    for command in commands:
        check(caller, command)
    return preview_tree_recut(caller.context.hierarchy, caller.store, tree, commands, caller.now)


def recut_tree(caller: Caller, tree: str, commands: Sequence[Command]) -> Sequence[Command]:
    """Ask for the recuts of a tree, if they still are what their plan_hash says, or for the rest.

    All of them are looked at before the first is asked for.
    """
    known = {command.id: asked_before(caller, command) for command in commands}
    rest = [command for command in commands if known[command.id] is None]
    for command in rest:
        need_reason(command)
    if len(rest) == len(commands):
        planned, wanted = preview_tree(caller, tree, rest).hash, rest[0].plan_hash
        if wanted not in (None, planned):
            raise OperationRefused(
                RefusalKind.CONFLICT,
                f'the recut of the tree {tree} would be another one now, {planned}',
                'look at the preview again and send its plan_hash; nothing was done',
                title='The plan has changed',
            )
    else:
        for command in rest:
            check(caller, command)
    return [known[command.id] or submit(caller, command) for command in commands]


def _nodes_of(caller: Caller, tree: str) -> Sequence[Node]:
    nodes = caller.context.hierarchy.nodes
    trees = {node.tree.name: node.tree for node in nodes.values()}
    if tree not in trees:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'there is no tree {tree!r:.80}{nearest(tree, trees)}',
            './launch.py list shows all; nothing was changed',
        )
    return [nodes[name] for name in trees[tree].levels]


def _instant(caller: Caller, nodes: Sequence[Node], text: str) -> datetime:
    """Return the instant that a text names.

    Digits that a level of the tree has as a name are read as such, the finest first.
    """
    calendar = nodes[0].calendar
    for node in reversed(nodes):
        try:
            return calendar.start(at_level(node.process.qualifier, text, caller.now, calendar))
        except UnreadTimeperiod:
            continue
    try:
        return instant_at(text, caller.now, calendar)
    except UnreadTimeperiod as error:
        raise malformed(error.what, f'{error.advice}; nothing was changed') from error
