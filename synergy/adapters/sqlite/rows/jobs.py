"""Rows of jobs and of their history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.columns import (
    COUNT_BITS,
    EPOCH,
    MICROS_MAX,
    QUALIFIER_BY_VALUE,
    Columns,
    instant_of,
    timeperiod_of,
)
from synergy.core.records import Job, JobEvent
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier, parse
from synergy.ports import rows as fields
from synergy.ports.store import JobChange
from synergy.ports.stored import former as former_text

JOB_COLUMNS: Final = (
    'process_name, timeperiod, time_qualifier, state, rev, run, related_unit_of_work, '
    'number_of_failures, lost_count, is_held, request_id, reason, former, changed_at'
)
#: What is read of a job: its columns, and what the store adds to them.
JOB_COLUMNS_READ: Final = f'{JOB_COLUMNS}, term'
_PROCESSED: Final = JobState.PROCESSED.value
STATE_BY_VALUE: Final = {state.value: state for state in JobState}
_JOB: Final = Columns(JOB_COLUMNS_READ, 'ttttiiTiiiTTTii')
_EVENT: Final = Columns('at, text', 'it')


def job_of(row: tuple[Any, ...]) -> Job:
    """Return the job of a row of JOB_COLUMNS_READ: plainly, for it is called for every change."""
    if tuple(map(type, row)) not in _JOB.known:
        _JOB.check(row)
    process, timeperiod, qualifier, state, rev, run, uow, failures, lost, *rest = row
    held, request_id, reason, former, changed, term = rest
    # Negative, or beyond COUNT_MAX: one question about four numbers.
    if (rev | run | failures | lost) >> COUNT_BITS:
        _check_counts(row)
    if not 0 <= changed <= MICROS_MAX:
        instant_of('changed_at', changed)
    try:
        return Job(
            process=process,
            timeperiod=parse(QUALIFIER_BY_VALUE.get(qualifier) or Qualifier(qualifier), timeperiod),
            state=STATE_BY_VALUE.get(state) or JobState(state),
            rev=rev,
            run=run,
            uow_id=uow,
            failure_count=failures,
            lost_count=lost,
            is_held=held != 0,
            request_id=request_id,
            reason=None if reason is None else fields.said('reason', reason),
            former=None if former is None else former_text.decode(former),
            changed_at=EPOCH + timedelta(microseconds=changed),
            term=term,
        )
    except ValueError:
        raise _explained(row) from None


def change_of(row: tuple[Any, ...]) -> JobChange:
    """Return the change of a row of JOB_COLUMNS_READ, decoded as far as a follower needs it."""
    process, timeperiod, qualifier, state = row[:4]
    if state != _PROCESSED:
        return JobChange.of(job_of(row))
    if tuple(map(type, row)) not in _JOB.known:
        _JOB.check(row)
    changed = row[-2]
    if not 0 <= changed <= MICROS_MAX:
        instant_of('changed_at', changed)
    try:
        key = JobKey(
            process, parse(QUALIFIER_BY_VALUE.get(qualifier) or Qualifier(qualifier), timeperiod)
        )
    except ValueError:
        raise _explained(row) from None
    at = EPOCH + timedelta(microseconds=changed)
    return JobChange(key, row[4], JobState.PROCESSED, at, row[-3], None)


def _explained(row: tuple[Any, ...]) -> ValueError:
    """Return why a job's row is illegal."""
    try:
        timeperiod_of(row[2], row[1])
        fields.word('state', JobState, row[3])
    except ValueError as error:
        return error
    return fields.Malformed('it cannot be read')


def _check_counts(row: tuple[Any, ...]) -> None:
    counts = {'rev': 4, 'run': 5, 'number_of_failures': 7, 'lost_count': 8}
    for field, column in counts.items():
        fields.count(field, row[column])


def job_values(job: Job) -> tuple[Any, ...]:
    """Return a job's values in the order of JOB_COLUMNS."""
    return (
        job.process,
        str(job.timeperiod),
        job.timeperiod.qualifier.value,
        job.state.value,
        job.rev,
        job.run,
        job.uow_id,
        job.failure_count,
        job.lost_count,
        int(job.is_held),
        job.request_id,
        job.reason,
        former_text.encode(job.former),
        to_micros(job.changed_at),
    )


def event_of(row: tuple[Any, ...]) -> JobEvent:
    """Return the event of a row of at, text."""
    _EVENT.check(row)
    return JobEvent(at=instant_of('at', row[0]), text=fields.said('text', row[1]) or '')
