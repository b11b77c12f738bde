"""A receiver over HTTP that keeps what it is sent, for tests of what goes out of the house."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

SECONDS = 60.0


class Received(NamedTuple):
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Answers each request with `status`, and keeps those that it answers with 200."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[Received] = []
        self.refused = 0
        self.url = ''
        self._changed = Condition()

    def take(self, received: Received) -> int:
        with self._changed:
            if self.status == 200:
                self.requests.append(received)
            else:
                self.refused += 1
            self._changed.notify_all()
            return self.status

    def wait_for(self, is_so: Any, what: str) -> None:
        with self._changed:
            assert self._changed.wait_for(is_so, SECONDS), f'{what} did not come'

    @property
    def spans(self) -> list[Span]:
        """Return all spans, in the order in which they came."""
        found = []
        for request in list(self.requests):
            if request.path == '/v1/traces':
                sent = ExportTraceServiceRequest.FromString(request.body)
                for resource in sent.resource_spans:
                    for scope in resource.scope_spans:
                        found += scope.spans
        return found

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return all events of lineage, in the order in which they came."""
        return [
            json.loads(request.body)
            for request in list(self.requests)
            if request.path == '/api/v1/lineage'
        ]


def attributes_of(span: Span) -> dict[str, Any]:
    """Return the attributes of a span as plain values."""
    return {
        item.key: getattr(item.value, item.value.WhichOneof('value') or 'string_value')
        for item in span.attributes
    }


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run a receiver on a port of its own."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers['Content-Length']))
            if self.headers.get('Content-Encoding') == 'gzip':
                body = gzip.decompress(body)
            status = found.take(Received(self.path, dict(self.headers), body))
            self.send_response(status)
            self.send_header('Content-Length', '0')
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    found.url = f'http://127.0.0.1:{server.server_port}'
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
