"""A line to the primary of a replica set that loses the answer to chosen commands."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pymongo
from pymongo.uri_parser import parse_uri

#: Of a message: length, and the place of the name of its command behind headers and types.
_LENGTH_BYTES = 4
_NAME_AT = 26


class MongoLine:
    """Passes messages on, both ways.

    losing: names of commands whose next answer is not passed on; the connection breaks instead.
    """

    def __init__(self, host: str, port: int) -> None:
        """Listen on a port of its own."""
        self.losing: list[str] = []
        self.seen: list[str] = []
        self._server = (host, port)
        self._listening = socket.create_server(('127.0.0.1', 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with suppress(OSError, EOFError), client, socket.create_connection(self._server) as server:
            while True:
                asked = _message(client)
                command = asked[_NAME_AT : asked.find(b'\0', _NAME_AT)].decode('latin-1')
                self.seen.append(command)
                server.sendall(asked)
                answer = _message(server)
                if command in self.losing:
                    self.losing.remove(command)
                    return
                client.sendall(answer)


@contextmanager
def mongo_line(uri: str) -> Iterator[tuple[MongoLine, str]]:
    """Yield a line to the primary of `uri`, and the URI of the same database over it."""
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        client.admin.command('ping')
        assert client.primary is not None
        line = MongoLine(*client.primary)
    with closing(line):
        database = parse_uri(uri)['database']
        yield (
            line,
            f'mongodb://127.0.0.1:{line.port}/{database}?directConnection=true&serverMonitoringMode=poll',
        )


def _message(sender: socket.socket) -> bytes:
    head = _exactly(sender, _LENGTH_BYTES)
    return head + _exactly(sender, struct.unpack('<i', head)[0] - _LENGTH_BYTES)


def _exactly(sender: socket.socket, count: int) -> bytes:
    found = b''
    while len(found) < count:
        part = sender.recv(count - len(found))
        if not part:
            raise EOFError
        found += part
    return found
