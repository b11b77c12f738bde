"""Who may come in: host names, origins, logins, roles and form tokens, looked at before any view.

Where no user has ever been, the dashboard is open to everybody on this machine. Where there was one
once, or where others reach it, it is closed until a user is made. A change needs the form token of
the visitor's session. Programs send a token of the API instead, or, where the dashboard is open, a
request that no browser sends across sites: JSON, without an Origin.
"""

from __future__ import annotations

from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from werkzeug.wrappers import Request

from synergy.core.users import Role
from synergy.mx.web.address import is_open, site_named_in
from synergy.mx.web.errors import Refused
from synergy.mx.web.page_cache import LIVE_HEADER
from synergy.mx.web.request_context import Visitor
from synergy.mx.web.route import Route
from synergy.mx.web.security import Session
from synergy.mx.web.site import Site
from synergy.mx.web.throttle import address_of_place, too_many
from synergy.operations.credentials import is_token
from synergy.ports.errors import PortError
from synergy.ports.store import UserStore

COOKIE: Final = 'synergy_mx'
FORM_TOKEN: Final = 'form_token'
FORM_TOKEN_HEADER: Final = 'X-Form-Token'
OPEN_NAME: Final = 'anyone'


def check_host(site: Site, http: Request) -> None:
    """Refuse names that are not this dashboard's: a page elsewhere may have led them here."""
    is_sound = site_named_in(f'//{http.host}') is not None
    name = (urlsplit(f'//{http.host}').hostname or '').lower() if is_sound else http.host
    if not is_sound or name not in site.host_names:
        raise Refused(
            400,
            'Wrong host',
            f'this dashboard does not go by the name {name!r:.80}',
            'use one of its names, or add this one to the setting mx_host_names',
        )


def check_origin(http: Request) -> None:
    """Refuse changes that a page of another site asks for."""
    origin = http.headers.get('Origin')
    site = http.headers.get('Sec-Fetch-Site')
    referrer = http.headers.get('Referer')
    is_foreign = (
        site in ('cross-site', 'same-site')
        or (origin is not None and site_named_in(origin) != http.host.lower())
        # No browser sends such a one.
        or (bool(referrer) and site_named_in(referrer or '') is None)
    )
    if is_foreign:
        raise Refused(
            403,
            'Asked from elsewhere',
            f'the change was asked for by a page of {origin or site or referrer!r:.80}',
            'open the dashboard itself and ask there',
        )


def visitor_of(site: Site, store: UserStore, http: Request, now: datetime) -> Visitor:
    """Return who asks; raise Refused when a token of the API is not valid."""
    scheme, _, text = http.headers.get('Authorization', '').partition(' ')
    # Schemes are case-insensitive. Source: RFC 9110, 11.1.
    if scheme.lower() == 'bearer':
        return _bearer(site, store, http, text.strip(), now)
    session = site.sessions.read(http.cookies.get(COOKIE))
    users = store.users()
    if not users:
        if is_open(site.settings, had_users=store.had_users()):
            return Visitor(name=OPEN_NAME, role=Role.ADMIN, via='open', session=session)
        return Visitor(name='nobody', role=None, via='closed', session=session)
    user = next((user for user in users if session and user.name == session.name), None)
    if session is not None and user is not None and user.serial == session.serial:
        return Visitor(name=user.name, role=user.role, via='session', session=session)
    return Visitor(name='nobody', role=None, via='nothing', session=session)


def _bearer(site: Site, store: UserStore, http: Request, text: str, now: datetime) -> Visitor:
    token_id = text.partition('.')[0]
    for token in store.tokens():
        if token.id == token_id and is_token(token, text, now):
            user = next((user for user in store.users() if user.name == token.user), None)
            if user is not None:
                # Of a user who may do less by now, the token does not do more.
                role = token.role if user.role.may(token.role) else user.role
                return Visitor(name=user.name, role=role, via='token')
    # Only those who are wrong wait: a secret of 256 bits is not found by guessing, and somebody
    # else's wrong token must not shut out all that come from the same address.
    place = f'token {address_of_place(http.remote_addr)}'
    if (wait := site.throttle.begin(place, now)) is not None:
        raise too_many(wait)
    raise Refused(
        401,
        'Unknown token',
        'the token is not valid (any more)',
        'make another one with ./launch.py user token',
        {'WWW-Authenticate': 'Bearer'},
    )


