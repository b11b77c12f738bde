"""Lists page by page: where one goes on, and the address of the next page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlencode

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.records import Unit, UowId
from synergy.core.structs import Struct, replace
from synergy.mx.web.errors import wrong_cursor
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.view.letters import Letter, LetterFilter, letters_of

#: Commands looked through for one page of the audit; of more, the reader asks for the next page.
LOOKED_AT_MAX: Final = 5_000
#: The place in a list at which a page begins, counted from 1; and the greatest one.
FROM: Final = 'from'
PLACE_MAX: Final = 10_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS_MAX: Final = 17
_ALL_LETTERS: Final = LetterFilter()


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


def dead_page(
    request: RequestContext, where: LetterFilter = _ALL_LETTERS
) -> tuple[Sequence[Letter], str | None]:
    """Return the dead letters of the page that is asked for, and the cursor of the next."""
    limit = request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    batch = LIMIT_MAX if where else limit + 1
    after = ended_at(request)
    request.look()
    found: list[Letter] = []
    for _ in range(LOOKED_AT_MAX // LIMIT_MAX):
        units = request.store.dead_units(batch, after)
        with request.model.lock:
            letters = list(letters_of(units, request.model.looking(request.now)))
        found += filter(where.is_meant, letters)
        if len(found) > limit:
            return found[:limit], ended_cursor(found[limit - 1].unit)
        if len(units) < batch:
            return found, None
        after = units[-1]
    return found, None if after is None else ended_cursor(after)


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
    return None if cursor is None else _address_with(request, 'cursor', cursor)


class Part(Struct, frozen=True, kw_only=True):
    """Which part of a list in memory a page shows. count: of all that the filters leave.

    before, after: the addresses of the pages beside it.
    """

    shown: range
    count: int
    before: str | None
    after: str | None

    @property
    def text(self) -> str:
        """Return which ones are shown, counted from 1."""
        return f'{self.shown.start + 1:,} to {self.shown.stop:,} of {self.count:,}'


def part_of(request: RequestContext, count: int, size: int, holding: int | None = None) -> Part:
    """Return the part of `count` items that begins where the address says, `size` at most.

    holding: an item that is shown whatever the address says.
    """
    start = request.number(FROM, 1, 1, PLACE_MAX) - 1 if holding is None else holding
    if start >= count:
        # Fewer are left than there were when somebody turned this page.
        start = max(count - 1, 0) // size * size
    if holding is not None:
        start = start // size * size
    stop = min(start + size, count)
    return Part(
        shown=range(start, stop),
        count=count,
        before=_address_with(request, FROM, str(max(start - size, 0) + 1)) if start else None,
        after=_address_with(request, FROM, str(stop + 1)) if stop < count else None,
    )


def _address_with(request: RequestContext, name: str, value: str) -> str:
    given = request.http.args.items(multi=True)
    kept = [(other, text) for other, text in given if other != name]
    return f'{request.http.path}?{urlencode([*kept, (name, value)])}'
