"""Rows that are written rev by rev: jobs and free runs, with their history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo import UpdateOne
from pymongo.results import BulkWriteResult

from synergy.adapters.mongo.connection import Document
from synergy.core.effects import Save, SaveFreerun, SaveJob, why_unmatched
from synergy.ports.errors import CommitRefused, RefusedSave
from synergy.ports.store import EVENTS_PER_JOB_MAX


def upsert(key: Document, values: Document, line: Sequence[Any], term: int) -> UpdateOne:
    """Return what writes a row that is at the rev before, and says so if it is not.

    One that does not match collides with the unique key of the row that is there, and so stops the
    bulk. Only if the row has vanished is it written again; see `refuse_vanished`.
    """
    rev = values['rev']
    # A first save must match nothing, not even a row that was edited to rev 0.
    matching = at_rev_before(rev, term) if rev > 1 else {'rev': {'$exists': False}}
    return UpdateOne({**key, **matching}, written(values, line), upsert=True)


def at_rev_before(rev: int, term: int) -> Document:
    """Return the condition under which a row may be written at `rev`."""
    return {'rev': rev - 1, 'term': {'$lte': term}}


def written(values: Document, line: Sequence[Any]) -> Document:
    """Return the change that writes values and one line of history."""
    pushed = {'$each': [line], '$position': 0, '$slice': EVENTS_PER_JOB_MAX}
    return {'$set': values, '$push': {'event_log': pushed}}


def refuse_vanished(done: BulkWriteResult, saves: Sequence[Save]) -> None:
    """Refuse what was written again, so that the index is built again from what is there."""
    again = [saves[index] for index in done.upserted_ids or {}]
    if vanished := [save for save in again if _rev(save) != 1]:
        raise CommitRefused(*(RefusedSave(save, why_unmatched(save)) for save in vanished))


def _rev(save: Save) -> int:
    match save:
        case SaveJob(job):
            return job.rev
        case SaveFreerun(freerun):
            return freerun.rev
        case _:
            raise AssertionError(f'{save} has no rev')
