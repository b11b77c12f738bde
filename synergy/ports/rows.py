"""Rows that somebody made illegal: found by field, reported once, kept for those who list rows.

A row is read field by field with the readers below, which raise Malformed with the field's name and
value. `Rows.decoded` turns that, and whatever else one row may do to its reader, into an
IllegalRow: the row is left out and left alone, the others come. Lists then say which rows are
missing from them (`Store.illegal_rows`).
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeVar, cast

from synergy.core.bounded import ROW, Bounds, Json, OutOfBounds, check, loads, shortened
from synergy.core.structs import Struct
from synergy.core.timeperiod import YEAR_MAX, YEAR_MIN, Qualifier, Timeperiod, parse
from synergy.core.trigger import Trigger, parse_trigger

logger = logging.getLogger(__name__)

T = TypeVar('T')

#: Longest name, id or address in a row.
NAME_LENGTH_MAX: Final = 1_000
#: Of a longer text the beginning is read: a reason of megabytes must not stop its job.
TEXT_LENGTH_MAX: Final = 64 * 1024
#: Greatest revision, number of a run, attempt or fence: a thousand a second for 30,000 years.
COUNT_MAX: Final = 2**50 - 1
#: Hours of the thousand years in which there can be intervals.
_PAGE_BYTES_MAX: Final = 10_000_000
_BIG_MAX: Final = 2**63 - 1
#: Illegal rows that are remembered, those met first; of more, it is enough to know that many.
_KEPT_MAX: Final = 1_000
#: Records of each table that are remembered where that was asked for.
_REMEMBERED_MAX: Final = 20_000
#: Fields whose values are shown to nobody.
_SECRET_FIELDS: Final = frozenset({'password_hash', 'digest', 'text'})
INSTANT_MIN: Final = datetime(YEAR_MIN, 1, 1, tzinfo=UTC)
INSTANT_MAX: Final = datetime(YEAR_MAX, 12, 31, tzinfo=UTC)


class Malformed(ValueError):
    """A row is not what this program writes; the message names the field and its value."""


class IllegalRow(Struct, frozen=True):
    """A row that cannot be read. table, row: which. problem: its field, and what is wrong there."""

    table: str
    row: str
    problem: str

    def __str__(self) -> str:
        """Return it in a sentence."""
        return f'row {self.row} of {self.table} cannot be read: {self.problem}'


class Rows:
    """The illegal rows that one connection has met. place: the store, as messages name it.

    is_remembering: decode equal rows once, and return the same record each time. Worth it where the
    same rows are read over and over, by everybody, as on a simulated clock.
    """

    def __init__(self, place: str, *, is_remembering: bool = False) -> None:
        """Know none."""
        self._place = place
        self._is_remembering = is_remembering
        self._decoders: dict[Callable[..., Any], Callable[..., Any]] = {}
        self._met: dict[tuple[str, str], IllegalRow] = {}
        self._reported: set[tuple[str, str]] = set()

    @property
    def met(self) -> Sequence[IllegalRow]:
        """Return those met since the last `forget`, each once."""
        return list(self._met.values())

    def forget(self) -> None:
        """Forget them, so that `met` is about what is read from now on."""
        if self._met:
            self._met.clear()

    def decoded(
        self,
        table: str,
        name_of: Callable[[Any], str],
        decode: Callable[[Any], T],
        found: Iterable[Any],
    ) -> Iterator[T]:
        """Yield the records of rows; one that is illegal is reported and left out."""
        if self._is_remembering:
            decode = self._remembering(decode)
        for row in found:
            try:
                record = decode(row)
            except Exception as error:  # noqa: BLE001 - around one row: it must cost itself alone
                self.report(table, name_of(row), error)
            else:
                yield record

    def _remembering(self, decode: Callable[[Any], T]) -> Callable[[Any], T]:
        known = self._decoders.get(decode)
        if known is None:
            # Typed: 1 and 1.0 are equal, but as columns one is legal and the other is not.
            remembered = lru_cache(_REMEMBERED_MAX, typed=True)(lambda *row: decode(row))
            known = self._decoders[decode] = lambda row: remembered(*row)
        return known

    def report(self, table: str, row: str, problem: object) -> None:
        """Take a row down as illegal; it is logged once."""
        place = (table, row)
        if isinstance(problem, Exception) and not isinstance(problem, ValueError):
            problem = f'{type(problem).__name__}: {problem}'
        illegal = IllegalRow(table, row, f'{problem!s:.300}')
        if len(self._met) < _KEPT_MAX:
            self._met[place] = illegal
        if place in self._reported or len(self._reported) >= _KEPT_MAX:
            return
        self._reported.add(place)
        logger.error(
            '%s in %s was made illegal: %s; it is left alone, and what waits for it waits until '
            'somebody repairs or removes it',
            f'{table} {row}',
            self._place,
            illegal.problem,
            extra={'event': 'row_malformed'},
        )


def name_of(*parts: object, joined: str = ' ') -> str:
    """Return the name of a row from values of its key, whatever they are."""
    return joined.join(
        part if isinstance(part, str) and len(part) <= 200 else shortened(part) for part in parts
    )


def malformed(field: str, value: object, expected: str) -> Malformed:
    """Return the error of a field."""
    shown = 'a secret' if field in _SECRET_FIELDS else shortened(value)
    return Malformed(f'field {field!r} is {shown}, not {expected}')


def text(field: str, value: object) -> str:
    """Return a name or an id."""
    if not isinstance(value, str) or len(value) > NAME_LENGTH_MAX:
        raise malformed(field, value, f'a text of at most {NAME_LENGTH_MAX} characters')
    return value


def said(field: str, value: object) -> str | None:
    """Return what people or programs said: of a long text the beginning; None stays None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise malformed(field, value, 'a text')
    if len(value) <= TEXT_LENGTH_MAX:
        return value
    return f'{value[:TEXT_LENGTH_MAX]}… ({len(value):,} characters)'


