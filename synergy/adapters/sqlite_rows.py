"""Between records and rows: the only place that knows the order of columns."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final

from synergy.adapters.sqlite_connection import from_micros, to_micros
from synergy.core.box_load import load_of
from synergy.core.commands import (
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Only,
    Ranges,
)
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.records import Box, BoxProcess, Job, Override, ProcessName, Unit, UowId
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Qualifier, parse
from synergy.core.trigger import parse_trigger
from synergy.ports.store import EndedRun, JobChange

JOB_COLUMNS: Final = (
    'process_name, timeperiod, time_qualifier, state, rev, run, related_unit_of_work, '
    'number_of_failures, is_held, request_id, reason, changed_at'
)
#: What is read of a job: its columns, and what the store adds to them.
JOB_COLUMNS_READ: Final = f'{JOB_COLUMNS}, term'
UNIT_COLUMNS: Final = (
    'id, process_name, timeperiod, time_qualifier, start_timeperiod, end_timeperiod, run, attempt, '
    'state, fence, owner, lease_until, created_at, submitted_at, not_before, started_at, '
    'finished_at, number_of_processed_documents, error, arguments'
)
ENDED_RUN_COLUMNS: Final = (
    'process_name, time_qualifier, timeperiod, run, state, started_at, finished_at'
)
COMMAND_COLUMNS: Final = (
    'id, kind, process_name, time_qualifier, start_timeperiod, end_timeperiod, with_children, '
    'plan_hash, actor, reason, state, created_at, finished_at, outcome, only_jobs, target, '
    'details, is_paused, plan, planned_count, applied_count'
)
FREERUN_COLUMNS: Final = (
    'process_name, entry_name, trigger_frequency, is_on, overlap, misfire, misfire_max, arguments, '
    'description, definition, rev, last_fire, last_run, live, queued_at, changed_at'
)
OVERRIDE_COLUMNS: Final = (
    'process_name, trigger_frequency, trigger_at, trigger_by, is_on, is_on_at, is_on_by, '
    'definition, rev'
)
BOX_COLUMNS: Final = 'box_id, host, home, pid, version, seen_at, is_draining, load'
BOX_PROCESS_COLUMNS: Final = (
    'box_id, process_name, is_on, state, pids, restart_count, changed_at, start_asked_at'
)

_NO_ARGUMENTS: Final = '{}'
#: Look-ups that cost a tenth of the enumerations' own, which then say what is wrong.
_QUALIFIER_BY_VALUE: Final = {qualifier.value: qualifier for qualifier in Qualifier}
_PROCESSED: Final = JobState.PROCESSED.value
_STATE_BY_VALUE: Final = {state.value: state for state in JobState}
_UNIT_STATE_BY_VALUE: Final = {state.value: state for state in UnitState}


def job_of(row: tuple[Any, ...]) -> Job:
    """Return the job of a row of JOB_COLUMNS_READ: plainly, for it is called for every change."""
    process, timeperiod, qualifier, state, rev, run, uow, failures, held, *rest = row
    request_id, reason, changed, term = rest
    return Job(
        process=process,
        timeperiod=parse(_QUALIFIER_BY_VALUE.get(qualifier) or Qualifier(qualifier), timeperiod),
        state=_STATE_BY_VALUE.get(state) or JobState(state),
        rev=rev,
        run=run,
        uow_id=uow,
        failure_count=failures,
        is_held=held != 0,
        request_id=request_id,
        reason=reason,
        changed_at=_instant(changed),
        term=term,
    )


def change_of(row: tuple[Any, ...]) -> JobChange:
    """Return the change of a row of JOB_COLUMNS_READ, decoded as far as a follower needs it."""
    process, timeperiod, qualifier, state = row[:4]
    if state != _PROCESSED:
        return JobChange.of(job_of(row))
    key = JobKey(
        process, parse(_QUALIFIER_BY_VALUE.get(qualifier) or Qualifier(qualifier), timeperiod)
    )
    return JobChange(key, row[4], JobState.PROCESSED, _instant(row[-2]), row[-3], None)


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
        job.request_id,
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


def ended_run_of(row: tuple[Any, ...]) -> EndedRun:
    """Return the ended run of a row of ENDED_RUN_COLUMNS."""
    return EndedRun(
        key=JobKey(row[0], parse(_QUALIFIER_BY_VALUE.get(row[1]) or Qualifier(row[1]), row[2])),
        run=row[3],
        state=_UNIT_STATE_BY_VALUE.get(row[4]) or UnitState(row[4]),
        started_at=_instant(row[5]),
        finished_at=_instant(row[6]),
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
        only=Only(row[14]),
        target=None if row[15] is None else CommandId(row[15]),
        details=json.loads(row[16]),
        is_paused=bool(row[17]),
        plan=None if row[18] is None else _plan_of(row[18]),
        planned_count=row[19],
        applied_count=row[20],
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
        command.only.value,
        command.target,
        json.dumps(dict(command.details)),
        int(command.is_paused),
        plan_text(command.plan),
        command.planned_count,
        command.applied_count,
    )


def plan_text(plan: Ranges | None) -> str | None:
    """Return the text in which a plan is kept."""
    return None if plan is None else json.dumps(dict(plan))


def freerun_of(row: tuple[Any, ...]) -> Freerun:
    """Return the free run of a row of FREERUN_COLUMNS."""
    return Freerun(
        name=ProcessName(f'{row[0]}::{row[1]}'),
        trigger=parse_trigger(row[2]),
        is_on=bool(row[3]),
        overlap=Overlap(row[4]),
        misfire=Misfire(row[5]),
        misfire_max=row[6],
        arguments=json.loads(row[7]),
        description=row[8],
        definition=row[9],
        rev=row[10],
        last_fire=from_micros(row[11]),
        last_run=row[12],
        live=tuple(UowId(text) for text in json.loads(row[13])),
        queued_at=from_micros(row[14]),
        changed_at=_instant(row[15]),
    )


def freerun_values(freerun: Freerun) -> tuple[Any, ...]:
    """Return a free run's values in the order of FREERUN_COLUMNS."""
    return (
        freerun.process,
        freerun.entry,
        str(freerun.trigger),
        int(freerun.is_on),
        freerun.overlap.value,
        freerun.misfire.value,
        freerun.misfire_max,
        json.dumps(dict(freerun.arguments), sort_keys=True),
        freerun.description,
        freerun.definition,
        freerun.rev,
        to_micros(freerun.last_fire),
        freerun.last_run,
        json.dumps(list(freerun.live)),
        to_micros(freerun.queued_at),
        to_micros(freerun.changed_at),
    )


