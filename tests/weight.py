"""Which tests are heavy, so that `./launch.py test --quick` leaves them out: read off the tests.

A test is heavy by its folder, by a fixture that starts a server or a browser, by a parameter that
asks for one, or by something in its module that starts processes. What merely takes long says so
itself: `pytestmark = pytest.mark.heavy`.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from bench.servers.mongodb import MongoServers
from bench.servers.rabbitmq import RabbitServer
from synergy.bootstrap import PROJECT
from tests.system_harness import SystemHarness

#: The expression by which pytest leaves them out.
QUICK: Final = 'not heavy'
_FOLDERS: Final = ('bench', 'e2e', 'packaging', 'simulation')
_FIXTURES: Final = frozenset(
    {'amqp_uri', 'chromium', 'mongo', 'own_mongo', 'rabbit', 'server_uri', 'sshd'}
)
_PARAMETERS: Final = frozenset({'mongodb', 'rabbitmq', 'production'})
#: What a module imports that starts processes.
_STARTING: Final = (SystemHarness, MongoServers, RabbitServer, subprocess)
#: Lines of a module by which each of its tests is heavy, so that it need not be read to know.
_OF_A_HEAVY_MODULE: Final = re.compile(
    r'^(import subprocess|from tests\.system_harness import .*\bSystemHarness\b.*'
    r'|pytestmark = pytest\.mark\.heavy)$',
    re.MULTILINE,
)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave heavy folders and modules unread where nothing of them would run."""
    if config.getoption('markexpr') != QUICK:
        return None
    if collection_path.is_dir():
        is_left_out = (
            collection_path.parent == PROJECT / 'tests' and collection_path.name in _FOLDERS
        )
    else:
        is_left_out = (
            collection_path.match('test_*.py')
            and _OF_A_HEAVY_MODULE.search(collection_path.read_text()) is not None
        )
    return True if is_left_out else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is heavy."""
    for item in items:
        if is_heavy(item):
            item.add_marker('heavy')


def is_heavy(item: pytest.Item) -> bool:
    """Tell whether a test needs a server, a browser or processes, or takes long."""
    assert isinstance(item, pytest.Function)
    parameters = item.callspec.params.values() if hasattr(item, 'callspec') else ()
    return (
        item.path.relative_to(PROJECT / 'tests').parts[0] in _FOLDERS
        or not _FIXTURES.isdisjoint(item.fixturenames)
        or any(isinstance(value, str) and value in _PARAMETERS for value in parameters)
        or any(value is name for value in vars(item.module).values() for name in _STARTING)
    )
