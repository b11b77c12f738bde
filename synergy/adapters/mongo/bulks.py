"""One bulk of a commit, and what the server refuses of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from pymongo import DeleteOne, InsertOne, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError
from pymongo.results import BulkWriteResult

from synergy.adapters.mongo.connection import DUPLICATE_KEY, Document
from synergy.core.effects import Save, why_unmatched
from synergy.ports.errors import CommitRefused, RefusedSave

Operation: TypeAlias = 'InsertOne[Document] | UpdateOne | DeleteOne'
#: What the server says of one document and not of itself: of a wrong value, type, name or size, of
#: a validator or of a unique key. Source: MongoDB, error_codes.yml.
_OF_THE_DOCUMENT: Final = frozenset(
    {DUPLICATE_KEY, 2, 9, 14, 28, 52, 55, 56, 57, 121, 10334, 17280, 17419, 17420}
)


def bulk(
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
        raise CommitRefused(*refused_of(error, saves)) from error


def refused_of(error: BulkWriteError, saves: Sequence[Save]) -> list[RefusedSave]:
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


def unmatched(save: Save) -> CommitRefused:
    """Return the refusal of a save that matched nothing."""
    return CommitRefused(RefusedSave(save, why_unmatched(save)))


def _why(save: Save, failed: Mapping[str, Any]) -> str:
    if failed.get('code') == DUPLICATE_KEY:
        return why_unmatched(save)
    return f'cannot be stored ({failed.get("errmsg")})'
