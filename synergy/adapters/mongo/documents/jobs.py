"""Documents of jobs and of their history."""

from __future__ import annotations

from typing import Any

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields
from synergy.core.commands import CommandId
from synergy.core.records import Job, JobEvent, ProcessName, UowId
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier
from synergy.ports import rows
from synergy.ports.rows import Malformed as Malformed
from synergy.ports.stored import former


def job_of(document: Document, qualifier: Qualifier) -> Job:
    """Return the job of a document; raise Malformed."""
    fields = Fields(document)
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
        lost_count=fields.number_or_0('lost_count'),
        is_held=fields.switch('is_held'),
        request_id=None if request_id is None else CommandId(request_id),
        reason=fields.said('reason'),
        former=former.decode(document.get(former.FIELD)),
        changed_at=fields.instant('changed_at'),
        # Rows that were taken over have none.
        term=fields.number_or_0('term'),
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
