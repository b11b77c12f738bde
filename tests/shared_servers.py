"""Servers that the processes of a parallel test run share.

The process that distributes the tests starts them, once, and tells each test process their
addresses: MongoDB, where every test makes a database of its own, and RabbitMQ, where every process
has a virtual host of its own. Tests that kill a server start one for themselves.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Any, Final

import pytest

from bench.servers.mongodb import MongoServers
from bench.servers.rabbitmq import RabbitServer, is_installed
from synergy.core.structs import Struct
from tests.weight import QUICK

_KEY: Final = 'synergy_servers'


class SharedServers(Struct, frozen=True):
    """Where the shared servers are, as one test process sees them."""

    mongo_uri: str
    amqp_uri: str


class Distributor:
    """Starts the servers when the first test process is set up, and stops them at the end."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._opened = ExitStack()
        self._mongo: MongoServers | None = None
        self._rabbit: RabbitServer | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a test process where the servers are. node: a WorkerController of xdist."""
        if node.config.getoption('markexpr') == QUICK:
            return
        if self._mongo is None:
            self._mongo = self._opened.enter_context(MongoServers(member_count=1))
        if self._rabbit is None and is_installed():
            self._rabbit = self._opened.enter_context(RabbitServer())
        name = f'{os.getpid()}-{node.gateway.id}'
        amqp_uri = '' if self._rabbit is None else self._rabbit.add_vhost(name)
        node.workerinput[_KEY] = {'mongo_uri': self._mongo.uri, 'amqp_uri': amqp_uri}

    def pytest_unconfigure(self) -> None:
        """Stop what was started."""
        self._opened.close()


def shared_by(config: pytest.Config) -> SharedServers | None:
    """Return the servers of this test process, None when it is the only one."""
    given = getattr(config, 'workerinput', {}).get(_KEY)
    return None if given is None else SharedServers(**given)
