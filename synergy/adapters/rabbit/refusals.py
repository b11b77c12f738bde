"""What RabbitMQ's refusals mean: may waiting help, and what is to be done about it."""

from __future__ import annotations

import re
import ssl
from typing import Final
from urllib.parse import urlsplit

from pika.adapters.utils.connection_workflow import (
    AMQPConnectionWorkflowFailed,
    AMQPConnectorPhaseErrorBase,
)
from pika.exceptions import AMQPConnectionError, ChannelClosed, ConnectionClosed

from synergy.core.uri import without_password, without_secrets_of
from synergy.ports.errors import BrokerError, BrokerUnavailable, BrokerUnusable

# Source: AMQP 0-9-1, reply codes.
ACCESS_REFUSED: Final = 403
NOT_FOUND: Final = 404
PRECONDITION_FAILED: Final = 406
NOT_ALLOWED: Final = 530

_CLOSED: Final = re.compile(r"ConnectionClosedByBroker: \((\d+)\) '(.*)'")
_QUEUE: Final = re.compile(r"for queue '([^']+)'")


def of_connection(error: BaseException, uri: str) -> BrokerError:
    """Return what the end of a connection, or of the attempt to make one, means."""
    root = _root(error)
    server = without_password(uri)
    code, text = _closing(root)
    text, said = without_secrets_of(text, uri), without_secrets_of(str(root) or repr(root), uri)
    if code == ACCESS_REFUSED:
        user = urlsplit(uri).username or 'guest'
        return BrokerUnusable(
            f'RabbitMQ at {server} refused user {user!r} ({text}); '
            'correct user and password in broker_uri'
        )
    if code == NOT_ALLOWED:
        return BrokerUnusable(
            f'RabbitMQ at {server} refused the virtual host ({text}); make it with '
            'rabbitmqctl add_vhost and set_permissions, or correct broker_uri'
        )
    if isinstance(root, ssl.SSLCertVerificationError):
        return BrokerUnusable(
            f'the certificate of RabbitMQ at {server} is not trusted ({root.verify_message}); '
            'name its authority in broker_uri with ?ssl_options='
        )
    if code is not None:
        return BrokerUnavailable(
            f'RabbitMQ at {server} closed the connection ({text}); connecting again'
        )
    return BrokerUnavailable(
        f'RabbitMQ at {server} cannot be reached ({said}); check that it runs '
        'and that broker_uri names it; connecting again'
    )


def of_channel(error: ChannelClosed, uri: str, what: str) -> BrokerError:
    """Return what the refusal of one operation means. what: what was to be done."""
    server = without_password(uri)
    text = error.reply_text
    if error.reply_code == ACCESS_REFUSED:
        return BrokerUnusable(
            f'RabbitMQ at {server} does not let this user {what} ({text}); '
            'grant configure, write and read with rabbitmqctl set_permissions'
        )
    if error.reply_code == PRECONDITION_FAILED and 'inequivalent arg' in text:
        return BrokerUnusable(_differs(text, server))
    return BrokerUnavailable(f'RabbitMQ at {server} refused to {what}: {text}; trying again')


def _differs(text: str, server: str) -> str:
    found = _QUEUE.search(text)
    advice = (
        f'remove it with ./launch.py mq purge --delete {found[1]} and it is declared again'
        if found
        else 'remove it with rabbitmqadmin and it is declared again'
    )
    if 'x-queue-type' in text:
        advice += ', or set broker_quorum_queues to what the queue is'
    return f'RabbitMQ at {server} has it declared differently ({text}); {advice}'


def _root(error: BaseException) -> BaseException:
    """Return the error within pika's wrappings."""
    while True:
        match error:
            case AMQPConnectionWorkflowFailed(exceptions=[*_, last]):
                error = last
            case AMQPConnectorPhaseErrorBase(exception=BaseException() as inner):
                error = inner
            case AMQPConnectionError(args=[BaseException() as inner, *_]):
                error = inner
            case _:
                return error


def _closing(error: BaseException) -> tuple[int | None, str]:
    """Return code and text with which the server closed a connection; None when it did not.

    What a server says during the greeting pika keeps only as text. One that merely closes the
    socket then may be going down: waiting helps.
    """
    if isinstance(error, ConnectionClosed):
        return error.reply_code, error.reply_text
    found = _CLOSED.search(str(error))
    return (int(found[1]), found[2]) if found else (None, '')
