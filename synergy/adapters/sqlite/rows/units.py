"""Rows of units of work and of their logs."""

from __future__ import annotations

import json
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.columns import (
    COUNT_BITS,
    QUALIFIER_BY_VALUE,
    Columns,
    instant_of,
    timeperiod_of,
)
from synergy.core.letter_groups import DeadLetter
from synergy.core.records import LogLine, ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, parse
from synergy.ports import rows as fields
from synergy.ports.store import EndedRun, LiveRun

UNIT_COLUMNS: Final = (
    'id, process_name, timeperiod, time_qualifier, start_timeperiod, end_timeperiod, run, attempt, '
    'lost_count, state, fence, owner, lease_until, created_at, submitted_at, not_before, '
    'started_at, finished_at, number_of_processed_documents, error, arguments'
)
ENDED_RUN_COLUMNS: Final = (
    'process_name, time_qualifier, timeperiod, run, state, started_at, finished_at'
)
LIVE_RUN_COLUMNS: Final = 'id, process_name, time_qualifier, timeperiod, state, not_before'
LETTER_COLUMNS: Final = 'id, process_name, time_qualifier, timeperiod, finished_at, error'
_NO_ARGUMENTS: Final = '{}'
_UNIT_STATE_BY_VALUE: Final = {state.value: state for state in UnitState}
_UNIT: Final = Columns(UNIT_COLUMNS, 'ttttttiiitiTIiIIIIiTt')
_ENDED_RUN: Final = Columns(ENDED_RUN_COLUMNS, 'tttitii')
_LIVE_RUN: Final = Columns(LIVE_RUN_COLUMNS, 'tttttI')
_LETTER: Final = Columns(LETTER_COLUMNS, 'ttttIT')
_LOG: Final = Columns('attempt, at, level, text', 'iitt')


def unit_of(row: tuple[Any, ...]) -> Unit:
    """Return the unit of a row of UNIT_COLUMNS: plainly, for it is called for every run."""
    if tuple(map(type, row)) not in _UNIT.known:
        _UNIT.check(row)
    uow_id, process, timeperiod, word, start, end, run, attempt, lost, state, fence, *rest = row
    owner, lease, created, announced, not_before, started, finished, count, error, arguments = rest
    if (run | attempt | lost | fence) >> COUNT_BITS:
        counts = {'run': run, 'attempt': attempt, 'lost_count': lost, 'fence': fence}
        for field, value in counts.items():
            fields.count(field, value)
    qualifier = QUALIFIER_BY_VALUE.get(word) or fields.word('time_qualifier', Qualifier, word)
    own = _parsed('timeperiod', qualifier, timeperiod)
    return Unit(
        id=uow_id,
        process=ProcessName(fields.text('process_name', process)),
        timeperiod=own,
        start=own if start == timeperiod else _parsed('start_timeperiod', qualifier, start),
        end=_parsed('end_timeperiod', qualifier, end),
        run=run,
        attempt=attempt,
        lost_count=lost,
        state=_UNIT_STATE_BY_VALUE.get(state) or fields.word('state', UnitState, state),
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
        arguments={} if arguments == _NO_ARGUMENTS else fields.json_object('arguments', arguments),
    )


def _parsed(field: str, qualifier: Qualifier, text: str) -> Timeperiod:
    try:
        return parse(qualifier, text)
    except ValueError:
        return fields.timeperiod(field, qualifier, text)


def ended_run_of(row: tuple[Any, ...]) -> EndedRun:
    """Return the ended run of a row of ENDED_RUN_COLUMNS."""
    _ENDED_RUN.check(row)
    return EndedRun(
        key=JobKey(row[0], timeperiod_of(row[1], row[2])),
        run=fields.count('run', row[3]),
        state=_UNIT_STATE_BY_VALUE.get(row[4]) or fields.word('state', UnitState, row[4]),
        started_at=instant_of('started_at', row[5]),
        finished_at=instant_of('finished_at', row[6]),
    )


def live_run_of(row: tuple[Any, ...]) -> LiveRun:
    """Return the unit under way of a row of LIVE_RUN_COLUMNS."""
    if tuple(map(type, row)) not in _LIVE_RUN.known:
        _LIVE_RUN.check(row)
    uow_id, process, qualifier, timeperiod, state, not_before = row
    return LiveRun(
        id=UowId(uow_id),
        key=JobKey(process, timeperiod_of(qualifier, timeperiod)),
        state=_UNIT_STATE_BY_VALUE.get(state) or fields.word('state', UnitState, state),
        not_before=None if not_before is None else instant_of('not_before', not_before),
    )


def letter_of(row: tuple[Any, ...]) -> DeadLetter:
    """Return the dead letter of a row of LETTER_COLUMNS."""
    if tuple(map(type, row)) not in _LETTER.known:
        _LETTER.check(row)
    uow_id, process, word, timeperiod, finished, error = row
    return DeadLetter(
        id=UowId(uow_id),
        process=ProcessName(fields.text('process_name', process)),
        timeperiod=timeperiod_of(word, timeperiod),
        finished_at=None if finished is None else instant_of('finished_at', finished),
        error=fields.said('error', error),
    )


def unit_values(unit: Unit) -> tuple[Any, ...]:
    """Return a unit's values in the order of UNIT_COLUMNS."""
    return (
        unit.id,
        unit.process,
        str(unit.timeperiod),
        unit.timeperiod.qualifier.value,
        str(unit.start),
        str(unit.end),
        unit.run,
        unit.attempt,
        unit.lost_count,
        unit.state.value,
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
        json.dumps(dict(unit.arguments), sort_keys=True) if unit.arguments else _NO_ARGUMENTS,
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
