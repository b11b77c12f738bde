"""Who leads, and what the leader says of itself: one document."""

from __future__ import annotations

from datetime import datetime, timedelta

from synergy.adapters.mongo import leases
from synergy.adapters.mongo.collections import MongoCollections
from synergy.adapters.mongo.documents.leadership import leadership_of
from synergy.adapters.mongo.names import COUNTS, LEADER, LEADERSHIP
from synergy.core.leader_counts import LeaderCounts
from synergy.core.leader_standing import LeaderStanding
from synergy.core.records import Leadership
from synergy.ports.errors import LeadershipLost, StoreUnusable
from synergy.ports.rows import Malformed
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
        found = leases.take(self._connection, LEADERSHIP, LEADER, owner, lease)
        if found is None:
            return None
        try:
            return leadership_of(found)
        except Malformed as error:
            raise StoreUnusable(
                f'{self._connection.place}: the document of {LEADERSHIP} was made illegal '
                f'({error}); repair it: its term must be at least that of any job'
            ) from error

    def resign(self, leadership: Leadership) -> None:
        """Give leadership up at once, if it is still this one."""
        owner, term = leadership.owner, leadership.term
        leases.give_up(self._connection, LEADERSHIP, LEADER, owner, term)

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