def is_still_welcome(site: Site, http: Request, needed: Role) -> bool:
    """Tell whether one who was let in would be let in now; asks the store."""
    try:
        with site.stores.lent() as store:
            return visitor_of(site, store, http, site.clock.now()).may(needed)
    except Refused:
        return False
    except PortError:
        # Nobody can tell, and nothing new is told meanwhile.
        return True


def role_needed(site: Site, route: Route, http: Request) -> Role | None:
    """Return the role that is needed; None: whoever asks, from here, may."""
    return None if route.is_scraped and _is_listed(site, http.remote_addr) else route.role


def _is_listed(site: Site, address: str | None) -> bool:
    """Tell whether an address is of a network from which metrics may be read by everybody."""
    try:
        place = ip_address(address or '')
    except ValueError:
        return False
    place = getattr(place, 'ipv4_mapped', None) or place
    return any(place in ip_network(item) for item in site.settings.mx_metrics_networks)


def needs_login(visitor: Visitor, needed: Role | None, http: Request) -> bool:
    """Tell whether somebody who reads a page should log in first, and then go on to it.

    Not the API, and not what scripts of a page that is open ask for: they would take the form for
    the page.
    """
    is_page = http.method in ('GET', 'HEAD') and not http.path.startswith('/api/')
    is_script = (
        LIVE_HEADER in http.headers
        or http.headers.get('Sec-Fetch-Dest', 'document') != 'document'
        or http.accept_mimetypes.best == 'text/event-stream'
    )
    may_log_in = visitor.role is None and visitor.via != 'closed'
    return needed is not None and may_log_in and is_page and not is_script


def check_role(visitor: Visitor, needed: Role | None, http: Request) -> None:
    """Refuse one who may not; needed: None is for everybody."""
    if needed is None or visitor.may(needed):
        return
    if visitor.via == 'closed':
        raise Refused(
            403,
            'The dashboard is closed',
            'there is no user who could log in',
            'make one on the machine itself: ./launch.py user add NAME --role admin',
        )
    if visitor.role is None and http.method == 'POST' and not http.path.startswith('/api/'):
        raise Refused(
            401,
            'Please log in',
            'the session had ended when the form arrived, so nothing was changed',
            'log in here; then look at what you typed and send it again',
            is_resubmittable=True,
        )
    if visitor.role is None:
        raise Refused(
            401,
            'Please log in',
            f'{http.path} is for those who have logged in',
            'log in, or send a token of the API',
            {'WWW-Authenticate': 'Bearer'},
        )
    article = 'a' if visitor.role is Role.VIEWER else 'an'
    raise Refused(
        403,
        'Not allowed',
        f'{visitor.name} is {article} {visitor.role.value}; this needs the role {needed.value}',
        f'ask somebody who is {needed.value}, or an admin for that role',
    )


def check_csrf_token(site: Site, visitor: Visitor, http: Request) -> None:
    """Refuse a change that does not come from a page of this visitor's session."""
    if visitor.via == 'token':
        return
    is_program = (
        visitor.via == 'open'
        and visitor.session is None
        and http.mimetype == 'application/json'
        and 'Origin' not in http.headers
        and http.path.startswith('/api/')
    )
    given = http.headers.get(FORM_TOKEN_HEADER) or http.form.get(FORM_TOKEN)
    session: Session | None = visitor.session
    if is_program or (session is not None and site.sessions.is_form_token(session, given)):
        return
    if http.path.startswith('/api/'):
        raise Refused(
            403,
            'Not asked by a program',
            'the change came without a token of the API; a cookie is none, and where nobody has '
            'to log in only JSON, sent without a cookie, needs none',
            'send JSON (Content-Type: application/json) and a token (Authorization: Bearer TOKEN)',
        )
    raise Refused(
        403,
        'The form is too old',
        'it carries no valid token: the session has ended, or the form was sent from elsewhere',
        'nothing was changed; look at what you typed and send it again, if you meant it',
        is_resubmittable=True,
    )
