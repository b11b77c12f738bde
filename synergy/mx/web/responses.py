"""Answers: pages from templates, JSON, redirects; and the headers that all of them carry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Request, Response

from synergy.doors import in_words
from synergy.mx.live.navigation import Navigation
from synergy.mx.web import formats, past
from synergy.mx.web.address import site_named_in
from synergy.mx.web.compression import compress
from synergy.mx.web.errors import Refused
from synergy.mx.web.flash import flash_of
from synergy.mx.web.page_cache import LIVE_HEADER
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.resubmit import late_form_of
from synergy.ports.errors import PortError

_HEADERS: Final = {
    'Content-Security-Policy': (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'same-origin',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
}
#: Rows that cannot be read: so many of them are named.
ILLEGAL_MAX: Final = 20
THEMES: Final = ('light', 'dark')


def page(request: RequestContext, template: str, status: int = 200, /, **values: Any) -> Response:
    """Return a page, or to a tab that reads it again what is live in it; see `regions.html`."""
    is_live = LIVE_HEADER in request.http.headers
    of_then = past.said_of(request)
    text = request.site.templates.get_template(template).render(
        request=request,
        is_live=is_live,
        url=request.url,
        visitor=request.visitor,
        navigation=navigation_of(request),
        now=request.now,
        theme=_theme(request.http),
        here=request.http.full_path.rstrip('?'),
        ago=lambda at: formats.ago(at, request.now),
        stamp=lambda at: formats.stamp(at, request.now),
        flash=flash_of(request),
        illegal=request.store.illegal_rows()[:ILLEGAL_MAX],
        left_out=list(request.model.left_out.found.values()),
        **of_then,
        **values,
    )
    if request.past is not None:
        text = past.kept_in(text, request.past)
    return Response(in_words(text), status, mimetype='text/html')


def refusal(request: RequestContext | None, site: Any, http: Request, error: Refused) -> Response:
    """Return an error page, or a problem document (RFC 9457) where JSON is spoken."""
    if http.path.startswith('/api/'):
        response = problem(http, error)
    else:
        text = site.templates.get_template('error.html').render(
            **_within(request),
            error=error,
            request=request,
            theme=_theme(http),
            here=_way_back(http),
            kept=None if request is None else late_form_of(http, error),
        )
        response = Response(in_words(text), error.status, mimetype='text/html')
    response.headers['Cache-Control'] = 'no-store'
    response.headers.update(error.headers)
    return response


def problem(http: Request, error: Refused) -> Response:
    """Return a problem document. Source: RFC 9457."""
    body = {
        'type': 'about:blank',
        'title': error.title,
        'status': error.status,
        'detail': error.detail,
        'instance': http.path,
        'advice': error.advice,
    }
    return Response(json.dumps(body), error.status, mimetype='application/problem+json')


def json_answer(
    http: Request, body: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return JSON with its ETag; 304 when the reader has it already."""
    said = in_words(json.dumps(body, ensure_ascii=False, default=str))
    text = said.encode(errors='backslashreplace')
    response = Response(text, status, mimetype='application/json')
    response.headers.update(headers or {})
    if http.method == 'GET' and status == 200:
        # Weak: the same answer, whether it travels compressed or not.
        response.set_etag(blake2b(text, digest_size=12).hexdigest(), weak=True)
        response.make_conditional(http)
    return response


def see(address: str) -> Response:
    """Return the redirect that follows a change."""
    response = Response(status=303)
    response.headers['Location'] = iri_to_uri(address)
    return response


def local_address(address: str | None, otherwise: str = '/') -> str:
    """Return an address of this site to go on at; nobody is led elsewhere."""
    if address is None or not address.startswith('/') or address[1:2] in ('/', '\\'):
        return otherwise
    return address if address.isprintable() else otherwise


def finish(http: Request, response: Response, *, is_changed: bool) -> Response:
    """Add the headers that every answer carries, and let it travel as the reader likes it.

    is_changed: it may differ for another visitor.
    """
    compress(http, response)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    if is_changed:
        response.vary.update(('Cookie', 'Authorization'))
        # Nothing that depends on a login outlives it, in no cache and on no way back.
        response.headers['Cache-Control'] = 'no-store'
    return response


def _within(request: RequestContext | None) -> dict[str, object]:
    """Return what an error page needs to stand within the others; without a visitor it cannot."""
    if request is None or request.visitor.role is None:
        return {'is_within': False}
    try:
        navigation = navigation_of(request)
    except PortError:
        return {'is_within': False}
    return {
        'is_within': True,
        'is_live': False,
        'visitor': request.visitor,
        'navigation': navigation,
        'now': request.now,
    }


def navigation_of(request: RequestContext) -> Navigation | None:
    """Return what every page shows beside its own matter, as of a moment ago."""
    if request.visitor.role is None:
        return None
    now = request.site.clock.monotonic()
    return request.site.navigation.of(
        request.store, request.model, now, request.settings.box_vanished
    )


def _way_back(http: Request) -> str:
    """Return where to go on after a login: here, or at the page whose form was sent here."""
    if http.method != 'POST':
        return http.full_path.rstrip('?')
    referrer = http.referrer or ''
    if site_named_in(referrer) != http.host.lower():
        return '/'
    page_before = urlsplit(referrer)
    return urlunsplit(('', '', page_before.path, page_before.query, ''))


def _theme(http: Request) -> str:
    wanted = http.args.get('theme') or http.cookies.get('theme') or ''
    return wanted if wanted in THEMES else ''
