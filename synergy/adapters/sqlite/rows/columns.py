"""What the readers of all rows share: types of columns, instants, intervals, names of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from synergy.adapters.sqlite.states import QUALIFIER_BY_NUMBER
from synergy.core.timeperiod import Timeperiod, parse
from synergy.ports import rows as fields

T = TypeVar('T')

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
COUNT_BITS: Final = fields.COUNT_MAX.bit_length()
MICROS_MAX: Final = (fields.INSTANT_MAX - EPOCH) // timedelta(microseconds=1)
_KINDS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = {
    't': ((str,), 'a text'),
    'i': ((int,), 'a whole number'),
    'x': ((str, int), 'a text or a whole number'),
}


class Columns:
    """Tells whether the values of a row have the types of their columns.

    SQLite keeps what it is given, whatever a column is declared as. Rows of types that were seen
    before cost one look-up. kinds: a letter for each column, `t` text, `i` number and `x` either,
    in capitals where there may be none.
    """

    def __init__(self, columns: str, kinds: str) -> None:
        """Say which columns there are, and of which kinds."""
        self._names = columns.split(', ')
        self._kinds = kinds
        #: Types of rows that are legal.
        self.known: set[tuple[type, ...]] = set()
        assert len(self._names) == len(kinds)

    def check(self, row: tuple[Any, ...]) -> None:
        """Raise Malformed when a value has a type that its column cannot have."""
        found = tuple(map(type, row))
        if found in self.known:
            return
        for name, kind, value in zip(self._names, self._kinds, row, strict=True):
            if value is None and kind.isupper():
                continue
            types, shown = _KINDS[kind.lower()]
            if not isinstance(value, types):
                raise fields.malformed(name, value, shown)
        self.known.add(found)


def name_of(table: str, row: Sequence[Any]) -> str:
    """Return how an illegal row is named: by its key."""
    if table == 'job':
        return fields.name_of(*row[:2], joined='@')
    if table == 'freerun_process':
        return fields.name_of(*row[:2], joined='::')
    return fields.name_of(*row[: 2 if table == 'box_configuration' else 1])


def numbered(columns: str) -> str:
    """Return as many numbered parameters as `columns` names: ?1, ?2."""
    return ', '.join(f'?{number}' for number in range(1, columns.count(',') + 2))


def placeholders(columns: str) -> str:
    """Return as many question marks as `columns` names."""
    return ', '.join('?' * (columns.count(',') + 1))


def word_of(field: str, members: Mapping[int, T], number: int) -> T:
    """Return what a number of `states` stands for; raise Malformed."""
    found = members.get(number)
    if found is None:
        raise fields.Malformed(f'field {field!r}: {number} is unknown')
    return found


def timeperiod_of(qualifier: int, number: int, field: str = 'timeperiod') -> Timeperiod:
    """Return the interval of two columns; raise Malformed."""
    known = word_of('time_qualifier', QUALIFIER_BY_NUMBER, qualifier)
    try:
        return parse(known, str(number))
    except ValueError:
        return fields.timeperiod(field, known, str(number))


def instant_of(field: str, micros: int) -> datetime:
    """Return the instant of a column; raise Malformed."""
    if not 0 <= micros <= MICROS_MAX:
        raise fields.malformed(field, micros, 'microseconds of the years 1970 to 2999')
    return EPOCH + timedelta(microseconds=micros)


def instant_or_none(field: str, micros: int | None) -> datetime | None:
    """Return the instant of a column, if there is one; raise Malformed."""
    return None if micros is None else instant_of(field, micros)
