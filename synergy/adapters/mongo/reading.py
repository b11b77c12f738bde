"""What status, pages, decisions and `verify` read from MongoDB: one query per question.

A document that somebody edited into something illegal is reported once, by name and field, and
left out; the job of such a document counts as running, so that nothing starts it and what waits
for it goes on waiting until somebody fixes the document.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from heapq import merge
from itertools import islice
from typing import Any, Final, TypeVar

from pymongo import ASCENDING, DESCENDING

from synergy.adapters.mongo import documents
from synergy.adapters.mongo.connection import MongoConnection
from synergy.adapters.mongo.documents import (
    JOB_COLLECTION,
    QUALIFIER_BY_COLLECTION,
    Document,
    Malformed,
)
from synergy.adapters.mongo.saves import (
    COMMANDS,
    CONTEXT,
    FREERUNS,
    LIVE,
    OPEN_COMMANDS,
    OVERRIDES,
    UNITS,
)
from synergy.core.bounded import shortened
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.freerun_record import Freerun
from synergy.core.led_context import LedContext, decode
from synergy.core.records import (
    IndexCopy,
    Job,
    JobEvent,
    Leadership,
    LogLine,
    Override,
    ProcessName,
    Unit,
    UowId,
)
from synergy.core.standing import Standing, decoded
from synergy.core.states import FINAL_JOB_STATES, JobState, UnitState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod, parse
from synergy.core.timetable import IndexRow
from synergy.ports.rows import IllegalRow, Rows, instant, malformed
from synergy.ports.rows import said as said_text
from synergy.ports.store import EndedRun, JobChange, JobFilter

T = TypeVar('T')

LEADERSHIP: Final = 'leadership'
LEADER: Final = 'scheduler'
#: Collection of the copy of the dense index, and id of the document that dates it.
INDEX: Final = 'index_copy'
_OPEN: Final = [state.value for state in JobState if state not in FINAL_JOB_STATES]
_STATE_BY_VALUE: Final = {state.value: state for state in JobState}
_BY_KEY: Final = [('process_name', ASCENDING), ('timeperiod', ASCENDING)]
_BY_CHANGE: Final = [('changed_at', ASCENDING), *_BY_KEY]
_WITHOUT_EVENTS: Final = {'event_log': 0}
_BATCH: Final = 5000
#: A page is filled up behind illegal documents by so many more reads, each of twice as many.
_REFILLS_MAX: Final = 12


class MongoReading:
    """The reading half of the store."""

    def __init__(self, connection: MongoConnection) -> None:
        """Read through an open connection."""
        self._connection = connection
        self._database = connection.database
        self._rows = Rows(connection.place)

    def illegal_rows(self) -> Sequence[IllegalRow]:
        """Return the documents that could not be read since the last `forget_illegal_rows`."""
        return self._rows.met

    def forget_illegal_rows(self) -> None:
        """Forget which documents could not be read."""
        self._rows.forget()

    # Ledger

    def index_rows(self, since: datetime | None = None) -> Iterator[IndexRow]:
        """Yield (process, timeperiod, state) of every job row, or of those changed since."""
        where = {} if since is None else {'changed_at': {'$gte': since}}
        yield from merge(
            *(
                self._index_rows(qualifier, collection, where)
                for qualifier, collection in JOB_COLLECTION.items()
            )
        )

    def index_copy(self) -> IndexCopy | None:
        """Return the copy of the dense index that was saved last."""
        with self._connection.reaching():
            dated = self._database[INDEX].find_one({'_id': INDEX})
            # After its date: pages may be newer than it says, never older.
            found = [*self._database[INDEX].find({'_id': {'$ne': INDEX}})]
        if dated is None:
            return None
        try:
            pages = [documents.page_of(document) for document in found]
            return IndexCopy(as_of=documents.as_of(dated), pages=tuple(pages))
        except Malformed as error:
            self._report(INDEX, dated, str(error))
            return None

    def _index_rows(
        self, qualifier: Qualifier, collection: str, where: Document
    ) -> Iterator[IndexRow]:
        fields = ['process_name', 'timeperiod', 'state', 'rev', 'run']
        for document in self._stream(collection, where, fields):
            process, text = document.get('process_name'), document.get('timeperiod')
            try:
                timeperiod = parse(qualifier, text if isinstance(text, str) else shortened(text))
            except ValueError as error:
                self._report(collection, document, f"field 'timeperiod': {error!s:.200}")
                continue
            if not isinstance(process, str):
                self._report(collection, document, malformed('process_name', process, 'a text'))
                continue
            said = document.get('state')
            state = _STATE_BY_VALUE.get(said) if isinstance(said, str) else None
            field = next(
                (name for name in ('rev', 'run') if not isinstance(document.get(name), int)), None
            )
            if state is None or field is not None:
                field = 'state' if state is None else field
                shown = shortened(document.get(field or ''))
                self._report(collection, document, f'field {field!r} is {shown}')
                state = JobState.IN_PROGRESS
            yield ProcessName(process), timeperiod, state

    def open_jobs(self) -> Sequence[Job]:
        """Return every job row that is not final."""
        return self._jobs({'state': {'$in': _OPEN}})

    def jobs(self, keys: Collection[JobKey]) -> Mapping[JobKey, Job]:
        """Return the rows that exist among `keys`."""
        wanted: dict[str, dict[ProcessName, list[str]]] = {}
        for process, timeperiod in keys:
            if timeperiod.qualifier in JOB_COLLECTION:
                by_process = wanted.setdefault(JOB_COLLECTION[timeperiod.qualifier], {})
                by_process.setdefault(process, []).append(str(timeperiod))
        found: dict[JobKey, Job] = {}
        for collection, by_process in wanted.items():
            where = [
                {'process_name': process, 'timeperiod': {'$in': timeperiods}}
                for process, timeperiods in by_process.items()
            ]
            found |= {job.key: job for job in self._jobs({'$or': where}, collection)}
        return found

    def units(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Unit]:
        """Return the units that exist among `uow_ids`."""
        ids = [found for uow_id in uow_ids if (found := documents.object_id(uow_id)) is not None]
        if not ids:
            return {}
        return {unit.id: unit for unit in self._units({'_id': {'$in': ids}})}

    def live_units(self, limit: int | None = None) -> Sequence[Unit]:
        """Return units that somebody still has to act on, those that run longest first."""
        order = [(name, ASCENDING) for name in ('state', 'started_at', 'created_at', '_id')]
        return self._unit_page({'state': {'$in': LIVE}}, order, limit or 0)

    def store_now(self) -> datetime:
        """Return the present instant of the clock by which leases are judged."""
        return self._connection.store_now()

    def open_commands(self, limit: int) -> Sequence[Command]:
        """Return commands that have not ended, oldest first."""
        order = [('created_at', ASCENDING), ('_id', ASCENDING)]
        return self._commands({'state': {'$in': OPEN_COMMANDS}}, order, limit)

    # Commands

    def command(self, command_id: CommandId) -> Command | None:
        """Return one command."""
        found = self._commands({'_id': command_id}, [('_id', ASCENDING)], 1)
        return found[0] if found else None

    # Reader

    def find_jobs(self, where: JobFilter, limit: int, after: JobKey | None = None) -> Sequence[Job]:
        """Return at most `limit` job rows, by process and timeperiod."""
        query = _query(where, after)
        with self._connection.reaching():
            found = [
                self._page(
                    name,
                    self._job_of(name),
                    query,
                    order=_BY_KEY,
                    fields=_WITHOUT_EVENTS,
                    limit=limit,
                )
                for name in JOB_COLLECTION.values()
            ]
        return list(
            islice(merge(*found, key=lambda job: (job.process, str(job.timeperiod))), limit)
        )

    def changed_jobs(
        self, since: datetime, limit: int, after: JobChange | None = None
    ) -> Sequence[JobChange]:
        """Return at most `limit` job rows changed at `since` or later, in the order of change."""
        start = since if after is None else after.changed_at
        where: Document = {'changed_at': {'$gte': start}}
        if after is not None:
            where['$nor'] = [
                {
                    'changed_at': start,
                    '$or': [
                        {'process_name': {'$lt': after.key.process}},
                        {
                            'process_name': after.key.process,
                            'timeperiod': {'$lte': str(after.key.timeperiod)},
                        },
                    ],
                }
            ]
        with self._connection.reaching():
            found = [
                self._page(
                    name,
                    self._job_of(name),
                    where,
                    order=_BY_CHANGE,
                    fields=_WITHOUT_EVENTS,
                    limit=limit,
                )
                for name in JOB_COLLECTION.values()
            ]
        return [JobChange.of(job) for job in islice(merge(*found, key=_change_of), limit)]

    def count_jobs(self) -> Mapping[tuple[ProcessName, JobState], int]:
        """Return the number of job rows per process and state."""
        counts: dict[tuple[ProcessName, JobState], int] = {}
        for item in self._counted({}, {'process': '$process_name', 'state': '$state'}):
            state = _STATE_BY_VALUE.get(_text(item['_id'].get('state')))
            if state is not None and isinstance(item['_id'].get('process'), str):
                counts[ProcessName(item['_id']['process']), state] = item['count']
        return counts

    def request_progress(self, command_id: CommandId) -> Mapping[JobState, int]:
        """Return in which states the jobs stand that a request has reset."""
        counts: dict[JobState, int] = {}
        for item in self._counted({'request_id': command_id}, {'state': '$state'}):
            state = _STATE_BY_VALUE.get(_text(item['_id'].get('state')))
            if state is not None:
                counts[state] = counts.get(state, 0) + item['count']
        return counts

    def _counted(self, where: Document, by: Document) -> Iterator[Document]:
        pipeline = [{'$match': where}, {'$group': {'_id': by, 'count': {'$sum': 1}}}]
        with self._connection.reaching():
            for collection in JOB_COLLECTION.values():
                yield from self._database[collection].aggregate(pipeline)

    def runs(self, key: JobKey) -> Sequence[Unit]:
        """Return all units of a job, by run."""
        where = {'process_name': key.process, 'timeperiod': str(key.timeperiod)}
        return list(self._units(where, [('run', ASCENDING)]))

    def all_units(self) -> Iterable[Unit]:
        """Yield every unit, by process, timeperiod and run."""
        return self._units({}, [*_BY_KEY, ('run', ASCENDING)])

    def log(self, uow_id: UowId) -> Sequence[LogLine]:
        """Return a unit's log, oldest line first."""
        with self._connection.reaching():
            parts = list(self._connection.logs().find({'parent_object_id': uow_id}))
        # The part written with the end of an attempt, whose id is a text, comes last.
        parts.sort(key=_place_of_part)
        found = self._rows.decoded(
            'log_recording', lambda _: f'of unit {uow_id}', documents.log_lines_of, parts
        )
        return [line for part in found for line in part]

    def events(self, key: JobKey, limit: int) -> Sequence[JobEvent]:
        """Return a job's newest events, newest first."""
        collection = JOB_COLLECTION.get(key.timeperiod.qualifier)
        if collection is None:
            return []
        where = {'process_name': key.process, 'timeperiod': str(key.timeperiod)}
        return self._events(collection, where, limit)

    def freerun_events(self, name: ProcessName, limit: int) -> Sequence[JobEvent]:
        """Return a free run's newest events, newest first."""
        process, _, entry = name.partition('::')
        return self._events(FREERUNS, {'process_name': process, 'entry_name': entry}, limit)

    def _events(self, collection: str, where: Document, limit: int) -> list[JobEvent]:
        with self._connection.reaching():
            found = self._database[collection].find_one(where, {'event_log': 1})
        events = (found or {}).get('event_log')
        listed = events[:limit] if isinstance(events, list) else []
        name = f'history of {" ".join(map(str, where.values()))}'
        return list(self._rows.decoded(collection, lambda _: name, _event_of, listed))

    def freeruns(self) -> Sequence[Freerun]:
        """Return every free run, by name."""
        order = [('process_name', ASCENDING), ('entry_name', ASCENDING)]
        with self._connection.reaching():
            found = self._database[FREERUNS].find({}, _WITHOUT_EVENTS).sort(order)
            return [*self._decoded(FREERUNS, documents.freerun_of, found)]

    def led_context(self) -> LedContext | None:
        """Return the context that the store was last led with."""
        with self._connection.reaching():
            found = self._database[CONTEXT].find_one({'_id': CONTEXT})
        if found is None:
            return None
        try:
            return decode(found['text'])
        except (ValueError, TypeError, KeyError) as error:
            self._report(CONTEXT, found, str(error))
            rev = found.get('rev')
            return LedContext(rev=rev if isinstance(rev, int) else 0)

    def rows_by_level(self) -> Mapping[ProcessName, Mapping[Qualifier, int]]:
        """Return how many job rows each process has at each level."""
        found: dict[ProcessName, dict[Qualifier, int]] = {}
        pipeline: list[Document] = [{'$group': {'_id': '$process_name', 'count': {'$sum': 1}}}]
        with self._connection.reaching():
            for qualifier, collection in JOB_COLLECTION.items():
                for item in self._database[collection].aggregate(pipeline):
                    found.setdefault(ProcessName(str(item['_id'])), {})[qualifier] = item['count']
        return found

    def overrides(self) -> Sequence[Override]:
        """Return what operators have changed of managed processes, by name."""
        # Rows of Synergy 2.x have no rev, and have never held over context.py.
        where: Document = {'rev': {'$exists': True}}
        with self._connection.reaching():
            found = self._database[OVERRIDES].find(where).sort('process_name', ASCENDING)
            return [*self._decoded(OVERRIDES, documents.override_of, found)]

    def freerun_units(self, name: ProcessName, limit: int) -> Sequence[Unit]:
        """Return the newest units of a free run, newest first."""
        order = [('timeperiod', DESCENDING), ('run', DESCENDING)]
        return self._unit_page({'process_name': name}, order, limit)

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
            return self._page(
                UNITS,
                documents.ended_run_of,
                where,
                order=order,
                fields=documents.ENDED_RUN_FIELDS,
                limit=limit,
            )

    def ended_freerun_units(
        self,
        since: datetime,
        states: Collection[UnitState],
        limit: int,
        after: Unit | None = None,
    ) -> Sequence[Unit]:
        """Return units of all free runs that ended since, those that ended last first."""
        where: Document = {
            'unit_of_work_type': documents.TYPE_FREERUN,
            'finished_at': {'$gte': since},
            'state': {'$in': [state.value for state in states]},
        }
        if after is not None:
            where |= _later('finished_at', after.finished_at, documents.object_id(after.id))
        return self._unit_page(where, [('finished_at', DESCENDING), ('_id', ASCENDING)], limit)

    def dead_units(self, limit: int, after: Unit | None = None) -> Sequence[Unit]:
        """Return dead letters, newest first."""
        where: Document = {'state': UnitState.DEAD.value}
        if after is not None:
            where |= _later('finished_at', after.finished_at, documents.object_id(after.id))
        return self._unit_page(where, [('finished_at', DESCENDING), ('_id', ASCENDING)], limit)

    def leadership(self) -> Leadership | None:
        """Return who leads, or last led."""
        with self._connection.reaching():
            found = self._database[LEADERSHIP].find_one({'_id': LEADER})
        found_ones = [] if found is None else [found]
        return next(self._decoded(LEADERSHIP, documents.leadership_of, found_ones), None)

    def standing(self) -> Standing:
        """Return what the Scheduler that leads, or last led, said of itself."""
        with self._connection.reaching():
            found = self._database[LEADERSHIP].find_one({'_id': LEADER}, {'standing': 1})
        return decoded(None if found is None else found.get('standing'))

    def commands(
        self,
        states: Collection[CommandState],
        limit: int,
        kinds: Collection[CommandKind] | None = None,
        after: Command | None = None,
    ) -> Sequence[Command]:
        """Return commands in `states`, newest first."""
        order = [('created_at', DESCENDING), ('_id', ASCENDING)]
        where: Document = {'state': {'$in': [state.value for state in states]}}
        if kinds is not None:
            where['kind'] = {'$in': [kind.value for kind in kinds]}
        if after is not None:
            where |= _later('created_at', after.created_at, after.id)
        return self._commands(where, order, limit)

    def _jobs(self, where: Document, collection: str | None = None) -> list[Job]:
        names = JOB_COLLECTION.values() if collection is None else (collection,)
        with self._connection.reaching():
            return [
                job
                for name in names
                for job in self._decoded(
                    name, self._job_of(name), self._database[name].find(where, _WITHOUT_EVENTS)
                )
            ]

    def _job_of(self, collection: str) -> Callable[[Document], Job]:
        qualifier = QUALIFIER_BY_COLLECTION[collection]
        return lambda document: documents.job_of(document, qualifier)

    def _units(
        self, where: Document, order: Sequence[tuple[str, int]] = (), limit: int = 0
    ) -> Iterator[Unit]:
        with self._connection.reaching():
            found = self._database[UNITS].find(where, limit=limit, batch_size=_BATCH)
            if order:
                found = found.sort(list(order))
            yield from self._decoded(UNITS, documents.unit_of, found)

    def _commands(
        self, where: Document, order: Sequence[tuple[str, int]], limit: int
    ) -> list[Command]:
        with self._connection.reaching():
            return self._page(COMMANDS, documents.command_of, where, order=order, limit=limit)

    def _stream(
        self, collection: str, where: Document, fields: Sequence[str]
    ) -> Iterator[Document]:
        with self._connection.reaching():
            yield from (
                self._database[collection].find(where, fields, batch_size=_BATCH).sort(_BY_KEY)
            )

    def _decoded(
        self, collection: str, decode: Callable[[Document], T], found: Iterable[Document]
    ) -> Iterator[T]:
        return self._rows.decoded(collection, partial(documents.name_of, collection), decode, found)

    def _page(
        self,
        collection: str,
        decode: Callable[[Document], T],
        where: Document,
        *,
        order: Sequence[tuple[str, int]],
        limit: int,
        fields: Document | Sequence[str] | None = None,
    ) -> list[T]:
        """Return `limit` records, fewer only at the end: illegal documents take no place."""
        found: list[T] = []
        asked, offset = limit, 0
        for _ in range(_REFILLS_MAX):
            cursor = self._database[collection].find(where, fields, skip=offset, limit=asked)
            got = list(cursor.sort(list(order)))
            found += self._decoded(collection, decode, got)
            if limit == 0 or len(found) >= limit or len(got) < asked:
                break
            offset += len(got)
            asked *= 2
        return found[:limit] if limit else found

    def _unit_page(
        self, where: Document, order: Sequence[tuple[str, int]], limit: int
    ) -> list[Unit]:
        with self._connection.reaching():
            return self._page(UNITS, documents.unit_of, where, order=order, limit=limit)

    def _report(self, collection: str, document: Mapping[str, Any], problem: object) -> None:
        self._rows.report(collection, documents.name_of(collection, document), problem)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ''


