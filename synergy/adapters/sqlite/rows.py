"""Between records and rows: the only place that knows the order of columns."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from synergy.adapters.sqlite.connection import to_micros
from synergy.core.bounded import PLAN
from synergy.core.box_load import load_of
from synergy.core.commands import (
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Only,
    Ranges,
)
from synergy.core.freerun_definition import MISFIRE_MAX
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.records import (
    Box,
    BoxProcess,
    Job,
    JobEvent,
    Leadership,
    LogLine,
    Override,
    ProcessName,
    Unit,
    UowId,
)
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, parse
from synergy.core.users import ApiToken, Role, User
from synergy.ports import rows as fields
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
    'details, is_paused, plan, planned_count, applied_count, fingerprint'
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

USER_COLUMNS: Final = 'name, role, password_hash, serial, created_at'
TOKEN_COLUMNS: Final = 'id, user_name, role, digest, label, created_at, expires_at'

_NO_ARGUMENTS: Final = '{}'
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COUNT_BITS: Final = fields.COUNT_MAX.bit_length()
_MICROS_MAX: Final = (fields.INSTANT_MAX - _EPOCH) // timedelta(microseconds=1)
#: Look-ups that cost a tenth of the enumerations' own, which then say what is wrong.
_QUALIFIER_BY_VALUE: Final = {qualifier.value: qualifier for qualifier in Qualifier}
_PROCESSED: Final = JobState.PROCESSED.value
_STATE_BY_VALUE: Final = {state.value: state for state in JobState}
_UNIT_STATE_BY_VALUE: Final = {state.value: state for state in UnitState}


class _Columns:
    """Tells whether the values of a row have the types of their columns.

    SQLite keeps what it is given, whatever a column is declared as. Rows of types that were seen
    before cost one look-up. kinds: a letter for each column, `t` text and `i` number, in capitals
    where there may be none.
    """

    def __init__(self, columns: str, kinds: str) -> None:
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


_JOB: Final = _Columns(JOB_COLUMNS_READ, 'ttttiiTiiTTii')
_UNIT: Final = _Columns(UNIT_COLUMNS, 'ttttttiitiTIiIIIIiTt')
_ENDED_RUN: Final = _Columns(ENDED_RUN_COLUMNS, 'tttitii')
_COMMAND: Final = _Columns(COMMAND_COLUMNS, 'ttttttiTtTtiITtTtiTiiT')
_FREERUN: Final = _Columns(FREERUN_COLUMNS, 'ttti' + 'tti' + 'tTTiIitIi')
_OVERRIDE: Final = _Columns(OVERRIDE_COLUMNS, 'tTITIITti')
_BOX: Final = _Columns(BOX_COLUMNS, 'tttItIiT')
_BOX_PROCESS: Final = _Columns(BOX_PROCESS_COLUMNS, 'ttiTtiII')
_USER: Final = _Columns(USER_COLUMNS, 'tttii')
_TOKEN: Final = _Columns(TOKEN_COLUMNS, 'ttttTiI')
_LOG: Final = _Columns('attempt, at, level, text', 'iitt')
_EVENT: Final = _Columns('at, text', 'it')
_LEADERSHIP: Final = _Columns('owner, term, lease_until', 'tii')


def job_of(row: tuple[Any, ...]) -> Job:
    """Return the job of a row of JOB_COLUMNS_READ: plainly, for it is called for every change."""
    if tuple(map(type, row)) not in _JOB.known:
        _JOB.check(row)
    process, timeperiod, qualifier, state, rev, run, uow, failures, held, *rest = row
    request_id, reason, changed, term = rest
    # Negative, or beyond COUNT_MAX: one question about three numbers.
    if (rev | run | failures) >> _COUNT_BITS:
        _check_counts(row)
    if not 0 <= changed <= _MICROS_MAX:
        _instant('changed_at', changed)
    try:
        return Job(
            process=process,
            timeperiod=parse(
                _QUALIFIER_BY_VALUE.get(qualifier) or Qualifier(qualifier), timeperiod
            ),
            state=_STATE_BY_VALUE.get(state) or JobState(state),
            rev=rev,
            run=run,
            uow_id=uow,
            failure_count=failures,
            is_held=held != 0,
            request_id=request_id,
            reason=None if reason is None else fields.said('reason', reason),
            changed_at=_EPOCH + timedelta(microseconds=changed),
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
    if not 0 <= changed <= _MICROS_MAX:
        _instant('changed_at', changed)
    try:
        key = JobKey(
            process, parse(_QUALIFIER_BY_VALUE.get(qualifier) or Qualifier(qualifier), timeperiod)
        )
    except ValueError:
        raise _explained(row) from None
    at = _EPOCH + timedelta(microseconds=changed)
    return JobChange(key, row[4], JobState.PROCESSED, at, row[-3], None)


def _explained(row: tuple[Any, ...]) -> ValueError:
    """Return why a job's row is illegal."""
    try:
        _timeperiod(row[2], row[1])
        fields.word('state', JobState, row[3])
    except ValueError as error:
        return error
    return fields.Malformed('it cannot be read')


