"""The saves of units, as conditional updates in few bulks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial

from bson import ObjectId
from pymongo import DeleteOne, InsertOne, UpdateMany, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from synergy.adapters.mongo.bulks import bulk, refused_of, repeated
from synergy.adapters.mongo.chain import Chain, Document, Step
from synergy.adapters.mongo.documents.fields import object_id
from synergy.adapters.mongo.documents.units import unit_document
from synergy.adapters.mongo.names import LIVE, UNITS
from synergy.core.effects import CancelUnit, EndLetters, InsertUnit, MoveUnit, Save, why_unmatched
from synergy.core.records import Unit, UowId, outlived_by, uow_ids_of
from synergy.core.states import UnitState
from synergy.ports.errors import CommitRefused, RefusedSave


def steps_of_units(saves: Sequence[Save]) -> Iterator[Step]:
    """Yield what writes the saves of one stage that are about units, or raises CommitRefused."""
    moves = [save for save in saves if isinstance(save, MoveUnit)]
    cancels = [save for save in saves if isinstance(save, CancelUnit)]
    letters = [save for save in saves if isinstance(save, EndLetters)]
    units = [save.unit for save in saves if isinstance(save, InsertUnit)]
    if cancels:
        yield partial(_apply_cancels, cancels=cancels)
    if letters:
        yield partial(_end_all_letters, letters=letters)
    if moves:
        yield partial(_apply_moves, moves=moves)
    if units:
        yield partial(_insert_units, units=units)


def _apply_cancels(chain: Chain, cancels: Sequence[CancelUnit]) -> None:
    # None of them is ever refused.
    bulk(chain.database, UNITS, [*map(_cancel, cancels)], cancels, ordered=False)


def _end_all_letters(chain: Chain, letters: Sequence[EndLetters]) -> None:
    chain.database[UNITS].bulk_write([*map(_end_letters, letters)], ordered=False)


def _apply_moves(chain: Chain, moves: Sequence[MoveUnit]) -> None:
    moved = bulk(chain.database, UNITS, [*map(_move, moves)], moves)
    if moved.matched_count != len(moves):
        unmoved = _unmoved(chain.confirmed(), moves)
        raise CommitRefused(*(RefusedSave(save, why_unmatched(save)) for save in unmoved))


def steps_of_marks(announced: Mapping[UowId, datetime]) -> Iterator[Step]:
    """Yield what writes when units were announced, if any were.

    Before all moves, for one requested again is not yet announced.
    """
    if announced:
        yield partial(_mark_all, announced=announced)


def _mark_all(chain: Chain, announced: Mapping[UowId, datetime]) -> None:
    by_instant: dict[datetime, list[ObjectId]] = {}
    for uow_id, at in announced.items():
        by_instant.setdefault(at, []).append(ObjectId(uow_id))
    marks = [_mark(ids, at) for at, ids in by_instant.items()]
    units = chain.database[UNITS]
    repeated(lambda: units.bulk_write(marks, ordered=False))


def _insert_units(chain: Chain, units: Sequence[Unit]) -> None:
    try:
        chain.database[UNITS].bulk_write(
            [
                *(InsertOne(unit_document(unit)) for unit in units),
                *(_delete_ended(uow_id) for unit in units for uow_id in outlived_by(unit)),
            ],
            ordered=False,
        )
    except BulkWriteError as error:
        refused = []
        for item in refused_of(error, [InsertUnit(unit) for unit in units]):
            assert isinstance(item.save, InsertUnit)
            is_known = item.why == why_unmatched(item.save)
            if not is_known or not _adopts(chain.database, item.save.unit):
                refused.append(item)
        if refused:
            raise CommitRefused(*refused) from error


def _delete_ended(uow_id: UowId) -> DeleteOne:
    kept = [*LIVE, UnitState.DEAD.value]
    return DeleteOne({'_id': object_id(uow_id), 'state': {'$nin': kept}})


def _adopts(database: Database[Document], unit: Unit) -> bool:
    """Take over a unit that a commit which broke off, or a stray's cancel, has left, if one has."""
    found = database[UNITS].update_one(
        {
            '_id': object_id(unit.id),
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
                    'request_id': _or_removed(unit.request_id),
                }
            },
            {'$set': {'state': UnitState.REQUESTED.value}},
        ],
    )
    return found.matched_count == 1 or _takes_place_of_untouched(database, unit)


def _takes_place_of_untouched(database: Database[Document], unit: Unit) -> bool:
    """Replace one that a commit has left which broke off under an earlier version, if there is one.

    With the id of that time.
    """
    _, earlier = uow_ids_of(unit.key, unit.run)
    untouched = {
        '_id': object_id(earlier),
        'started_at': None,
        '$or': [
            {'state': UnitState.REQUESTED.value, 'fence': 0},
            {'state': UnitState.CANCELED.value},
        ],
    }
    if database[UNITS].delete_one(untouched).deleted_count != 1:
        return False
    database[UNITS].insert_one(unit_document(unit))
    return True


def _or_removed(value: str | None) -> object:
    return '$$REMOVE' if value is None else {'$literal': value}


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
    if move.lost_count is not None:
        values['lost_count'] = move.lost_count
    values['fence'] = _fence_after(move)
    return UpdateOne(
        {
            '_id': object_id(move.uow_id),
            'state': move.from_state.value,
            'fence': move.from_fence,
        },
        {'$set': values},
    )


def _fence_after(move: MoveUnit) -> int:
    return move.from_fence + int(move.raises_fence)


def _unmoved(database: Database[Document], moves: Sequence[MoveUnit]) -> Sequence[MoveUnit]:
    """Return the moves that did not take place, as far as can be told afterwards."""
    ids = [object_id(move.uow_id) for move in moves]
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
        {'_id': object_id(save.uow_id), 'state': {'$in': LIVE}},
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


def _end_letters(save: EndLetters) -> UpdateMany:
    where = {
        'process_name': save.key.process,
        'timeperiod': str(save.key.timeperiod),
        'state': UnitState.DEAD.value,
        'run': {'$ne': save.but},
    }
    said = {'$cond': [{'$eq': ['$error', None]}, '', {'$concat': ['$error', '; ']}]}
    error = {'$concat': [said, {'$literal': save.reason}]}
    ended = {'state': UnitState.CANCELED.value, 'error': error}
    return UpdateMany(where, [{'$set': ended}])


def _mark(ids: Sequence[ObjectId], at: datetime) -> UpdateMany:
    where = {'_id': {'$in': ids}, 'state': UnitState.REQUESTED.value}
    return UpdateMany(where, {'$set': {'submitted_at': at}})
