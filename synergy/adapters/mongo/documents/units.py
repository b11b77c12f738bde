"""Documents of units of work and of their logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bson import ObjectId

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields, json_value
from synergy.adapters.mongo.names import TYPE_FREERUN, TYPE_MANAGED
from synergy.core.letter_groups import DeadLetter
from synergy.core.records import CommandId, LogLine, LogPlace, ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.ports import rows
from synergy.ports.rows import Malformed as Malformed
from synergy.ports.store import EndedRun, LiveRun

ENDED_RUN_FIELDS: Final = (
    'process_name', 'time_qualifier', 'timeperiod', 'run', 'state', 'started_at', 'finished_at',
    'attempt', 'lost_count',
)  # fmt: skip
LIVE_RUN_FIELDS: Final = ('process_name', 'time_qualifier', 'timeperiod', 'state', 'not_before')
COUNT_FIELD: Final = 'number_of_processed_documents'
#: A document may have 16 MiB, and a character 4 bytes.
_PART_CHARACTERS_MAX: Final = 3_000_000

LETTER_FIELDS: Final = ('process_name', 'time_qualifier', 'timeperiod', 'finished_at', 'error')


def unit_of(document: Document) -> Unit:
    """Return the unit of a document; raise Malformed."""
    fields = Fields(document)
    qualifier = fields.word('time_qualifier', Qualifier)
    asked = fields.text_or_none('request_id')
    return Unit(
        id=UowId(str(document['_id'])),
        process=ProcessName(fields.text('process_name')),
        timeperiod=fields.timeperiod('timeperiod', qualifier),
        start=fields.timeperiod('start_timeperiod', qualifier),
        end=fields.timeperiod('end_timeperiod', qualifier),
        run=fields.number('run'),
        attempt=fields.number('attempt'),
        lost_count=fields.number_or_0('lost_count'),
        state=fields.word('state', UnitState),
        fence=fields.number('fence'),
        owner=fields.text_or_none('owner'),
        lease_until=fields.instant_or_none('lease_until'),
        created_at=fields.instant('created_at'),
        announced_at=fields.instant_or_none('submitted_at'),
        not_before=fields.instant_or_none('not_before'),
        started_at=fields.instant_or_none('started_at'),
        finished_at=fields.instant_or_none('finished_at'),
        processed_count=rows.number(COUNT_FIELD, document.get(COUNT_FIELD)),
        error=fields.said('error'),
        arguments=fields.json('arguments'),
        request_id=None if asked is None else CommandId(asked),
    )


def ended_run_of(document: Document) -> EndedRun:
    """Return the ended run of a document of ENDED_RUN_FIELDS; raise Malformed."""
    fields = Fields(document)
    timeperiod = fields.timeperiod('timeperiod', fields.word('time_qualifier', Qualifier))
    return EndedRun(
        key=JobKey(ProcessName(fields.text('process_name')), timeperiod),
        run=fields.number('run'),
        state=fields.word('state', UnitState),
        started_at=fields.instant('started_at'),
        finished_at=fields.instant('finished_at'),
        attempt=max(fields.number('attempt') - fields.number_or_0('lost_count'), 1),
    )


def live_run_of(document: Document) -> LiveRun:
    """Return the unit under way of a document of LIVE_RUN_FIELDS; raise Malformed."""
    fields = Fields(document)
    timeperiod = fields.timeperiod('timeperiod', fields.word('time_qualifier', Qualifier))
    return LiveRun(
        id=UowId(str(document['_id'])),
        key=JobKey(ProcessName(fields.text('process_name')), timeperiod),
        state=fields.word('state', UnitState),
        not_before=fields.instant_or_none('not_before'),
    )


def letter_of(document: Document) -> DeadLetter:
    """Return the dead letter of a document of LETTER_FIELDS; raise Malformed."""
    fields = Fields(document)
    return DeadLetter(
        id=UowId(str(document['_id'])),
        process=ProcessName(fields.text('process_name')),
        timeperiod=fields.timeperiod('timeperiod', fields.word('time_qualifier', Qualifier)),
        finished_at=fields.instant_or_none('finished_at'),
        error=fields.said('error'),
    )


def unit_document(unit: Unit) -> Document:
    """Return the document of a unit."""
    qualifier = unit.timeperiod.qualifier
    document: Document = {
        '_id': ObjectId(unit.id),
        'process_name': unit.process,
        'timeperiod': str(unit.timeperiod),
        'time_qualifier': qualifier.value,
        'start_timeperiod': str(unit.start),
        'end_timeperiod': str(unit.end),
        'run': unit.run,
        'attempt': unit.attempt,
        'lost_count': unit.lost_count,
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
    if unit.request_id is not None:
        document['request_id'] = unit.request_id
    return document


def log_documents(uow_id: UowId, log: Sequence[LogLine], name: str | None) -> list[Document]:
    """Return parts of a unit's log; `created_at`, by which one grows old, is its newest line's.

    name: the ids of the parts derive from it, so the same part is written once; None: it is new.
    Lines of the tail have parts of their own, which name the attempt.
    """
    parts: list[list[LogLine]] = []
    characters = 0
    for line in log:
        is_other = bool(parts) and (
            parts[-1][-1].attempt != line.attempt
            or (parts[-1][-1].place is LogPlace.HEAD) is not (line.place is LogPlace.HEAD)
        )
        if not parts or is_other or characters > _PART_CHARACTERS_MAX:
            parts.append([])
            characters = 0
        parts[-1].append(line)
        characters += len(line.text)
    return [
        {
            '_id': ObjectId() if name is None else f'{name}-{number}' if number else name,
            'parent_object_id': uow_id,
            'created_at': part[-1].at,
            'log': [[line.attempt, line.at, line.level, line.text] for line in part],
        }
        | ({} if part[0].place is LogPlace.HEAD else {'tail_of': part[0].attempt})
        for number, part in enumerate(parts)
    ]


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
