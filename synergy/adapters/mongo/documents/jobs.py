"""Documents of jobs and of their history."""

from __future__ import annotations

from typing import Any

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields
from synergy.adapters.mongo.names import (
    JOB_COLLECTION,
    LEVEL,
    QUALIFIER_BY_COLLECTION,
    SHARED_COLLECTIONS,
)
from synergy.core.commands import CommandId
from synergy.core.records import Job, JobEvent, ProcessName, UowId
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.ports import rows
from synergy.ports.rows import Malformed as Malformed
from synergy.ports.stored import former


def job_of(document: Document, collection: str) -> Job:
    """Return the job of a document; raise Malformed."""
    fields = Fields(document)
    uow_id, request_id = (
        fields.text_or_none('related_unit_of_work'),
        fields.text_or_none('request_id'),
    )
    return Job(
        process=ProcessName(fields.text('process_name')),
        timeperiod=fields.timeperiod('timeperiod', level_of(document, collection)),
        state=fields.word('state', JobState),
        rev=fields.number('rev'),
        run=fields.number('run'),
        uow_id=None if uow_id is None else UowId(uow_id),
        failure_count=fields.number('number_of_failures'),
        lost_count=fields.number_or_0('lost_count'),
        is_held=fields.switch('is_held'),
        request_id=None if request_id is None else CommandId(request_id),
        reason=fields.said('reason'),
        former=former.decode(document.get(former.FIELD)),
        changed_at=fields.instant('changed_at'),
        # Rows that were taken over have none.
        term=fields.number_or_0('term'),
    )


def level_of(document: Document, collection: str) -> Qualifier:
    """Return the level of a document's job; raise Malformed."""
    known = QUALIFIER_BY_COLLECTION.get(collection)
    if known is not None:
        return known
    level = Fields(document).word(LEVEL, Qualifier)
    if JOB_COLLECTION.get(level) != collection:
        raise rows.malformed(LEVEL, level.value, f'a level of {collection}')
    return level


def of_level(level: Qualifier) -> Document:
    """Return what the documents of a level have in their collection that those of others lack."""
    return {LEVEL: level.value} if JOB_COLLECTION.get(level) in SHARED_COLLECTIONS else {}


def job_key(key: JobKey) -> Document:
    """Return the fields that tell which job a document is, in the collection of its level."""
    process, timeperiod = key
    return {
        'process_name': process,
        'timeperiod': str(timeperiod),
        **of_level(timeperiod.qualifier),
    }


def job_values(job: Job, term: int) -> Document:
    """Return what a transition writes: all but the key."""
    return {
        'state': job.state.value,
        'rev': job.rev,
        'term': term,
        'run': job.run,
        'related_unit_of_work': job.uow_id,
        'number_of_failures': job.failure_count,
        'lost_count': job.lost_count,
        'is_held': job.is_held,
        'request_id': job.request_id,
        'reason': job.reason,
        former.FIELD: former.encode(job.former),
        'changed_at': job.changed_at,
    }


def event_of(event: Any) -> JobEvent:
    """Return one event of a history."""
    at, said = event
    return JobEvent(at=rows.instant('at', at), text=rows.said('text', said) or '')
