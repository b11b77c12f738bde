"""Jobs and their history in MongoDB: one collection for each level, or for several of a kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from heapq import merge
from itertools import islice
from typing import Final

from pymongo import ASCENDING

from synergy.adapters.mongo.collections import BY_KEY, WITHOUT_EVENTS, MongoCollections
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.jobs import job_key, job_of, of_level
from synergy.adapters.mongo.history import newest_events
from synergy.adapters.mongo.names import JOB_COLLECTION, JOB_COLLECTIONS, OPEN
from synergy.core.commands import CommandId
from synergy.core.records import Job, JobEvent, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.ports.store import JobChange, JobFilter

STATE_BY_VALUE: Final = {state.value: state for state in JobState}
_BY_CHANGE: Final = [('changed_at', ASCENDING), *BY_KEY]


class MongoJobs:
    """The role `JobReader`."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def open_jobs(self) -> Sequence[Job]:
        """Return every job row that is not final."""
        return self._jobs({'state': {'$in': OPEN}})

    def jobs(self, keys: Collection[JobKey]) -> Mapping[JobKey, Job]:
        """Return the rows that exist among `keys`."""
        wanted: dict[Qualifier, dict[ProcessName, list[str]]] = {}
        for process, timeperiod in keys:
            if timeperiod.qualifier in JOB_COLLECTION:
                by_process = wanted.setdefault(timeperiod.qualifier, {})
                by_process.setdefault(process, []).append(str(timeperiod))
        found: dict[JobKey, Job] = {}
        for level, by_process in wanted.items():
            where = [
                {'process_name': process, 'timeperiod': {'$in': timeperiods}, **of_level(level)}
                for process, timeperiods in by_process.items()
            ]
            found |= {job.key: job for job in self._jobs({'$or': where}, JOB_COLLECTION[level])}
        return found

    def find_jobs(self, where: JobFilter, limit: int, after: JobKey | None = None) -> Sequence[Job]:
        """Return at most `limit` job rows, by process and timeperiod."""
        query = _query(where, after)
        with self._connection.reaching():
            found = [
                self._collections.page(
                    name,
                    partial(job_of, collection=name),
                    query,
                    order=BY_KEY,
                    fields=WITHOUT_EVENTS,
                    limit=limit,
                )
                for name in JOB_COLLECTIONS
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
                self._collections.page(
                    name,
                    partial(job_of, collection=name),
                    where,
                    order=_BY_CHANGE,
                    fields=WITHOUT_EVENTS,
                    limit=limit,
                )
                for name in JOB_COLLECTIONS
            ]
        return [JobChange.of(job) for job in islice(merge(*found, key=_change_of), limit)]

    def count_jobs(self) -> Mapping[tuple[ProcessName, JobState], int]:
        """Return the number of job rows per process and state."""
        counts: dict[tuple[ProcessName, JobState], int] = {}
        for item in self._counted({}, {'process': '$process_name', 'state': '$state'}):
            state = STATE_BY_VALUE.get(_text(item['_id'].get('state')))
            if state is not None and isinstance(item['_id'].get('process'), str):
                counts[ProcessName(item['_id']['process']), state] = item['count']
        return counts

    def request_progress(self, command_id: CommandId) -> Mapping[JobState, int]:
        """Return in which states the jobs stand that a request has reset."""
        counts: dict[JobState, int] = {}
        for item in self._counted({'request_id': command_id}, {'state': '$state'}):
            state = STATE_BY_VALUE.get(_text(item['_id'].get('state')))
            if state is not None:
                counts[state] = counts.get(state, 0) + item['count']
        return counts

    def request_failures(self, command_id: CommandId) -> int:
        """Return how many jobs of a request were skipped after failures."""
        where: Document = {
            'request_id': command_id,
            'state': JobState.SKIPPED.value,
            'number_of_failures': {'$gt': 0},
        }
        return sum(item['count'] for item in self._counted(where, {}))

    def events(self, key: JobKey, limit: int) -> Sequence[JobEvent]:
        """Return a job's newest events, newest first."""
        collection = JOB_COLLECTION.get(key.timeperiod.qualifier)
        if collection is None:
            return []
        return newest_events(self._collections, collection, job_key(key), limit)

    def _counted(self, where: Document, by: Document) -> Iterator[Document]:
        pipeline = [{'$match': where}, {'$group': {'_id': by, 'count': {'$sum': 1}}}]
        with self._connection.reaching():
            for collection in JOB_COLLECTIONS:
                yield from self._connection.database[collection].aggregate(
                    pipeline, session=self._connection.session
                )

    def _jobs(self, where: Document, collection: str | None = None) -> list[Job]:
        names = JOB_COLLECTIONS if collection is None else (collection,)
        with self._connection.reaching():
            return [
                job
                for name in names
                for job in self._collections.decoded(
                    name,
                    partial(job_of, collection=name),
                    self._connection.database[name].find(
                        where, WITHOUT_EVENTS, session=self._connection.session
                    ),
                )
            ]


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


def _text(value: object) -> str:
    return value if isinstance(value, str) else ''
