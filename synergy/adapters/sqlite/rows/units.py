"""Rows of units of work and of their logs."""

from __future__ import annotations

import json
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.columns import (
    COUNT_BITS,
    Columns,
    instant_of,
    timeperiod_of,
    word_of,
)
from synergy.adapters.sqlite.states import (
    NUMBER_BY_QUALIFIER,
    NUMBER_BY_UNIT_STATE,
    QUALIFIER_BY_NUMBER,
    UNIT_STATE_BY_NUMBER,
)
from synergy.core.letter_groups import DeadLetter
from synergy.core.records import LogLine, ProcessName, Unit, UowId, uow_id_of
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, parse
from synergy.core.unit_ids import RUN_IN_ID_MAX
from synergy.ports import rows as fields
from synergy.ports.store import EndedRun, LiveRun

UNIT_COLUMNS: Final = (
    'id, process_name, timeperiod, time_qualifier, start_timeperiod, end_timeperiod, run, attempt, '
    'lost_count, state, fence, owner, lease_until, created_at, submitted_at, not_before, '
    'started_at, finished_at, processed_count, error, arguments, request_id'
)
ENDED_RUN_COLUMNS: Final = (
    'process_name, time_qualifier, timeperiod, run, state, started_at, finished_at, attempt, '
    'lost_count'
)
LIVE_RUN_COLUMNS: Final = 'id, process_name, time_qualifier, timeperiod, state, not_before'
LETTER_COLUMNS: Final = 'id, process_name, time_qualifier, timeperiod, finished_at, error'
#: Of those that are written: whether a unit is found by its key, and not by its id alone.
UNIT_COLUMNS_WRITTEN: Final = f'{UNIT_COLUMNS}, is_by_key'
_UNIT: Final = Columns(UNIT_COLUMNS, 'ttiiIIiiiiiTIiIIIIiTTT')
_ENDED_RUN: Final = Columns(ENDED_RUN_COLUMNS, 'tiiiiiiii')
_LIVE_RUN: Final = Columns(LIVE_RUN_COLUMNS, 'ttiiiI')
_LETTER: Final = Columns(LETTER_COLUMNS, 'ttiiIT')
_LOG: Final = Columns('attempt, at, level, text', 'iitt')


def unit_of(row: tuple[Any, ...]) -> Unit:
    """Return the unit of a row of UNIT_COLUMNS: plainly, for it is called for every run."""
    if tuple(map(type, row)) not in _UNIT.known:
        _UNIT.check(row)
    uow_id, process, number, code, start, end, run, attempt, lost, state, fence, *rest = row
    owner, lease, created, announced, not_before, started, finished, count, *said = rest
    error, arguments, request = said
    if (run | attempt | lost | fence) >> COUNT_BITS:
        counts = {'run': run, 'attempt': attempt, 'lost_count': lost, 'fence': fence}
        for field, value in counts.items():
            fields.count(field, value)
    qualifier = word_of('time_qualifier', QUALIFIER_BY_NUMBER, code)
    own = _parsed('timeperiod', qualifier, number)
    return Unit(
        id=uow_id,
        process=ProcessName(fields.text('process_name', process)),
        timeperiod=own,
        start=own if start is None else _parsed('start_timeperiod', qualifier, start),
        end=own.shift(1) if end is None else _parsed('end_timeperiod', qualifier, end),
        run=run,
        attempt=attempt,
        lost_count=lost,
        state=word_of('state', UNIT_STATE_BY_NUMBER, state),
        fence=fence,
        owner=owner,
        lease_until=None if lease is None else instant_of('lease_until', lease),
        created_at=instant_of('created_at', created),
        announced_at=None if announced is None else instant_of('submitted_at', announced),
        not_before=None if not_before is None else instant_of('not_before', not_before),
        started_at=None if started is None else instant_of('started_at', started),
        finished_at=None if finished is None else instant_of('finished_at', finished),
        processed_count=count,
        error=None if error is None else fields.said('error', error),
        arguments={} if arguments is None else fields.json_object('arguments', arguments),
        request_id=request,
    )


def _parsed(field: str, qualifier: Qualifier, number: int) -> Timeperiod:
    try:
        return parse(qualifier, str(number))
    except ValueError:
        return fields.timeperiod(field, qualifier, str(number))


def ended_run_of(row: tuple[Any, ...]) -> EndedRun:
    """Return the ended run of a row of ENDED_RUN_COLUMNS."""
    _ENDED_RUN.check(row)
    return EndedRun(
        key=JobKey(row[0], timeperiod_of(row[1], row[2])),
        run=fields.count('run', row[3]),
        state=word_of('state', UNIT_STATE_BY_NUMBER, row[4]),
        started_at=instant_of('started_at', row[5]),
        finished_at=instant_of('finished_at', row[6]),
        attempt=max(fields.count('attempt', row[7]) - fields.count('lost_count', row[8]), 1),
    )


def live_run_of(row: tuple[Any, ...]) -> LiveRun:
    """Return the unit under way of a row of LIVE_RUN_COLUMNS."""
    if tuple(map(type, row)) not in _LIVE_RUN.known:
        _LIVE_RUN.check(row)
    uow_id, process, qualifier, number, state, not_before = row
    return LiveRun(
        id=UowId(uow_id),
        key=JobKey(process, timeperiod_of(qualifier, number)),
        state=word_of('state', UNIT_STATE_BY_NUMBER, state),
        not_before=None if not_before is None else instant_of('not_before', not_before),
    )


def letter_of(row: tuple[Any, ...]) -> DeadLetter:
    """Return the dead letter of a row of LETTER_COLUMNS."""
    if tuple(map(type, row)) not in _LETTER.known:
        _LETTER.check(row)
    uow_id, process, qualifier, number, finished, error = row
    return DeadLetter(
        id=UowId(uow_id),
        process=ProcessName(fields.text('process_name', process)),
        timeperiod=timeperiod_of(qualifier, number),
        finished_at=None if finished is None else instant_of('finished_at', finished),
        error=fields.said('error', error),
    )


def unit_values(unit: Unit) -> tuple[Any, ...]:
    """Return a unit's values in the order of UNIT_COLUMNS_WRITTEN."""
    own = unit.timeperiod
    return (
        unit.id,
        unit.process,
        str(own),
        NUMBER_BY_QUALIFIER[own.qualifier],
        None if unit.start == own else str(unit.start),
        None if unit.end == own.shift(1) else str(unit.end),
        unit.run,
        unit.attempt,
        unit.lost_count,
        NUMBER_BY_UNIT_STATE[unit.state],
        unit.fence,
        unit.owner,
        to_micros(unit.lease_until),
        to_micros(unit.created_at),
        to_micros(unit.announced_at),
        to_micros(unit.not_before),
        to_micros(unit.started_at),
        to_micros(unit.finished_at),
        unit.processed_count,
        unit.error,
        json.dumps(dict(unit.arguments), sort_keys=True) if unit.arguments else None,
        unit.request_id,
        int(unit.run > RUN_IN_ID_MAX or unit.id != uow_id_of(unit.key, unit.run)),
    )


def log_line_of(row: tuple[Any, ...]) -> LogLine:
    """Return the line of a row of attempt, at, level, text."""
    attempt, at, level, text = row
    _LOG.check(row)
    return LogLine(
        attempt=fields.count('attempt', attempt),
        at=instant_of('at', at),
        level=fields.text('level', level),
        text=fields.said('text', text) or '',
    )
