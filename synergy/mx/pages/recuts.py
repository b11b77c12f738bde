"""The recut of a process, or of a tree, whose level, time zone or week start has changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import Command, counted
from synergy.core.structs import replace
from synergy.mx.pages.confirm import Input, Step, confirm
from synergy.mx.web.caller import caller_of
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import see
from synergy.operations import recut as operations
from synergy.operations import recut_tree
from synergy.operations.submission import asked_before
from synergy.view.recut import RecutPreview, TreeRecutPreview, says, says_of_tree

_CHANGED: Final = 'Another start than the one that was shown: this is what it would do.'


def confirm_recut(request: RequestContext, name: str) -> Response:
    """Say what a recut would do; without a start, from where its tree starts."""
    command = command_of(request, name)
    return _page(request, operations.preview(caller_of(request), command))


def submit_recut(request: RequestContext, name: str) -> Response:
    """Ask for it, if it still is what was shown; another start is shown first."""
    caller, command = caller_of(request), command_of(request, name)
    if asked_before(caller, command) is None:
        planned = operations.preview(caller, command)
        if planned.hash != request.text('plan_hash'):
            return _page(request, planned, 409)
        operations.recut(caller, command, lambda _: planned)
    return see(request.url('request', request_id=command.id))


def command_of(request: RequestContext, name: str) -> Command:
    """Return the recut that an address or a form describes."""
    node = request.node(name)
    first = str(request.model.key(node, node.first).timeperiod)
    start = request.timeperiod(node, request.text('start', first))
    command = operations.recut_command(caller_of(request), node, start)
    return replace(command, plan_hash=request.optional('plan_hash'))


def confirm_tree_recut(request: RequestContext, name: str) -> Response:
    """Say what recuts of a tree would do; without a start, from where it starts."""
    commands = tree_commands_of(request, name)
    return _tree_page(request, recut_tree.preview_tree(caller_of(request), name, commands))


def submit_tree_recut(request: RequestContext, name: str) -> Response:
    """Ask for them, if they still are what was shown; another start is shown first."""
    caller, commands = caller_of(request), tree_commands_of(request, name)
    if all(asked_before(caller, command) is None for command in commands):
        planned = recut_tree.preview_tree(caller, name, commands)
        if planned.hash != request.text('plan_hash'):
            return _tree_page(request, planned, 409)
    recut_tree.recut_tree(caller, name, commands)
    return see(request.url('requests'))


def tree_commands_of(request: RequestContext, name: str) -> Sequence[Command]:
    """Return the recuts of a tree that an address or a form describes."""
    start, plan_hash = request.optional('start'), request.optional('plan_hash')
    return recut_tree.tree_commands(caller_of(request), name, start, plan_hash)


def _tree_page(request: RequestContext, found: TreeRecutPreview, status: int = 200) -> Response:
    start = request.optional('start') or _start_text(request, found)
    step = Step(
        title=f'Recut the tree {found.tree}',
        button=f'Recut {counted(len(found.parts), "process", "processes")}',
        says=[*([_CHANGED] if status != 200 else []), *says_of_tree(found)],
        back='/processes',
        back_text='processes',
        inputs=[
            Input(
                name='start',
                label='Each begins at its interval in which this begins (another start is shown '
                'first)',
                value=start,
            )
        ],
        hidden=[('plan_hash', found.hash)],
    )
    return confirm(request, step, status)


def _start_text(request: RequestContext, found: TreeRecutPreview) -> str:
    """Return where a tree starts, as one would write it: a date, or an hour in UTC."""
    node = request.node(found.parts[0].process)
    start, local = node.tree.start, node.tree.start.astimezone(node.calendar.zone)
    is_midnight = (local.hour, local.minute) == (0, 0)
    return f'{local:%Y-%m-%d}' if is_midnight else f'{start:%Y-%m-%d %H:%M}'


def _page(request: RequestContext, found: RecutPreview, status: int = 200) -> Response:
    step = Step(
        title=f'Recut {found.process}',
        button='Recut',
        says=[*([_CHANGED] if status != 200 else []), *says(found)],
        back='/processes',
        back_text='processes',
        inputs=[
            Input(
                name='start',
                label='Begins at (another start is shown first)',
                value=str(found.start),
            )
        ],
        hidden=[('plan_hash', found.hash)],
    )
    return confirm(request, step, status)