def _check_counts(row: tuple[Any, ...]) -> None:
    for field, value in (('rev', row[4]), ('run', row[5]), ('number_of_failures', row[7])):
        fields.count(field, value)


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
    """Return the unit of a row of UNIT_COLUMNS: plainly, for it is called for every run."""
    if tuple(map(type, row)) not in _UNIT.known:
        _UNIT.check(row)
    uow_id, process, timeperiod, word, start, end, run, attempt, state, fence, *rest = row
    owner, lease, created, announced, not_before, started, finished, count, error, arguments = rest
    if (run | attempt | fence) >> _COUNT_BITS:
        for field, value in (('run', run), ('attempt', attempt), ('fence', fence)):
            fields.count(field, value)
    qualifier = _QUALIFIER_BY_VALUE.get(word) or fields.word('time_qualifier', Qualifier, word)
    own = _parsed('timeperiod', qualifier, timeperiod)
    return Unit(
        id=uow_id,
        process=ProcessName(fields.text('process_name', process)),
        timeperiod=own,
        start=own if start == timeperiod else _parsed('start_timeperiod', qualifier, start),
        end=_parsed('end_timeperiod', qualifier, end),
        run=run,
        attempt=attempt,
        state=_UNIT_STATE_BY_VALUE.get(state) or fields.word('state', UnitState, state),
        fence=fence,
        owner=owner,
        lease_until=None if lease is None else _instant('lease_until', lease),
        created_at=_instant('created_at', created),
        announced_at=None if announced is None else _instant('submitted_at', announced),
        not_before=None if not_before is None else _instant('not_before', not_before),
        started_at=None if started is None else _instant('started_at', started),
        finished_at=None if finished is None else _instant('finished_at', finished),
        processed_count=count,
        error=None if error is None else fields.said('error', error),
        arguments={} if arguments == _NO_ARGUMENTS else fields.json_object('arguments', arguments),
    )


