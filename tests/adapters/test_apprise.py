"""Messages through apprise: to a real receiver, and what is said where it is not installed."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Iterator

import pytest

from synergy.adapters.senders.apprise import AppriseSender
from synergy.core.alert_rules import Receiver
from tests.adapters.test_webhook import LETTER, receiver, says


@pytest.fixture(autouse=True)
def logger_as_before() -> Iterator[None]:
    logger = logging.getLogger('apprise')
    was_disabled = logger.disabled
    yield
    logger.disabled = was_disabled


@pytest.mark.filterwarnings('ignore')  # Of the hundred services that apprise knows.
def test_a_message_arrives_and_a_refusal_tells_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pytest.importorskip('apprise')
    sender = AppriseSender()
    with receiver(says('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')) as (port, received):
        to = Receiver(f'json://user:geheim@127.0.0.1:{port}/')
        assert sender.can_send(to)
        assert sender.send(to, LETTER) is None
    with socket.create_server(('127.0.0.1', 0)) as server:
        port = server.getsockname()[1]
    refused = sender.send(Receiver(f'json://user:geheim@127.0.0.1:{port}/'), LETTER)

    assert b'POST / HTTP/1.1' in received[0]
    assert 'json did not take it' in str(refused)
    unread = sender.send(Receiver('slack://geheim'), LETTER)
    assert 'apprise cannot read this address of slack' in str(unread)
    assert 'geheim' not in caplog.text + str(refused) + str(unread)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize(
    ('address', 'shown', 'hidden'),
    [
        ('?format=html', b'&lt;b&gt;Zeile&lt;/b&gt;', b'<b>'),
        ('?format=text', b'<b>Zeile</b> {0} & <!channel>', b'&lt;'),
    ],
)
def test_errors_are_no_markup_of_a_service(address: str, shown: bytes, hidden: bytes) -> None:
    pytest.importorskip('apprise')
    letter = LETTER._replace(text='<b>Zeile</b> {0} & <!channel>\nWhy: two')
    with receiver(says('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')) as (port, received):
        assert AppriseSender().send(Receiver(f'json://127.0.0.1:{port}/{address}'), letter) is None

    assert shown in received[0]
    assert hidden not in received[0]


def test_where_it_is_not_installed_it_is_said_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, 'apprise', None)

    refused = AppriseSender().send(Receiver('slack://geheim/b/c'), LETTER)

    assert refused is not None
    assert 'pip install "synergy-scheduler[alerts]"' in refused.error
    assert not refused.is_final
    assert 'geheim' not in refused.error


def test_webhooks_are_not_for_it() -> None:
    assert not AppriseSender().can_send(Receiver('hooks://a@b'))
