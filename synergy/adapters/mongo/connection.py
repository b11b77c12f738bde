"""A connection to a MongoDB replica set: time limits, guarantees, and errors in our own words.

Writes wait for the majority and its journals, reads see only what a majority has: what was answered
survives the death of any one member. The driver repeats a write once when the primary changes
under it, as the same write (retryWrites); what still fails is StoreUnavailable and, after a write,
maybe applied. Limits that the URI names win over those set here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from pymongo import errors
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from synergy.adapters.mongo.chain import Chain, WriteTerms
from synergy.core.uri import without_password, without_secrets_of
from synergy.ports.clock import Clock
from synergy.ports.errors import SnapshotLost, StoreError, StoreUnavailable, StoreUnusable

Document: TypeAlias = dict[str, Any]

#: How documents are decoded. What others wrote must not end a query: an instant in the year 99999
#: comes as a number, which is then illegal; a text that is not UTF-8 with its gaps marked.
DECODING: Final[CodecOptions[Document]] = CodecOptions(
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler='replace',
)
#: The database of a URI that names none. Source: Synergy 2.x.
DEFAULT_DATABASE: Final = 'scheduler'
#: A member that does not answer its monitor for this long, and one heartbeat, is given up, and its
#: calls with it.
_CONNECT_MILLIS: Final = 3000
#: Each client asks each member twice in this time, also while it has nothing to do; of a change a
#: member tells at once. Of every second, ten clients take 42 ms of processor time, theirs and the
#: servers', at 1000, and 16 ms at 2500.
_HEARTBEAT_MILLIS: Final = 2500
#: What a router of a sharded cluster answers as `msg`. Source: MongoDB docs, hello.
_ROUTER: Final = 'isdbgrid'
#: Server codes. Source: MongoDB, error_codes.yml.
_UNAUTHORIZED: Final = 13
_AUTHENTICATION_FAILED: Final = (18, 8000)
_NO_REPLICA_SET: Final = 20
#: What the driver calls a member whose replica set was never made.
_GHOST: Final = 'RSGhost'
_OUT_OF_DISK: Final = 14031
DUPLICATE_KEY: Final = 11000
#: A snapshot is older than the history that the server keeps, or than a collection or an index.
_SNAPSHOT_TOO_OLD: Final = 239
_SNAPSHOT_UNAVAILABLE: Final = 246
#: Of MongoDB 5.0, the first to have snapshots outside transactions.
_WIRE_VERSION_OF_SNAPSHOTS: Final = 13


class MongoConnection:
    """One database of one client; used by one thread at a time, and not across a fork."""

    def __init__(self, uri: str, *, busy_seconds_max: float, clock: Clock | None = None) -> None:
        """Prepare a client; the first call connects.

        busy_seconds_max: how long to wait for a primary, and for an answer. clock: judges leases
        instead of the server's clock; for tests.
        Raises StoreUnusable when the URI cannot be understood.
        """
        self._clock = clock
        #: By which reads are made within `snapshot`; None outside of it.
        self.session: ClientSession | None = None
        self.busy_seconds_max = busy_seconds_max
        self._uri = uri
        millis = int(busy_seconds_max * 1000)
        terms = WriteTerms()
        defaults: dict[str, Any] = {
            'serverSelectionTimeoutMS': millis,
            'socketTimeoutMS': millis,
            'waitQueueTimeoutMS': millis,
            'connectTimeoutMS': min(millis, _CONNECT_MILLIS),
            'heartbeatFrequencyMS': _HEARTBEAT_MILLIS,
            'retryWrites': True,
            'appname': 'synergy',
            'event_listeners': [terms],
        }
        try:
            # Without a look at the DNS: an mongodb+srv URI is resolved by the client itself.
            named = {
                part.partition('=')[0].lower()
                for part in uri.partition('?')[2].replace(';', '&').split('&')
            }
            self._client: pymongo.MongoClient[Document] = pymongo.MongoClient(
                uri,
                tz_aware=DECODING.tz_aware,
                datetime_conversion=DECODING.datetime_conversion,
                unicode_decode_error_handler=DECODING.unicode_decode_error_handler,
                **{key: value for key, value in defaults.items() if key.lower() not in named},
            )
            self.name = self._client.get_default_database(DEFAULT_DATABASE).name
        except (errors.ConfigurationError, errors.InvalidURI, ValueError) as error:
            raise StoreUnusable(
                f'store_uri {without_password(uri)} cannot be used '
                f'({without_secrets_of(str(error), uri)}); correct it, as in '
                'mongodb://USER:PASSWORD@HOST1,HOST2,HOST3/scheduler?replicaSet=NAME'
            ) from error
        except errors.PyMongoError as error:
            raise self._translated(error, without_password(uri)) from error
        self.place = f'store {without_password(uri)}'
        self.database: Database[Document] = self._client.get_database(
            self.name,
            write_concern=WriteConcern('majority', wtimeout=millis, j=True),
            read_concern=ReadConcern('majority'),
        )
        #: How many writes wait for the majority once.
        self.chain = Chain(self.database, terms)

    @property
    def now(self) -> object:
        """Return the expression by which leases are judged: the server's clock."""
        return '$$NOW' if self._clock is None else self._clock.now()

    def change(self, values: Document, *, dated: str) -> Document:
        """Return the change that writes `values`, and the present instant into field `dated`."""
        if self._clock is None:
            return {'$set': values, '$currentDate': {dated: True}}
        return {'$set': {**values, dated: self._clock.now()}}

    def store_now(self) -> datetime:
        """Return the present instant of the clock by which leases are judged."""
        if self._clock is not None:
            return self._clock.now()
        with self.reaching():
            found: datetime = self._client.admin.command('hello')['localTime']
            return found.replace(tzinfo=UTC)  # Commands answer with naive dates.

    def check_is_replicated(self) -> None:
        """Raise StoreUnusable when this is a single server, which knows no majority."""
        with self.reaching():
            hello = self._client.admin.command('hello')
        if 'setName' not in hello and hello.get('msg') != _ROUTER:
            raise StoreUnusable(self._single_text())
        self.chain.is_router = hello.get('msg') == _ROUTER

    def _single_text(self) -> str:
        """Return how a single mongod becomes a replica set, with its data."""
        name, at, initiate = self._steps()
        return (
            f'{self.place} is not a replica set but a single mongod; nothing was changed. Its data '
            f'stay when it becomes one: 1. stop mongod; 2. start it with --replSet {name} '
            f'(mongod.conf: replication: {{replSetName: {name}}}; with authorization, give a '
            f'keyFile, too); 3. once: {initiate}; '
            f'4. set store_uri to mongodb://{at}/{self.name}?replicaSet={name}'
        )

    def _steps(self) -> tuple[str, str, str]:
        """Return a replica set's name, its first member, and the command that makes it."""
        name = self._client.topology_description.replica_set_name or 'rs0'
        host, port = (self._seeds() or [('HOST', 27017)])[0]
        at = f'{host}:{port}'
        made = f'rs.initiate({{_id: "{name}", members: [{{_id: 0, host: "{at}"}}]}})'
        return name, at, f"mongosh --host {host} --port {port} --eval '{made}'"

    def _seeds(self) -> list[tuple[str, int | None]]:
        if self._uri.lower().startswith('mongodb+srv'):
            return []
        found: list[tuple[str, int | None]] = parse_uri(self._uri, validate=False)['nodelist']
        return found

    def _seed_alone(self) -> str | None:
        """Return what is wrong with servers that answer, and are not members of a replica set."""
        for host, port in self._seeds():
            alone: pymongo.MongoClient[Document] = pymongo.MongoClient(
                host, port, directConnection=True, serverSelectionTimeoutMS=_CONNECT_MILLIS
            )
            try:
                hello = alone.admin.command('hello')
            except errors.PyMongoError:
                continue
            finally:
                alone.close()
            if hello.get('isreplicaset'):
                return (
                    'was started with --replSet, and its replica set was never made; once: '
                    + self._steps()[2]
                )
            if 'setName' not in hello and hello.get('msg') != _ROUTER:
                return self._single_text().removeprefix(f'{self.place} ')
        return None

    def logs(self) -> Collection[Document]:
        """Return the collection of logs, written and read without waiting for a majority.

        A log that a fail-over loses costs a look, never an interval.
        """
        return self.database.get_collection(
            'log_recording', write_concern=WriteConcern(1), read_concern=ReadConcern('local')
        )

    @contextmanager
    def reaching(self) -> Iterator[None]:
        """Translate the driver's errors of a block; before it, wait for what a commit has left."""
        try:
            self.chain.settle()
            yield
        except errors.PyMongoError as error:
            raise self._translated(error, self.place) from error
        except BSONError as error:
            raise StoreUnavailable(
                f'{self.place} holds a document that cannot be decoded ({error!s:.200}); repair or '
                'remove it'
            ) from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all reads of a block see the database as of its beginning."""
        if self.session is not None:
            yield
            return
        with self.reaching():
            hello = self._client.admin.command('hello')
            if hello['maxWireVersion'] >= _WIRE_VERSION_OF_SNAPSHOTS:
                self.session = self._client.start_session(snapshot=True)
        try:
            yield
        finally:
            if self.session is not None:
                self.session.end_session()
                self.session = None

    def close(self) -> None:
        """Close the client; safe to call twice."""
        self._client.close()

    def _translated(self, error: errors.PyMongoError, place: str) -> StoreError:
        code, text = code_and_text(error)
        text = without_secrets_of(text, self._uri)
        if isinstance(error, errors.OperationFailure) and code in _AUTHENTICATION_FAILED:
            return StoreUnusable(
                f'{place} refused user name or password ({text}); correct store_uri, and name the '
                'database of the user with authSource'
            )
        if isinstance(error, errors.OperationFailure) and code == _UNAUTHORIZED:
            return StoreUnusable(
                f'{place} does not let this user do what is needed ({text}); grant it the roles '
                f'readWrite and dbAdmin on database {self.name}'
            )
        if code == _NO_REPLICA_SET:
            return StoreUnusable(
                f'{place} is not a replica set ({text}); start mongod with --replSet and '
                'initiate it'
            )
        if isinstance(error, errors.ServerSelectionTimeoutError):
            return StoreUnavailable(f'{place} {self._why_not_selected(text)}')
        if code == _OUT_OF_DISK:
            return StoreUnavailable(
                f'{place} cannot grow: disk full ({text}); make room on the primary, nothing that '
                'was saved is lost'
            )
        if code == _SNAPSHOT_UNAVAILABLE:
            return SnapshotLost(
                f'{place} has just made a collection or an index ({text}); ask again in a moment'
            )
        if code == _SNAPSHOT_TOO_OLD:
            return StoreUnavailable(
                f'{place} keeps its history for a shorter time than reading it has taken ({text}); '
                'raise minSnapshotHistoryWindowInSeconds on all members'
            )
        return StoreUnavailable(
            f'{place} failed ({text}); what was being written may have been applied and is read '
            'again; look at the log of the primary if this goes on'
        )

    def _why_not_selected(self, text: str) -> str:
        topology = self._client.topology_description
        servers = topology.server_descriptions().values()
        answering = [s for s in servers if s.is_server_type_known and s.server_type_name != _GHOST]
        if not answering and (found := self._seed_alone()) is not None:
            return found
        if topology.replica_set_name is not None and answering:
            names = ', '.join(f'{host}:{port}' for host, port in (s.address for s in answering))
            return (
                f'has no primary: of replica set {topology.replica_set_name} only {names} '
                'answers; start the other members, a majority elects a primary by itself'
            )
        return (
            f'cannot be reached ({text.partition(", Timeout:")[0]}); check that mongod runs, host '
            'names, ports and replicaSet in store_uri, and the network'
        )


def code_and_text(error: errors.PyMongoError) -> tuple[int | None, str]:
    """Return code and message of the failure, of a bulk that of its first part."""
    if isinstance(error, errors.BulkWriteError):
        details: Mapping[str, Any] = error.details or {}
        parts = [*details.get('writeErrors', ()), *details.get('writeConcernErrors', ())]
        if parts:
            return parts[0].get('code'), str(parts[0].get('errmsg'))
    code = error.code if isinstance(error, errors.OperationFailure) else None
    return code, str(error).partition(', full error:')[0]
