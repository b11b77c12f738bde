"""RabbitMQ for tests: one of our own, or the one that SYNERGY_TEST_AMQP_URI names.

Queues of tests begin with `synergy_test` and are removed after each test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from bench.servers.rabbitmq import RabbitServer, is_installed
from synergy.adapters.rabbit.broker import RabbitBroker
from synergy.core.records import Route
from synergy.core.uri import without_password
from synergy.ports.broker import BrokerAdmin
from tests.shared_servers import shared_by

VARIABLE = 'SYNERGY_TEST_AMQP_URI'
ROUTE = Route(
    exchange='ex_synergy_test', routing='synergy_test_hourly', queue='synergy_test_hourly'
)
OTHER = Route(exchange='ex_synergy_test', routing='synergy_test_daily', queue='synergy_test_daily')


def rabbit_header() -> str:
    """Return which RabbitMQ tests run against."""
    if given := os.environ.get(VARIABLE):
        return f'RabbitMQ: {without_password(given)} ({VARIABLE})'
    if is_installed():
        return 'RabbitMQ: started by the tests'
    return f'RabbitMQ: NONE; its tests fail. apt-get install rabbitmq-server, or set {VARIABLE}'


@pytest.fixture(scope='session')
def rabbit() -> Iterator[RabbitServer]:
    """Return a server of our own, which tests may kill."""
    with RabbitServer() as server:
        yield server


@pytest.fixture(scope='session')
def server_uri(request: pytest.FixtureRequest) -> str:
    """Return the URI of a server that tests leave alone; of a virtual host of this process."""
    if given := os.environ.get(VARIABLE):
        return given
    if (shared := shared_by(request.config)) is not None:
        return shared.amqp_uri
    server: RabbitServer = request.getfixturevalue('rabbit')
    return server.uri


@pytest.fixture
def amqp_uri(server_uri: str) -> Iterator[str]:
    """Return the URI of a server without queues of other tests."""
    yield server_uri
    broker = RabbitBroker(server_uri, title='tests')
    clean(broker)
    broker.close()


def clean(broker: BrokerAdmin) -> None:
    """Remove the queues of tests."""
    for route in (ROUTE, OTHER):
        broker.delete(route.queue)
        broker.delete(f'{route.queue}.dead')
