"""What the readers and writers of all documents share: fields, ids, names of documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

import bson
from bson import ObjectId

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.names import JOB_COLLECTIONS
from synergy.core.records import Json, UowId
from synergy.core.timeperiod import Qualifier, Timeperiod
from synergy.core.trigger import Trigger
from synergy.ports import rows
from synergy.ports.rows import Malformed as Malformed

T = TypeVar('T')


class Fields:
    """The fields of one document, each checked when it is read: all raise Malformed."""

    def __init__(self, document: Document) -> None:
        """Read `document`."""
        self._document = document

    def text(self, name: str) -> str:
        """Return a name or an id."""
        return rows.text(name, self._given(name, 'a text'))

    def text_or_none(self, name: str) -> str | None:
        """Return a name or an id, if there is one."""
        return None if self._document.get(name) is None else self.text(name)

    def said(self, name: str) -> str | None:
        """Return what people or programs said."""
        return rows.said(name, self._document.get(name))

    def number(self, name: str, most: int = rows.COUNT_MAX) -> int:
        """Return a number of things, or of one of them."""
        return rows.count(name, self._given(name, 'a whole number'), most)

    def number_or_0(self, name: str) -> int:
        """Return a number that older documents lack."""
        return self.number(name) if name in self._document else 0

    def switch(self, name: str) -> bool:
        """Return whether something is so."""
        value = self._given(name, 'true or false')
        if not isinstance(value, bool):
            raise rows.malformed(name, value, 'true or false')
        return value

    def instant(self, name: str) -> datetime:
        """Return an instant."""
        return rows.instant(name, self._given(name, 'a date'))

    def instant_or_none(self, name: str) -> datetime | None:
        """Return an instant, if there is one."""
        return None if self._document.get(name) is None else self.instant(name)

    def timeperiod(self, name: str, qualifier: Qualifier) -> Timeperiod:
        """Return an interval."""
        return rows.timeperiod(name, qualifier, self._given(name, 'a text'))

    def trigger(self, name: str) -> Trigger:
        """Return a trigger."""
        return rows.trigger(name, self._given(name, 'a text'))

    def word(self, name: str, words: Callable[[str], T]) -> T:
        """Return the member of an enumeration."""
        return rows.word(name, words, self._given(name, 'a text'))

    def json(self, name: str) -> Mapping[str, Json]:
        """Return a JSON object."""
        value = self._document.get(name)
        return {} if value is None or value == {} else rows.json_object(name, value)

    def _given(self, name: str, expected: str) -> object:
        if name not in self._document:
            raise Malformed(f'field {name!r} is missing, not {expected}')
        return self._document[name]


def name_of(collection: str, document: Mapping[str, Any]) -> str:
    """Return how an illegal document is named: by its key."""
    process = document.get('process_name')
    if collection in JOB_COLLECTIONS:
        return rows.name_of(process, document.get('timeperiod'), joined='@')
    if collection == 'freerun_process':
        return rows.name_of(process, document.get('entry_name'), joined='::')
    if collection == 'box_configuration':
        return rows.name_of(document.get('box_id'), process)
    if collection == 'managed_process':
        return rows.name_of(process)
    found = document.get('_id')
    return rows.name_of(str(found) if isinstance(found, ObjectId) else found)


def json_value(value: Mapping[str, Json]) -> object:
    """Return arguments as a document, or as JSON text where BSON cannot carry them."""
    try:
        bson.encode(value)
    except (bson.errors.InvalidDocument, OverflowError, UnicodeEncodeError):
        return json.dumps(dict(value))
    return dict(value)


def object_id(uow_id: UowId) -> ObjectId | None:
    """Return the id of a unit's document; None when it cannot be one."""
    return ObjectId(uow_id) if ObjectId.is_valid(uow_id) else None
