"""Servers that the whole test run shares; each is started when the first test asks for it."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator, Mapping
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, settings
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from bench.servers.mongodb import MongoServers
from tests.mongo_site import MongoSite, mongo_site
from tests.rabbit import amqp_uri, rabbit, rabbit_header, server_uri
from tests.shared_servers import Distributor, shared_by
from tests.weight import pytest_collection_modifyitems, pytest_ignore_collect

__all__ = [
    'amqp_uri',
    'pytest_collection_modifyitems',
    'pytest_ignore_collect',
    'rabbit',
    'server_uri',
]

_USED: list[str] = []

# Clocks on the wall tell nothing on a machine that does much else at the same time.
settings.register_profile('busy', deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile('busy')


def pytest_configure(config: pytest.Config) -> None:
    """Let the process that distributes tests start the servers that all share."""
    if not hasattr(config, 'workerinput'):
        config.pluginmanager.register(Distributor())


def pytest_collection_finish() -> None:
    """Look for garbage among what tests make, not in all that was imported: a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Let go of what a module's tests have left in circles: descriptors, above all.

    What is left then, after its fixtures, are imports and caches, which no later module searches.
    """
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Escape what tests print and no channel between processes takes: halves of characters."""
    return _encodable((yield))


def _encodable(value: Any) -> Any:
    match value:
        case str():
            return value.encode(errors='backslashreplace').decode()
        case dict():
            return {key: _encodable(item) for key, item in value.items()}
        case list() | tuple():
            return type(value)(map(_encodable, value))
        case _:
            return value


@pytest.fixture(scope='session')
def mongo(request: pytest.FixtureRequest) -> Iterator[MongoSite]:
    """Return a MongoDB replica set; a run that cannot have one fails, it does not skip."""
    shared = shared_by(request.config)
    with mongo_site(None if shared is None else shared.mongo_uri) as site:
        _USED.append(f'MongoDB: {site.shown}')
        yield site


@pytest.fixture(scope='session')
def own_mongo() -> Iterator[MongoServers]:
    """Return a replica set of this process alone, whose members tests may kill."""
    with MongoServers() as servers:
        yield servers


@pytest.fixture
def mongo_uri(mongo: MongoSite) -> Iterator[str]:
    """Return the URI of a database that is not there yet, dropped after the test."""
    with mongo.database() as uri:
        yield uri


@pytest.fixture(scope='session')
def _mongo_template(mongo: MongoSite) -> Iterator[Database[dict[str, object]]]:
    with mongo.database() as uri, pymongo.MongoClient[dict[str, object]](uri) as client:
        yield client.get_default_database(write_concern=WriteConcern(1))


@pytest.fixture
def empty_mongo_uri(
    _mongo_template: Database[dict[str, object]], mongo: MongoSite
) -> Iterator[str]:
    """Return the URI of a database with schema and no rows, which the tests share in turn.

    Making collections and indexes takes longer than a test of the contract.
    """
    yield mongo.uri_of(_mongo_template.name)
    for name in _mongo_template.list_collection_names():
        if name != 'schema':
            _mongo_template[name].delete_many({})
    # Waits once for all that was written before, on this connection or another: reads see only
    # what a majority has.
    _mongo_template.command(
        'delete',
        'leadership',
        deletes=[{'q': {}, 'limit': 0}],
        writeConcern={'w': 'majority', 'j': True},
    )


@pytest.fixture(params=['embedded', 'production'])
def pair(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """Return the settings of a pair of store and broker, both without rows and messages."""
    if request.param == 'embedded':
        return {}
    return {
        'SYNERGY_STORE_URI': request.getfixturevalue('empty_mongo_uri'),
        'SYNERGY_BROKER_URI': request.getfixturevalue('server_uri'),
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which servers were used; at the end, where `-q` shows it, too."""
    for line in (*_USED, rabbit_header()):
        terminalreporter.write_line(line)
