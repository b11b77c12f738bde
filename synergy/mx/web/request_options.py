"""How the jobs of a request are to run, as a form, an address or a JSON body says it."""

from __future__ import annotations

from synergy.core.bounded import ARGUMENTS as ARGUMENTS_BOUNDS
from synergy.core.bounded import OutOfBounds, loads
from synergy.core.request_options import (
    ARGUMENTS,
    EVEN_IF_OFF,
    MAX_RUNNING,
    MAX_RUNNING_MAX,
    ORDER,
    ORDERS,
)
from synergy.mx.web.errors import wrong
from synergy.mx.web.request_context import RequestContext


def options_given(request: RequestContext) -> dict[str, object]:
    """Return what a request says, by the names of its options; what it leaves out is not there."""
    given: dict[str, object] = {}
    is_json = request.http.method == 'POST' and request.http.mimetype == 'application/json'
    sent = request.body() if is_json else {}
    if (most := request.number(MAX_RUNNING, 0, 1, MAX_RUNNING_MAX)) or sent.get(MAX_RUNNING) == 0:
        given[MAX_RUNNING] = most
    if request.optional(ORDER) is not None:
        given[ORDER] = request.choice(ORDER, ORDERS, ORDERS[0])
    if request.switch(EVEN_IF_OFF):
        given[EVEN_IF_OFF] = True
    if isinstance(sent.get(ARGUMENTS), dict):
        given[ARGUMENTS] = sent[ARGUMENTS]
    elif (text := request.optional(ARGUMENTS)) is not None:
        try:
            given[ARGUMENTS] = loads(text, ARGUMENTS_BOUNDS)
        except OutOfBounds as error:
            raise wrong(f'arguments cannot be taken: {error}', 'give {"name": value}') from error
    return given
