"""What answers of the API have in common: lists page by page, accepted changes, keys."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandId, CommandKind, CommandState
from synergy.core.nearest import nearest
from synergy.core.records import Unit, UowId
from synergy.mx.web.access import FORM_TOKEN
from synergy.mx.web.errors import wrong, wrong_cursor
from synergy.mx.web.orders import KEY_FIELD, KEY_HEADER
from synergy.mx.web.redact import masked, masked_text
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import ILLEGAL_MAX, json_answer
from synergy.mx.web.route import Route
from synergy.view.encode import encode_command

T = TypeVar('T')

#: Commands looked through for one page of the audit; of more, the reader asks for the next page.
LOOKED_AT_MAX: Final = 5_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS_MAX: Final = 17


def listed(request: RequestContext, items: Sequence[Any], cursor: str | None) -> Response:
    """Return one page of a list. cursor: by which the next page is asked for; None: the last."""
    body: dict[str, Any] = {'items': items, 'next_cursor': cursor}
    if unreadable := illegal_rows(request):
        body['unreadable'] = unreadable
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
                f'{name!r:.60} is no {what}{nearest(name, known)}',
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


def commands_page(
    request: RequestContext,
    states: Collection[CommandState],
    kinds: Collection[CommandKind] | None = None,
    is_meant: Callable[[Command], bool] | None = None,
) -> tuple[list[Command], str | None]:
    """Return the commands of the page that is asked for, and the cursor of the next."""
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    after = _command_at(request)
    found: list[Command] = []
    batch = limit + 1 if is_meant is None else LIMIT_MAX
    for _ in range(LOOKED_AT_MAX // LIMIT_MAX):
        rows = request.store.commands(states, batch, kinds, after)
        for command in rows:
            if is_meant is None or is_meant(command):
                if len(found) == limit:
                    return found, found[-1].id
                found.append(command)
            after = command
        if len(rows) < batch:
            return found, None
    return found, None if after is None else after.id


def _command_at(request: RequestContext) -> Command | None:
    cursor = request.optional('cursor')
    if cursor is None:
        return None
    command = request.store.command(CommandId(cursor))
    if command is None:
        raise wrong_cursor(cursor)
    return command


def dead_page(request: RequestContext) -> tuple[Sequence[Unit], str | None]:
    """Return the dead letters of the page that is asked for, and the cursor of the next."""
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    units = request.store.dead_units(limit + 1, ended_at(request))
    cursor = ended_cursor(units[limit - 1]) if len(units) > limit else None
    return units[:limit], cursor


def ended_cursor(unit: Unit) -> str | None:
    """Return the cursor by which what comes after a unit that has ended is asked for."""
    return None if unit.finished_at is None else f'{micros_of(unit.finished_at)}.{unit.id}'


def ended_at(request: RequestContext) -> Unit | None:
    """Return the unit after which a list of ended ones goes on; None for its beginning."""
    cursor = request.optional('cursor')
    if cursor is None:
        return None
    micros, _, uow_id = cursor.partition('.')
    unit = request.store.units([UowId(uow_id)]).get(UowId(uow_id))
    if unit is None:
        raise wrong_cursor(cursor)
    # It may have been dropped since: then it ended at another instant.
    instant = _EPOCH + timedelta(microseconds=micros_read(cursor, micros))
    return replace(unit, finished_at=instant)


def micros_of(at: datetime) -> int:
    """Return an instant as a cursor holds it."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def micros_read(cursor: str, text: str) -> int:
    """Return the instant that a cursor holds; raise Refused when it is none."""
    if not (text.isascii() and text.isdecimal() and len(text) < _DIGITS_MAX):
        raise wrong_cursor(cursor)
    return int(text)


def older(request: RequestContext, cursor: str | None) -> str | None:
    """Return the address of the page that goes on where this one ends; None at the end."""
    if cursor is None:
        return None
    kept = [(name, text) for name, text in request.http.args.items(multi=True) if name != 'cursor']
    return f'{request.http.path}?{urlencode([*kept, ("cursor", cursor)])}'
