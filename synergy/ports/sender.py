"""Port: how a message leaves the house. Never asked in the Scheduler: a receiver may be slow."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from synergy.core.alert_outbox import Refused
from synergy.core.alert_rules import Receiver
from synergy.core.secret_url import SecretUrl


class Letter(NamedTuple):
    """What is sent. key: the same for each attempt. document: the message as JSON, for programs."""

    key: str
    title: str
    text: str
    severity: str
    document: str


class Sender(Protocol):
    """Sends to the receivers whose addresses it knows."""

    def can_send(self, receiver: Receiver) -> bool:
        """Tell whether it knows how to send to a receiver."""
        ...

    def send(self, receiver: Receiver, letter: Letter) -> Refused | None:
        """Send once; return why that came to nothing, None: it has arrived.

        Returns within a bounded time, whatever the receiver does, and raises nothing for what a
        receiver does.
        """
        ...


class Pinger(Protocol):
    """Asks for the address of a dead man's switch."""

    def ping(self, url: SecretUrl) -> str | None:
        """Ask once, within a bounded time; return what went wrong, without secrets."""
        ...
