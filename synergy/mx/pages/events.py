"""The stream that a live page follows: what has changed, and when to read the page again."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.core.users import Role
from synergy.mx.web import access
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.throttle import address_of_place
from synergy.mx.web.viewers import ViewerStream


def events(request: RequestContext) -> Response:
    """Return the stream that a live page follows."""
    if request.http.method == 'HEAD':
        return Response(mimetype='text/event-stream')
    # Of waitress; another server may not have it, and then finds out at the next frame.
    is_gone = request.http.environ.get('waitress.client_disconnected', lambda: False)
    has_ticks = request.switch('ticks')
    user = None if request.visitor.via == 'open' else request.visitor.name
    place = request.site.viewer_slots.take(user, address_of_place(request.http.remote_addr))
    followed = request.site.feed.follow(
        is_gone,
        lambda: access.is_still_welcome(request.site, request.http, Role.VIEWER),
        has_ticks=has_ticks,
    )
    frames = ViewerStream(place, followed)
    response = Response(frames, mimetype='text/event-stream')
    response.headers['X-Accel-Buffering'] = 'no'
    return response
