"""How a test ends a server of its own: at once, not at the server's next look around."""

from __future__ import annotations

from threading import Thread
from typing import Any

from waitress import wasyncore


def end(server: Any, thread: Thread) -> None:
    """Stop those who answer, then close all sockets from within the server's loop, which ends it.

    server: a server of waitress, whose types lack most of it.
    """
    # First those who answer, then the door: they ring when they have done.
    server.task_dispatcher.shutdown()
    server.trigger.pull_trigger(lambda: wasyncore.close_all(server._map, ignore_all=True))
    thread.join(10)
    assert not thread.is_alive()
