"""What the readers of all rows share: types of columns, instants, intervals, names of rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from synergy.core.timeperiod import Qualifier, Timeperiod, parse
from synergy.ports import rows as fields

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
COUNT_BITS: Final = fields.COUNT_MAX.bit_length()
MICROS_MAX: Final = (fields.INSTANT_MAX - EPOCH) // timedelta(microseconds=1)
#: Look-ups that cost a tenth of the enumerations' own, which then say what is wrong.
QUALIFIER_BY_VALUE: Final = {qualifier.value: qualifier for qualifier in Qualifier}


class Columns:
    """Tells whether the values of a row have the types of their columns.

    SQLite keeps what it is given, whatever a column is declared as. Rows of types that were seen
    before cost one look-up. kinds: a letter for each column, `t` text and `i` number, in capitals
    where there may be none.
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
        types = tuple(map(type, row))
        if types in self.known:
            return
        for name, kind, value in zip(self._names, self._kinds, row, strict=True):
            if value is None and kind.isupper():
                continue
            if not isinstance(value, str if kind in 'tT' else int):
                raise fields.malformed(name, value, 'a text' if kind in 'tT' else 'a whole number')
        self.known.add(types)


def name_of(table: str, row: Sequence[Any]) -> str:
    """Return how an illegal row is named: by its key."""
    if table == 'job':
        return fields.name_of(*row[:2], joined='@')
    if table == 'freerun_process':
        return fields.name_of(*row[:2], joined='::')
    return fields.name_of(*row[: 2 if table == 'box_configuration' else 1])


def placeholders(columns: str) -> str:
    """Return as many question marks as `columns` names."""
    return ', '.join('?' * (columns.count(',') + 1))


def timeperiod_of(qualifier: str, text: str) -> Timeperiod:
    """Return the interval of two columns; raise Malformed."""
    known = QUALIFIER_BY_VALUE.get(qualifier)
    if known is None:
        known = fields.word('time_qualifier', Qualifier, qualifier)
    try:
        return parse(known, text)
    except ValueError:
        return fields.timeperiod('timeperiod', known, text)


def instant_of(field: str, micros: int) -> datetime:
    """Return the instant of a column; raise Malformed."""
    if not 0 <= micros <= MICROS_MAX:
        raise fields.malformed(field, micros, 'microseconds of the years 1970 to 2999')
    return EPOCH + timedelta(microseconds=micros)


def instant_or_none(field: str, micros: int | None) -> datetime | None:
    """Return the instant of a column, if there is one; raise Malformed."""
    return None if micros is None else instant_of(field, micros)
