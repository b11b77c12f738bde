"""The saves of a commit as conditional updates, in few bulks: one per kind of row.

A bulk is one request to the primary, which waits for the majority once. The kinds follow one
another as `synergy.core.effects.in_stages` says and explains; a commit that breaks off in between
leaves what the next leader repairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Final

import bson
from pymongo import DeleteOne, UpdateOne
from pymongo.database import Database

from synergy.adapters.mongo.bulks import Operation, bulk, unmatched
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.commands import command_document, command_progress
from synergy.adapters.mongo.documents.jobs import job_values
from synergy.adapters.mongo.documents.processes import freerun_values, override_values
from synergy.adapters.mongo.documents.units import unit_document
from synergy.adapters.mongo.job_saves import apply_to_jobs
from synergy.adapters.mongo.names import (
    COMMANDS,
    CONTEXT,
    FREERUNS,
    JOB_COLLECTION,
    JOB_COLLECTIONS,
    OPEN_COMMANDS,
    OVERRIDES,
    UNITS,
)
from synergy.adapters.mongo.revisions import refuse_vanished, upsert
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
)
from synergy.core.records import UowId
from synergy.ports.errors import CommitRefused, RefusedSave
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
        elif collection in JOB_COLLECTIONS:
            apply_to_jobs(database, collection, [s for s in part if isinstance(s, SaveJob)], term)
        elif collection == CONTEXT:
            _apply_to_context(database, part, term)
        elif collection == OVERRIDES:
            _apply_to_overrides(database, part, term)
        else:
            _apply_to_freeruns(database, part, term)


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


def _apply_to_freeruns(database: Database[Document], saves: Sequence[Save], term: int) -> None:
    """Write free runs, in order, up to the first that is not at the rev before; see `upsert`."""
    done = bulk(database, FREERUNS, [_freerun(save, term) for save in saves], saves)
    refuse_vanished(done, saves)


def _freerun(save: Save, term: int) -> Operation:
    assert isinstance(save, SaveFreerun | RemoveFreerun)
    freerun = save.freerun
    key: Document = {'process_name': freerun.process, 'entry_name': freerun.entry}
    if isinstance(save, RemoveFreerun):
        return DeleteOne(key)
    return upsert(key, freerun_values(freerun, term), [freerun.changed_at, save.event], term)


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
