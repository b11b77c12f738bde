"""Whole months of intervals whose rows are all there, read as a few numbers instead of row by row.

Of hours and minutes a month has up to 44,640 rows, nearly all in one state. SQLite counts them many
times faster than it hands them over. What it counts are distinct whole numbers between the names of
two intervals of one month, each of which is a name of the level: if they are as many as there are
intervals, they are these intervals.
"""

from __future__ import annotations

from typing import Final

from synergy.adapters.sqlite.connection import SqliteFile
from synergy.adapters.sqlite.states import JOB_STATE_BY_NUMBER, QUALIFIER_BY_NUMBER
from synergy.core.index_codes import CODE_BY_STATE
from synergy.core.index_pages import IndexStretch
from synergy.core.index_stretches import StoredRow
from synergy.core.records import ProcessName
from synergy.core.timeperiod import Measure, Qualifier, Timeperiod, parse

#: Of so many rows one may be in another state; where more are, all rows are read.
_OTHERS: Final = 8
#: How many numbers the names of one month span: of days and hours, and of minutes.
_SPAN_BY_MEASURE: Final = {Measure.HOUR: 10_000, Measure.MINUTE: 1_000_000}
_IN_MONTH: Final = 'FROM job WHERE process_name = ?1 AND timeperiod BETWEEN ?2 AND ?3'
_LAST: Final = f'SELECT max(timeperiod) {_IN_MONTH}'
_ALL: Final = f'SELECT count(*) {_IN_MONTH}'
_OTHER_ROWS: Final = (
    f'SELECT timeperiod, time_qualifier, state, {{is_name}} {_IN_MONTH} '
    'AND NOT (state IS ?4 AND time_qualifier IS ?5 AND {is_name}) LIMIT ?6'
)
_IS_HOUR: Final = "timeperiod % 100 < 24 AND typeof(timeperiod) = 'integer'"
_IS_MINUTE: Final = (
    'timeperiod % 100 < 60 AND timeperiod % 100 % {minutes} = 0 AND timeperiod / 100 % 100 < 24 '
    "AND typeof(timeperiod) = 'integer'"
)


class Months:
    """Reads months of one file."""

    def __init__(self, file: SqliteFile) -> None:
        """Use an open file."""
        self._file = file

    def rest_from(self, row: StoredRow) -> IndexStretch | None:
        """Return the intervals from that of a row to the last of its month that has one.

        None where they have to be read row by row, as what is coarser, lacks some or has a fault.
        """
        process, name, level, state, _ = row
        qualifier = QUALIFIER_BY_NUMBER.get(level) if isinstance(level, int) else None
        span = None if qualifier is None else _SPAN_BY_MEASURE.get(qualifier.measure)
        if qualifier is None or span is None or not isinstance(process, str):
            return None
        if type(name) is not int or state not in JOB_STATE_BY_NUMBER:
            return None
        try:
            first = parse(qualifier, str(name))
        except ValueError:
            return None
        end = name // span * span + span - 1
        return self._found(ProcessName(process), first, (name, end, level, state))

    def _found(
        self, process: ProcessName, first: Timeperiod, row: tuple[int, int, int, int]
    ) -> IndexStretch | None:
        name, end, level, state = row
        month = process, name, end
        ((count,),) = self._file.read(_ALL, month)
        ((last,),) = self._file.read(_LAST, month)
        if last != int(str(first.shift(count - 1))):
            return None
        most = count // _OTHERS
        is_name = _is_name(first.qualifier)
        others = self._file.read(
            _OTHER_ROWS.format(is_name=is_name), (*month, state, level, most + 1)
        )
        if len(others) > most:
            return None
        codes = bytearray([_code(state)]) * count
        for other, its_level, its_state, is_interval in others:
            if its_level != level or not is_interval or its_state not in JOB_STATE_BY_NUMBER:
                return None
            at = parse(first.qualifier, str(other)).ordinal - first.ordinal
            codes[at] = _code(its_state)
        return IndexStretch(process, first, bytes(codes))


def _is_name(qualifier: Qualifier) -> str:
    if qualifier.measure is Measure.HOUR:
        return f'({_IS_HOUR})'
    return f'({_IS_MINUTE.format(minutes=qualifier.minutes)})'


def _code(state: int) -> int:
    return CODE_BY_STATE[JOB_STATE_BY_NUMBER[state]]
