"""Real servers for tests: started when first asked for, or those that the environment names."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import pymongo

from bench.servers.mongodb import MongoServers

MONGODB_VARIABLE = 'SYNERGY_TEST_MONGODB_URI'


@dataclass(frozen=True, slots=True)
class MongoSite:
    """A replica set for tests. servers: None when it is somebody else's."""

    uri: str
    servers: MongoServers | None

    @property
    def shown(self) -> str:
        """Return which server it is, for people."""
        if self.servers is None:
            return f'the one that {MONGODB_VARIABLE} names'
        return f'mongod of this test run, {len(self.servers.members)} members at {self.uri}'

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
def mongo_site() -> Iterator[MongoSite]:
    """Yield the replica set that the environment names, or one started for this block."""
    named = os.environ.get(MONGODB_VARIABLE)
    if named:
        yield MongoSite(named, None)
        return
    with MongoServers() as servers:
        yield MongoSite(servers.uri, servers)
