"""The recut of a process whose level, time zone or week start has changed: what it does, and it."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.core.commands import Command
from synergy.core.structs import replace
from synergy.mx.pages.confirm import Input, Step, confirm
from synergy.mx.web.caller import caller_of
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import see
from synergy.operations import recut as operations
from synergy.operations.submission import asked_before
from synergy.view.recut import RecutPreview, says


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


def _page(request: RequestContext, found: RecutPreview, status: int = 200) -> Response:
    changed = 'Another start than the one that was shown: this is what it would do.'
    step = Step(
        title=f'Recut {found.process}',
        button='Recut',
        says=[*([changed] if status != 200 else []), *says(found)],
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
