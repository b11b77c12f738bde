"""The saves of a commit as conditional updates, in few bulks: one per kind of row.

A bulk is one request to the primary, which waits for the majority once. The kinds follow one
another as `synergy.core.effects.in_stages` says and explains; a commit that breaks off in between
leaves what the next leader repairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final, TypeAlias

import bson
from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pymongo.results import BulkWriteResult
from pymongo.write_concern import WriteConcern

from synergy.adapters.mongo import documents
from synergy.adapters.mongo.documents import JOB_COLLECTION, Document
from synergy.core.commands import OPEN_COMMAND_STATES
from synergy.core.effects import (
    CancelUnit,
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
from synergy.core.led_context import encode
from synergy.core.records import Unit, UowId, outlived_by
from synergy.core.states import LIVE_UNIT_STATES, UnitState
from synergy.ports.errors import CommitRefused, RefusedSave

Operation: TypeAlias = 'InsertOne[Document] | UpdateOne | DeleteOne'

#: Events that a job keeps. Source: Synergy 2.x.
EVENTS_PER_JOB_MAX: Final = 128
LIVE: Final = [state.value for state in LIVE_UNIT_STATES]
OPEN_COMMANDS: Final = [state.value for state in OPEN_COMMAND_STATES]
UNITS: Final = 'unit_of_work'
FREERUNS: Final = 'freerun_process'
OVERRIDES: Final = 'managed_process'
COMMANDS: Final = 'command'
#: Collection of the context that is led, and id of its one document.
CONTEXT: Final = 'led_context'
DUPLICATE_KEY: Final = 11000
_NO_REV: Final[Document] = {'rev': {'$exists': False}}


#: What the server says of one document and not of itself: of a wrong value, type, name or size, of
#: a validator or of a unique key. Source: MongoDB, error_codes.yml.
_OF_THE_DOCUMENT: Final = frozenset(
    {DUPLICATE_KEY, 2, 9, 14, 28, 52, 55, 56, 57, 121, 10334, 17280, 17419, 17420}
)
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
    _apply_marks(database, announced)
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
            _apply_to_units(database, part)
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
            return documents.unit_document(unit)
        case SaveJob(job, event):
            return {**documents.job_values(job, term), 'event': event}
        case SaveFreerun(freerun, event):
            return {**documents.freerun_values(freerun, term), 'event': event}
        case SaveOverride(override):
            return documents.override_values(override, term)
        case SaveCommand(command):
            return documents.command_progress(command)
        case InsertCommand(command):
            return documents.command_document(command)
        case SaveContext(context):
            return {'text': encode(context)}
        case MoveUnit():
            return {'error': save.error}
        case CancelUnit(_, reason, _):
            return {'error': reason}
        case RemoveFreerun() | RemoveOverride():
            return {}


def _refused_of(error: BulkWriteError, saves: Sequence[Save]) -> list[RefusedSave]:
    """Return which saves of a bulk the server refused for what they are; re-raise other errors."""
    details: Mapping[str, Any] = error.details or {}
    failed = details.get('writeErrors', [])
    others = [
        item
        for item in failed
        if item.get('code') not in _OF_THE_DOCUMENT or int(item['index']) >= len(saves)
    ]
    if others or details.get('writeConcernErrors') or not failed:
        raise error
    return [
        RefusedSave(saves[int(item['index'])], _why(saves[int(item['index'])], item))
        for item in failed
    ]


def _why(save: Save, failed: Mapping[str, Any]) -> str:
    if failed.get('code') == DUPLICATE_KEY:
        return why_unmatched(save)
    return f'cannot be stored ({failed.get("errmsg")})'


def _unmatched(save: Save) -> CommitRefused:
    return CommitRefused(RefusedSave(save, why_unmatched(save)))


def _collection(save: Save) -> str:
    match save:
        case InsertUnit() | MoveUnit() | CancelUnit():
            return UNITS
        case SaveJob(job, _):
            return JOB_COLLECTION[job.timeperiod.qualifier]
        case SaveFreerun() | RemoveFreerun():
            return FREERUNS
        case SaveOverride() | RemoveOverride():
            return OVERRIDES
        case SaveCommand() | InsertCommand():
            return COMMANDS
        case SaveContext():
            return CONTEXT


def _apply_marks(database: Database[Document], announced: Mapping[UowId, datetime]) -> None:
    """Write when units were announced; before all moves, for one requested again is not yet.

    Without waiting for a majority: a mark that a fail-over loses costs one more ring.
    """
    if announced:
        units = database.get_collection(UNITS, write_concern=WriteConcern(1))
        units.bulk_write([_mark(uow_id, at) for uow_id, at in announced.items()], ordered=False)


def _apply_to_units(database: Database[Document], saves: Sequence[Save]) -> None:
    moves = [save for save in saves if isinstance(save, MoveUnit)]
    cancels = [save for save in saves if isinstance(save, CancelUnit)]
    units = [save.unit for save in saves if isinstance(save, InsertUnit)]
    if cancels:
        # None of them is ever refused.
        _bulk(database, UNITS, [*map(_cancel, cancels)], cancels, ordered=False)
    if moves:
        moved = _bulk(database, UNITS, [_move(save) for save in moves], moves)
        if moved.matched_count != len(moves):
            unmoved = _unmoved(database, moves)
            raise CommitRefused(*(RefusedSave(save, why_unmatched(save)) for save in unmoved))
    if units:
        _insert_units(database, units)


def _insert_units(database: Database[Document], units: Sequence[Unit]) -> None:
    try:
        database[UNITS].bulk_write(
            [
                *(InsertOne(documents.unit_document(unit)) for unit in units),
                *map(_delete_ended, filter(None, map(outlived_by, units))),
            ],
            ordered=False,
        )
    except BulkWriteError as error:
        refused = []
        for item in _refused_of(error, [InsertUnit(unit) for unit in units]):
            assert isinstance(item.save, InsertUnit)
            is_known = item.why == why_unmatched(item.save)
            if not is_known or not _adopts(database, item.save.unit):
                refused.append(item)
        if refused:
            raise CommitRefused(*refused) from error


def _bulk(
    database: Database[Document],
    collection: str,
    operations: Sequence[Operation],
    saves: Sequence[Save],
    *,
    ordered: bool = True,
) -> BulkWriteResult:
    """Execute one operation for each save; raise CommitRefused for what the server refuses."""
    try:
        return database[collection].bulk_write(operations, ordered=ordered)
    except BulkWriteError as error:
        raise CommitRefused(*_refused_of(error, saves)) from error


def _delete_ended(uow_id: UowId) -> DeleteOne:
    kept = [*LIVE, UnitState.DEAD.value]
    return DeleteOne({'_id': documents.object_id(uow_id), 'state': {'$nin': kept}})


def _adopts(database: Database[Document], unit: Unit) -> bool:
    """Take over a unit that a commit which broke off, or a stray's cancel, has left, if one has."""
    found = database[UNITS].update_one(
        {
            '_id': documents.object_id(unit.id),
            '$or': [
                {'state': UnitState.REQUESTED.value, 'fence': 0, 'run': unit.run},
                {'state': UnitState.CANCELED.value, 'started_at': None},
            ],
        },
        [
            {
                '$set': {
                    'fence': {
                        '$cond': [
                            {'$eq': ['$state', UnitState.CANCELED.value]},
                            {'$add': ['$fence', 1]},
                            '$fence',
                        ]
                    },
                    'not_before': _unless_requested('$not_before'),
                    'submitted_at': _unless_requested('$submitted_at'),
                    'error': None,
                    'finished_at': None,
                }
            },
            {'$set': {'state': UnitState.REQUESTED.value}},
        ],
    )
    return found.matched_count == 1


