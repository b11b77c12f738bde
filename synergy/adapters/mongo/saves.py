"""The saves of a commit as conditional updates, in few bulks: one per kind of row.

A bulk is one request to the primary, which waits for the majority once. The kinds follow one
another as `synergy.core.effects.in_stages` says and explains; a commit that breaks off in between
leaves what the next leader repairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import bson
from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.database import Database

from synergy.adapters.mongo.bulks import Operation, bulk, unmatched
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.commands import command_document, command_progress
from synergy.adapters.mongo.documents.jobs import job_values
from synergy.adapters.mongo.documents.processes import freerun_values, override_values
from synergy.adapters.mongo.documents.units import unit_document
from synergy.adapters.mongo.names import (
    COMMANDS,
    CONTEXT,
    FREERUNS,
    JOB_COLLECTION,
    OPEN_COMMANDS,
    OVERRIDES,
    UNITS,
)
from synergy.adapters.mongo.unit_saves import apply_marks, apply_to_units
from synergy.core.effects import (
    CancelUnit,
    EndLetters,
    InsertCommand,
    InsertUnit,
    MoveUnit,
    RemoveFreerun,
    RemoveOverride,
    Save,
    SaveCommand,
    SaveContext,
    SaveFreerun,
    SaveJob,
    SaveOverride,
    in_stages,
    why_unmatched,
)
from synergy.core.records import UowId
from synergy.ports.errors import CommitRefused, RefusedSave
from synergy.ports.store import EVENTS_PER_JOB_MAX
from synergy.ports.stored import led_context

_NO_REV: Final[Document] = {'rev': {'$exists': False}}
#: What the driver says of a document before it is sent.
_UNSENDABLE: Final = (bson.errors.InvalidDocument, OverflowError, UnicodeEncodeError)


def apply(
    database: Database[Document],
    saves: Sequence[Save],
    term: int,
    announced: Mapping[UowId, datetime],
) -> None:
    """Execute the saves of one commit; raise CommitRefused, naming those known to be refused.

    The saves after a refused one of the same bulk may have been applied.
    """
    apply_marks(database, announced)
    try:
        _apply_in_stages(database, saves, term)
    except _UNSENDABLE:
        if unsendable := [*_unsendable(saves, term)]:
            raise CommitRefused(*unsendable) from None
        raise


def _apply_in_stages(database: Database[Document], saves: Sequence[Save], term: int) -> None:
    for collection, group in groupby(in_stages(saves), _collection):
        part = list(group)
        if collection == UNITS:
            apply_to_units(database, part)
        elif collection == COMMANDS:
            _apply_to_commands(database, part)
        elif collection == CONTEXT:
            _apply_to_context(database, part, term)
        elif collection == OVERRIDES:
            _apply_to_overrides(database, part, term)
        else:
            _apply_revisions(database, collection, part, term)


def _unsendable(saves: Sequence[Save], term: int) -> Iterator[RefusedSave]:
    """Yield the saves that BSON cannot carry."""
    for save in saves:
        try:
            bson.encode(_document(save, term))
        except _UNSENDABLE as error:
            yield RefusedSave(save, f'cannot be stored ({error})')


def _document(save: Save, term: int) -> Document:  # noqa: C901 - one case for each kind of save
    match save:
        case InsertUnit(unit):
            return unit_document(unit)
        case SaveJob(job, event):
            return {**job_values(job, term), 'event': event}
        case SaveFreerun(freerun, event):
            return {**freerun_values(freerun, term), 'event': event}
        case SaveOverride(override):
            return override_values(override, term)
        case SaveCommand(command):
            return command_progress(command)
        case InsertCommand(command):
            return command_document(command)
        case SaveContext(context):
            return {'text': led_context.encode(context)}
        case MoveUnit():
            return {'error': save.error}
        case CancelUnit(_, reason, _) | EndLetters(_, reason, _):
            return {'error': reason}
        case RemoveFreerun() | RemoveOverride():
            return {}


def _collection(save: Save) -> str:
    match save:
        case InsertUnit() | MoveUnit() | CancelUnit() | EndLetters():
            return UNITS
        case SaveJob(job):
            return JOB_COLLECTION[job.timeperiod.qualifier]
        case SaveFreerun() | RemoveFreerun():
            return FREERUNS
        case SaveOverride() | RemoveOverride():
            return OVERRIDES
        case SaveCommand() | InsertCommand():
            return COMMANDS
        case SaveContext():
            return CONTEXT


def _apply_revisions(
    database: Database[Document], collection: str, saves: Sequence[Save], term: int
) -> None:
    """Write jobs or free runs, in order, up to the first that is not at the rev before.

    Each is an upsert: one that does not match collides with the unique key of the row that is there
    and so stops the bulk. Only if the row has vanished is it written again; that is refused, too,
    so that the index is built again from what is there. Where all are first saves, plain inserts do
    the same in half the time.
    """
    is_first = all(_rev(save) == 1 and not isinstance(save, RemoveFreerun) for save in saves)
    operations = [_revision(save, term, is_inserted=is_first) for save in saves]
    done = bulk(database, collection, operations, saves)
    vanished = [index for index in done.upserted_ids or {} if _rev(saves[index]) != 1]
    if vanished:
        raise CommitRefused(
            *(RefusedSave(saves[index], why_unmatched(saves[index])) for index in vanished)
        )


def _revision(save: Save, term: int, *, is_inserted: bool) -> Operation:
    match save:
        case SaveJob(job, event):
            key: Document = {'process_name': job.process, 'timeperiod': str(job.timeperiod)}
            values = job_values(job, term if save.term is None else save.term)
            line = [job.changed_at, event]
        case SaveFreerun(freerun, event):
            key = {'process_name': freerun.process, 'entry_name': freerun.entry}
            values = freerun_values(freerun, term)
            line = [freerun.changed_at, event]
        case RemoveFreerun(freerun):
            return DeleteOne({'process_name': freerun.process, 'entry_name': freerun.entry})
        case _:
            raise AssertionError(f'{save} has no revision')
    if is_inserted:
        return InsertOne({**key, **values, 'event_log': [line]})
    return _upsert(key, values, line, term)


def _upsert(key: Document, values: Document, line: list[Any], term: int) -> UpdateOne:
    rev = values['rev']
    # A first save must match nothing, not even a row that was edited to rev 0.
    matching = {'rev': rev - 1, 'term': {'$lte': term}} if rev > 1 else {'rev': {'$exists': False}}
    return UpdateOne(
        {**key, **matching},
        {
            '$set': values,
            '$push': {'event_log': {'$each': [line], '$position': 0, '$slice': EVENTS_PER_JOB_MAX}},
        },
        upsert=True,
    )


def _rev(save: Save) -> int:
    match save:
        case SaveJob(job):
            return job.rev
        case SaveFreerun(freerun, _):
            return freerun.rev
        case _:
            return 1


def _apply_to_commands(database: Database[Document], saves: Sequence[Save]) -> None:
    for save in saves:
        if isinstance(save, InsertCommand):
            document = command_document(save.command)
            database[COMMANDS].update_one(
                {'_id': save.command.id}, {'$setOnInsert': document}, upsert=True
            )
            continue
        assert isinstance(save, SaveCommand)
        operation = UpdateOne(
            {'_id': save.command.id, 'state': {'$in': OPEN_COMMANDS}},
            {'$set': command_progress(save.command)},
        )
        if bulk(database, COMMANDS, [operation], [save]).matched_count != 1:
            raise unmatched(save)


def _apply_to_context(database: Database[Document], saves: Sequence[Save], term: int) -> None:
    for save in saves:
        assert isinstance(save, SaveContext)
        rev = save.context.rev
        operation = UpdateOne(
            {'_id': CONTEXT, 'rev': rev - 1, 'term': {'$lte': term}},
            {'$set': {'rev': rev, 'term': term, 'text': led_context.encode(save.context)}},
            upsert=rev == 1,
        )
        saved = bulk(database, CONTEXT, [operation], [save])
        if saved.matched_count != 1 and not saved.upserted_ids:
            raise unmatched(save)


def _apply_to_overrides(database: Database[Document], saves: Sequence[Save], term: int) -> None:
    for save in saves:
        if isinstance(save, RemoveOverride):
            database[OVERRIDES].delete_one({'process_name': save.process})
            continue
        assert isinstance(save, SaveOverride)
        values = override_values(save.override, term)
        rev = save.override.rev
        # A row of Synergy 2.x has no rev: it is not looked at, and the first save takes its place.
        matching = {'rev': rev - 1, 'term': {'$lte': term}} if rev > 1 else _NO_REV
        operation = UpdateOne(
            {'process_name': save.override.process, **matching}, {'$set': values}, upsert=rev == 1
        )
        saved = bulk(database, OVERRIDES, [operation], [save])
        if saved.matched_count != 1 and not saved.upserted_ids:
            raise unmatched(save)
