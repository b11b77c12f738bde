"""Requests of a past instant: the same views, shown a store, an index and a clock of then.

`as_of` names the instant on every address; `at` does, too, where it means nothing else (on the
heat map and the graph it is the place that is looked at). What is not written down is refused, and
so is every change.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlencode

from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.mx.web.errors import Refused, wrong
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.shown import Shown
from synergy.operations.past import OF_TODAY, instant_of
from synergy.view.past_store import then

#: What names the instant; the second where the route has no other meaning for it.
AS_OF: Final = 'as_of'
AT: Final = 'at'
#: Of the slider: hours before now.
BACK: Final = 'back'
#: How far it reaches.
BACK_HOURS_MAX: Final = 24 * 14
_FINE_HOURS: Final = 48
_FINE_STEPS: Final = 48
#: Pages of which there is a past, as addresses in HTML.
_ADDRESS: Final = re.compile(
    r'(?<!data-now )href="(/(?:(?:t|i|p)/[^"#?]*|runs|graph|search|happened|processes)?)'
    r'(\?[^"#]*)?(#[^"]*)?"'
)
_FORM: Final = re.compile(r'(<form\b(?![^>]*(?:method="post"|data-past))[^>]*>)')
_STEPS: Final = (
    ('1 day earlier', timedelta(days=-1)),
    ('1 hour earlier', timedelta(hours=-1)),
    ('10 minutes earlier', timedelta(minutes=-10)),
    ('10 minutes later', timedelta(minutes=10)),
    ('1 hour later', timedelta(hours=1)),
    ('1 day later', timedelta(days=1)),
)


def asked_of(request: RequestContext) -> str | None:
    """Return which past instant a request names, as typed; refuse what has no past."""
    args = request.http.args
    text = args.get(AS_OF)
    if text is None and not request.route.has_own_at:
        text = args.get(AT)
    if text is None:
        return None
    if not text.strip():
        # A form of the present whose field was left empty.
        return None
    if not request.route.has_past:
        raise _without_past(request)
    return text


def of_then(request: RequestContext, text: str) -> RequestContext:
    """Return a request as one of a past instant, by somebody who may only look."""
    at = instant_of(text, request.now)
    site, store = request.site, request.store
    shown = Shown(
        at=at,
        text=f'{at:%Y-%m-%dT%H:%M:%S}' if at.second else f'{at:%Y-%m-%dT%H:%M}',
        now=request.now,
        known_from=known_from(request),
    )
    found = site.pasts.of(site.context, store, site.clock, at, request.now)
    return replace(
        request,
        site=replace(
            site,
            context=found.context,
            model=found.model,
            navigation=found.navigation,
            standings=found.standings,
        ),
        store=then(store, found.model.past),
        now=at,
        visitor=replace(request.visitor, role=Role.VIEWER),
        past=shown,
    )


def known_from(request: RequestContext) -> datetime | None:
    """Return from when on there is a past."""
    if request.past is not None:
        return request.past.known_from
    return request.site.pasts.known_from(request.store, request.site.clock.monotonic())


def back_of(request: RequestContext) -> str | None:
    """Return the address that a slider means; None: none was moved."""
    text = request.http.args.get(BACK)
    if text is None or not request.route.has_past or request.route.is_api:
        return None
    try:
        hours = float(text)
    except ValueError as error:
        raise wrong(f'{BACK} is {text!r:.40}', 'give a number of hours before now') from error
    if not -BACK_HOURS_MAX <= hours <= 0:
        raise wrong(f'{BACK} is {text!r:.40}', f'give a number from {-BACK_HOURS_MAX} to 0')
    at = (request.now + timedelta(hours=hours)).replace(second=0, microsecond=0)
    return address(request, f'{at:%Y-%m-%dT%H:%M}' if hours else None)


def address(request: RequestContext, text: str | None) -> str:
    """Return the address of the same page as of another instant; None: as of now."""
    own = request.route.has_own_at
    kept = [
        (name, value)
        for name, value in request.http.args.items(multi=True)
        if name not in (AS_OF, BACK) and (own or name != AT)
    ]
    if text is not None:
        kept.append((AS_OF, text))
    query = urlencode(kept)
    return quote(request.http.path, safe='/:@') + (f'?{query}' if query else '')


def steps(request: RequestContext) -> list[tuple[str, str]]:
    """Return links to earlier and later instants of the same page."""
    shown = request.past
    assert shown is not None, 'it is of the past'
    found = []
    for label, by in _STEPS:
        at = shown.at + by
        if at < shown.now and (shown.known_from is None or at >= shown.known_from):
            found.append((label, address(request, f'{at:%Y-%m-%dT%H:%M:%S}')))
    return found


def said_of(request: RequestContext) -> Mapping[str, Any]:
    """Return what templates say of the past, and of the way there."""
    if not request.route.has_past or request.visitor.role is None:
        return {}
    found: dict[str, Any] = {'past_form': form_of(request)}
    if request.past is not None:
        found |= {
            'past_said': OF_TODAY.removeprefix('Read-only. '),
            'past_steps': steps(request),
            'past_now': address(request, None),
        }
    return found


def form_of(request: RequestContext) -> Mapping[str, Any]:
    """Return what the forms are filled with by which one gets to another instant."""
    shown = request.past
    now = request.now if shown is None else shown.now
    since = known_from(request)
    known_hours = 0.0 if since is None else max((now - since) / timedelta(hours=1), 0.0)
    hours = min(known_hours, BACK_HOURS_MAX)
    # A slider of a short history has finer steps.
    step = 1.0 if hours > _FINE_HOURS else round(max(hours, 0.25) / _FINE_STEPS, 2)
    reach = int(hours / step) * step
    gone = 0.0 if shown is None else (now - shown.at) / timedelta(hours=1)
    own = request.route.has_own_at
    return {
        'path': quote(request.http.path, safe='/:@'),
        'kept': [
            (name, value)
            for name, value in request.http.args.items(multi=True)
            if name not in (AS_OF, BACK) and (own or name != AT)
        ],
        'value': '' if shown is None else f'{shown.at:%Y-%m-%dT%H:%M}',
        'least': None if since is None else f'{since + timedelta(minutes=1):%Y-%m-%dT%H:%M}',
        'most': f'{now:%Y-%m-%dT%H:%M}',
        'back_least': f'{-reach:g}',
        'back_step': f'{step:g}',
        'back': f'{-round(min(gone, reach) / step) * step:g}',
        'reach': f'{reach / 24:.0f} days' if reach >= 2 * 24 else f'{reach:.1f} hours',
    }


def kept_in(text: str, shown: Shown) -> str:
    """Return a page whose links and forms stay in the past, where what they lead to has one."""
    instant = quote(shown.text, safe=':')

    def link(match: re.Match[str]) -> str:
        path, query, place = match[1], match[2] or '', match[3] or ''
        if f'{AS_OF}=' in query:
            return match[0]
        query = f'{query}&amp;{AS_OF}={instant}' if query else f'?{AS_OF}={instant}'
        return f'href="{path}{query}{place}"'

    hidden = f'<input type="hidden" name="{AS_OF}" value="{shown.text}">'
    return _FORM.sub(lambda match: match[0] + hidden, _ADDRESS.sub(link, text))


def _without_past(request: RequestContext) -> Refused:
    if request.http.method != 'GET':
        return Refused(
            400,
            'The past stays as it is',
            'a change was asked for as of a past instant',
            f'leave {AS_OF} out: what is changed is changed now',
        )
    return Refused(
        400,
        'There is no past of this',
        f'how {request.http.path:.200} was at another instant is not written down',
        f'leave {AS_OF} out; What happened tells what is known',
    )
