"""Conditions in SQL under which a row is plainly right, so that nobody need read all of it.

A row that meets one is legal (`rows.jobs.job_of` and `rows.units.unit_of` would return a record)
and breaks no rule by itself. One that does not may be right all the same: it is read in full.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from synergy.adapters.sqlite.rows.columns import MICROS_MAX
from synergy.adapters.sqlite.rows.jobs import OF_NEWEST_RUN
from synergy.adapters.sqlite.states import (
    ENDED_JOBS,
    ENDED_UNITS,
    NUMBER_BY_QUALIFIER,
    PROCESSED_UNIT,
)
from synergy.core.timeperiod import LEVELS, YEAR_MAX, YEAR_MIN, Qualifier
from synergy.ports import rows as fields

#: The numbers MMDD of days that every year has.
_DAYS: Final = str(
    tuple(
        day.month * 100 + day.day
        for day in (date(2001, 1, 1) + timedelta(days=number) for number in range(365))
    )
)


def _all(*conditions: str) -> str:
    return ' AND '.join(f'({condition})' for condition in conditions)


def _whole(column: str, most: int | None = None, least: int = 0) -> str:
    """Say that a column has a whole number. most: None for any."""
    of_type = f"typeof({column}) = 'integer'"
    return of_type if most is None else f'{of_type} AND {column} BETWEEN {least} AND {most}'


def _count(column: str, least: int = 0) -> str:
    return _whole(column, fields.COUNT_MAX, least)


def _instant_or_none(column: str) -> str:
    return f'{column} IS NULL OR {_whole(column, MICROS_MAX)}'


def _plain_text(column: str) -> str:
    """Say that a column, or some of them joined, is a short text of printable ASCII: a name."""
    # GLOB ends at a NUL; the length in bytes tells of one.
    return _all(
        f"typeof({column}) = 'text' AND {column} NOT GLOB '*[^ -~]*'",
        f'length(CAST({column} AS BLOB)) = length({column})',
        f'length({column}) <= {fields.NAME_LENGTH_MAX}',
    )


def _names_interval(column: str) -> str:
    """Say that a column names one of the row's level, from days down to real time.

    29 February is left to whoever reads the row in full.
    """
    hourly, daily, real_time = (
        NUMBER_BY_QUALIFIER[qualifier]
        for qualifier in (Qualifier.HOURLY, Qualifier.DAILY, Qualifier.REAL_TIME)
    )
    return _all(
        f"typeof({column}) = 'integer'",
        'CASE time_qualifier '
        f'WHEN {hourly} THEN {column} % 100 < 24 AND {_names_day(f"{column} / 100")} '
        f'WHEN {daily} THEN {column} % 100 = 0 AND {_names_day(f"{column} / 100")} '
        f'{_name_minutes(column)}'
        f'WHEN {real_time} THEN {column} / 10000 % 100 < 24 '
        f'AND {column} / 100 % 100 < 60 AND {column} % 100 < 60 '
        f'AND {_names_day(f"{column} / 1000000")} '
        'ELSE 0 END',
    )


def _name_minutes(number: str) -> str:
    """Say of each level of minutes that a number is YYYYMMDDHHMM, where one begins."""
    return ''.join(
        f'WHEN {NUMBER_BY_QUALIFIER[level]} THEN {number} % 100 < 60 '
        f'AND {number} % 100 % {level.minutes} = 0 '
        f'AND {number} / 100 % 100 < 24 AND {_names_day(f"{number} / 10000")} '
        for level in LEVELS
        if level.minutes
    )


def _names_day(number: str) -> str:
    """Say that a number is YYYYMMDD, of a day that every year has."""
    return f'{number} / 10000 BETWEEN {YEAR_MIN} AND {YEAR_MAX} AND {number} % 10000 IN {_DAYS}'


#: Of a job: it has ended, has run, and nobody has marked it. Its key, state and request are read.
PLAIN_JOB: Final = _all(
    f'state IN {ENDED_JOBS}',
    _count('rev', 1),
    _count('run', 1),
    _count('number_of_failures'),
    _count('lost_count'),
    _whole('is_held'),
    _whole('term'),
    _whole('changed_at', MICROS_MAX),
    'reason IS NULL',
    'former IS NULL',
    'uow_id IS NULL '
    f'OR {_whole("uow_id", OF_NEWEST_RUN, OF_NEWEST_RUN)} '
    f'OR {_plain_text("uow_id")}',
)
#: Of a unit: it has ended, and nothing of it is read.
PLAIN_UNIT: Final = _all(
    f'state IN {ENDED_UNITS}',
    f'state != {PROCESSED_UNIT} OR fence >= 1',
    *(_count(column) for column in ('run', 'attempt', 'lost_count', 'fence')),
    'lost_count <= attempt',
    _whole('created_at', MICROS_MAX),
    *(
        _instant_or_none(column)
        for column in ('lease_until', 'submitted_at', 'not_before', 'started_at', 'finished_at')
    ),
    _whole('processed_count'),
    'error IS NULL',
    'arguments IS NULL',
    "typeof(id) = 'text' AND typeof(process_name) = 'text'",
    "owner IS NULL OR typeof(owner) = 'text'",
    "request_id IS NULL OR typeof(request_id) = 'text'",
    _plain_text("(id || process_name || coalesce(owner, '') || coalesce(request_id, ''))"),
    _names_interval('timeperiod'),
    *(
        f'{column} IS NULL OR {_names_interval(column)}'
        for column in ('start_timeperiod', 'end_timeperiod')
    ),
)
