"""MongoDB for tests: one that is shared, and one of their own for tests that kill its members.

The shared one is a replica set of one member: two more would write the same again and vote, which
is most of the processor time of a set. What three members do to us is seen on those of one's own.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import pymongo

from bench.servers.mongodb import MongoServers
from synergy.core.structs import Struct

MONGODB_VARIABLE = 'SYNERGY_TEST_MONGODB_URI'


class MongoSite(Struct, frozen=True):
    """A replica set for tests. shown: which one it is, for people."""

    uri: str
    shown: str

    def uri_of(self, database: str) -> str:
        """Return a URI of one database."""
        parts = urlsplit(self.uri)
        return urlunsplit(parts._replace(path=f'/{database}'))

    @contextmanager
    def database(self) -> Iterator[str]:
        """Yield the URI of a database of one's own, dropped at the end."""
        name = f'synergy_test_{uuid.uuid4().hex[:12]}'
        try:
            yield self.uri_of(name)
        finally:
            with pymongo.MongoClient[dict[str, object]](self.uri) as client:
                client.drop_database(name)


@contextmanager
def mongo_site(shared_uri: str | None) -> Iterator[MongoSite]:
    """Yield the replica set that the environment names, the shared one, or one for this block."""
    if named := os.environ.get(MONGODB_VARIABLE):
        yield MongoSite(named, f'the one that {MONGODB_VARIABLE} names')
    elif shared_uri is not None:
        yield MongoSite(shared_uri, f'shared by the processes of this test run, at {shared_uri}')
    else:
        with MongoServers(member_count=1) as servers:
            yield MongoSite(servers.uri, f'mongod of this test process, at {servers.uri}')
