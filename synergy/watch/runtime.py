"""What Watch, and each of its followers, is started with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from synergy.conf.model import Context, Settings
from synergy.ports.broker import Broker
from synergy.ports.clock import Clock
from synergy.ports.sender import Pinger, Sender
from synergy.ports.store import Store
from synergy.ports.telemetry import LineageSink, SpanSink


class WatchRuntime(Protocol):
    """What Watch is started with."""

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        ...

    @property
    def context(self) -> Context:
        """Return the context."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        ...

    @property
    def tell_up(self) -> Callable[[], None]:
        """Return what is called once Watch watches, or stands by."""
        ...

    def senders(self) -> Sequence[Sender]:
        """Return who sends messages of alerts."""
        ...

    def pinger(self) -> Pinger:
        """Return who asks a dead man's switch for its address."""
        ...

    def span_sink(self) -> SpanSink:
        """Return who takes spans: what `otlp_endpoint` names."""
        ...

    def lineage_sink(self) -> LineageSink:
        """Return who takes events of lineage: what `openlineage_url` names."""
        ...

    def open_store(self, *, create: bool = True, busy_seconds_max: float | None = None) -> Store:
        """Return a connection to the store, for the calling thread alone."""
        ...

    def open_broker(self, *, create: bool = True) -> Broker:
        """Return a connection to the broker, for the calling thread alone."""
        ...
