"""Live viewers without a browser: each follows the stream and reads its page as live.js does."""

from __future__ import annotations

import gzip
import http.client
import json
import random
from collections.abc import Sequence
from contextlib import ExitStack
from threading import Event, Thread
from typing import Final

_PATIENCE_SECONDS: Final = 30.0
_HEADERS: Final = {'X-Live': '1', 'Accept-Encoding': 'gzip'}


class Viewers:
    """Tabs that look at `addresses` in turn, from the start of a block to its end."""

    def __init__(self, port: int, count: int, addresses: Sequence[str]) -> None:
        """Prepare `count` tabs."""
        self._port = port
        self._ended = Event()
        self._threads = [
            Thread(target=self._view, args=(addresses[number % len(addresses)],), daemon=True)
            for number in range(count)
        ]
        self.read_count = 0
        self.failures: list[str] = []

    def __enter__(self) -> Viewers:
        """Connect all of them."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let all of them leave."""
        self._ended.set()
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS)

    def _view(self, address: str) -> None:
        stream = http.client.HTTPConnection('127.0.0.1', self._port, timeout=_PATIENCE_SECONDS)
        pages = http.client.HTTPConnection('127.0.0.1', self._port, timeout=_PATIENCE_SECONDS)
        # A response keeps its socket open, whatever becomes of its connection.
        leaving = ExitStack()
        try:
            # As live.js does, which has the page already.
            has_ticks = b'data-tick' in _read(pages, address)
            stream.request('GET', '/events?ticks=on' if has_ticks else '/events')
            answer = stream.getresponse()
            leaving.callback(answer.close)
            if answer.status != 200:
                raise http.client.HTTPException(f'/events: {answer.status}')
            while not self._ended.is_set():
                line = answer.fp.readline() if answer.fp is not None else b''
                if not line:
                    raise http.client.HTTPException('the stream ended')
                if not line.startswith((b'event: read', b'event: tick')):
                    continue
                data = answer.fp.readline().removeprefix(b'data: ')
                self._ended.wait(random.random() * float(json.loads(data)['apart']))
                _read(pages, address)
                self.read_count += 1
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(f'{address}: {error}')
        finally:
            leaving.close()
            stream.close()
            pages.close()


def _read(connection: http.client.HTTPConnection, address: str) -> bytes:
    """Return the live regions of a page."""
    connection.request('GET', address, headers=_HEADERS)
    answer = connection.getresponse()
    content = answer.read()
    is_compressed = answer.headers['Content-Encoding'] == 'gzip'
    return gzip.decompress(content) if is_compressed else content
