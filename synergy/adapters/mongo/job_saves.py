"""The saves of the jobs of one collection, in few statements: those that change alike are one.

Most of what is saved of jobs is alike: at the same rev before, the same state, reason and line of
history after. Each statement is conditional, and how many documents it met is compared with how
many it is about. Where that differs, or the server refuses something, what was not written is
written one by one, which names what is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from pymongo import InsertOne, UpdateMany, UpdateOne
from pymongo.database import Database
from pymongo.errors import BulkWriteError

from synergy.adapters.mongo.bulks import bulk, is_of_documents, repeated
from synergy.adapters.mongo.chain import Chain, Document, Step
from synergy.adapters.mongo.documents.jobs import job_key, job_values, of_level
from synergy.adapters.mongo.names import LEVEL
from synergy.adapters.mongo.revisions import at_rev_before, refuse_vanished, upsert, written
from synergy.core.effects import SaveJob
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, Timeperiod

#: Field of the unit of a job: not the same for any two.
_UNIT: Final = 'related_unit_of_work'
#: By what it is known that a rev was written by this term: no other Scheduler writes in it.
_SAID: Final = ('rev', 'term', 'state', _UNIT)
_IDENTIFYING: Final = dict.fromkeys(('process_name', 'timeperiod', LEVEL, *_SAID), 1)


def steps_of_jobs(collection: str, saves: Sequence[SaveJob], term: int) -> Iterator[Step]:
    """Yield what writes the saves of one level, or raises CommitRefused.

    Rows that are there come first.
    """
    if len({save.job.key for save in saves}) < len(saves):
        # What becomes of a job twice in one commit is written in that order.
        yield partial(_apply_one_by_one, collection=collection, saves=saves, term=term)
        return
    later = [save for save in saves if save.job.rev > 1]
    first = [save for save in saves if save.job.rev <= 1]
    if later:
        yield partial(_apply_later, collection=collection, saves=later, term=term)
    if first:
        yield partial(_insert, collection=collection, saves=first, term=term)


def _insert(chain: Chain, collection: str, saves: Sequence[SaveJob], term: int) -> None:
    inserts = [InsertOne(_first(save, term)) for save in saves]
    bulk(chain.database, collection, inserts, saves, ordered=False)


def _apply_later(chain: Chain, collection: str, saves: Sequence[SaveJob], term: int) -> None:
    if not _is_applied(chain.database, collection, saves, term):
        missing = _missing(chain.confirmed(), collection, saves, term)
        _apply_one_by_one(chain, collection, missing, term)


def _is_applied(
    database: Database[Document], collection: str, saves: Sequence[SaveJob], term: int
) -> bool:
    """Write what is at the rev before; tell whether that was all."""
    changes = [_change(group, term) for group in _alike(saves)]
    jobs = database[collection]
    try:
        done = repeated(lambda: jobs.bulk_write(changes, ordered=False))
    except BulkWriteError as error:
        if is_of_documents(error):
            return False
        raise
    return done.matched_count == len(saves)


def _alike(saves: Sequence[SaveJob]) -> Sequence[Sequence[SaveJob]]:
    """Return the saves in groups that one statement can write: what is written is the same.

    A job that has ended keeps the unit that it had; that one is part of the condition then.
    """
    found: dict[object, list[SaveJob]] = {}
    for save in saves:
        job = save.job
        unit = None if job.state.is_final and save.term is None else job.uow_id
        level = job.timeperiod.qualifier
        same = replace(job, timeperiod=Timeperiod(level, 0), uow_id=unit)
        alike = (same, job.uow_id is None, save.event, save.term)
        found.setdefault(alike, []).append(save)
    return [*found.values()]


def _change(saves: Sequence[SaveJob], term: int) -> UpdateOne | UpdateMany:
    """Return the statement that writes saves which are alike, none but those at the rev before."""
    save = saves[0]
    where = {**_key(save), **at_rev_before(save.job.rev, term)}
    change = written(_values(save, term), _line(save))
    if len(saves) == 1:
        return UpdateOne(where, change)
    where['timeperiod'] = {'$in': [str(each.job.timeperiod) for each in saves]}
    if save.job.uow_id is not None:
        where[_UNIT] = {'$in': [each.job.uow_id for each in saves]}
        del change['$set'][_UNIT]
    return UpdateMany(where, change)


def _missing(
    database: Database[Document], collection: str, saves: Sequence[SaveJob], term: int
) -> Sequence[SaveJob]:
    """Return the saves that were not written: this term has written no such rev of their jobs."""
    asked: dict[tuple[str, Qualifier], list[str]] = {}
    for save in saves:
        process, timeperiod = save.job.key
        asked.setdefault((process, timeperiod.qualifier), []).append(str(timeperiod))
    where = [
        {'process_name': process, 'timeperiod': {'$in': timeperiods}, **of_level(level)}
        for (process, level), timeperiods in asked.items()
    ]
    found = {
        (item['process_name'], item['timeperiod'], item.get(LEVEL)): item
        for item in database[collection].find({'$or': where}, _IDENTIFYING)
    }

    def is_written(save: SaveJob) -> bool:
        process, timeperiod = save.job.key
        level = of_level(timeperiod.qualifier).get(LEVEL)
        item = found.get((process, str(timeperiod), level), {})
        values = _values(save, term)
        return all(item.get(name) == values[name] for name in _SAID)

    return [save for save in saves if not is_written(save)]


def _apply_one_by_one(chain: Chain, collection: str, saves: Sequence[SaveJob], term: int) -> None:
    """Write jobs in order up to the first that is not at the rev before; see `upsert`."""
    if saves:
        done = bulk(chain.database, collection, [_upsert(save, term) for save in saves], saves)
        refuse_vanished(done, saves)


def _upsert(save: SaveJob, term: int) -> UpdateOne:
    return upsert(_key(save), _values(save, term), _line(save), term)


def _key(save: SaveJob) -> Document:
    return job_key(save.job.key)


def _values(save: SaveJob, term: int) -> Document:
    return job_values(save.job, term if save.term is None else save.term)


def _line(save: SaveJob) -> list[object]:
    return [save.job.changed_at, save.event]


def _first(save: SaveJob, term: int) -> Document:
    return {**_key(save), **_values(save, term), 'event_log': [_line(save)]}
