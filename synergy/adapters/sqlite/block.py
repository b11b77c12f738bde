"""What is known of a block of writes that become one commit; see `SqliteFile.one_commit`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

E = TypeVar('E', bound=BaseException)


class Block:
    """The block under way. writes: how often something was begun in it, the first with BEGIN."""

    __slots__ = ('_thread', 'afterwards', 'error', 'writes')

    def __init__(self) -> None:
        """Begin one, on this thread."""
        self._thread = threading.get_ident()
        self.writes = 0
        #: The first failure within: with it the block fails, whoever has caught it.
        self.error: BaseException | None = None
        self.afterwards: list[Callable[[], object]] = []

    def check_thread(self) -> None:
        """Make sure that it is the thread of the block that writes: no other knows of it."""
        assert self._thread == threading.get_ident(), 'another thread writes in this block'

    def spoilt_by(self, error: E) -> E:
        """Let the block fail with an error; return it."""
        self.error = self.error or error
        return error
