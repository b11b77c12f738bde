"""A store and a broker of one simulated process that are joined: a block is all or nothing.

The store is the real one, whose block is undone or committed; the broker in memory does likewise.
Whoever is within a block has the write lock, so nobody comes in between; what may go wrong is that
the process dies there, that a call within fails, or that nobody hears that it was committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from synergy.adapters.sqlite.connection import SqliteFile
from synergy.ports.errors import StoreUnavailable
from synergy.simulation.broker import Exchange
from synergy.simulation.store import Line


class SimulatedJoint:
    """The block of one process."""

    is_joint = True

    def __init__(self, file: SqliteFile, exchange: Exchange, line: Line) -> None:
        """Join the file of the store and the broker in memory, over the line of the process."""
        self._file = file
        self._exchange = exchange
        self._line = line
        self._afterwards: list[Callable[[], object]] | None = None

    @contextmanager
    def block(self) -> Iterator[None]:
        """Let all of a block stand, or nothing of it."""
        if self._afterwards is not None:
            with self._file.one_commit():
                yield
            return
        # While it waits for the lock, others go on.
        self._line.before(StoreUnavailable)
        afterwards = self._afterwards = []
        self._line.is_alone = True
        self._line.seen = []
        self._exchange.begin()
        try:
            with self._file.one_commit():
                yield
        except BaseException:
            self._exchange.undo()
            raise
        finally:
            self._line.is_alone = False
            self._afterwards = None
        for note in self._line.seen:
            note()
        self._exchange.stand()
        self._line.after(StoreUnavailable)
        for action in afterwards:
            action()

    def after(self, action: Callable[[], object]) -> None:
        """Do something once the block is committed and that was heard."""
        if self._afterwards is None:
            action()
        else:
            self._afterwards.append(action)
