"""How those who wait for messages are woken: a named pipe for each consumer.

A publisher writes a byte into the pipes of a queue after its commit. The consumer sleeps in
poll(2), so an idle one costs nothing, and a byte that comes before the poll still ends it.
Source: fifo(7), opening read-write never blocks on Linux.

Each consumer keeps an flock on a file of its own: when its process dies the kernel lets go of it,
and whoever looks next removes what is left of it. No pid is ever guessed at.

A publisher keeps the pipes open between two rings. Whether consumers have come or gone is told by
the time at which their folder last changed, one system call; a pipe that nobody reads any more
says so when it is written to.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import time
import uuid
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from synergy import private
from synergy.ports.errors import BrokerUnavailable

logger = logging.getLogger(__name__)

#: A folder that has changed so recently may change once more without a later time: the clocks of
#: file systems move in ticks of up to 10 ms.
_TICK_NANOSECONDS: Final = 100_000_000
#: However sure of it one is, the folder is listed again after this long.
_LIST_SECONDS: Final = 5.0
#: Pipes that one publisher keeps open, at most; beyond, all are closed and opened as they are rung.
_KEPT_MAX: Final = 256


class Bell:
    """The bell of one consumer, and the lock that tells that its owner lives."""

    def __init__(self, folder: Path, queue: str) -> None:
        """Make it, in the folder of a broker; raise BrokerUnavailable."""
        self.owner = uuid.uuid4().hex
        bells = _folder_of(folder, queue)
        self._path = bells / self.owner
        self._lock_path = bells / f'{self.owner}.lock'
        try:
            private.make_folder(bells)
            self._lock = private.open_file(self._lock_path, os.O_RDWR)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            os.mkfifo(self._path, private.FILE_MODE)
            # Read-write, so that it stays open when a publisher closes its end.
            self.pipe = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise BrokerUnavailable(
                f'no bell could be made in {bells} ({error.strerror}); '
                'check that the folder belongs to this user and the disk has room'
            ) from error

    def ring(self) -> None:
        """Ring it oneself."""
        with suppress(OSError):
            os.write(self.pipe, b'!')

    def drain(self) -> None:
        """Take back all that was rung."""
        with suppress(BlockingIOError):
            while len(os.read(self.pipe, 4096)) == 4096:
                continue

    def close(self) -> None:
        """Remove it."""
        for path in (self._path, self._lock_path):
            path.unlink(missing_ok=True)
        for descriptor in (self.pipe, self._lock):
            # Code of users may have closed what is not its own.
            with suppress(OSError):
                os.close(descriptor)


class Bells:
    """The bells of all consumers of one broker, as a publisher rings them."""

    def __init__(self, folder: Path) -> None:
        """Know of none yet. folder: of the broker."""
        self._folder = folder
        self._rows: dict[str, _Row] = {}
        self._kept_count = 0

    def ring(self, queues: Collection[str]) -> None:
        """Wake whoever waits for messages of these queues; never fail: what is there is durable."""
        for queue in queues:
            try:
                self._ring(queue)
            except OSError as error:
                # Whoever waits looks by itself, some seconds later.
                logger.warning(
                    'nobody was woken for %s: %s', queue, error, extra={'event': 'bell_unrung'}
                )

    def reader_count(self, queue: str) -> int:
        """Return how many consumers of a queue live."""
        bells = _folder_of(self._folder, queue)
        locks = list(bells.glob('*.lock')) if bells.is_dir() else []
        return sum(_is_alive(bells, lock.stem) for lock in locks)

    def is_alive(self, queue: str, owner: str) -> bool:
        """Tell whether a consumer's process still holds its lock; removes what a dead one left."""
        return _is_alive(_folder_of(self._folder, queue), owner)

    def close(self) -> None:
        """Let go of all pipes; safe to call twice."""
        for row in self._rows.values():
            row.close()
        self._rows.clear()
        self._kept_count = 0

    def _ring(self, queue: str) -> None:
        row = self._rows.get(queue)
        if row is None:
            row = self._rows[queue] = _Row(_folder_of(self._folder, queue))
        before = len(row.pipes)
        try:
            row.ring()
        finally:
            self._kept_count += len(row.pipes) - before
        if self._kept_count > _KEPT_MAX:
            self.close()


class _Row:
    """The bells of one queue. pipes: the open ones, by their owner."""

    def __init__(self, folder: Path) -> None:
        self.pipes: dict[str, int] = {}
        self._folder = folder
        #: Inode and time of the folder as it was listed; None: it is to be listed again.
        self._listed: tuple[int, int] | None = None
        self._list_at = 0.0

    def ring(self) -> None:
        """Write a byte into every pipe; remove the bells of the dead."""
        try:
            found = os.stat(self._folder)  # noqa: PTH116 - on every publish
        except FileNotFoundError:
            self.close()
            return
        now = time.monotonic()
        if self._listed != (found.st_ino, found.st_mtime_ns) or now >= self._list_at:
            self._list(found)
            self._list_at = now + _LIST_SECONDS
        for owner, pipe in list(self.pipes.items()):
            try:
                os.write(pipe, b'!')
            except BlockingIOError:
                continue  # A full pipe has enough bytes in it to wake its reader.
            except OSError:
                self._drop(owner)
                self._bury(owner)

    def close(self) -> None:
        """Let go of the pipes."""
        for owner in list(self.pipes):
            self._drop(owner)
        self._listed = None

    def _list(self, found: os.stat_result) -> None:
        """Open the pipes of those who have come, and let go of those who have gone."""
        names = os.listdir(self._folder)  # noqa: PTH208 - names only
        owners = {name for name in names if not name.endswith('.lock')}
        for owner in self.pipes.keys() - owners:
            self._drop(owner)
        age = time.time_ns() - found.st_mtime_ns
        # By a clock that was set back since, it has changed in the future.
        is_settled = age > _TICK_NANOSECONDS
        for owner in owners - self.pipes.keys():
            try:
                self.pipes[owner] = os.open(
                    self._folder / owner, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
                )
            except OSError as error:
                # Nobody reads it: its owner is dead, or about to open it and will look by itself.
                if error.errno == errno.ENXIO:
                    self._bury(owner)
                is_settled = False
        self._listed = (found.st_ino, found.st_mtime_ns) if is_settled else None

    def _drop(self, owner: str) -> None:
        with suppress(OSError):
            os.close(self.pipes.pop(owner))

    def _bury(self, owner: str) -> None:
        if not _is_alive(self._folder, owner):
            _remove(self._folder, owner)
        self._listed = None


def _folder_of(folder: Path, queue: str) -> Path:
    return folder / 'bells' / queue.replace('/', '_')


def _is_alive(bells: Path, owner: str) -> bool:
    try:
        lock = os.open(bells / f'{owner}.lock', os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    _remove(bells, owner)
    return False


def _remove(bells: Path, owner: str) -> None:
    for name in (owner, f'{owner}.lock'):
        (bells / name).unlink(missing_ok=True)
