"""People are told: by a webhook and by mail, once each, however often Watch is killed."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest
from aiosmtpd.controller import Controller

from synergy.adapters.senders.webhook import signature
from tests.system_harness import SystemHarness, kill

Record = Callable[[str, object], None]
SECRET: Final = 'geheim'
#: From what has happened to whoever sends it, with this machine under load.
SECONDS_MAX: Final = 6.0


class Told:
    """What receivers got. keys: of messages over HTTP, in order. mails: what mails say."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.mails: list[str] = []

    @property
    def keys(self) -> list[str]:
        return [document['key'] for document in self.documents]

    async def handle_DATA(  # noqa: N802 - of aiosmtpd
        self, _server: object, _session: object, envelope: Any
    ) -> str:
        self.mails.append(envelope.content.decode('utf-8', 'replace'))
        return '250 OK'


@contextmanager
def hook(told: Told, port: int) -> Iterator[None]:
    """Receive messages, and refuse what is not signed."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers['Content-Length']))
            signed = signature(SECRET, self.headers['X-Synergy-Timestamp'], body)
            is_ours = signed == self.headers['X-Synergy-Signature']
            if is_ours:
                told.documents.append(json.loads(body))
                told.at.append(time.time())
            self.send_response(204 if is_ours else 403)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Be still."""

    with ThreadingHTTPServer(('127.0.0.1', port), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={'poll_interval': 0.05})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def mail_port(told: Told) -> Iterator[int]:
    controller = Controller(told, hostname='127.0.0.1', port=free_port())
    controller.start()
    yield controller.port
    controller.stop()


def test_each_message_arrives_though_its_receiver_is_down_and_watch_is_killed(
    tmp_path: Path, told: Told, mail_port: int, record_property: Record
) -> None:
    port = free_port()
    mail = f'mailto://127.0.0.1:{mail_port}?from=robot@example.com&to=anna@example.com'
    with SystemHarness(
        tmp_path,
        'tests.pipelines.alerted',
        SYNERGY_TEST_ALERT_HOOK=f'hook://{SECRET}@127.0.0.1:{port}/alerts',
        SYNERGY_TEST_ALERT_MAIL=mail,
    ) as system:
        store = system.store
        watch = system.start('Watch')
        system.start('Scheduler')
        system.wait_for(lambda: store.watching() is not None, 'a Watch that watches')
        key = system.key('AilingHourly')
        with hook(told, port):
            system.start('AilingHourly')
            system.wait_for(lambda: bool(told.keys), 'a message')
            held = store.jobs([key])[key]
            assert held.is_held
            record_property('told_seconds', told.at[0] - held.changed_at.timestamp())
            assert told.at[0] - held.changed_at.timestamp() < SECONDS_MAX
            system.wait_for(lambda: len(told.mails) == 1, 'a mail')
        begin = told.documents[0]
        assert begin['kind'] == 'begin'
        assert begin['alerts'][0]['subject'] == str(key)
        assert 'no such table: visits' in begin['text']
        assert str(key) in told.mails[0]
        assert 'To: anna@example.com' in told.mails[0]

        system.tell('well')
        asked = system.launch('dead', 'retry', '--process', 'AilingHourly', '--yes')
        assert asked.returncode == 0, asked.stderr
        system.wait_final(key)

        def is_refused() -> bool:
            return any(item.attempts for item in store.waiting_deliveries())

        system.wait_for(is_refused, 'a receiver that is down')
        kill(watch)
        assert told.keys == [begin['key']]
        with hook(told, port):
            system.start('Watch')
            system.wait_for(lambda: len(told.keys) == 2, 'the message that had waited')
            system.wait_for(lambda: not store.waiting_deliveries(), 'the end of all deliveries')
        assert told.keys == [begin['key'], f'{begin["group"]}/end']
        assert told.documents[1]['title'].startswith('Resolved after')
        assert len(told.mails) == 2
        log = system.logs()
        assert SECRET not in log