def override_of(row: tuple[Any, ...]) -> Override:
    """Return the override of a row of OVERRIDE_COLUMNS."""
    return Override(
        process=ProcessName(row[0]),
        trigger=None if row[1] is None else parse_trigger(row[1]),
        trigger_at=from_micros(row[2]),
        trigger_by=row[3],
        is_on=None if row[4] is None else bool(row[4]),
        is_on_at=from_micros(row[5]),
        is_on_by=row[6],
        definition=row[7],
        rev=row[8],
    )


def override_values(override: Override) -> tuple[Any, ...]:
    """Return an override's values in the order of OVERRIDE_COLUMNS."""
    return (
        override.process,
        None if override.trigger is None else str(override.trigger),
        to_micros(override.trigger_at),
        override.trigger_by,
        None if override.is_on is None else int(override.is_on),
        to_micros(override.is_on_at),
        override.is_on_by,
        override.definition,
        override.rev,
    )


def box_of(row: tuple[Any, ...]) -> Box:
    """Return the record of a row of BOX_COLUMNS."""
    box_id, host, home, pid, version, seen_at, is_draining, load = row
    return Box(
        box_id=box_id,
        host=host,
        home=home,
        pid=pid,
        version=version,
        seen_at=from_micros(seen_at),
        is_draining=bool(is_draining),
        load=load_of(load),
    )


def box_process_of(row: tuple[Any, ...]) -> BoxProcess:
    """Return the record of a row of BOX_PROCESS_COLUMNS."""
    box_id, process, is_on, state, pids, restart_count, changed_at, start_asked_at = row
    return BoxProcess(
        box_id=box_id,
        process=process,
        is_on=bool(is_on),
        state=state,
        pids=tuple(json.loads(pids)),
        restart_count=restart_count,
        changed_at=from_micros(changed_at),
        start_asked_at=from_micros(start_asked_at),
    )


def box_process_values(row: BoxProcess) -> tuple[Any, ...]:
    """Return a record's values in the order of BOX_PROCESS_COLUMNS."""
    return (
        row.box_id,
        row.process,
        int(row.is_on),
        row.state,
        json.dumps(list(row.pids)),
        row.restart_count,
        to_micros(row.changed_at),
        to_micros(row.start_asked_at),
    )


def _plan_of(text: str) -> Ranges:
    return {
        ProcessName(process): tuple((start, stop) for start, stop in runs)
        for process, runs in json.loads(text).items()
    }


def placeholders(columns: str) -> str:
    """Return as many question marks as `columns` names."""
    return ', '.join('?' * (columns.count(',') + 1))


def _instant(micros: int) -> datetime:
    instant = from_micros(micros)
    assert instant is not None, 'the column is NOT NULL'
    return instant
