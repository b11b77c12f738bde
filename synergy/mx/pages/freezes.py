"""Freezes and closed hours: what holds now, freezing, thawing."""

from __future__ import annotations

from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import Command
from synergy.core.freezes import Scope
from synergy.core.holds import Holds
from synergy.mx.pages.confirm import Input, Step, confirm, go_on
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import unknown
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.operations.freezes import SCOPES, UNTIL, freeze, holding, known_freeze, thaw
from synergy.view.closed import closed_now

ACTIONS: Final = ('thaw',)


def freezes(request: RequestContext) -> Response:
    """List what is frozen, and which closed hours hold now."""
    hierarchy = request.model.hierarchy
    return page(
        request,
        'freezes.html',
        freezes=holding(request.store, request.now),
        closed=closed_now(hierarchy, Holds(hierarchy), request.now),
    )


def confirm_freeze(request: RequestContext) -> Response:
    """Ask what is to be frozen, and until when."""
    step = Step(
        title='Freeze',
        button='Freeze',
        says=[
            'Nothing of it starts until then: no run, no free run, no next attempt. What runs may '
            'end, and what is asked for waits. Name one process, tree or pool, or nothing to '
            'freeze everything.',
        ],
        inputs=[
            *(
                Input(name=scope.value, label=scope.value.capitalize(), is_required=False)
                for scope in SCOPES
            ),
            Input(name='until', label=f'Until: {UNTIL}'),
        ],
        back='/freezes',
        back_text='freezes',
    )
    return confirm(request, step)


def submit_freeze(request: RequestContext) -> Response:
    """Freeze what was described."""
    return go_on(request, request.url('freezes'), ask_freeze(request))


def confirm_thaw(request: RequestContext, freeze_id: str, action: str) -> Response:
    """Say what ending a freeze would do."""
    _check(action)
    found = known_freeze(request.store, freeze_id, request.now)
    step = Step(
        title=f'Thaw {found.what}',
        button='Thaw',
        says=[f'{found}.', 'What is due starts at once, and what was asked for runs.'],
        back='/freezes',
        back_text='freezes',
    )
    return confirm(request, step)


def submit_thaw(request: RequestContext, freeze_id: str, action: str) -> Response:
    """End a freeze before its time."""
    _check(action)
    return go_on(request, request.url('freezes'), ask_thaw(request, freeze_id))


def ask_freeze(request: RequestContext) -> Command:
    """Ask for the freeze that was described."""
    given: dict[Scope, str | None] = {
        scope: request.optional(scope.value) or None for scope in SCOPES
    }
    return freeze(caller_of(request), given, request.text('until'), is_long=request.switch('long'))


def ask_thaw(request: RequestContext, freeze_id: str) -> Command:
    """Ask for the end of a freeze."""
    return thaw(caller_of(request), freeze_id)


def _check(action: str) -> None:
    if action not in ACTIONS:
        raise unknown(f'{action!r:.40} cannot be done to a freeze', 'thaw', '/freezes')
