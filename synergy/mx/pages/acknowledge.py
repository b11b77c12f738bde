"""The page behind the link of a message: what it is about, and a button that acknowledges it.

It needs no login, for whoever got the message may have none, and tells nothing but what the message
has told. Reading it changes nothing: scanners of mail open every link. Wrong links are throttled as
wrong passwords are.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from werkzeug.wrappers import Response

from synergy.core.alert_records import Alert
from synergy.core.records import CommandId
from synergy.core.structs import Struct, replace
from synergy.mx.web.caller import caller_of, reason_of
from synergy.mx.web.errors import Refused
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page, see
from synergy.mx.web.throttle import address_of_place, too_many_links
from synergy.operations.alerts import ask
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.view.alert_links import LIFETIME, AlertLink, LinkRefused
from synergy.view.alerts import REQUESTS_MAX, OpenGroup, open_groups, remembered

#: Who acknowledges by a link is not known, but for where from.
_BY_LINK = 'link'


class Linked(Struct, frozen=True, kw_only=True):
    """What a link is about. group: None: all of it is over."""

    link: AlertLink
    group: OpenGroup | None


def acknowledge(request: RequestContext, token: str) -> Response:
    """Tell what a link is about, and ask whether it is to be acknowledged."""
    return page(request, 'acknowledge.html', linked=_linked(request, token), token=token)


def submit_acknowledge(request: RequestContext, token: str) -> Response:
    """Acknowledge what a link is about."""
    linked = _linked(request, token)
    if linked.group is not None:
        try:
            ask(_caller(request, token, linked.group), 'ack', linked.link.group)
        except OperationRefused as error:
            # Somebody else was quicker, or it is over: the page says so.
            if error.kind is not RefusalKind.NOTHING:
                raise
    return see(request.url('acknowledge', token=token))


def _linked(request: RequestContext, token: str) -> Linked:
    link = _read(request, token)
    memory, _ = remembered(request.store)
    mine: Sequence[Alert] = [alert for alert in memory.open if alert.group == link.group]
    if not link.is_about(mine):
        mine = []
    only = replace(memory, alerts=tuple(mine))
    now = request.store.store_now()
    groups = open_groups(only, (), request.store.open_alert_requests(REQUESTS_MAX), now)
    return Linked(link=link, group=groups[0] if groups else None)


def _read(request: RequestContext, token: str) -> AlertLink:
    throttle, place = request.site.throttle, f'link {address_of_place(request.http.remote_addr)}'
    try:
        return request.site.links.read(token, request.now)
    except LinkRefused as error:
        if error.is_old:
            raise Refused(
                410,
                'The link is too old',
                f'it was good for {LIFETIME.days} days',
                'acknowledge it on the page Alerts, or with ./launch.py alert ack',
            ) from error
        # Only those who are wrong wait: a signature is not found by guessing, and somebody else's
        # wrong link must not shut out all that come from the same address.
        if (wait := throttle.begin(place, request.now)) is not None:
            raise too_many_links(wait) from error
        raise Refused(
            404,
            'Not a link of ours',
            'it is not as it was sent, or was signed by another installation',
            'open the link of the message as it is, in one piece',
        ) from error


def _caller(request: RequestContext, token: str, group: OpenGroup) -> Caller:
    """Return who asks: nobody is known by a link, but it asks for the same thing once."""
    numbers = [alert.number for alert in group.alerts if alert.acknowledged_at is None]
    named = f'link\n{token}\n{numbers}'.encode()
    return replace(
        caller_of(request),
        actor=f'{_BY_LINK}@{request.http.remote_addr or "unknown"}',
        reason=reason_of(request),
        id_of=lambda _kind, _thing: CommandId(blake2b(named, digest_size=6).hexdigest()),
        has_key=False,
        fingerprint=None,
        is_admin=False,
    )
