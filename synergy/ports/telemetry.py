"""Port: where spans and events of lineage go. Never asked in the Scheduler: it may be slow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from synergy.core.telemetry import LineageEvent, Span
from synergy.ports.errors import PortError


class NotTaken(PortError):
    """What was sent has not been taken. is_final: it will not be, however often it is sent.

    The message says why, without secrets.
    """

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        """Say why."""
        super().__init__(why)
        self.is_final = is_final


class SpanSink(Protocol):
    """Takes spans."""

    def send(self, items: Sequence[Span]) -> None:
        """Send once, within a bounded time; raise NotTaken unless all of them were taken."""
        ...


class LineageSink(Protocol):
    """Takes events of lineage."""

    def send(self, items: Sequence[LineageEvent]) -> None:
        """Send once, in order, within a bounded time; raise NotTaken unless all were taken."""
        ...
