"""Pools: who holds what of each, who waits and for how long, and another size at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import Command
from synergy.core.pool_record import Pool, PoolName
from synergy.mx.pages.confirm import Input, Step, confirm, go_on
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import unknown
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.estimating import estimator_of
from synergy.operations.pools import DEFAULT, UNLIMITED, change_pool
from synergy.view.pools import PoolView, look_at_pools, pool_views, waiting_said, with_pace

_ADDRESS: Final = '/pools'
#: Of those who wait, or hold, on one page.
ROWS_SHOWN: Final = 50


def views(request: RequestContext) -> Sequence[PoolView]:
    """Return all pools as they stand."""
    request.look()
    with request.model.lock:
        found = pool_views(look_at_pools(request.model.timetable, request.store, request.now))
    return with_pace(found, estimator_of(request, {}))


def pools(request: RequestContext) -> Response:
    """List pools."""
    return page(request, 'pools.html', pools=views(request), rows_max=ROWS_SHOWN)


def confirm_pool_action(request: RequestContext, name: str, action: str) -> Response:
    """Say what another size would do, and ask for it."""
    view = next((item for item in views(request) if item.pool.name == name), None)
    if view is None:
        raise unknown(f'{name!r:.80} is not a pool', 'use the list of pools', _ADDRESS)
    pool = view.pool
    said = [f'Now it has {pool.size_text}; {view.used:,} in use.', *waiting_said(view)]
    if action == 'default':
        defined = request.context.hierarchy.pools.sizes[PoolName(name)]
        return confirm(
            request,
            Step(
                title=f'Let {name} go by context.py',
                button='As in context.py',
                says=[*said, f'context.py gives it {defined.size_text}.'],
                back=_ADDRESS,
                back_text='pools',
            ),
        )
    if action != 'set':
        raise unknown(f'{action!r:.40} has no step to confirm', 'use the list of pools', _ADDRESS)
    return confirm(request, _size_step(request, pool, said))


def _size_step(request: RequestContext, pool: Pool, said: Sequence[str]) -> Step:
    rate = UNLIMITED if pool.per_minute is None else str(pool.per_minute)
    return Step(
        title=f'Change the size of {pool.name}',
        button='Change size',
        says=[
            *said,
            'What runs goes on. A smaller size lets nothing start until what is in use fits; a '
            'bigger one lets those who wait start at once, by priority.',
            f'{DEFAULT} is as in context.py; starts within a minute may be {UNLIMITED}, too.',
        ],
        inputs=[
            Input(name='slots', label='Slots', value=request.optional('slots') or str(pool.slots)),
            Input(
                name='per_minute',
                label='Starts within a minute',
                value=request.optional('per_minute') or rate,
            ),
        ],
        back=_ADDRESS,
        back_text='pools',
    )


def submit_pool_action(request: RequestContext, name: str, action: str) -> Response:
    """Change the size of a pool."""
    return go_on(request, request.url('pools'), ask_change(request, name, action))


def ask_change(request: RequestContext, name: str, action: str) -> Command:
    """Ask for what `action` says about a pool."""
    return change_pool(
        caller_of(request),
        name,
        action,
        _said(request, 'slots'),
        _said(request, 'per_minute'),
    )


def _said(request: RequestContext, name: str) -> str | None:
    """Return a number or a word as a text, however it was sent."""
    is_json = request.http.method == 'POST' and request.http.mimetype == 'application/json'
    given = request.body().get(name) if is_json else None
    is_whole = isinstance(given, int) and not isinstance(given, bool)
    return str(given) if is_whole else request.optional(name)