def _unless_requested(field: str) -> Document:
    return {'$cond': [{'$eq': ['$state', UnitState.REQUESTED.value]}, field, None]}


def _move(move: MoveUnit) -> UpdateOne:
    values: Document = {'state': move.to_state.value, 'error': move.error, 'lease_until': None}
    if move.to_state is UnitState.REQUESTED:
        values |= {'not_before': move.not_before, 'owner': None, 'submitted_at': None}
        if move.attempt is not None:
            values['attempt'] = move.attempt
    else:
        values['finished_at'] = move.at
    values['fence'] = _fence_after(move)
    return UpdateOne(
        {
            '_id': documents.object_id(move.uow_id),
            'state': move.from_state.value,
            'fence': move.from_fence,
        },
        {'$set': values},
    )


def _fence_after(move: MoveUnit) -> int:
    return move.from_fence + int(move.raises_fence)


def _unmoved(database: Database[Document], moves: Sequence[MoveUnit]) -> Sequence[MoveUnit]:
    """Return the moves that did not take place, as far as one can tell afterwards."""
    ids = [documents.object_id(move.uow_id) for move in moves]
    found = {
        UowId(str(item['_id'])): (item['state'], item['fence'])
        for item in database[UNITS].find({'_id': {'$in': ids}}, {'state': 1, 'fence': 1})
    }
    return [
        move
        for move in moves
        if found.get(move.uow_id) != (move.to_state.value, _fence_after(move))
    ] or moves[-1:]


