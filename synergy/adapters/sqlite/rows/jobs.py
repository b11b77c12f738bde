"""Rows of jobs and of their history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.adapters.sqlite.rows.columns import (
    COUNT_BITS,
    EPOCH,
    MICROS_MAX,
    Columns,
    instant_of,
    timeperiod_of,
    word_of,
)
from synergy.adapters.sqlite.rows.events import form_of
from synergy.adapters.sqlite.states import (
    JOB_STATE_BY_NUMBER,
    NUMBER_BY_JOB_STATE,
    NUMBER_BY_QUALIFIER,
    QUALIFIER_BY_NUMBER,
)
from synergy.core.records import Job, UowId, uow_id_of
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, parse
from synergy.ports import rows as fields
from synergy.ports.store import JobChange
from synergy.ports.stored import former as former_text

JOB_COLUMNS: Final = (
    'process_name, timeperiod, time_qualifier, state, rev, run, uow_id, '
    'number_of_failures, lost_count, is_held, request_id, reason, former, changed_at'
)
#: What is written of a job: its columns, and its newest event.
JOB_COLUMNS_WRITTEN: Final = f'{JOB_COLUMNS}, event'
#: What is read of a job: its columns, and what the store adds to them.
JOB_COLUMNS_READ: Final = f'{JOB_COLUMNS}, term'
#: In place of the id of a unit: it is that of the job's newest run, as nearly always.
OF_NEWEST_RUN: Final = 1
_PROCESSED: Final = NUMBER_BY_JOB_STATE[JobState.PROCESSED]
_JOB: Final = Columns(JOB_COLUMNS_READ, 'tiiiiiXiiiTTTii')


def job_of(row: tuple[Any, ...]) -> Job:
    """Return the job of a row of JOB_COLUMNS_READ: plainly, for it is called for every change."""
    if tuple(map(type, row)) not in _JOB.known:
        _JOB.check(row)
    process, number, qualifier, state, rev, run, uow, failures, lost, *rest = row
    held, request_id, reason, former, changed, term = rest
    # Negative, or beyond COUNT_MAX: one question about four numbers.
    if (rev | run | failures | lost) >> COUNT_BITS:
        _check_counts(row)
    if not 0 <= changed <= MICROS_MAX:
        instant_of('changed_at', changed)
    try:
        timeperiod = parse(QUALIFIER_BY_NUMBER[qualifier], str(number))
        return Job(
            process=process,
            timeperiod=timeperiod,
            state=JOB_STATE_BY_NUMBER[state],
            rev=rev,
            run=run,
            uow_id=_uow_id_of(uow, JobKey(process, timeperiod), run) if type(uow) is int else uow,
            failure_count=failures,
            lost_count=lost,
            is_held=held != 0,
            request_id=request_id,
            reason=None if reason is None else fields.said('reason', reason),
            former=None if former is None else former_text.decode(former),
            changed_at=EPOCH + timedelta(microseconds=changed),
            term=term,
        )
    except fields.Malformed:
        raise
    except (KeyError, ValueError):
        raise _explained(row) from None


def change_of(row: tuple[Any, ...]) -> JobChange:
    """Return the change of a row of JOB_COLUMNS_READ, decoded as far as a follower needs it."""
    process, number, qualifier, state = row[:4]
    if state != _PROCESSED:
        return JobChange.of(job_of(row))
    if tuple(map(type, row)) not in _JOB.known:
        _JOB.check(row)
    changed = row[-2]
    if not 0 <= changed <= MICROS_MAX:
        instant_of('changed_at', changed)
    try:
        key = JobKey(process, parse(QUALIFIER_BY_NUMBER[qualifier], str(number)))
    except (KeyError, ValueError):
        raise _explained(row) from None
    at = EPOCH + timedelta(microseconds=changed)
    return JobChange(key, row[4], JobState.PROCESSED, at, row[-3], None)


def _explained(row: tuple[Any, ...]) -> ValueError:
    """Return why a job's row is illegal."""
    try:
        timeperiod_of(row[2], row[1])
        word_of('state', JOB_STATE_BY_NUMBER, row[3])
    except ValueError as error:
        return error
    return fields.Malformed('it cannot be read')


def _uow_id_of(value: int, key: JobKey, run: int) -> UowId:
    if value != OF_NEWEST_RUN:
        raise fields.malformed('uow_id', value, f'an id or {OF_NEWEST_RUN}')
    return uow_id_of(key, run)


def _check_counts(row: tuple[Any, ...]) -> None:
    counts = {'rev': 4, 'run': 5, 'number_of_failures': 7, 'lost_count': 8}
    for field, column in counts.items():
        fields.count(field, row[column])


def job_values(job: Job, event: str) -> tuple[Any, ...]:
    """Return a job's values in the order of JOB_COLUMNS_WRITTEN."""
    uow_id = job.uow_id
    is_newest = uow_id is not None and uow_id == uow_id_of(job.key, job.run)
    return (
        job.process,
        str(job.timeperiod),
        NUMBER_BY_QUALIFIER[job.timeperiod.qualifier],
        NUMBER_BY_JOB_STATE[job.state],
        job.rev,
        job.run,
        OF_NEWEST_RUN if is_newest else uow_id,
        job.failure_count,
        job.lost_count,
        int(job.is_held),
        job.request_id,
        job.reason,
        former_text.encode(job.former),
        to_micros(job.changed_at),
        form_of(event, job.run, uow_id if is_newest else None),
    )
