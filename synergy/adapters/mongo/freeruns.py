"""Free runs in MongoDB, their units and their history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import ASCENDING, DESCENDING

from synergy.adapters.mongo.collections import WITHOUT_EVENTS, MongoCollections, later
from synergy.adapters.mongo.connection import DECODING, Document
from synergy.adapters.mongo.documents.fields import object_id
from synergy.adapters.mongo.documents.processes import freerun_of
from synergy.adapters.mongo.history import newest_events
from synergy.adapters.mongo.names import FREERUNS, TYPE_FREERUN
from synergy.adapters.mongo.units import unit_page
from synergy.core.freerun_record import Freerun
from synergy.core.records import JobEvent, ProcessName, Unit
from synergy.core.states import UnitState

#: Pages look at all of them each time, and few have changed since.
_FREERUNS_KEPT: Final = 16_384
_AS_BYTES: Final = DECODING.with_options(document_class=RawBSONDocument)


class MongoFreeruns:
    """The role `FreerunReader`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def freeruns(self) -> Sequence[Freerun]:
        """Return every free run, by name."""
        order = [('process_name', ASCENDING), ('entry_name', ASCENDING)]
        with self._connection.reaching():
            found = self._connection.database.get_collection(FREERUNS, _AS_BYTES).find(
                {}, WITHOUT_EVENTS, sort=order, session=self._connection.session
            )
            return [*self._collections.decoded(FREERUNS, _freerun_of, found)]

    def freerun(self, name: ProcessName) -> Freerun | None:
        """Return one free run."""
        process, _, entry = name.partition('::')
        where = {'process_name': process, 'entry_name': entry}
        with self._connection.reaching():
            found = self._connection.database[FREERUNS].find(
                where, WITHOUT_EVENTS, session=self._connection.session
            )
            return next(iter(self._collections.decoded(FREERUNS, freerun_of, found)), None)

    def freerun_events(self, name: ProcessName, limit: int) -> Sequence[JobEvent]:
        """Return a free run's newest events, newest first."""
        process, _, entry = name.partition('::')
        return newest_events(
            self._collections, FREERUNS, {'process_name': process, 'entry_name': entry}, limit
        )

    def freerun_units(self, name: ProcessName, limit: int) -> Sequence[Unit]:
        """Return the newest units of a free run, newest first."""
        order = [('timeperiod', DESCENDING), ('run', DESCENDING)]
        return unit_page(self._collections, {'process_name': name}, order, limit)

    def ended_freerun_units(
        self,
        since: datetime,
        states: Collection[UnitState],
        limit: int,
        after: Unit | None = None,
    ) -> Sequence[Unit]:
        """Return units of all free runs that ended since, those that ended last first."""
        where: Document = {
            'unit_of_work_type': TYPE_FREERUN,
            'finished_at': {'$gte': since},
            'state': {'$in': [state.value for state in states]},
        }
        if after is not None:
            where |= later('finished_at', after.finished_at, object_id(after.id))
        return unit_page(
            self._collections, where, [('finished_at', DESCENDING), ('_id', ASCENDING)], limit
        )


def _freerun_of(document: Any) -> Freerun:
    """Return the free run of a document that was read as its bytes."""
    return _freerun_of_bytes(document.raw)


@lru_cache(maxsize=_FREERUNS_KEPT)
def _freerun_of_bytes(document: bytes) -> Freerun:
    """Return the free run of a document; of an equal document the same one."""
    return freerun_of(bson.decode(document, DECODING))
