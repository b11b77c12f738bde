"""How a test ends a server of its own: at once, not at the server's next look around."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from waitress import wasyncore


def in_loop(server: Any, close: Callable[[], object]) -> None:
    """Let the loop of a server close something, and with it what wakes the loop.

    server: a server of waitress, whose types lack most of it.
    """
    # Its own pull_trigger writes without the lock, by when the trigger may be closed.
    with server.trigger.lock:
        server.trigger.thunks.append(close)
        server.trigger._physical_pull()


def end(server: Any, thread: Thread) -> None:
    """Stop those who answer, then let the loop close all sockets, its own too, which ends it."""
    # First those who answer, then the door: they ring when they have done.
    server.task_dispatcher.shutdown()
    in_loop(server, lambda: wasyncore.close_all(server._map, ignore_all=True))
    thread.join(10)