def ended_run_of(row: tuple[Any, ...]) -> EndedRun:
    """Return the ended run of a row of ENDED_RUN_COLUMNS."""
    _ENDED_RUN.check(row)
    return EndedRun(
        key=JobKey(row[0], _timeperiod(row[1], row[2])),
        run=fields.count('run', row[3]),
        state=_UNIT_STATE_BY_VALUE.get(row[4]) or fields.word('state', UnitState, row[4]),
        started_at=_instant('started_at', row[5]),
        finished_at=_instant('finished_at', row[6]),
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
    _COMMAND.check(row)
    qualifier = fields.word('time_qualifier', Qualifier, row[3])
    return Command(
        id=CommandId(fields.text('id', row[0])),
        kind=fields.word('kind', CommandKind, row[1]),
        process=ProcessName(fields.text('process_name', row[2])),
        start=fields.timeperiod('start_timeperiod', qualifier, row[4]),
        end=fields.timeperiod('end_timeperiod', qualifier, row[5]),
        with_children=bool(row[6]),
        plan_hash=row[7],
        actor=fields.text('actor', row[8]),
        reason=fields.said('reason', row[9]),
        state=fields.word('state', CommandState, row[10]),
        created_at=_instant('created_at', row[11]),
        finished_at=_instant_or_none('finished_at', row[12]),
        outcome=fields.said('outcome', row[13]),
        only=fields.word('only_jobs', Only, row[14]),
        target=None if row[15] is None else CommandId(fields.text('target', row[15])),
        details=fields.json_object('details', row[16]),
        is_paused=bool(row[17]),
        plan=None if row[18] is None else _plan_of(row[18]),
        planned_count=fields.count('planned_count', row[19]),
        applied_count=fields.count('applied_count', row[20]),
        fingerprint=row[21],
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
        command.fingerprint,
    )


def plan_text(plan: Ranges | None) -> str | None:
    """Return the text in which a plan is kept."""
    return None if plan is None else json.dumps(dict(plan))


def freerun_of(row: tuple[Any, ...]) -> Freerun:
    """Return the free run of a row of FREERUN_COLUMNS."""
    _FREERUN.check(row)
    return Freerun(
        name=ProcessName(fields.text('entry_name', f'{row[0]}::{row[1]}')),
        trigger=fields.trigger('trigger_frequency', row[2]),
        is_on=bool(row[3]),
        overlap=fields.word('overlap', Overlap, row[4]),
        misfire=fields.word('misfire', Misfire, row[5]),
        misfire_max=fields.count('misfire_max', row[6], MISFIRE_MAX),
        arguments=fields.json_object('arguments', row[7]),
        description=fields.said('description', row[8]),
        definition=row[9],
        rev=fields.count('rev', row[10]),
        last_fire=_instant_or_none('last_fire', row[11]),
        last_run=fields.count('last_run', row[12]),
        live=tuple(map(UowId, fields.texts('live', fields.json_text('live', row[13])))),
        queued_at=_instant_or_none('queued_at', row[14]),
        changed_at=_instant('changed_at', row[15]),
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
    _OVERRIDE.check(row)
    return Override(
        process=ProcessName(fields.text('process_name', row[0])),
        trigger=None if row[1] is None else fields.trigger('trigger_frequency', row[1]),
        trigger_at=_instant_or_none('trigger_at', row[2]),
        trigger_by=fields.said('trigger_by', row[3]),
        is_on=None if row[4] is None else bool(row[4]),
        is_on_at=_instant_or_none('is_on_at', row[5]),
        is_on_by=fields.said('is_on_by', row[6]),
        definition=row[7],
        rev=fields.count('rev', row[8]),
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
    _BOX.check(row)
    box_id, host, home, pid, version, seen_at, is_draining, load = row
    return Box(
        box_id=fields.text('box_id', box_id),
        host=fields.text('host', host),
        home=fields.text('home', home),
        pid=None if pid is None else fields.count('pid', pid, 2**31),
        version=fields.text('version', version),
        seen_at=_instant_or_none('seen_at', seen_at),
        is_draining=bool(is_draining),
        load=load_of(load),
    )


def box_process_of(row: tuple[Any, ...]) -> BoxProcess:
    """Return the record of a row of BOX_PROCESS_COLUMNS."""
    _BOX_PROCESS.check(row)
    box_id, process, is_on, state, pids, restart_count, changed_at, start_asked_at = row
    return BoxProcess(
        box_id=fields.text('box_id', box_id),
        process=fields.text('process_name', process),
        is_on=bool(is_on),
        state=None if state is None else fields.text('state', state),
        pids=fields.pids('pids', fields.json_text('pids', pids)),
        restart_count=fields.count('restart_count', restart_count),
        changed_at=_instant_or_none('changed_at', changed_at),
        start_asked_at=_instant_or_none('start_asked_at', start_asked_at),
    )


def user_of(row: tuple[Any, ...]) -> User:
    """Return the user of a row of USER_COLUMNS.

    One that is illegal still counts as a user, who may look at most and cannot log in: were it
    left out, a dashboard whose only user it is would be open to everybody.
    """
    _USER.check(row)
    name, role, password_hash, serial, created = row
    return User(
        name=fields.text('name', name),
        role=fields.word('role', Role, role),
        password_hash=fields.text('password_hash', password_hash),
        serial=fields.count('serial', serial),
        created_at=_instant('created_at', created),
    )


def token_of(row: tuple[Any, ...]) -> ApiToken:
    """Return the token of a row of TOKEN_COLUMNS."""
    _TOKEN.check(row)
    token_id, user, role, digest, label, created, expires = row
    return ApiToken(
        id=fields.text('id', token_id),
        user=fields.text('user_name', user),
        role=fields.word('role', Role, role),
        digest=fields.text('digest', digest),
        label=fields.said('label', label),
        created_at=_instant('created_at', created),
        expires_at=_instant_or_none('expires_at', expires),
    )


def log_line_of(row: tuple[Any, ...]) -> LogLine:
    """Return the line of a row of attempt, at, level, text."""
    attempt, at, level, text = row
    _LOG.check(row)
    return LogLine(
        attempt=fields.count('attempt', attempt),
        at=_instant('at', at),
        level=fields.text('level', level),
        text=fields.said('text', text) or '',
    )


def event_of(row: tuple[Any, ...]) -> JobEvent:
    """Return the event of a row of at, text."""
    _EVENT.check(row)
    return JobEvent(at=_instant('at', row[0]), text=fields.said('text', row[1]) or '')


def leadership_of(row: tuple[Any, ...]) -> Leadership:
    """Return the leadership of a row of owner, term, lease_until."""
    _LEADERSHIP.check(row)
    return Leadership(
        owner=fields.text('owner', row[0]),
        term=fields.count('term', row[1]),
        until=_instant('lease_until', row[2]),
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
    found = fields.json_text('plan', text, PLAN)
    if not isinstance(found, dict):
        raise fields.malformed('plan', found, 'a JSON object')
    return {ProcessName(name): runs for name, runs in fields.ranges('plan', found.items()).items()}


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


def _timeperiod(qualifier: str, text: str) -> Timeperiod:
    known = _QUALIFIER_BY_VALUE.get(qualifier)
    if known is None:
        known = fields.word('time_qualifier', Qualifier, qualifier)
    try:
        return parse(known, text)
    except ValueError:
        return fields.timeperiod('timeperiod', known, text)


def _parsed(field: str, qualifier: Qualifier, text: str) -> Timeperiod:
    try:
        return parse(qualifier, text)
    except ValueError:
        return fields.timeperiod(field, qualifier, text)


def _instant(field: str, micros: int) -> datetime:
    if not 0 <= micros <= _MICROS_MAX:
        raise fields.malformed(field, micros, 'microseconds of the years 1970 to 2999')
    return _EPOCH + timedelta(microseconds=micros)


def _instant_or_none(field: str, micros: int | None) -> datetime | None:
    return None if micros is None else _instant(field, micros)
