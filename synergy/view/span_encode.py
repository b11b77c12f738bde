"""The span of an interval as it is sent: in UTC, and by the clock of its tree."""

from __future__ import annotations

from datetime import datetime

from synergy.core.node import Node
from synergy.view.clock import local
from synergy.view.span_documents import SpanDocument


def encode_span(node: Node, start: datetime, end: datetime) -> SpanDocument:
    """Return [start, end) of an interval of `node`."""
    return {
        'start': _in_utc(start),
        'end': _in_utc(end),
        'time_zone': node.tree.zone,
        'local_start': local(start, node),
        'local_end': local(end, node),
    }


def _in_utc(instant: datetime) -> str:
    return instant.isoformat().replace('+00:00', 'Z')
