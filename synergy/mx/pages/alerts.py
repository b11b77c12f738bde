"""Alerts: what is wrong now and who was told of it, who is told of what, and what was told."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.alert_requests import AlertRequest, AlertRequestKind
from synergy.core.structs import Struct
from synergy.mx.pages.confirm import Input, Step, confirm, go_on
from synergy.mx.web.caller import caller_of
from synergy.mx.web.paging import older
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.operations.alerts import ask, check, kind_of, told
from synergy.operations.freezes import UNTIL
from synergy.view.alerts import ToldMessage, receivers_said, view_of

#: No delivery has a number beyond this.
_NUMBER_MAX: Final = 2**50
#: Messages of one page, each to each receiver.
_ROWS: Final = 50
#: Alerts of a group that are told one by one.
_SHOWN_MAX: Final = 10
_ADDRESS: Final = '/alerts'
_BUTTONS: Final = {
    AlertRequestKind.ACK: 'Acknowledge',
    AlertRequestKind.MUTE: 'Mute',
    AlertRequestKind.UNMUTE: 'Unmute',
    AlertRequestKind.TEST: 'Send a test',
}


class Told(Struct, frozen=True, kw_only=True):
    """One message, and how far it is to each receiver."""

    first: ToldMessage
    rows: Sequence[ToldMessage]


def alerts(request: RequestContext) -> Response:
    """Tell what is open, who is told of what, and what was told."""
    now = request.store.store_now()
    rules = request.context.alerts
    before = before_of(request)
    named = request.optional('alert')
    found = told(request.store, rules, _ROWS, before, named)
    cursor = None if found.cursor is None else str(found.cursor)
    return page(
        request,
        'alerts.html',
        view=view_of(request.store, rules, now),
        told=[
            Told(first=rows[0], rows=rows)
            for rows in (
                [*same] for _, same in groupby(found.items, lambda item: item.delivery.key)
            )
        ],
        named=named,
        is_first=before is None,
        older=older(request, cursor),
        shown_max=_SHOWN_MAX,
        receivers=receivers_said,
        store_now=now,
    )


def before_of(request: RequestContext) -> int | None:
    """Return before which number the history is asked for; None: from its end."""
    given = request.optional('cursor')
    return None if given is None else request.number('cursor', 0, 0, _NUMBER_MAX)


def confirm_alert_action(request: RequestContext, action: str) -> Response:
    """Say what it would do, and ask for it."""
    named = request.optional('alert')
    check(caller_of(request), action, named)
    kind = kind_of(action)
    button = _BUTTONS[kind]
    name = named or ''
    step = Step(
        title=f'{button} to all of {name}' if kind is AlertRequestKind.TEST else f'{button} {name}',
        button=button,
        says=_says(kind, name),
        inputs=_inputs(request, kind),
        hidden=[('alert', name)],
        back=_ADDRESS,
        back_text='alerts',
    )
    return confirm(request, step)


def submit_alert_action(request: RequestContext, action: str) -> Response:
    """Ask Watch for what was confirmed."""
    return go_on(request, request.url('alerts'), ask_action(request, action))


def ask_action(request: RequestContext, action: str) -> AlertRequest:
    """Ask Watch for what `action` says."""
    return ask(caller_of(request), action, request.optional('alert'), request.optional('until'))


def _says(kind: AlertRequestKind, name: str) -> Sequence[str]:
    match kind:
        case AlertRequestKind.ACK:
            return [
                f'Whoever is told of {name} is not reminded of it any more. It stays open until '
                'what is wrong is over, and that is told.'
            ]
        case AlertRequestKind.MUTE:
            return [
                f'Until then nobody is told of anything by {name}, neither of what begins nor of '
                'what is over. What is still wrong afterwards is told then.'
            ]
        case AlertRequestKind.UNMUTE:
            return [f'What is wrong now and covered by {name} is told at once.']
        case AlertRequestKind.TEST:
            return [
                f'Everybody whom {name} tells of anything gets one message that says that it is a '
                'test, in quiet hours and while it is muted, too.'
            ]


def _inputs(request: RequestContext, kind: AlertRequestKind) -> Sequence[Input]:
    if kind is not AlertRequestKind.MUTE:
        return []
    given = request.optional('until') or '+2 hours'
    return [Input(name='until', label=f'Until: {UNTIL}', value=given)]
