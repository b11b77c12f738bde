"""The saves of a commit as conditional updates, in few bulks: one per kind of row.

A bulk is one request to the primary; the last one waits for the majority. The kinds follow one
another as `synergy.core.effects.in_stages` says and explains; a commit that breaks off in between
leaves what the next leader repairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Final

import bson
from pymongo import DeleteOne, InsertOne, UpdateOne

from synergy.adapters.mongo.archive import apply_archive
from synergy.adapters.mongo.bulks import Operation, bulk, unmatched
from synergy.adapters.mongo.chain import Chain, Document, Step
from synergy.adapters.mongo.documents.commands import command_document, command_progress
from synergy.adapters.mongo.documents.jobs import job_values
from synergy.adapters.mongo.documents.journal import page_document
from synergy.adapters.mongo.documents.processes import freerun_values, override_values
from synergy.adapters.mongo.documents.units import unit_document
from synergy.adapters.mongo.job_saves import steps_of_jobs
from synergy.adapters.mongo.names import (
    COMMANDS,
    CONTEXT,
    FREERUNS,
    JOB_COLLECTION,
    JOB_COLLECTIONS,
    JOBS_ARCHIVED,
    JOURNAL,
    OPEN_COMMANDS,
    OVERRIDES,
    POOLS,
    UNITS,
)
from synergy.adapters.mongo.revisions import refuse_vanished, upsert
from synergy.adapters.mongo.unit_saves import steps_of_marks, steps_of_units
from synergy.core.effects import (
    AddPage,
    ArchiveRows,
    CancelUnit,
    EndLetters,
    InsertCommand,
    InsertUnit,
    MoveUnit,
    RemoveFreerun,
    RemoveOverride,
    RemovePool,
    Save,
    SaveCommand,
    SaveContext,
    SaveFreerun,
    SaveJob,
    SaveOverride,
    SavePool,
    in_stages,
)
from synergy.core.records import UowId
from synergy.ports.errors import CommitRefused, RefusedSave
from synergy.ports.stored import led_context, pool_override

_NO_REV: Final[Document] = {'rev': {'$exists': False}}
#: What the driver says of a document before it is sent.
_UNSENDABLE: Final = (bson.errors.InvalidDocument, OverflowError, UnicodeEncodeError)


def apply(
    chain: Chain,
    saves: Sequence[Save],
    term: int,
    announced: Mapping[UowId, datetime],
) -> None:
    """Execute the saves of one commit; raise CommitRefused, naming those known to be refused.

    The saves after a refused one of the same bulk may have been applied.
    """
    try:
        chain.execute([*steps_of_marks(announced), *_steps(saves, term)])
    except _UNSENDABLE:
        if unsendable := [*_unsendable(saves, term)]:
            raise CommitRefused(*unsendable) from None
        raise


def _steps(saves: Sequence[Save], term: int) -> Iterator[Step]:
    for collection, group in groupby(in_stages(saves), _collection):
        part = list(group)
        if collection == UNITS:
            yield from steps_of_units(part)
        elif collection == COMMANDS:
            yield from (partial(_apply_to_command, save=save) for save in part)
        elif collection in JOB_COLLECTIONS:
            jobs = [save for save in part if isinstance(save, SaveJob)]
            yield from steps_of_jobs(collection, jobs, term)
        elif collection == JOBS_ARCHIVED:
            archived = [save for save in part if isinstance(save, ArchiveRows)]
            yield from (partial(apply_archive, save=save) for save in archived)
        elif collection == CONTEXT:
            yield partial(_apply_to_context, saves=part, term=term)
        elif collection == OVERRIDES:
            yield from (partial(_apply_to_override, save=save, term=term) for save in part)
        elif collection == JOURNAL:
            yield partial(_add_pages, saves=part)
        elif collection == POOLS:
            yield from (partial(_apply_to_pool, save=save, term=term) for save in part)
        else:
            yield partial(_apply_to_freeruns, saves=part, term=term)


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
        case SavePool(override):
            return {'text': pool_override.encode(override)}
        case SaveCommand(command):
            return command_progress(command)
        case InsertCommand(command):
            return command_document(command)
        case AddPage(page):
            return page_document(page)
        case SaveContext(context):
            return {'text': led_context.encode(context)}
        case MoveUnit():
            return {'error': save.error}
        case CancelUnit(_, reason, _) | EndLetters(_, reason, _):
            return {'error': reason}
        case RemoveFreerun() | RemoveOverride() | RemovePool() | ArchiveRows():
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
        case SavePool() | RemovePool():
            return POOLS
        case SaveCommand() | InsertCommand():
            return COMMANDS
        case ArchiveRows():
            return JOBS_ARCHIVED
        case AddPage():
            return JOURNAL
        case SaveContext():
            return CONTEXT


def _apply_to_freeruns(chain: Chain, saves: Sequence[Save], term: int) -> None:
    """Write free runs, in order, up to the first that is not at the rev before; see `upsert`."""
    done = bulk(chain.database, FREERUNS, [_freerun(save, term) for save in saves], saves)
    refuse_vanished(done, saves)


def _freerun(save: Save, term: int) -> Operation:
    assert isinstance(save, SaveFreerun | RemoveFreerun)
    freerun = save.freerun
    key: Document = {'process_name': freerun.process, 'entry_name': freerun.entry}
    if isinstance(save, RemoveFreerun):
        return DeleteOne(key)
    return upsert(key, freerun_values(freerun, term), [freerun.changed_at, save.event], term)


def _add_pages(chain: Chain, saves: Sequence[Save]) -> None:
    """Add pages; one whose number somebody else has used is refused, as by any unique key."""
    pages = [InsertOne(page_document(save.page)) for save in saves if isinstance(save, AddPage)]
    bulk(chain.database, JOURNAL, pages, saves)


def _apply_to_command(chain: Chain, save: Save) -> None:
    if isinstance(save, InsertCommand):
        document = command_document(save.command)
        chain.database[COMMANDS].update_one(
            {'_id': save.command.id}, {'$setOnInsert': document}, upsert=True
        )
        return
    assert isinstance(save, SaveCommand)
    operation = UpdateOne(
        {'_id': save.command.id, 'state': {'$in': OPEN_COMMANDS}},
        {'$set': command_progress(save.command)},
    )
    if bulk(chain.database, COMMANDS, [operation], [save]).matched_count != 1:
        raise unmatched(save)


def _apply_to_context(chain: Chain, saves: Sequence[Save], term: int) -> None:
    for save in saves:
        assert isinstance(save, SaveContext)
        rev = save.context.rev
        operation = UpdateOne(
            {'_id': CONTEXT, 'rev': rev - 1, 'term': {'$lte': term}},
            {'$set': {'rev': rev, 'term': term, 'text': led_context.encode(save.context)}},
            upsert=rev == 1,
        )
        saved = bulk(chain.database, CONTEXT, [operation], [save])
        if saved.matched_count != 1 and not saved.upserted_ids:
            raise unmatched(save)


def _apply_to_pool(chain: Chain, save: Save, term: int) -> None:
    if isinstance(save, RemovePool):
        chain.database[POOLS].delete_one({'_id': save.pool})
        return
    assert isinstance(save, SavePool)
    rev, text = save.override.rev, pool_override.encode(save.override)
    operation = UpdateOne(
        {'_id': save.override.pool, 'rev': rev - 1, 'term': {'$lte': term}},
        {'$set': {'rev': rev, 'term': term, 'text': text}},
        upsert=rev == 1,
    )
    saved = bulk(chain.database, POOLS, [operation], [save])
    if saved.matched_count != 1 and not saved.upserted_ids:
        raise unmatched(save)


def _apply_to_override(chain: Chain, save: Save, term: int) -> None:
    if isinstance(save, RemoveOverride):
        chain.database[OVERRIDES].delete_one({'process_name': save.process})
        return
    assert isinstance(save, SaveOverride)
    values = override_values(save.override, term)
    rev = save.override.rev
    # A row of Synergy 2.x has no rev: it is not looked at, and the first save takes its place.
    matching = {'rev': rev - 1, 'term': {'$lte': term}} if rev > 1 else _NO_REV
    operation = UpdateOne(
        {'process_name': save.override.process, **matching}, {'$set': values}, upsert=rev == 1
    )
    saved = bulk(chain.database, OVERRIDES, [operation], [save])
    if saved.matched_count != 1 and not saved.upserted_ids:
        raise unmatched(save)
