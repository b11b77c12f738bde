"""Conditions, as the server evaluates them, under which a document is plainly right.

A document that meets one is legal (`documents.jobs.job_of` and `documents.units.unit_of` would
return a record) and breaks no rule by itself. One that does not may be right all the same: it is
read in full. Expressions, not filters: a filter takes a list for each of its members.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from synergy.adapters.mongo.names import JOB_COLLECTION, LEVEL, QUALIFIER_BY_COLLECTION
from synergy.core.states import FINAL_JOB_STATES, LIVE_UNIT_STATES, UnitState
from synergy.core.timeperiod import YEAR_MAX, YEAR_MIN, Measure, Qualifier
from synergy.ports import rows

#: MMDD of days that every year has.
_DAY: Final = '((0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])(29|30)|(0[13578]|1[02])31)'
_HOUR: Final = '([01][0-9]|2[0-3])'
_YEAR: Final = '(19[7-9][0-9]|2[0-9]{3})'


def _pattern(level: Qualifier) -> str:
    """Return how intervals are called; 29 February is left to whoever reads in full."""
    match level.measure:
        case Measure.YEAR:
            return f'{_YEAR}000000'
        case Measure.MONTH:
            return f'{_YEAR}(0[1-9]|1[0-2])0000'
        case Measure.WEEK | Measure.DAY:
            return f'{_YEAR}{_DAY}00'
        case Measure.HOUR:
            return f'{_YEAR}{_DAY}{_HOUR}'
        case Measure.MINUTE:
            minutes = '|'.join(f'{minute:02d}' for minute in range(0, 60, level.minutes))
            return f'{_YEAR}{_DAY}{_HOUR}({minutes})'
        case Measure.SECOND:
            return f'{_YEAR}{_DAY}{_HOUR}[0-5][0-9][0-5][0-9]'


#: All levels, those first that have most intervals: a condition is asked in this order.
_LEVELS: Final = sorted(
    Qualifier, key=lambda level: (level is not Qualifier.HOURLY, -level.measure, level.minutes)
)
assert (YEAR_MIN, YEAR_MAX) == (1970, 2999), 'so says the pattern of years'


def _is_type(field: str, *types: str) -> Any:
    return {'$in': [{'$type': f'${field}'}, list(types)]}


def _none(field: str) -> Any:
    return _is_type(field, 'missing', 'null')


def _or(*conditions: Any) -> Any:
    return {'$or': list(conditions)}


def _count(field: str, least: int = 0) -> Any:
    return {
        '$and': [
            _is_type(field, 'int', 'long'),
            {'$gte': [f'${field}', least]},
            {'$lte': [f'${field}', rows.COUNT_MAX]},
        ]
    }


def _instant(field: str) -> Any:
    return {
        '$and': [
            _is_type(field, 'date'),
            {'$gte': [f'${field}', rows.INSTANT_MIN]},
            {'$lte': [f'${field}', rows.INSTANT_MAX]},
        ]
    }


def _name(field: str) -> Any:
    return {
        '$and': [
            _is_type(field, 'string'),
            {'$lte': [{'$strLenBytes': _text(field)}, rows.NAME_LENGTH_MAX]},
        ]
    }


def _text(field: str) -> Any:
    # The server may evaluate what comes behind a condition that fails.
    return {'$cond': [_is_type(field, 'string'), f'${field}', '']}


def _interval(field: str, level: Qualifier) -> Any:
    is_named_so = {'$regexMatch': {'input': _text(field), 'regex': f'\\A{_pattern(level)}\\z'}}
    if level.measure is not Measure.WEEK:
        return is_named_so
    first_day = {
        '$dateFromString': {
            'dateString': {'$substrCP': [_text(field), 0, 8]},
            'format': '%Y%m%d',
            'onError': None,
        }
    }
    return {'$and': [is_named_so, {'$eq': [{'$isoDayOfWeek': first_day}, level.first_day + 1]}]}


def _interval_of(field: str, levels: Iterable[Qualifier]) -> Any:
    """Say that a field names an interval of the level that the document says."""
    return {
        '$switch': {
            'branches': [
                {'case': {'$eq': [f'${LEVEL}', level.value]}, 'then': _interval(field, level)}
                for level in levels
            ],
            'default': False,
        }
    }


def _interval_of_unit(field: str) -> Any:
    return _interval_of(field, _LEVELS)


def _interval_of_job(collection: str) -> Any:
    if collection in QUALIFIER_BY_COLLECTION:
        return _interval('timeperiod', QUALIFIER_BY_COLLECTION[collection])
    levels = [level for level in _LEVELS if JOB_COLLECTION.get(level) == collection]
    return _interval_of('timeperiod', levels)


def plain_job(collection: str) -> Any:
    """Return the condition of a job: it has ended, has run, and nobody has marked it."""
    return {
        '$and': [
            {'$in': ['$state', [state.value for state in sorted(FINAL_JOB_STATES)]]},
            _none('reason'),
            _none('former'),
            _count('rev', 1),
            _count('run', 1),
            _count('number_of_failures'),
            _or(_is_type('lost_count', 'missing'), _count('lost_count')),
            _count('term'),
            _is_type('is_held', 'bool'),
            _instant('changed_at'),
            _or(_none('related_unit_of_work'), _name('related_unit_of_work')),
            _or(_none('request_id'), _name('request_id')),
            _name('process_name'),
            _interval_of_job(collection),
        ]
    }


#: The condition of a unit: it has ended, and nothing of it is read.
PLAIN_UNIT: Final[Any] = {
    '$and': [
        {'$in': ['$state', [state.value for state in UnitState if state not in LIVE_UNIT_STATES]]},
        _or({'$ne': ['$state', UnitState.PROCESSED.value]}, {'$gte': ['$fence', 1]}),
        *(_count(field) for field in ('run', 'attempt', 'fence', 'number_of_processed_documents')),
        _or(
            _is_type('lost_count', 'missing'),
            {'$and': [_count('lost_count'), {'$lte': ['$lost_count', '$attempt']}]},
        ),
        _instant('created_at'),
        *(
            _or(_none(field), _instant(field))
            for field in ('lease_until', 'submitted_at', 'not_before', 'started_at', 'finished_at')
        ),
        _none('error'),
        _or(_none('arguments'), {'$eq': ['$arguments', {}]}),
        _name('process_name'),
        _or(_none('owner'), _name('owner')),
        _or(_none('request_id'), _name('request_id')),
        _interval_of_unit('timeperiod'),
        _or({'$eq': ['$start_timeperiod', '$timeperiod']}, _interval_of_unit('start_timeperiod')),
        _interval_of_unit('end_timeperiod'),
    ]
}
