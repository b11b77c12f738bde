"""Between records and documents: fields named as in Synergy 2.x, those it did not have beside them.

Instants are BSON dates, which have milliseconds: that is what people see in their tools, what a TTL
index needs, and what compares with the server's clock; the last three digits of a record's
microseconds are cut off. Ids of units are ObjectIds, references to them 24 hexadecimal digits, as
in 2.x. A document that somebody edited into something illegal raises Malformed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeVar

import bson
from bson import ObjectId

from synergy.core.box_load import load_of
from synergy.core.commands import Command, CommandId, CommandKind, CommandState, Only
from synergy.core.freerun_definition import MISFIRE_MAX
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.records import (
    Box,
    BoxProcess,
    IndexPage,
    Job,
    Json,
    Leadership,
    LogLine,
    Override,
    ProcessName,
    Unit,
    UowId,
)
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.core.trigger import Trigger
from synergy.core.users import ApiToken, Role, User
from synergy.ports import rows
from synergy.ports.rows import Malformed as Malformed  # What reading a document raises.
from synergy.ports.store import EndedRun

T = TypeVar('T')
Document: TypeAlias = dict[str, Any]

#: Collections of jobs, fine to coarse.
JOB_COLLECTION: Final = {
    Qualifier.HOURLY: 'job_hourly',
    Qualifier.DAILY: 'job_daily',
    Qualifier.MONTHLY: 'job_monthly',
    Qualifier.YEARLY: 'job_yearly',
}
QUALIFIER_BY_COLLECTION: Final = {name: qualifier for qualifier, name in JOB_COLLECTION.items()}
ENDED_RUN_FIELDS: Final = (
    'process_name', 'time_qualifier', 'timeperiod', 'run', 'state', 'started_at', 'finished_at',
)  # fmt: skip
TYPE_MANAGED: Final = 'type_managed'
TYPE_FREERUN: Final = 'type_freerun'


def job_of(document: Document, qualifier: Qualifier) -> Job:
    """Return the job of a document; raise Malformed."""
    fields = _Fields(document)
    uow_id, request_id = (
        fields.text_or_none('related_unit_of_work'),
        fields.text_or_none('request_id'),
    )
    return Job(
        process=ProcessName(fields.text('process_name')),
        timeperiod=fields.timeperiod('timeperiod', qualifier),
        state=fields.word('state', JobState),
        rev=fields.number('rev'),
        run=fields.number('run'),
        uow_id=None if uow_id is None else UowId(uow_id),
        failure_count=fields.number('number_of_failures'),
        is_held=fields.switch('is_held'),
        request_id=None if request_id is None else CommandId(request_id),
        reason=fields.said('reason'),
        changed_at=fields.instant('changed_at'),
        # Rows that were taken over have none.
        term=fields.number('term') if 'term' in document else 0,
    )


def job_values(job: Job, term: int) -> Document:
    """Return what a transition writes: all but the key."""
    return {
        'state': job.state.value,
        'rev': job.rev,
        'term': term,
        'run': job.run,
        'related_unit_of_work': job.uow_id,
        'number_of_failures': job.failure_count,
        'is_held': job.is_held,
        'request_id': job.request_id,
        'reason': job.reason,
        'changed_at': job.changed_at,
    }


def unit_of(document: Document) -> Unit:
    """Return the unit of a document; raise Malformed."""
    fields = _Fields(document)
    qualifier = fields.word('time_qualifier', Qualifier)
    return Unit(
        id=UowId(str(document['_id'])),
        process=ProcessName(fields.text('process_name')),
        timeperiod=fields.timeperiod('timeperiod', qualifier),
        start=fields.timeperiod('start_timeperiod', qualifier),
        end=fields.timeperiod('end_timeperiod', qualifier),
        run=fields.number('run'),
        attempt=fields.number('attempt'),
        state=fields.word('state', UnitState),
        fence=fields.number('fence'),
        owner=fields.text_or_none('owner'),
        lease_until=fields.instant_or_none('lease_until'),
        created_at=fields.instant('created_at'),
        announced_at=fields.instant_or_none('submitted_at'),
        not_before=fields.instant_or_none('not_before'),
        started_at=fields.instant_or_none('started_at'),
        finished_at=fields.instant_or_none('finished_at'),
        processed_count=rows.number(
            'number_of_processed_documents', document.get('number_of_processed_documents')
        ),
        error=fields.said('error'),
        arguments=fields.json('arguments'),
    )


def ended_run_of(document: Document) -> EndedRun:
    """Return the ended run of a document of ENDED_RUN_FIELDS; raise Malformed."""
    fields = _Fields(document)
    timeperiod = fields.timeperiod('timeperiod', fields.word('time_qualifier', Qualifier))
    return EndedRun(
        key=JobKey(ProcessName(fields.text('process_name')), timeperiod),
        run=fields.number('run'),
        state=fields.word('state', UnitState),
        started_at=fields.instant('started_at'),
        finished_at=fields.instant('finished_at'),
    )


def unit_document(unit: Unit) -> Document:
    """Return the document of a unit."""
    qualifier = unit.timeperiod.qualifier
    return {
        '_id': ObjectId(unit.id),
        'process_name': unit.process,
        'timeperiod': str(unit.timeperiod),
        'time_qualifier': qualifier.value,
        'start_timeperiod': str(unit.start),
        'end_timeperiod': str(unit.end),
        'run': unit.run,
        'attempt': unit.attempt,
        'state': unit.state.value,
        'fence': unit.fence,
        'owner': unit.owner,
        'lease_until': unit.lease_until,
        'created_at': unit.created_at,
        'submitted_at': unit.announced_at,
        'not_before': unit.not_before,
        'started_at': unit.started_at,
        'finished_at': unit.finished_at,
        'number_of_processed_documents': unit.processed_count,
        'error': unit.error,
        'arguments': json_value(unit.arguments),
        'unit_of_work_type': TYPE_FREERUN if qualifier is Qualifier.REAL_TIME else TYPE_MANAGED,
    }


def command_of(document: Document) -> Command:
    """Return the command of a document; raise Malformed."""
    fields = _Fields(document)
    qualifier = fields.word('time_qualifier', Qualifier)
    target = fields.text_or_none('target')
    plan = document.get('plan')
    return Command(
        id=CommandId(str(document['_id'])),
        kind=fields.word('kind', CommandKind),
        process=ProcessName(fields.text('process_name')),
        start=fields.timeperiod('start_timeperiod', qualifier),
        end=fields.timeperiod('end_timeperiod', qualifier),
        only=fields.word('only_jobs', Only),
        with_children=fields.switch('with_children'),
        plan_hash=fields.text_or_none('plan_hash'),
        target=None if target is None else CommandId(target),
        details=fields.json('details'),
        actor=fields.text('actor'),
        reason=fields.said('reason'),
        state=fields.word('state', CommandState),
        is_paused=fields.switch('is_paused'),
        plan=None
        if plan is None
        else {ProcessName(name): runs for name, runs in rows.ranges('plan', plan).items()},
        planned_count=fields.number('planned_count'),
        applied_count=fields.number('applied_count'),
        created_at=fields.instant('created_at'),
        finished_at=fields.instant_or_none('finished_at'),
        outcome=fields.said('outcome'),
        fingerprint=fields.text_or_none('fingerprint'),
    )


def command_document(command: Command) -> Document:
    """Return the document of a command."""
    return {
        '_id': command.id,
        'kind': command.kind.value,
        'process_name': command.process,
        'time_qualifier': command.start.qualifier.value,
        'start_timeperiod': str(command.start),
        'end_timeperiod': str(command.end),
        'only_jobs': command.only.value,
        'with_children': command.with_children,
        'plan_hash': command.plan_hash,
        'target': command.target,
        'details': json_value(command.details),
        'actor': command.actor,
        'reason': command.reason,
        'created_at': command.created_at,
        'fingerprint': command.fingerprint,
        **command_progress(command),
    }


def command_progress(command: Command) -> Document:
    """Return what the Scheduler writes of a command."""
    plan = command.plan
    return {
        'state': command.state.value,
        'is_paused': command.is_paused,
        # Pairs, for the order of processes is part of the plan.
        'plan': None if plan is None else [[name, [*map(list, plan[name])]] for name in plan],
        'planned_count': command.planned_count,
        'applied_count': command.applied_count,
        'finished_at': command.finished_at,
        'outcome': command.outcome,
    }


def freerun_of(document: Document) -> Freerun:
    """Return the free run of a document; raise Malformed."""
    fields = _Fields(document)
    return Freerun(
        name=ProcessName(f'{fields.text("process_name")}::{fields.text("entry_name")}'),
        trigger=fields.trigger('trigger_frequency'),
        is_on=fields.switch('is_on'),
        overlap=fields.word('overlap', Overlap),
        misfire=fields.word('misfire', Misfire),
        misfire_max=fields.number('misfire_max', MISFIRE_MAX),
        arguments=fields.json('arguments'),
        description=fields.said('description'),
        definition=fields.text_or_none('definition'),
        rev=fields.number('rev'),
        last_fire=fields.instant_or_none('last_fire'),
        last_run=fields.number('last_run'),
        live=tuple(map(UowId, rows.texts('live', document.get('live') or []))),
        queued_at=fields.instant_or_none('queued_at'),
        changed_at=fields.instant('changed_at'),
    )


def freerun_values(freerun: Freerun, term: int) -> Document:
    """Return what a save writes: all but the key."""
    return {
        'trigger_frequency': str(freerun.trigger),
        'is_on': freerun.is_on,
        'overlap': freerun.overlap.value,
        'misfire': freerun.misfire.value,
        'misfire_max': freerun.misfire_max,
        'arguments': json_value(freerun.arguments),
        'description': freerun.description,
        'definition': freerun.definition,
        'rev': freerun.rev,
        'term': term,
        'last_fire': freerun.last_fire,
        'last_run': freerun.last_run,
        'live': list(freerun.live),
        'related_unit_of_work': freerun.live[-1] if freerun.live else None,
        'queued_at': freerun.queued_at,
        'changed_at': freerun.changed_at,
    }


def override_of(document: Document) -> Override:
    """Return the override of a document; raise Malformed."""
    fields = _Fields(document)
    is_on, trigger = document.get('is_on'), document.get('trigger_frequency')
    return Override(
        process=ProcessName(fields.text('process_name')),
        trigger=None if trigger is None else fields.trigger('trigger_frequency'),
        trigger_at=fields.instant_or_none('trigger_at'),
        trigger_by=fields.said('trigger_by'),
        is_on=None if is_on is None else fields.switch('is_on'),
        is_on_at=fields.instant_or_none('is_on_at'),
        is_on_by=fields.said('is_on_by'),
        definition=fields.text('definition'),
        rev=fields.number('rev'),
    )


def override_values(override: Override, term: int) -> Document:
    """Return what a save writes: all but the key."""
    return {
        'trigger_frequency': None if override.trigger is None else str(override.trigger),
        'trigger_at': override.trigger_at,
        'trigger_by': override.trigger_by,
        'is_on': override.is_on,
        'is_on_at': override.is_on_at,
        'is_on_by': override.is_on_by,
        'definition': override.definition,
        'rev': override.rev,
        'term': term,
    }


def box_process_of(document: Document) -> BoxProcess:
    """Return the record of a document; raise Malformed."""
    fields = _Fields(document)
    return BoxProcess(
        box_id=fields.text('box_id'),
        process=fields.text('process_name'),
        is_on=fields.switch('is_on'),
        state=fields.text_or_none('state'),
        pids=rows.pids('pids', document.get('pids') or []),
        restart_count=fields.number('restart_count'),
        changed_at=fields.instant_or_none('changed_at'),
        start_asked_at=fields.instant_or_none('start_asked_at'),
    )


def box_of(document: Document) -> Box:
    """Return the record of a document; raise Malformed."""
    fields = _Fields(document)
    return Box(
        box_id=fields.text('_id'),
        host=fields.text('host'),
        home=fields.text('home'),
        pid=None if document.get('pid') is None else fields.number('pid', 2**31),
        version=fields.text('version'),
        seen_at=fields.instant_or_none('seen_at'),
        is_draining=fields.switch('is_draining'),
        load=load_of(fields.said('load')),
    )


def page_document(page: IndexPage) -> Document:
    """Return the document of one page of the copy of the index."""
    return {
        '_id': page.process,
        'time_qualifier': page.qualifier.value,
        'first': page.first,
        'codes': zlib.compress(page.codes, 1),
    }


def page_of(document: Document) -> IndexPage:
    """Return the page of a document; raise Malformed."""
    fields = _Fields(document)
    codes = rows.unpacked(document.get('codes'))
    return IndexPage(
        process=ProcessName(fields.text('_id')),
        qualifier=fields.word('time_qualifier', Qualifier),
        first=fields.number('first'),
        codes=codes,
    )


def as_of(document: Document) -> datetime:
    """Return the date of the copy of the index; raise Malformed."""
    return _Fields(document).instant('as_of')


def user_of(document: Document) -> User:
    """Return the record of a document; raise Malformed."""
    fields = _Fields(document)
    return User(
        name=fields.text('_id'),
        role=fields.word('role', Role),
        password_hash=fields.text('password_hash'),
        serial=fields.number('serial'),
        created_at=fields.instant('created_at'),
    )


def token_of(document: Document) -> ApiToken:
    """Return the record of a document; raise Malformed."""
    fields = _Fields(document)
    return ApiToken(
        id=fields.text('_id'),
        user=fields.text('user_name'),
        role=fields.word('role', Role),
        digest=fields.text('digest'),
        label=fields.said('label'),
        created_at=fields.instant('created_at'),
        expires_at=fields.instant_or_none('expires_at'),
    )


def log_document(uow_id: UowId, log: list[LogLine], part: str | ObjectId) -> Document:
    """Return one part of a unit's log; `created_at`, by which it grows old, is its newest line's.

    part: id of the part; the same part is written once.
    """
    return {
        '_id': part,
        'parent_object_id': uow_id,
        'created_at': log[-1].at,
        'log': [[line.attempt, line.at, line.level, line.text] for line in log],
    }


def log_lines_of(document: Document) -> list[LogLine]:
    """Return the lines of one part of a log."""
    found = document.get('log')
    if not isinstance(found, list):
        raise rows.malformed('log', found, 'a list of lines')
    return [
        LogLine(
            attempt=rows.count('attempt', attempt),
            at=rows.instant('at', at),
            level=rows.text('level', level),
            text=rows.said('text', text) or '',
        )
        for attempt, at, level, text in found
    ]


def leadership_of(document: Document) -> Leadership:
    """Return the leadership that a document says; raise Malformed."""
    fields = _Fields(document)
    return Leadership(
        owner=fields.text('owner'),
        term=fields.number('term'),
        until=fields.instant('lease_until'),
    )


def name_of(collection: str, document: Mapping[str, Any]) -> str:
    """Return how an illegal document is named: by its key."""
    process = document.get('process_name')
    if collection in QUALIFIER_BY_COLLECTION:
        return rows.name_of(process, document.get('timeperiod'), joined='@')
    if collection == 'freerun_process':
        return rows.name_of(process, document.get('entry_name'), joined='::')
    if collection == 'box_configuration':
        return rows.name_of(document.get('box_id'), process)
    if collection == 'managed_process':
        return rows.name_of(process)
    found = document.get('_id')
    return rows.name_of(str(found) if isinstance(found, ObjectId) else found)


def json_value(value: Mapping[str, Json]) -> object:
    """Return arguments as a document, or as JSON text where BSON cannot carry them."""
    try:
        bson.encode(value)
    except (bson.errors.InvalidDocument, OverflowError, UnicodeEncodeError):
        return json.dumps(dict(value))
    return dict(value)


def object_id(uow_id: UowId) -> ObjectId | None:
    """Return the id of a unit's document; None when it cannot be one."""
    return ObjectId(uow_id) if ObjectId.is_valid(uow_id) else None


