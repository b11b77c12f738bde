"""Units of work in MongoDB, and their logs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from pymongo import ASCENDING, DESCENDING

from synergy.adapters.mongo.collections import BATCH, BY_KEY, MongoCollections, later
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import object_id
from synergy.adapters.mongo.documents.units import (
    COUNT_FIELD,
    ENDED_RUN_FIELDS,
    LETTER_FIELDS,
    LIVE_RUN_FIELDS,
    ended_run_of,
    letter_of,
    live_run_of,
    log_lines_of,
    unit_of,
)
from synergy.adapters.mongo.names import LIVE, UNITS
from synergy.core.letter_groups import DeadLetter
from synergy.core.records import LogLine, ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.ports.store import Done, EndedRun, LiveRun


class MongoUnits:
    """The role `UnitReader`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def units(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Unit]:
        """Return the units that exist among `uow_ids`."""
        ids = [found for uow_id in uow_ids if (found := object_id(uow_id)) is not None]
        if not ids:
            return {}
        return {unit.id: unit for unit in self._found({'_id': {'$in': ids}})}

    def processed(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Done]:
        """Return which of `uow_ids` are PROCESSED, how much each did, and how long it took."""
        ids = [found for uow_id in uow_ids if (found := object_id(uow_id)) is not None]
        if not ids:
            return {}
        where = {
            '_id': {'$in': ids},
            'state': UnitState.PROCESSED.value,
            COUNT_FIELD: {'$type': ['int', 'long']},
        }
        with self._connection.reaching():
            units = self._connection.database[UNITS].find(
                where,
                (COUNT_FIELD, 'started_at', 'finished_at'),
                batch_size=BATCH,
                session=self._connection.session,
            )
            return {
                UowId(str(unit['_id'])): (int(unit[COUNT_FIELD]), _seconds_of(unit))
                for unit in units
            }

    def live_units(self, limit: int | None = None) -> Sequence[Unit]:
        """Return units that somebody still has to act on, those that run longest first."""
        order = [(name, ASCENDING) for name in ('state', 'started_at', 'created_at', '_id')]
        return unit_page(self._collections, {'state': {'$in': LIVE}}, order, limit or 0)

    def live_runs(self) -> Sequence[LiveRun]:
        """Return how units stand that somebody still has to act on."""
        with self._connection.reaching():
            found = self._connection.database[UNITS].find(
                {'state': {'$in': LIVE}}, LIVE_RUN_FIELDS, batch_size=BATCH
            )
            return list(self._collections.decoded(UNITS, live_run_of, found))

    def runs(self, key: JobKey) -> Sequence[Unit]:
        """Return all units of a job, by run."""
        where = {'process_name': key.process, 'timeperiod': str(key.timeperiod)}
        return list(self._found(where, [('run', ASCENDING)]))

    def all_units(self) -> Iterable[Unit]:
        """Yield every unit, by process, timeperiod and run."""
        return self._found({}, [*BY_KEY, ('run', ASCENDING)])

    def ended_runs(
        self, process: ProcessName, limit: int, before: Timeperiod | None = None
    ) -> Sequence[EndedRun]:
        """Return runs of a process that have ended, of the newest intervals first."""
        where: Document = {
            'process_name': process,
            'state': {'$nin': LIVE},
            'started_at': {'$ne': None},
            'finished_at': {'$ne': None},
        }
        if before is not None:
            where['timeperiod'] = {'$lt': str(before)}
        order = [('timeperiod', DESCENDING), ('run', DESCENDING)]
        with self._connection.reaching():
            return self._collections.page(
                UNITS,
                ended_run_of,
                where,
                order=order,
                fields=ENDED_RUN_FIELDS,
                limit=limit,
            )

    def dead_units(self, limit: int, after: Unit | None = None) -> Sequence[Unit]:
        """Return dead letters, newest first."""
        where: Document = {'state': UnitState.DEAD.value}
        if after is not None:
            where |= later('finished_at', after.finished_at, object_id(after.id))
        return unit_page(
            self._collections, where, [('finished_at', DESCENDING), ('_id', ASCENDING)], limit
        )

    def dead_letters(self, process: ProcessName | None = None) -> Sequence[DeadLetter]:
        """Return dead letters in brief, newest first."""
        where: Document = {'state': UnitState.DEAD.value}
        if process is not None:
            where['process_name'] = process
        with self._connection.reaching():
            return self._collections.page(
                UNITS,
                letter_of,
                where,
                order=[('finished_at', DESCENDING), ('_id', ASCENDING)],
                fields=LETTER_FIELDS,
                limit=0,
            )

    def log(self, uow_id: UowId) -> Sequence[LogLine]:
        """Return a unit's log, oldest line first."""
        with self._connection.reaching():
            parts = list(self._connection.logs().find({'parent_object_id': uow_id}))
        # The part written with the end of an attempt, whose id is a text, comes last.
        parts.sort(key=_place_of_part)
        found = self._collections.rows.decoded(
            'log_recording', lambda _: f'of unit {uow_id}', log_lines_of, parts
        )
        return [line for part in found for line in part]

    def _found(
        self, where: Document, order: Sequence[tuple[str, int]] = (), limit: int = 0
    ) -> Iterator[Unit]:
        with self._connection.reaching():
            found = self._connection.database[UNITS].find(
                where, limit=limit, batch_size=BATCH, session=self._connection.session
            )
            if order:
                found = found.sort(list(order))
            yield from self._collections.decoded(UNITS, unit_of, found)


def unit_page(
    collections: MongoCollections, where: Document, order: Sequence[tuple[str, int]], limit: int
) -> list[Unit]:
    """Return one page of units; limit: 0 for all."""
    with collections.connection.reaching():
        return collections.page(UNITS, unit_of, where, order=order, limit=limit)


def _place_of_part(part: Document) -> tuple[float, bool, str]:
    at = part.get('created_at')
    seconds = at.timestamp() if isinstance(at, datetime) else 0.0
    return seconds, isinstance(part['_id'], str), str(part['_id'])


def _seconds_of(unit: Document) -> float | None:
    """Return how long the last attempt took; None where its instants are none."""
    started, finished = unit.get('started_at'), unit.get('finished_at')
    if isinstance(started, datetime) and isinstance(finished, datetime):
        return (finished - started).total_seconds()
    return None
