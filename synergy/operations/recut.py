"""Let a process whose level, time zone or week start has changed begin by its new definition."""

from __future__ import annotations

from collections.abc import Callable

from synergy.core.changed_levels import left_out
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.led_context import LedContext
from synergy.core.node import Node
from synergy.core.recut import ZONE, is_taken, problem
from synergy.core.timeperiod import Timeperiod
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.submission import asked_before, submit
from synergy.view.recut import RecutPreview, preview_recut


def recut_command(
    caller: Caller, node: Node, start: Timeperiod, plan_hash: str | None = None
) -> Command:
    """Return the command by which intervals of a process begin at `start`; nothing is asked yet."""
    name = node.process.name
    return Command(
        id=caller.id_of(CommandKind.RECUT, f'{name} {start}'),
        kind=CommandKind.RECUT,
        process=name,
        start=start,
        end=start.shift(1),
        plan_hash=plan_hash,
        details={ZONE: node.tree.zone},
        actor=caller.actor,
        reason=caller.reason,
        created_at=caller.now,
    )


def preview(caller: Caller, command: Command) -> RecutPreview:
    """Return what a recut would do; raise OperationRefused when it cannot be done."""
    check(caller, command)
    return preview_recut(caller.context.hierarchy, caller.store, command, caller.now)


def check(caller: Caller, command: Command) -> None:
    """Raise OperationRefused when a recut cannot be done."""
    hierarchy, led = caller.context.hierarchy, caller.store.led_context()
    why = problem(
        hierarchy,
        command,
        taken_by=_taken_by(caller, led, command),
        is_left_out=command.process in left_out(hierarchy, led),
        now=caller.now,
    )
    if why is not None:
        what, _, advice = why.partition('; ')
        raise OperationRefused(
            RefusalKind.CONFLICT,
            what,
            f'{advice}; nothing was changed' if advice else 'nothing was changed',
        )


def is_under_way(caller: Caller, command: Command) -> bool:
    """Tell whether a process is being recut by another command than this one."""
    return _taken_by(caller, caller.store.led_context(), command) is not None


def _taken_by(caller: Caller, led: LedContext | None, command: Command) -> str | None:
    before = None if led is None else led.processes.get(command.process)
    marked = None if before is None else before.recut
    other = None if marked is None else caller.store.command(CommandId(marked))
    return marked if is_taken(before, other, command.id) else None


def need_reason(command: Command) -> None:
    """Raise OperationRefused when nobody says why."""
    if not (command.reason or '').strip():
        raise malformed(
            'nobody says why its history is archived',
            'give the reason, as in "days are enough from November on"; nothing was changed',
        )


def recut(
    caller: Caller, command: Command, previewed: Callable[[Command], RecutPreview]
) -> Command:
    """Ask for a recut, if it still is what its plan_hash says. previewed: see `preview`."""
    if (known := asked_before(caller, command)) is not None:
        return known
    need_reason(command)
    planned = previewed(command).hash
    if command.plan_hash not in (None, planned):
        raise OperationRefused(
            RefusalKind.CONFLICT,
            f'the recut of {command.process} would be another one now, {planned}',
            'look at the preview again and send its plan_hash; nothing was done',
            title='The plan has changed',
        )
    return submit(caller, command)
