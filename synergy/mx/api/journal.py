"""The journal as JSON: lines behind a number, and a stream of those to come."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.users import Role
from synergy.mx.api.route_kinds import ROOT, reading
from synergy.mx.live.feed import AWAY, STREAM_SECONDS, WELCOME_SECONDS
from synergy.mx.web import access
from synergy.mx.web.errors import wrong
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import json_answer
from synergy.mx.web.route import Parameter, Route
from synergy.mx.web.site import Site
from synergy.mx.web.throttle import address_of_place
from synergy.mx.web.viewers import ViewerStream
from synergy.operations import journal
from synergy.operations.journal import INSTANT, JournalWanted
from synergy.ports.errors import PortError
from synergy.ports.store.journal import NUMBER_MAX
from synergy.view.journal import Lines, Wanted, lines_behind
from synergy.view.journal_documents import JournalDocument, encode_journal, encode_journal_line

#: How soon a line is told, and how often it is looked whether the reader has left.
_LOOK_SECONDS: Final = 0.5
_LINES_AT_ONCE: Final = 500
#: A stream says that it is there, and how far, at least so often: proxies end what is silent.
_SILENT_SECONDS: Final = 10.0
#: A stream ends after so much, to be taken up again at once: of a reader that stalls, all that was
#: made for it lies here, and no thread must wait until it is taken.
_BYTES_MAX: Final = 4 * 1024 * 1024
_AT_ONCE: Final = b'retry: 100\n\n'
_LAST_SEEN: Final = 'Last-Event-ID'


def api_journal(request: RequestContext) -> Response:
    """List what has happened, oldest first: behind cursor, or from an instant, or the newest.

    Lines are numbered without a gap; `after` is where to ask on, also once `next_cursor` is null.
    """
    after = request.number('cursor', -1, -1, NUMBER_MAX)
    asked = JournalWanted(
        process=request.optional('process'),
        since=request.optional('from'),
        until=request.optional('until'),
        after=None if after < 0 else after,
        limit=request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX),
    )
    found = journal.read(request.store, _names(request), asked, request.now)
    return json_answer(request.http, masked(encode_journal(found)))


def api_journal_events(request: RequestContext) -> Response:
    """Follow what happens, as server-sent events: `line` with a line each, its number as the id.

    Goes on behind Last-Event-ID, or the parameter cursor; without, with what comes from now on. An
    event `lost` tells which lines are gone that were asked for.
    """
    asked = JournalWanted(process=request.optional('process'))
    wanted = journal.wanted_of(request.store, _names(request), asked, request.now)
    after = _begin(request)
    if request.http.method == 'HEAD':
        return Response(mimetype='text/event-stream')
    is_gone = request.http.environ.get('waitress.client_disconnected', lambda: False)
    is_welcome = partial(access.is_still_welcome, request.site, request.http, Role.VIEWER)
    user = None if request.visitor.via == 'open' else request.visitor.name
    place = request.site.viewer_slots.take(user, address_of_place(request.http.remote_addr))
    frames = _frames(request.site, after, wanted, is_gone, is_welcome)
    response = Response(ViewerStream(place, frames), mimetype='text/event-stream')
    response.headers['X-Accel-Buffering'] = 'no'
    return response


def _names(request: RequestContext) -> list[str]:
    return [*request.context.managed, *(item.name for item in request.store.freeruns())]


def _begin(request: RequestContext) -> int:
    """Return behind which number a stream begins."""
    last = request.http.headers.get(_LAST_SEEN)
    if last is not None:
        if not (last.isascii() and last.isdecimal()) or int(last[:20]) > NUMBER_MAX:
            raise wrong(f'{_LAST_SEEN} is {last!r:.40}', 'give the number of a line')
        after = int(last)
    else:
        newest = request.store.journal_span().stop - 1
        after = request.number('cursor', newest, 0, NUMBER_MAX)
    journal.refuse_beyond(request.store, after)
    return after


def _frames(
    site: Site,
    after: int,
    wanted: Wanted,
    is_gone: Callable[[], bool],
    is_welcome: Callable[[], bool],
) -> Iterator[bytes]:
    """Yield what comes behind a number, until the reader leaves or the time is over."""
    yield b'retry: 3000\n\n'
    now = site.clock.monotonic()
    until, asked_at, told_at, left = now + STREAM_SECONDS, now, now, _BYTES_MAX
    while now < until and not is_gone():
        try:
            with site.stores.lent() as store:
                found = lines_behind(store, after, _LINES_AT_ONCE, wanted)
        except PortError:
            yield AWAY
            return
        after = found.after
        frame = frame_of(found)
        if not frame and now - told_at >= _SILENT_SECONDS:
            # No event, but the browser takes up the number.
            frame = f'id: {after}\n\n'.encode()
        if frame:
            yield frame
            told_at, left = now, left - len(frame)
        if left <= 0:
            yield _AT_ONCE
            return
        if found.is_end:
            site.clock.sleep(_LOOK_SECONDS)
        now = site.clock.monotonic()
        if now - asked_at >= WELCOME_SECONDS:
            asked_at = now
            if not is_welcome():
                return


def frame_of(found: Lines) -> bytes:
    """Return lines as events; empty when there are none."""
    told = []
    if found.lost_said is not None:
        lost = {'first': found.lost.start, 'last': found.lost.stop - 1, 'text': found.lost_said}
        told.append(f'event: lost\ndata: {json.dumps(lost)}\n\n')
    for line in found.lines:
        data = json.dumps(masked(encode_journal_line(line)))
        told.append(f'id: {line.number}\nevent: line\ndata: {data}\n\n')
    return ''.join(told).encode()


_PROCESS: Final = Parameter('process', 'of this process, or free run (Process::entry), alone')
JOURNAL_ROUTES: Final[tuple[Route, ...]] = (
    reading(
        'api_journal',
        '/journal',
        api_journal,
        JournalDocument,
        _PROCESS,
        Parameter('from', INSTANT),
        Parameter('until', 'exclusive; written likewise'),
        Parameter('limit', 'most items of one answer, 1 to 1000', 'integer'),
        Parameter('cursor', 'behind which number; next_cursor, or after, of the answer before'),
    ),
    Route(
        endpoint='api_journal_events',
        rule=f'{ROOT}/journal/events',
        method='GET',
        role=Role.VIEWER,
        view=api_journal_events,
        is_api=True,
        is_stream=True,
        parameters=(
            _PROCESS,
            Parameter('cursor', 'behind which number; the header Last-Event-ID goes before'),
        ),
    ),
)