def _place_of_part(part: Document) -> tuple[float, bool, str]:
    at = part.get('created_at')
    seconds = at.timestamp() if isinstance(at, datetime) else 0.0
    return seconds, isinstance(part['_id'], str), str(part['_id'])


def _event_of(event: Any) -> JobEvent:
    at, said = event
    return JobEvent(at=instant('at', at), text=said_text('text', said) or '')


def _query(where: JobFilter, after: JobKey | None) -> Document:
    clauses: list[Document] = []
    if where.processes is not None:
        clauses.append({'process_name': {'$in': list(where.processes)}})
    if where.start is not None:
        clauses.append({'timeperiod': {'$gte': where.start}})
    if where.end is not None:
        clauses.append({'timeperiod': {'$lt': where.end}})
    if where.states is not None:
        clauses.append({'state': {'$in': [state.value for state in where.states]}})
    if where.is_failed:
        skipped = {'state': JobState.SKIPPED.value, 'number_of_failures': {'$gt': 0}}
        clauses.append({'$or': [{'is_held': True}, skipped]})
    if after is not None:
        later = {'process_name': after.process, 'timeperiod': {'$gt': str(after.timeperiod)}}
        clauses.append({'$or': [{'process_name': {'$gt': after.process}}, later]})
    return {'$and': clauses} if clauses else {}


def _change_of(job: Job) -> tuple[datetime, str, str]:
    return job.changed_at, job.process, str(job.timeperiod)


def _later(field: str, at: datetime | None, row_id: Any) -> Document:
    """Return what comes after a row in the order of `field`, falling, and id."""
    return {'$or': [{field: {'$lt': at}}, {field: at, '_id': {'$gt': row_id}}]}
