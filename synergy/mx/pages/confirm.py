"""One step before a change that is made with one button: what would happen, and why it is wanted.

Each such address answers a GET with this page, and its form asks for the change by a POST to the
same address. So a link leads here from any page, live or not, with scripts or without. A link may
name the page that it stands on, `next`: that is where the change leads back to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from werkzeug.wrappers import Response

from synergy.core.alert_requests import AlertRequest
from synergy.core.commands import Command
from synergy.core.structs import Struct, replace
from synergy.mx.web.caller import fresh_form_id
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import local_address, page, see
from synergy.mx.web.route import match

#: The field that names the page to go on at.
NEXT: Final = 'next'


class Input(Struct, frozen=True, kw_only=True):
    """A value that the page asks for. kind: of the HTML input; choices: it is one of these."""

    name: str
    label: str
    value: str = ''
    kind: str = 'text'
    choices: Sequence[str] = ()
    is_required: bool = True


class Step(Struct, frozen=True, kw_only=True):
    """What the page says. title: what is asked for; says: what then happens, in sentences.

    back: where the reader came from.
    inputs, hidden: further values that the form sends.
    """

    title: str
    button: str
    says: Sequence[str]
    back: str
    back_text: str
    inputs: Sequence[Input] = ()
    hidden: Sequence[tuple[str, str]] = ()


def confirm(request: RequestContext, step: Step, status: int = 200) -> Response:
    """Show the step. status: of the answer, unless there is a problem."""
    came_from = local_address(request.optional(NEXT), '')
    if came_from:
        step = replace(
            step,
            back=came_from,
            back_text='where you came from',
            hidden=[*step.hidden, (NEXT, came_from)],
        )
    status = status if request.problem is None else request.problem.status
    route, values = match(request.urls, request.http.path, 'POST')
    return page(
        request,
        'confirm.html',
        status,
        step=step,
        form_id=fresh_form_id(),
        needs_reason=route.is_reason_needed(values),
    )


def go_on(request: RequestContext, address: str, asked: Command | AlertRequest) -> Response:
    """Lead back to where the form came from, else to `address`; the page says what was asked."""
    parts = urlsplit(local_address(request.optional(NEXT), address))
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != 'asked']
    again = urlencode([*query, ('asked', asked.id)])
    return see(urlunsplit(('', '', parts.path, again, parts.fragment)))
