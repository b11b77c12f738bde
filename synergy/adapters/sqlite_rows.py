"""Between records and rows: the only place that knows the order of columns."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from synergy.adapters.sqlite_connection import from_micros, to_micros
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.records import BoxProcess, Job, ProcessName, Unit, UowId
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import Qualifier, parse

JOB_COLUMNS: Final = (
    'process_name, timeperiod, time_qualifier, state, rev, run, related_unit_of_work, '
    'number_of_failures, is_held, reason, changed_at'
)
UNIT_COLUMNS: Final = (
    'id, process_name, timeperiod, time_qualifier, start_timeperiod, end_timeperiod, run, attempt, '
    'state, fence, owner, lease_until, created_at, submitted_at, not_before, started_at, '
    'finished_at, number_of_processed_documents, error, arguments'
)
COMMAND_COLUMNS: Final = (
    'id, kind, process_name, time_qualifier, start_timeperiod, end_timeperiod, with_children, '
    'plan_hash, actor, reason, state, created_at, finished_at, outcome'
)
BOX_COLUMNS: Final = 'box_id, process_name, is_on, state, pids, restart_count, changed_at'

_NO_ARGUMENTS: Final = '{}'


def job_of(row: tuple[Any, ...]) -> Job:
    """Return the job of a row of JOB_COLUMNS."""
    process, timeperiod, qualifier, state, rev, run, uow, failures, held, reason, changed = row
    return Job(
        process=ProcessName(process),
        timeperiod=parse(Qualifier(qualifier), timeperiod),
        state=JobState(state),
        rev=rev,
        run=run,
        uow_id=None if uow is None else UowId(uow),
        failure_count=failures,
        is_held=bool(held),
        reason=reason,
        changed_at=_instant(changed),
    )


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
        int(job.is_held),
        job.reason,
        to_micros(job.changed_at),
    )


def unit_of(row: tuple[Any, ...]) -> Unit:
    """Return the unit of a row of UNIT_COLUMNS."""
    qualifier = Qualifier(row[3])
    return Unit(
        id=UowId(row[0]),
        process=ProcessName(row[1]),
        timeperiod=parse(qualifier, row[2]),
        start=parse(qualifier, row[4]),
        end=parse(qualifier, row[5]),
        run=row[6],
        attempt=row[7],
        state=UnitState(row[8]),
        fence=row[9],
        owner=row[10],
        lease_until=from_micros(row[11]),
        created_at=_instant(row[12]),
        announced_at=from_micros(row[13]),
        not_before=from_micros(row[14]),
        started_at=from_micros(row[15]),
        finished_at=from_micros(row[16]),
        processed_count=row[17],
        error=row[18],
        arguments={} if row[19] == _NO_ARGUMENTS else json.loads(row[19]),
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


def command_of(row: tuple[Any, ...]) -> Command:
    """Return the command of a row of COMMAND_COLUMNS."""
    qualifier = Qualifier(row[3])
    return Command(
        id=CommandId(row[0]),
        kind=CommandKind(row[1]),
        process=ProcessName(row[2]),
        start=parse(qualifier, row[4]),
        end=parse(qualifier, row[5]),
        with_children=bool(row[6]),
        plan_hash=row[7],
        actor=row[8],
        reason=row[9],
        state=CommandState(row[10]),
        created_at=_instant(row[11]),
        finished_at=from_micros(row[12]),
        outcome=row[13],
    )


def command_values(command: Command) -> tuple[Any, ...]:
    """Return a command's values in the order of COMMAND_COLUMNS."""
    return (
        command.id,
        command.kind.value,
        command.process,
        command.start.qualifier.value,
        str(command.start),
        str(command.end),
        int(command.with_children),
        command.plan_hash,
        command.actor,
        command.reason,
        command.state.value,
        to_micros(command.created_at),
        to_micros(command.finished_at),
        command.outcome,
    )


def box_process_of(row: tuple[Any, ...]) -> BoxProcess:
    """Return the record of a row of BOX_COLUMNS."""
    box_id, process, is_on, state, pids, restart_count, changed_at = row
    return BoxProcess(
        box_id=box_id,
        process=process,
        is_on=bool(is_on),
        state=state,
        pids=tuple(json.loads(pids)),
        restart_count=restart_count,
        changed_at=from_micros(changed_at),
    )


def box_process_values(row: BoxProcess) -> tuple[Any, ...]:
    """Return a record's values in the order of BOX_COLUMNS."""
    return (
        row.box_id,
        row.process,
        int(row.is_on),
        row.state,
        json.dumps(list(row.pids)),
        row.restart_count,
        to_micros(row.changed_at),
    )


def placeholders(columns: str) -> str:
    """Return as many question marks as `columns` names."""
    return ', '.join('?' * (columns.count(',') + 1))


def _instant(micros: int) -> datetime:
    instant = from_micros(micros)
    assert instant is not None, 'the column is NOT NULL'
    return instant
