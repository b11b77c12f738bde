"""One bulk of a commit, what the server refuses of it, and what is repeated when it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

from pymongo import DeleteOne, InsertOne, UpdateMany, UpdateOne
from pymongo.database import Database
from pymongo.errors import AutoReconnect, BulkWriteError, OperationFailure
from pymongo.results import BulkWriteResult

from synergy.adapters.mongo.connection import DUPLICATE_KEY, Document, code_and_text
from synergy.core.effects import Save, why_unmatched
from synergy.ports.errors import CommitRefused, RefusedSave

T = TypeVar('T')
Operation: TypeAlias = 'InsertOne[Document] | UpdateOne | UpdateMany | DeleteOne'
#: What the server says of one document and not of itself: of a wrong value, type, name or size, of
#: a validator or of a unique key. Source: MongoDB, error_codes.yml.
_OF_THE_DOCUMENT: Final = frozenset(
    {DUPLICATE_KEY, 2, 9, 14, 28, 52, 55, 56, 57, 121, 10334, 17280, 17419, 17420}
)
#: After which the driver repeats a write about one document: the primary changes, or the network
#: failed. Source: MongoDB specifications, retryable writes.
_OF_THE_PRIMARY: Final = frozenset(
    {6, 7, 89, 91, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}
)


def repeated(statement: Callable[[], T]) -> T:
    """Execute a statement about many documents; once more if its answer was lost.

    The driver repeats statements about one document, by a number that the server knows; those about
    many it does not. Only for statements that change nothing where they are applied already: their
    counts are then lower, and whoever compares them has to look.
    """
    try:
        return statement()
    except AutoReconnect:
        return statement()
    except OperationFailure as error:
        if code_and_text(error)[0] not in _OF_THE_PRIMARY:
            raise
        return statement()


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
    failed = (error.details or {}).get('writeErrors', [])
    if not is_of_documents(error) or any(int(item['index']) >= len(saves) for item in failed):
        raise error
    return [
        RefusedSave(saves[int(item['index'])], _why(saves[int(item['index'])], item))
        for item in failed
    ]


def is_of_documents(error: BulkWriteError) -> bool:
    """Tell whether the server refused documents for what they are, and nothing else went wrong."""
    details: Mapping[str, Any] = error.details or {}
    failed = details.get('writeErrors', [])
    is_theirs = bool(failed) and all(item.get('code') in _OF_THE_DOCUMENT for item in failed)
    return is_theirs and not details.get('writeConcernErrors')


def unmatched(save: Save) -> CommitRefused:
    """Return the refusal of a save that matched nothing."""
    return CommitRefused(RefusedSave(save, why_unmatched(save)))


def _why(save: Save, failed: Mapping[str, Any]) -> str:
    if failed.get('code') == DUPLICATE_KEY:
        return why_unmatched(save)
    return f'cannot be stored ({failed.get("errmsg")})'