class _Fields:
    """The fields of one document, each checked when it is read."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def text(self, name: str) -> str:
        return rows.text(name, self._given(name, 'a text'))

    def text_or_none(self, name: str) -> str | None:
        return None if self._document.get(name) is None else self.text(name)

    def said(self, name: str) -> str | None:
        return rows.said(name, self._document.get(name))

    def number(self, name: str, most: int = rows.COUNT_MAX) -> int:
        return rows.count(name, self._given(name, 'a whole number'), most)

    def switch(self, name: str) -> bool:
        value = self._given(name, 'true or false')
        if not isinstance(value, bool):
            raise rows.malformed(name, value, 'true or false')
        return value

    def instant(self, name: str) -> datetime:
        return rows.instant(name, self._given(name, 'a date'))

    def instant_or_none(self, name: str) -> datetime | None:
        return None if self._document.get(name) is None else self.instant(name)

    def timeperiod(self, name: str, qualifier: Qualifier) -> Timeperiod:
        return rows.timeperiod(name, qualifier, self._given(name, 'a text'))

    def trigger(self, name: str) -> Trigger:
        return rows.trigger(name, self._given(name, 'a text'))

    def word(self, name: str, words: Callable[[str], T]) -> T:
        return rows.word(name, words, self._given(name, 'a text'))

    def json(self, name: str) -> Mapping[str, Json]:
        value = self._document.get(name)
        return {} if value is None or value == {} else rows.json_object(name, value)

    def _given(self, name: str, expected: str) -> object:
        if name not in self._document:
            raise Malformed(f'field {name!r} is missing, not {expected}')
        return self._document[name]
