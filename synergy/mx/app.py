"""The WSGI application: find the route, check access, call the view, answer errors.

Everything that goes wrong becomes a page or a problem document with what to do next. Reading
requests never write; a change is answered by a redirect to where it can be followed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter, RequestRedirect
from werkzeug.urls import iri_to_uri
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from synergy.core.structs import replace
from synergy.mx.api.answers import check_names
from synergy.mx.live.feed import AWAY
from synergy.mx.routes import ROUTES
from synergy.mx.web import access, past
from synergy.mx.web.caller import key_of, reason_of
from synergy.mx.web.cookies import set_cookie
from synergy.mx.web.errors import ReasonMissing, Refused, refused_by
from synergy.mx.web.page_cache import LIVE_HEADER
from synergy.mx.web.request_context import RequestContext, Visitor
from synergy.mx.web.request_limits import BODY_BYTES_MAX, COUNT_MAX, check_request
from synergy.mx.web.responses import finish, refusal, see
from synergy.mx.web.route import Route, map_of, match
from synergy.mx.web.site import Site
from synergy.operations.past import unknown
from synergy.operations.refusal import OperationRefused
from synergy.ports.errors import PortError
from synergy.ports.store import Store
from synergy.view.past import PastUnknown

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

#: A shared page serves all tabs that were told to read it, and those that are a little late.
SHARED_SECONDS = 0.6
#: When to ask again for what the store was away for.
RETRY_SECONDS = 5


class MxRequest(Request):
    """A request whose body and form have a bound."""

    max_content_length = BODY_BYTES_MAX
    max_form_memory_size = BODY_BYTES_MAX
    max_form_parts = COUNT_MAX


@cache
def _addresses() -> Map:
    """Return the addresses of the table of routes, the same for every site."""
    return map_of(ROUTES)


class App:
    """Answers requests to one site."""

    def __init__(self, site: Site) -> None:
        """Read the table of routes."""
        self.site = site
        # A form stands at the address that it is sent to.
        self._form_by_rule = {
            route.rule: route for route in ROUTES if route.method == 'GET' and not route.is_api
        }
        self.map = _addresses()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        return self._answer(MxRequest(environ))(environ, start_response)

    def _answer(self, http: Request) -> Response:
        try:
            access.check_host(self.site, http)
            check_request(http)
            urls = self.map.bind_to_environ(http.environ)
            route, values = match(urls)
            response = self._view(http, urls, route, values)
        except HTTPException as error:
            response = self._http_error(http, error)
        except Refused as error:
            response = refusal(None, self.site, http, error)
        except PortError as error:
            response = self._away(http, error)
        except Exception:  # Around one request: its failure must not end the server.
            logger.exception('%s %s failed', http.method, http.path)
            response = refusal(None, self.site, http, _broken())
        return finish(http, response, is_changed=not http.path.startswith('/static/'))

    def _view(
        self, http: Request, urls: MapAdapter, route: Route, values: Mapping[str, str]
    ) -> Response:
        site, now = self.site, self.site.clock.now()
        if not route.needs_store:
            nobody = Visitor(name='nobody', role=None, via='nothing')
            return route.view(self._request(http, urls, route, nobody, None, now), **values)
        with site.stores.lent() as store:
            visitor = access.visitor_of(site, store, http, now)
            cookie = None
            is_page = not route.is_api and not route.is_scraped
            if visitor.session is None and visitor.via != 'token' and is_page:
                # A visit of somebody who has not logged in: its forms need a token, too.
                session, cookie = site.sessions.write(None)
                visitor = Visitor(
                    name=visitor.name, role=visitor.role, via=visitor.via, session=session
                )
            request = self._request(http, urls, route, visitor, store, now)
            response = self._permitted(request, route, values)
        if cookie is not None:
            set_cookie(response, http, cookie, site)
        return response

    def _request(
        self,
        http: Request,
        urls: MapAdapter,
        route: Route,
        visitor: Visitor,
        store: Store | None,
        now: datetime,
    ) -> RequestContext:
        return RequestContext(
            site=self.site,
            http=http,
            urls=urls,
            route=route,
            visitor=visitor,
            store=store,  # type: ignore[arg-type] # None only for routes that need none
            now=now,
        )

    def _permitted(
        self, request: RequestContext, route: Route, values: Mapping[str, str]
    ) -> Response:
        role = access.role_needed(self.site, route, request.http)
        if not route.is_scraped and access.needs_login(request.visitor, role, request.http):
            here = quote(iri_to_uri(request.http.full_path.rstrip('?')), safe='')
            return see(f'/login?next={here}')
        try:
            access.check_role(request.visitor, role, request.http)
            if route.method == 'POST':
                access.check_origin(request.http)
                access.check_csrf_token(self.site, request.visitor, request.http)
            if route.is_api:
                check_names(request, route)
            if route.is_reason_needed(values) and reason_of(request) is None:
                return self._without_reason(request, route, values)
            if (text := past.asked_of(request)) is not None:
                return self._past(request, text, values)
            if (place := past.back_of(request)) is not None:
                return redirect(place, 302)
            if route.is_shared and LIVE_HEADER in request.http.headers:
                return self._shared(request, route, values)
            key = key_of(request) if route.method == 'POST' and route.role is not None else None
            with nullcontext() if key is None else self.site.one_by_one.of(key):
                return route.view(request, **values)
        except Refused as error:
            return refusal(request, self.site, request.http, error)
        except OperationRefused as error:
            return refusal(request, self.site, request.http, refused_by(error))

    def _past(self, request: RequestContext, text: str, values: Mapping[str, str]) -> Response:
        """Answer as of a past instant."""
        then = past.of_then(request, text)
        try:
            response = request.route.view(then, **values)
        except PastUnknown as error:
            raise refused_by(unknown(error)) from error
        response.headers['As-Of'] = f'{then.now:%Y-%m-%dT%H:%M:%SZ}'
        return response

    def _without_reason(
        self, request: RequestContext, route: Route, values: Mapping[str, str]
    ) -> Response:
        """Show the form again, saying what is missing."""
        error = ReasonMissing()
        form = self._form_by_rule.get(route.rule)
        if form is None:
            raise error
        return form.view(replace(request, problem=error), **values)

    def _shared(self, request: RequestContext, route: Route, values: Mapping[str, str]) -> Response:
        role = '' if request.visitor.role is None else request.visitor.role.value
        anyone = replace(request, visitor=replace(request.visitor, session=None))
        return self.site.page_cache.answer(
            request.http,
            role,
            self.site.clock.monotonic(),
            self.site.feed.apart_seconds + SHARED_SECONDS,
            lambda: self._drawn(route, anyone, values),
        )

    def _drawn(self, route: Route, request: RequestContext, values: Mapping[str, str]) -> Response:
        # It may have waited for another one, who has found out meanwhile.
        self.site.stores.check()
        return route.view(request, **values)

    def _away(self, http: Request, error: PortError) -> Response:
        if http.path == '/events':
            # A browser takes up again a stream that ended; one that was refused, never.
            return Response(AWAY, mimetype='text/event-stream')
        return refusal(None, self.site, http, _unavailable(http, error))

    def _http_error(self, http: Request, error: HTTPException) -> Response:
        if isinstance(error, RequestRedirect):
            return redirect(error.new_url, error.code)
        code = error.code or 500
        detail = f'{http.method} {http.path:.200}'
        advice = {
            404: 'check the address, or begin at the overview',
            405: 'use another method; /api/v1/openapi.json lists them',
            413: f'send at most {BODY_BYTES_MAX // 1024} KiB',
        }.get(code, 'check the request')
        headers = {}
        if code == 405 and (allowed := getattr(error, 'valid_methods', None)):
            headers['Allow'] = ', '.join(sorted(allowed))
        refused = Refused(code, error.name or 'Refused', detail, advice, headers)
        return refusal(None, self.site, http, refused)


def _unavailable(http: Request, error: PortError) -> Refused:
    headers = {'Retry-After': str(RETRY_SECONDS)}
    if http.method != 'GET':
        advice = (
            'go back and send the same again in a moment; nothing was changed as far as is known, '
            'and what was changed after all is not done twice'
        )
    elif http.path.startswith('/api/'):
        advice = 'ask again in a moment'
    else:
        advice = 'wait: this page is read again by itself until the store is back'
        headers['Refresh'] = str(RETRY_SECONDS)
    return Refused(503, 'The store cannot be reached', str(error), advice, headers)


def _broken() -> Refused:
    return Refused(
        500,
        'Something is broken here',
        'the dashboard could not make this page; its log says why',
        'look at the log of MX, and report it',
    )
