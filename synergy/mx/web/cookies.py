"""The cookie of a session: out of the reach of scripts and of other sites."""

from __future__ import annotations

from werkzeug.wrappers import Request, Response

from synergy.mx.web.access import COOKIE
from synergy.mx.web.site import Site


def set_cookie(response: Response, http: Request, value: str, site: Site) -> None:
    """Let the browser keep a session."""
    response.set_cookie(
        COOKIE,
        value,
        max_age=site.sessions.lifetime,
        httponly=True,
        samesite='Lax',
        secure=http.is_secure,
    )
