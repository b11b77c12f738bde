"""The webhook against real sockets: signed, once, and bounded whatever the receiver does."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Final

import pytest

from synergy.adapters.senders.webhook import WebhookSender, judged, signature
from synergy.core.alert_rules import Receiver
from synergy.ports.sender import Letter

NOW: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
LETTER: Final = Letter(
    key='night/1/begin', title='t', text='x', severity='error', document='{"a":"ä"}'
)


@contextmanager
def receiver(answer: Callable[[socket.socket], None]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the port of a receiver that answers one request, and what it was sent."""
    received: list[bytes] = []
    with socket.create_server(('127.0.0.1', 0)) as server:

        def serve() -> None:
            link, _ = server.accept()
            with link, suppress(OSError):
                link.settimeout(5)
                head = b''
                while b'\r\n\r\n' not in head:
                    head += link.recv(65_536)
                if head[-4:] == b'\r\n\r\n':
                    head += link.recv(65_536)
                received.append(head)
                answer(link)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1], received
        thread.join(5)


def says(text: str) -> Callable[[socket.socket], None]:
    return lambda link: link.sendall(text.encode())


def sent(port: int, secret: str = '', seconds: float = 5) -> object:
    sender = WebhookSender(lambda: NOW, timedelta(seconds=seconds))
    to = Receiver(f'hook://{secret}127.0.0.1:{port}/alerts?team=a')
    assert sender.can_send(to)
    return sender.send(to, LETTER)


def test_a_message_is_signed_and_has_its_key() -> None:
    with receiver(says('HTTP/1.1 204 No Content\r\n\r\n')) as (port, received):
        assert sent(port, 'geh%40im@') is None

    head, _, body = received[0].partition(b'\r\n\r\n')
    lines = head.decode().split('\r\n')
    assert lines[0] == 'POST /alerts?team=a HTTP/1.1'
    assert body == LETTER.document.encode()
    headers = dict(line.split(': ', 1) for line in lines[1:])
    assert headers['Idempotency-Key'] == 'night/1/begin'
    assert headers['Content-Type'] == 'application/json'
    stamp = headers['X-Synergy-Timestamp']
    assert int(stamp) == NOW.timestamp()
    assert headers['X-Synergy-Signature'] == signature('geh@im', stamp, body)
    assert b'geh' not in received[0]
    assert signature('k', '1', b'{}') == (
        'sha256=3dd49b2593d0f9a349e9e71c4bde3e2b862c2be4003fe9b4ba81332029310158'
    )


def test_without_a_secret_nothing_is_signed() -> None:
    with receiver(says('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')) as (port, received):
        assert sent(port) is None

    assert b'Signature' not in received[0]


def endless(link: socket.socket) -> None:
    link.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n')
    with suppress(OSError):
        for _ in range(1_000):
            link.sendall(b'x' * 1_000_000)


def dripping(link: socket.socket) -> None:
    link.settimeout(0.05)
    link.sendall(b'HTTP/1.1 200 OK\r\n')
    with suppress(OSError):
        while True:
            link.sendall(b'X')
            with suppress(TimeoutError):
                if not link.recv(1):
                    return


def silent(link: socket.socket) -> None:
    link.settimeout(3)
    with suppress(OSError):
        link.recv(1)


@pytest.mark.parametrize(
    ('answer', 'told'),
    [
        (says('HTTP/1.1 500 Oops\r\n\r\ngeheim'), 'it answered 500'),
        (says('HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n'), 'a redirect'),
        (says('geheim\r\n\r\n'), 'is not HTTP'),
        (says(''), 'broke off'),
        (silent, 'did not answer in time'),
        (dripping, 'did not answer in time'),
    ],
)
def test_what_a_receiver_does_is_bounded_and_told_without_its_words(
    answer: Callable[[socket.socket], None], told: str
) -> None:
    with receiver(answer) as (port, _):
        found = sent(port, 'secret@', seconds=0.4)

    assert told in str(found)
    assert 'geheim' not in str(found)
    assert 'secret' not in str(found)


def test_an_endless_answer_is_not_read_to_its_end() -> None:
    with receiver(endless) as (port, _):
        assert sent(port) is None


def test_nobody_listening_is_told() -> None:
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]

    assert 'nothing listens there' in str(sent(port))


@pytest.mark.parametrize(
    ('status', 'after', 'is_final', 'minutes'),
    [
        (400, None, True, None),
        (401, None, False, None),
        (404, None, False, None),
        (429, '120', False, 2),
        (503, ' 60 ', False, 1),
        (503, '9' * 40, False, None),
        (503, 'Wed, 21 Oct 2015 07:28:00 GMT', False, None),
        (503, '-5', False, None),
        (503, '999999', False, 60),
        (500, '60', False, None),
        (99, None, False, None),
    ],
)
def test_answers(status: int, after: str | None, is_final: bool, minutes: int | None) -> None:
    found = judged(status, after)

    assert found is not None
    assert found.is_final is is_final
    assert found.after == (None if minutes is None else timedelta(minutes=minutes))


def test_other_addresses_are_not_for_it() -> None:
    sender = WebhookSender(lambda: NOW)

    assert not sender.can_send(Receiver('mailto://a@b'))
    assert not sender.can_send(Receiver('hook://'))
