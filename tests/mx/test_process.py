"""The dashboard as a real process: it serves, streams, stops, and says why it does not listen."""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

import psutil
import pytest

from tests.mx.dashboard_harness import PASSWORD
from tests.system_harness import SystemHarness


@pytest.fixture
def system(tmp_path: Path) -> Iterator[SystemHarness]:
    with SystemHarness(tmp_path, 'tests.pipelines.pages') as found:
        yield found


def log(system: SystemHarness) -> str:
    return (system.home / 'logs' / 'mx_daemon.log').read_text()


def address(system: SystemHarness) -> str:
    """Return where MX serves, once it does."""
    system.wait_for(
        lambda: (system.home / 'logs' / 'mx_daemon.log').exists() and 'serves at' in log(system),
        'MX serving',
    )
    found = re.search(r'http://\S+', log(system))
    assert found is not None
    return found[0]


def test_it_serves_streams_and_stops_at_once(system: SystemHarness) -> None:
    child = system.start('MX')
    place = address(system)

    with urllib.request.urlopen(place, timeout=60) as answer:
        assert b'Overview' in answer.read()
    with urllib.request.urlopen(f'{place}events', timeout=60) as stream:
        assert stream.headers['Content-Type'].startswith('text/event-stream')
        assert stream.readline() == b'retry: 3000\n'
        with urllib.request.urlopen(f'{place}api/v1/forecast', timeout=60) as answer:
            assert json.loads(answer.read())['draws'] > 0
        (forecaster,) = psutil.Process(child.pid).children()
        child.terminate()
        assert child.wait(10) == 0
        forecaster.wait(10)

    assert 'MX stopped' in log(system)


def test_many_open_connections_keep_nobody_out(system: SystemHarness) -> None:
    system.start('MX')
    parts = urlsplit(address(system))
    with ExitStack() as opened:
        for _ in range(150):
            opened.enter_context(socket.create_connection((parts.hostname, parts.port), 10))

        with urllib.request.urlopen(parts.geturl(), timeout=60) as answer:
            assert b'Overview' in answer.read()


def test_a_port_in_use_is_one_clear_message(tmp_path: Path) -> None:
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = str(other.getsockname()[1])
        with SystemHarness(tmp_path, 'tests.pipelines.pages', SYNERGY_MX_PORT=port) as system:
            assert system.start('MX').wait(20) == 6

            assert log(system).count('ERROR') == 1
            assert f'cannot listen on 127.0.0.1 port {port}' in log(system)


def test_without_users_it_listens_on_this_machine_alone(tmp_path: Path) -> None:
    with SystemHarness(tmp_path, 'tests.pipelines.pages', SYNERGY_MX_HOST='0.0.0.0') as system:
        assert system.start('MX').wait(20) == 6

        assert 'launch.py user add' in log(system)


def test_a_command_line_makes_users_and_tokens(tmp_path: Path) -> None:
    with SystemHarness(tmp_path, 'tests.pipelines.pages') as system:
        assert system.launch('user', 'rm', 'anna').returncode == 3
        assert system.launch('user', 'add', 'anna').returncode == 2  # No password was given.
        assert system.launch('user', 'frobnicate').returncode == 2

        assert 'no user' in system.launch('user').stdout


def test_the_last_user_is_removed_on_purpose_alone(tmp_path: Path) -> None:
    with SystemHarness(tmp_path, 'tests.pipelines.pages') as system:
        for name in ('anna', 'berta'):
            made = system.launch('user', 'add', name, '--role', 'admin', stdin=f'{PASSWORD}\n')
            assert made.returncode == 0
        again = system.launch('user', 'add', 'ANNA', stdin=f'{PASSWORD}\n')
        assert (again.returncode, 'exists' in again.stderr) == (5, True)
        assert system.launch('user', 'rm', 'berta').returncode == 0

        for action in ('rm', 'role'):
            refused = system.launch('user', action, 'anna')
            assert (refused.returncode, '--yes' in refused.stderr) == (5, True)
        assert 'closed to everybody' in system.launch('user', 'rm', 'anna').stderr
        removed = system.launch('user', 'rm', 'anna', '--yes')

        assert (removed.returncode, 'closed to everybody' in removed.stdout) == (0, True)
        assert 'closed until one is made' in system.launch('user').stdout
        system.start('MX')
        with pytest.raises(HTTPError, match='403'):
            urllib.request.urlopen(address(system), timeout=60)
        assert 'MX is CLOSED' in log(system)