def _cancel(save: CancelUnit) -> UpdateOne:
    return UpdateOne(
        {'_id': documents.object_id(save.uow_id), 'state': {'$in': LIVE}},
        {
            '$set': {
                'state': UnitState.CANCELED.value,
                'error': save.reason,
                'finished_at': save.at,
                'lease_until': None,
            },
            '$inc': {'fence': 1},
        },
    )


def _mark(uow_id: UowId, at: datetime) -> UpdateOne:
    return UpdateOne(
        {'_id': documents.object_id(uow_id), 'state': UnitState.REQUESTED.value},
        {'$set': {'submitted_at': at}},
    )


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
    done = _bulk(database, collection, operations, saves)
    vanished = [index for index in done.upserted_ids or {} if _rev(saves[index]) != 1]
    if vanished:
        raise CommitRefused(
            *(RefusedSave(saves[index], why_unmatched(saves[index])) for index in vanished)
        )


def _revision(save: Save, term: int, *, is_inserted: bool) -> Operation:
    match save:
        case SaveJob(job, event):
            key: Document = {'process_name': job.process, 'timeperiod': str(job.timeperiod)}
            values = documents.job_values(job, term)
            line = [job.changed_at, event]
        case SaveFreerun(freerun, event):
            key = {'process_name': freerun.process, 'entry_name': freerun.entry}
            values = documents.freerun_values(freerun, term)
            line = [freerun.changed_at, event]
        case RemoveFreerun(freerun):
            return DeleteOne({'process_name': freerun.process, 'entry_name': freerun.entry})
        case _:
            raise AssertionError(f'{save} has no revision')
    if is_inserted:
        return InsertOne({**key, **values, 'event_log': [line]})
    return _upsert(key, values, line)


def _upsert(key: Document, values: Document, line: list[Any]) -> UpdateOne:
    rev, term = values['rev'], values['term']
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
        case SaveJob(job, _):
            return job.rev
        case SaveFreerun(freerun, _):
            return freerun.rev
        case _:
            return 1


def _apply_to_commands(database: Database[Document], saves: Sequence[Save]) -> None:
    for save in saves:
        if isinstance(save, InsertCommand):
            document = documents.command_document(save.command)
            database[COMMANDS].update_one(
                {'_id': save.command.id}, {'$setOnInsert': document}, upsert=True
            )
            continue
        assert isinstance(save, SaveCommand)
        operation = UpdateOne(
            {'_id': save.command.id, 'state': {'$in': OPEN_COMMANDS}},
            {'$set': documents.command_progress(save.command)},
        )
        if _bulk(database, COMMANDS, [operation], [save]).matched_count != 1:
            raise _unmatched(save)


def _apply_to_context(database: Database[Document], saves: Sequence[Save], term: int) -> None:
    for save in saves:
        assert isinstance(save, SaveContext)
        rev = save.context.rev
        operation = UpdateOne(
            {'_id': CONTEXT, 'rev': rev - 1, 'term': {'$lte': term}},
            {'$set': {'rev': rev, 'term': term, 'text': encode(save.context)}},
            upsert=rev == 1,
        )
        saved = _bulk(database, CONTEXT, [operation], [save])
        if saved.matched_count != 1 and not saved.upserted_ids:
            raise _unmatched(save)


def _apply_to_overrides(database: Database[Document], saves: Sequence[Save], term: int) -> None:
    for save in saves:
        if isinstance(save, RemoveOverride):
            database[OVERRIDES].delete_one({'process_name': save.process})
            continue
        assert isinstance(save, SaveOverride)
        values = documents.override_values(save.override, term)
        rev = save.override.rev
        # A row of Synergy 2.x has no rev: it is not looked at, and the first save takes its place.
        matching = {'rev': rev - 1, 'term': {'$lte': term}} if rev > 1 else _NO_REV
        operation = UpdateOne(
            {'process_name': save.override.process, **matching}, {'$set': values}, upsert=rev == 1
        )
        saved = _bulk(database, OVERRIDES, [operation], [save])
        if saved.matched_count != 1 and not saved.upserted_ids:
            raise _unmatched(save)
