"""What answers of the API have in common: lists page by page, accepted changes, keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeVar

from werkzeug.wrappers import Response

from synergy.core.commands import OPEN_COMMAND_STATES, Command
from synergy.core.nearest import nearest
from synergy.mx.web.access import FORM_TOKEN
from synergy.mx.web.caller import KEY_FIELD, KEY_HEADER
from synergy.mx.web.errors import wrong
from synergy.mx.web.redact import masked, masked_text
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import ILLEGAL_MAX, json_answer
from synergy.mx.web.route import Route
from synergy.view.encode import encode_command
from synergy.view.group_encode import encode_group
from synergy.view.letter_groups import GroupView

T = TypeVar('T')

#: Items before the first one of a page.
CURSOR_MAX: Final = 10_000_000


def listed(
    request: RequestContext, items: Sequence[Any], cursor: str | None, **beside: Any
) -> Response:
    """Return one page of a list. cursor: by which the next page is asked for; None: the last.

    beside: what the answer says of all pages together.
    """
    body: dict[str, Any] = {'items': items, 'next_cursor': cursor, **beside}
    if unreadable := illegal_rows(request):
        body['unreadable'] = unreadable
        body['unreadable_count'] = len(request.store.illegal_rows())
    return json_answer(request.http, body)


def illegal_rows(request: RequestContext) -> Sequence[dict[str, str]]:
    """Return the rows that this request could not read, a few of them."""
    return [
        {'table': row.table, 'row': masked_text(row.row), 'problem': masked_text(row.problem)}
        for row in request.store.illegal_rows()[:ILLEGAL_MAX]
    ]


def paged(
    request: RequestContext,
    found: Sequence[T],
    name_of: Callable[[T], str],
    encode: Callable[[T], Any],
) -> Response:
    """Return a page of a list that is held in memory, in the order of names."""
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    after = request.optional('cursor')
    rest = sorted((item for item in found if after is None or name_of(item) > after), key=name_of)
    cursor = name_of(rest[limit - 1]) if len(rest) > limit else None
    return listed(request, [masked(encode(item)) for item in rest[:limit]], cursor)


def counted(request: RequestContext, found: Sequence[T], encode: Callable[[T], Any]) -> Response:
    """Return a page of a list that is held in memory, in its own order: its cursor is a number."""
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    start = request.number('cursor', 0, 0, CURSOR_MAX)
    cursor = str(start + limit) if len(found) > start + limit else None
    return listed(request, [masked(encode(item)) for item in found[start : start + limit]], cursor)


def groups_listed(request: RequestContext, found: Sequence[GroupView]) -> Response:
    """Return a page of failures by process and kind of error, in the order in which they come."""
    return counted(request, found, encode_group)


def accepted(request: RequestContext, command: Command) -> Response:
    """Return that a change is asked for (202), or that it has ended already (200)."""
    where = request.url('api_request', request_id=command.id)
    is_open = command.state in OPEN_COMMAND_STATES
    body = {**masked(encode_command(command)), 'request': where}
    return json_answer(request.http, body, 202 if is_open else 200, {'Location': where})


def check_names(request: RequestContext, route: Route) -> None:
    """Refuse names that the description does not have, or that come twice where one is read.

    A mistyped one, or the other of two values, would pass unnoticed.
    """
    known = [item.name for item in route.parameters]
    _refuse_unknown(request.http.args, known, 'parameter of this address')
    repeated = {item.name for item in route.parameters if item.is_repeated}
    for name, values in (*request.http.args.lists(), *request.http.form.lists()):
        if len(values) > 1 and name not in repeated:
            raise wrong(f'{name} is given {len(values)} times', 'give it once')
    if route.method != 'POST':
        return
    fields = [item.name for item in route.fields]
    if request.http.form:
        _refuse_unknown(request.http.form, [*fields, FORM_TOKEN, KEY_FIELD], 'field of a form')
    else:
        _refuse_unknown(request.body(), fields, 'field of the body')


def _refuse_unknown(given: Iterable[str], known: Sequence[str], what: str) -> None:
    for name in given:
        if name not in known:
            raise wrong(
                f'{name!r:.60} is not a {what}{nearest(name, known)}',
                f'there are: {", ".join(known)}' if known else 'leave it out: there are none',
            )


def need_key(request: RequestContext) -> None:
    """Refuse a change without the header by which asking twice is asking once."""
    key = request.http.headers.get(KEY_HEADER, '')
    if not 1 <= len(key) <= 200:
        raise wrong(
            f'the header {KEY_HEADER} is missing or too long',
            'send a text of your own with each change; the same text asks for the same only once',
        )
