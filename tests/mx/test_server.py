"""The server before the dashboard, over real sockets: who asks for nothing shuts out nobody."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Final
from urllib.parse import urlencode

import pytest

from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.mx.app import App
from synergy.mx.main import server_of
from synergy.mx.web import server as serving
from synergy.mx.web.throttle import GUESSES_MAX
from tests.mx.dashboard_harness import PASSWORD, DashboardHarness
from tests.mx.serving import end

pytestmark = pytest.mark.filterwarnings('ignore:send_bytes:DeprecationWarning')

_HEAD: Final = b'GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n'


@dataclass(slots=True)
class Door:
    """A dashboard behind a real socket."""

    pages: DashboardHarness
    port: int
    server: Any
    opened: ExitStack

    def connect(self, source: str = '127.0.0.1') -> socket.socket:
        return self.opened.enter_context(
            socket.create_connection(('127.0.0.1', self.port), 10, source_address=(source, 0))
        )

    def status(self, source: str = '127.0.0.1') -> int:
        client = HTTPConnection('127.0.0.1', self.port, 10, source_address=(source, 0))
        with closing(client):
            client.request('GET', '/api/v1/status', headers={'Host': 'localhost'})
            return client.getresponse().status


@pytest.fixture
def door(pages: DashboardHarness) -> Iterator[Door]:
    # The dashboard's own clock does not move by itself; nothing here goes by it.
    with ExitStack() as opened, socket.create_server(('127.0.0.1', 0)) as listening:
        settings = replace(pages.runtime.settings, mx_viewers_max=40)
        pages.site = replace(pages.site, settings=settings)
        server = server_of(App(pages.site), listening)

        def serve() -> None:
            try:
                server.run()
            except OSError:
                return  # The socket was closed under it: the test is over.

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield Door(pages, listening.getsockname()[1], server, opened)
        opened.close()
        end(server, thread)


def is_closed(connection: socket.socket, seconds: float = 10) -> bool:
    """Tell whether the server closes a connection in time."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([connection], [], [], left)[0]:
            try:
                if not connection.recv(65536):
                    return True
            except ConnectionError:
                return True
    return False


@pytest.mark.parametrize('source', ['127.0.0.1', '127.0.0.2'])
@pytest.mark.parametrize('sent', [b'', _HEAD], ids=['silent', 'half a head'])
@pytest.mark.heavy
def test_half_open_connections_shut_out_nobody(door: Door, source: str, sent: bytes) -> None:
    limit = door.server.adj.connection_limit
    for _ in range(limit + 50):
        door.connect().sendall(sent)

    assert door.status(source) == 200
    assert len(door.server.active_channels) <= limit // 2


def test_half_open_connections_of_many_addresses_shut_out_nobody(door: Door) -> None:
    for number in range(10):
        for _ in range(60):
            door.connect(f'127.0.1.{number}').sendall(_HEAD)

    assert door.status() == 200
    assert door.status('127.0.1.3') == 200


@pytest.mark.parametrize(
    'head',
    [
        b'GET http://[/ HTTP/1.1\r\nHost: localhost',
        b'GET http://[\x1b[2J]/ HTTP/1.1\r\nHost: localhost',
        b'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ' + b'9' * 5000,
    ],
    ids=['half a host', 'a host that steers', 'a length of many digits'],
)
def test_a_head_that_makes_no_sense_is_answered_and_leaves_no_trace(
    door: Door, caplog: pytest.LogCaptureFixture, head: bytes
) -> None:
    connection = door.connect()
    connection.settimeout(10)
    connection.sendall(head + b'\r\n\r\n')

    assert connection.recv(65536).split(b'\r\n')[0].endswith(b'400 Bad Request')
    assert is_closed(connection)
    assert not [record for record in caplog.records if record.levelname == 'ERROR']