def count(field: str, value: object, most: int = COUNT_MAX) -> int:
    """Return a number of things, or of one of them."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise malformed(field, value, f'a whole number from 0 to {most}')
    return value


def some(field: str, value: object, most: int) -> int:
    """Return a number of things of which there is at least one."""
    if found := count(field, value, most):
        return found
    raise malformed(field, value, f'a whole number from 1 to {most}')


def number(field: str, value: object) -> int:
    """Return a number that user code gave."""
    if not isinstance(value, int) or isinstance(value, bool) or not -_BIG_MAX <= value <= _BIG_MAX:
        raise malformed(field, value, 'a whole number of 64 bits')
    return value


def instant(field: str, value: object) -> datetime:
    """Return an instant of the years in which there can be intervals."""
    if not isinstance(value, datetime) or not INSTANT_MIN <= value <= INSTANT_MAX:
        raise malformed(field, value, f'an instant of the years {YEAR_MIN} to {YEAR_MAX}')
    return value.astimezone(UTC)


def word(field: str, words: Callable[[Any], T], value: object) -> T:
    """Return the member of an enumeration."""
    try:
        return words(text(field, value))
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed(f'field {field!r}: {shortened(value)} is unknown') from error


def timeperiod(field: str, qualifier: Qualifier, value: object) -> Timeperiod:
    """Return an interval of a qualifier."""
    try:
        return parse(qualifier, text(field, value))
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed(f'field {field!r}: {error!s:.200}') from error


def trigger(field: str, value: object) -> Trigger:
    """Return a trigger."""
    try:
        return parse_trigger(text(field, value))
    except Malformed:
        raise
    except ValueError as error:
        raise Malformed(f'field {field!r}: {error!s:.200}') from error


def json_text(field: str, value: object, bounds: Bounds = ROW) -> Json:
    """Return what a JSON text spells."""
    if not isinstance(value, str):
        raise malformed(field, value, 'a text of JSON')
    try:
        return loads(value, bounds)
    except OutOfBounds as error:
        raise Malformed(f'field {field!r}: {error}') from error


def json_object(field: str, value: object) -> Mapping[str, Json]:
    """Return a JSON object, given as such or as its text."""
    found = json_text(field, value) if isinstance(value, str) else value
    if not isinstance(found, dict):
        raise Malformed(f'field {field!r} is {type(found).__name__}, not a JSON object')
    if found is value:
        try:
            check(found, ROW)
        except OutOfBounds as error:
            raise Malformed(f'field {field!r}: {error}') from error
    return cast('dict[str, Json]', found)


def texts(field: str, value: object) -> tuple[str, ...]:
    """Return a list of ids."""
    if not isinstance(value, list | tuple) or len(value) > 100_000:
        raise malformed(field, value, 'a list of texts')
    return tuple(text(field, item) for item in value)


def pids(field: str, value: object) -> tuple[int, ...]:
    """Return a list of process ids."""
    if not isinstance(value, list | tuple) or len(value) > 10_000:
        raise malformed(field, value, 'a list of process ids')
    return tuple(count(field, item, 2**31) for item in value)


def unpacked(value: object) -> bytes:
    """Return the bytes of a page of the index; of a bomb, not more than a page can have."""
    if not isinstance(value, bytes):
        raise malformed('codes', value, 'bytes')
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(value, _PAGE_BYTES_MAX)
    except zlib.error as error:
        raise Malformed(f"field 'codes': {error}") from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise Malformed("field 'codes' is longer than any page, or was cut off")
    return found


def ranges(field: str, value: object) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return a plan: pairs of a process and its runs of [start, stop)."""
    try:
        return {
            text(field, process): tuple(
                (count(field, start), count(field, stop)) for start, stop in runs
            )
            for process, runs in cast('Any', value)
        }
    except (TypeError, ValueError) as error:
        raise Malformed(f'field {field!r}: {error!s:.200}') from error
