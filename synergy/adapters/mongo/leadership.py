"""Who leads, and what the leader says of itself: one document."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from synergy.adapters.mongo.collections import MongoCollections, millis
from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.leadership import leadership_of
from synergy.adapters.mongo.names import COUNTS, LEADER, LEADERSHIP
from synergy.core.leader_counts import LeaderCounts
from synergy.core.leader_standing import LeaderStanding
from synergy.core.records import Leadership
from synergy.ports.errors import LeadershipLost, StoreUnusable
from synergy.ports.rows import Malformed
from synergy.ports.store import LEASES_MAX
from synergy.ports.stored import leader_counts
from synergy.ports.stored import leader_standing as standings


class MongoLeadership:
    """The role `LeadershipStore`, and the check of who leads for those who write."""

    def __init__(self, collections: MongoCollections) -> None:
        """Use the collections of an open connection."""
        self._collections = collections
        self._connection = collections.connection

    def lead(self, owner: str, lease: timedelta) -> Leadership | None:
        """Take or renew leadership."""
        now = self._connection.now
        is_own = {'$eq': ['$owner', {'$literal': owner}]}
        # A missing field, of a document that is made by this very statement, is less than any date.
        is_over = {'$lte': ['$lease_until', now]}
        is_absurd = {'$gt': ['$lease_until', {'$add': [now, millis(LEASES_MAX * lease)]}]}
        may = {'$or': [is_own, is_over, is_absurd]}
        until = {'$add': [now, millis(lease)]}
        kept = {'$cond': [is_over, {'$add': [{'$ifNull': ['$term', 0]}, 1]}, '$term']}
        term = {'$cond': [is_own, kept, {'$add': [{'$ifNull': ['$term', 0]}, 1]}]}
        taken = [
            {
                '$set': {
                    'owner': {'$cond': [may, {'$literal': owner}, '$owner']},
                    'term': {'$cond': [may, term, '$term']},
                    'lease_until': {'$cond': [may, until, '$lease_until']},
                }
            }
        ]
        with self._connection.reaching():
            try:
                found = self._lead(taken)
            except DuplicateKeyError:
                # Two made the document at the same time; now it is there.
                found = self._lead(taken)
        if found['owner'] != owner:
            return None
        try:
            return leadership_of(found)
        except Malformed as error:
            raise StoreUnusable(
                f'{self._connection.place}: the document of {LEADERSHIP} was made illegal '
                f'({error}); repair it: its term must be at least that of any job'
            ) from error

    def _lead(self, taken: Sequence[Document]) -> Document:
        found = self._connection.database[LEADERSHIP].find_one_and_update(
            {'_id': LEADER}, taken, upsert=True, return_document=ReturnDocument.AFTER
        )
        assert found is not None, 'an upsert returns what it wrote'
        return found

    def resign(self, leadership: Leadership) -> None:
        """Give leadership up at once, if it is still this one."""
        with self._connection.reaching():
            self._connection.database[LEADERSHIP].update_one(
                {'_id': LEADER, 'owner': leadership.owner, 'term': leadership.term},
                [{'$set': {'lease_until': self._connection.now}}],
            )

    def report_standing(self, leadership: Leadership, standing: LeaderStanding) -> None:
        """Say how it stands with the leading Scheduler."""
        with self._connection.reaching():
            self.check(leadership)
            self._connection.database[LEADERSHIP].update_one(
                {'_id': LEADER, 'owner': leadership.owner, 'term': leadership.term},
                {'$set': {'standing': None if standing.is_well else standings.encode(standing)}},
            )

    def report_counts(self, leadership: Leadership, counts: LeaderCounts) -> None:
        """Say what was counted."""
        with self._connection.reaching():
            self.check(leadership)
            self._connection.database[LEADERSHIP].update_one(
                {'_id': COUNTS}, {'$set': {'text': leader_counts.encode(counts)}}, upsert=True
            )

    def counts(self) -> LeaderCounts:
        """Return what leaders have counted."""
        with self._connection.reaching():
            found = self._connection.database[LEADERSHIP].find_one(
                {'_id': COUNTS}, session=self._connection.session
            )
        text = None if found is None else found.get('text')
        return leader_counts.decode(text if isinstance(text, str) else None)

    def leadership(self) -> Leadership | None:
        """Return who leads, or last led."""
        with self._connection.reaching():
            found = self._connection.database[LEADERSHIP].find_one(
                {'_id': LEADER}, session=self._connection.session
            )
        found_ones = [] if found is None else [found]
        return next(self._collections.decoded(LEADERSHIP, leadership_of, found_ones), None)

    def standing(self) -> LeaderStanding:
        """Return what the Scheduler that leads, or last led, said of itself."""
        with self._connection.reaching():
            found = self._connection.database[LEADERSHIP].find_one(
                {'_id': LEADER}, {'standing': 1}, session=self._connection.session
            )
        return standings.decode(None if found is None else found.get('standing'))

    def store_now(self) -> datetime:
        """Return the present instant of the clock by which leases are judged."""
        return self._connection.store_now()

    def check(self, leadership: Leadership) -> None:
        """Raise LeadershipLost unless this leadership holds."""
        found = self._connection.database[LEADERSHIP].find_one(
            {'_id': LEADER},
            {
                'owner': 1,
                'term': 1,
                'holds': {'$gt': ['$lease_until', self._connection.now]},
            },
        )
        if (
            found is None
            or (found.get('owner'), found.get('term')) != (leadership.owner, leadership.term)
            or not found['holds']
        ):
            raise LeadershipLost(
                f'{leadership.owner} no longer leads in term {leadership.term}'
                + (
                    ''
                    if found is None
                    else f'; {found.get("owner")} leads or led in term {found.get("term")}'
                )
            )
