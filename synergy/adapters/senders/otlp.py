"""Spans to a collector of OpenTelemetry: OTLP over HTTP, encoded by the library, an extra.

The library makes the message; it is sent by our own hand, for what a collector can do is bounded
so (`synergy.adapters.senders.requests`): the exporters of the library read answers of any length,
and wait for as long as a byte comes now and then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from synergy import __version__
from synergy.adapters.senders.posting import SECONDS_MAX, post
from synergy.core.secret_url import SecretUrl
from synergy.core.telemetry import Span

_PATH: Final = '/v1/traces'
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SCOPE: Final = 'synergy'


def traces_url(endpoint: SecretUrl) -> SecretUrl:
    """Return where spans go: an endpoint names a collector, or the path of its traces itself."""
    parts = urlsplit(endpoint.url)
    path = parts.path.rstrip('/')
    if not path.endswith(_PATH):
        path += _PATH
    return SecretUrl(parts._replace(path=path).geturl())


class OtlpSink:
    """Sends to one collector. It is a `SpanSink`."""

    def __init__(
        self,
        endpoint: SecretUrl,
        headers: Mapping[str, str],
        resource: Mapping[str, str],
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        """Load the library. headers: with each request. resource: who sends, `service.name` etc."""
        # Imported here, for it is an extra; settings that ask for it say so where it is missing.
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._url = traces_url(endpoint)
        self._headers = headers
        self._seconds_max = seconds_max
        self._resource = Resource(dict(resource))
        self._scope = InstrumentationScope(_SCOPE, __version__)

    def send(self, items: Sequence[Span]) -> None:
        """Send once; raise NotTaken."""
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        body = encode_spans([self._readable(span) for span in items]).SerializeToString()
        post(self._url, 'application/x-protobuf', body, self._headers, self._seconds_max)

    def _readable(self, span: Span) -> Any:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanKind, Status, StatusCode

        status = Status(StatusCode.OK)
        if span.error is not None:
            status = Status(StatusCode.ERROR, span.error)
        return ReadableSpan(
            name=span.name,
            context=_context(span.trace, span.id),
            parent=None if span.parent is None else _context(span.trace, span.parent),
            resource=self._resource,
            attributes=span.attributes,
            kind=SpanKind.INTERNAL,
            status=status,
            start_time=_nanos(span.begin),
            end_time=_nanos(span.end),
            instrumentation_scope=self._scope,
        )


def _context(trace: str, span: str) -> Any:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(
        trace_id=int(trace, 16),
        span_id=int(span, 16),
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _nanos(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000