def test_whoever_hangs_up_on_the_answer_to_nonsense_leaves_no_trace(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    # waitress says in its log what was asked for, also where no address was ever read.
    parser = serving.Parser(door.server.adj)
    parser.received(b'nonsense\r\n\r\n')

    assert parser.error is not None
    assert parser.path == ''
    assert not caplog.records


def test_what_is_sent_drop_by_drop_is_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, 'HEAD_SECONDS_MAX', 1.0)
    monkeypatch.setattr(serving, 'BODY_SECONDS_MAX', 2.0)
    head, body, silent = (door.connect() for _ in range(3))
    post = b'POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n'
    begun = {head: iter(_HEAD * 99), body: iter(post + b'x' * 9999)}
    body.sendall(post)

    ended: set[socket.socket] = set()
    until = time.monotonic() + 15
    while len(ended) < 3 and time.monotonic() < until:
        for connection in {head, body, silent} - ended:
            try:
                if connection is not silent:
                    connection.sendall(bytes([next(begun[connection])]))
            except ConnectionError:
                ended.add(connection)
                continue
            if is_closed(connection, 0.05):
                ended.add(connection)

    assert ended == {head, body, silent}


@pytest.mark.heavy
def test_a_slow_answer_is_not_given_up(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, 'HEAD_SECONDS_MAX', 0.5)
    stream = door.connect()
    stream.sendall(b'GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')

    assert not is_closed(stream, 4)


@pytest.mark.heavy
def test_an_answered_connection_may_ask_again_later(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, 'HEAD_SECONDS_MAX', 0.5)
    client = HTTPConnection('127.0.0.1', door.port, 10)
    with closing(client):
        for pause in (0, 3):
            time.sleep(pause)
            client.request('GET', '/api/v1/status', headers={'Host': 'localhost'})
            assert client.getresponse().read()


def test_streams_beyond_the_bound_leave_the_dashboard_to_others(door: Door) -> None:
    streams = [door.connect() for _ in range(110)]
    for stream in streams:
        stream.sendall(b'GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')

    places = door.pages.site.viewer_slots
    found = Counter(stream.recv(12) for stream in streams)
    assert door.status() == 200
    assert found[b'HTTP/1.1 200'] == places.taken == places.address_max
    assert found[b'HTTP/1.1 200'] + found[b'HTTP/1.1 429'] == 110

    for stream in streams:
        stream.close()
    until = time.monotonic() + 20
    while places.taken and time.monotonic() < until:
        time.sleep(0.05)
    assert places.taken == 0


def test_wrong_logins_at_once_over_sockets(door: Door) -> None:
    door.pages.add_user('viewer', Role.VIEWER)
    token = door.pages.form_token()
    cookie = door.pages.client.get_cookie('synergy_mx', domain='localhost')
    assert cookie is not None
    headers = {
        'Host': 'localhost',
        'Cookie': f'synergy_mx={cookie.value}',
        'Content-Type': 'application/x-www-form-urlencoded',
    }
    barrier = threading.Barrier(72)

    def send(password: str) -> int:
        body = urlencode({'form_token': token, 'name': 'viewer', 'password': password})
        client = HTTPConnection('127.0.0.1', door.port, 60)
        with closing(client):
            client.connect()
            barrier.wait(30)
            client.request('POST', '/login', body, headers)
            return client.getresponse().status

    with ThreadPoolExecutor(72) as pool:
        found = Counter(pool.map(send, ['wrong password'] * 71 + [PASSWORD]))

    # Whoever logs in is trusted again, and so, once, is who guesses from the same place.
    assert found[303] <= 1
    assert found[401] <= GUESSES_MAX * (1 + found[303])
    assert found[429] >= 72 - 2 * GUESSES_MAX
    assert sum(found.values()) == 72


@pytest.mark.parametrize('length', [b'9' * 5000, b'-1', b'+1', b'1_0', b'\xd9\xa3', b'0x1'])
def test_a_length_that_is_no_number_is_refused_and_not_logged(
    door: Door, length: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    connection = door.connect()

    connection.sendall(_HEAD.replace(b'GET', b'POST') + b'Content-Length: ' + length + b'\r\n\r\n')

    assert connection.recv(1000).startswith(b'HTTP/1.1 400 ')
    assert not [record for record in caplog.records if record.name == 'waitress']
