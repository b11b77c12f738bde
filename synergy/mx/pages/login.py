"""Logging in and out, and the choice of light or dark."""

from __future__ import annotations

from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from synergy.core.structs import replace
from synergy.core.users import Role, User, alike, named
from synergy.mx.web import access
from synergy.mx.web.cookies import set_cookie
from synergy.mx.web.request_context import RequestContext, Visitor
from synergy.mx.web.responses import THEMES, local_address, page, see
from synergy.mx.web.resubmit import KEPT, LateForm, late_form_in
from synergy.mx.web.route import match
from synergy.mx.web.throttle import QUICK_GUESSES_MAX, SLOW_SECONDS, address_of_place, too_many
from synergy.operations.credentials import is_password


def login(request: RequestContext) -> Response:
    """Show the form."""
    return page(
        request, 'login.html', next=local_address(request.optional('next')), error=None, kept=None
    )


def submit_login(request: RequestContext) -> Response:
    """Begin a session; slow those down who guess."""
    name, password = request.text('name'), request.http.form.get('password', '')
    kept = late_form_in(request.http.form.get(KEPT))
    user = _checked(request, name, password)
    if user is None:
        return page(
            request,
            'login.html',
            401,
            next=local_address(request.optional('next')),
            error='Name and password do not belong together. Try again, or ask an admin.',
            kept=kept,
        )
    session, cookie = request.site.sessions.write(user.name, user.serial)
    if kept is None:
        response = see(local_address(request.optional('next')))
    else:
        visitor = Visitor(name=user.name, role=user.role, via='session', session=session)
        needed = _missing_role(request, visitor, kept)
        response = page(
            replace(request, visitor=visitor), 'resubmit.html', kept=kept, needed=needed
        )
    set_cookie(response, request.http, cookie, request.site)
    return response


def _checked(request: RequestContext, name: str, password: str) -> User | None:
    """Return the user whose name and password these are; None when they are nobody's.

    The attempt is counted before its password is looked at, and uncounted if it was not wrong.
    """
    site, throttle = request.site, request.site.throttle
    address, called = address_of_place(request.http.remote_addr), alike(name)[:80]
    place, shared = f'login {address} {called}', (f'from {address}', f'as {called}')
    if (wait := throttle.begin(place, request.now)) is not None:
        raise too_many(wait)
    counts = [throttle.note(item, request.now) for item in shared]
    is_wrong = False
    try:
        if max(counts) > QUICK_GUESSES_MAX:
            with site.slow_lane.turn():
                site.clock.sleep(SLOW_SECONDS)
        with site.hashing.turn():
            # Read now: it may have waited.
            user = named(request.store.users(), name)
            is_wrong = not is_password(user, password)
    finally:
        if not is_wrong:
            for item in (place, *shared):
                throttle.take_back(item)
    if is_wrong:
        return None
    throttle.succeeded(place)
    return user


def _missing_role(request: RequestContext, visitor: Visitor, kept: LateForm) -> Role | None:
    """Return the role that sending a form needs and the visitor lacks; None when it may."""
    try:
        route, _ = match(request.urls, urlsplit(kept.address).path, 'POST')
    except HTTPException:
        return None
    return None if route.role is None or visitor.may(route.role) else route.role


def submit_logout(request: RequestContext) -> Response:
    """End the sessions of the visitor, here and wherever else the cookie may be."""
    if request.visitor.via == 'session':
        request.store.end_sessions(request.visitor.name)
    response = see('/login')
    response.delete_cookie(access.COOKIE)
    # What an earlier version, or a browser that knows better, has kept. Source: Clear Site Data.
    response.headers['Clear-Site-Data'] = '"cache"'
    return response


def submit_theme(request: RequestContext) -> Response:
    """Keep the choice of light or dark in this browser; anything else follows the system."""
    response = see(local_address(request.optional('next')))
    wanted = request.optional('theme')
    if wanted in THEMES:
        response.set_cookie('theme', wanted, max_age=365 * 86400, samesite='Lax', httponly=True)
    else:
        response.delete_cookie('theme')
    return response
