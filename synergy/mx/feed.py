"""Live pages: one thread follows the store, any number of tabs listen to what it finds.

Each tab is a server-sent event stream: `jobs` carries the cells that have changed, `gap` says that
a tab has missed some and should read its page anew, `tick` lets it refresh what depends on the
time. A tab costs a waiting thread, never a query. Without tabs the thread waits, too.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Condition, Thread
from typing import Final

from synergy.mx.model import Change, ReadModel
from synergy.mx.stores import StorePool
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
TICK_SECONDS: Final = 10.0
#: How soon it is noticed that a tab has left.
WAIT_SECONDS: Final = 1.0
#: A stream ends after this and is taken up again by the browser: so none outlives its login long.
STREAM_SECONDS: Final = 600.0
CELLS_PER_FRAME_MAX: Final = 150
FRAMES_KEPT: Final = 16
_HELLO: Final = b'retry: 3000\nevent: hello\ndata: {}\n\n'
_GAP: Final = b'event: gap\ndata: {}\n\n'
_TICK: Final = b'event: tick\ndata: {}\n\n'


class Feed:
    """Hands changes of the read model to the tabs that listen."""

    def __init__(
        self, model: ReadModel, stores: StorePool, clock: Clock, followers_max: int
    ) -> None:
        """Start the thread, which waits for the first tab."""
        self._model = model
        self._stores = stores
        self._clock = clock
        self._followers_max = followers_max
        self._condition = Condition()
        self._follower_count = 0
        self._is_stopped = False
        self._number = 0
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=FRAMES_KEPT)
        self._thread = Thread(target=self._run, name='feed', daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        """Tell whether no further tab can be served."""
        return self._follower_count >= self._followers_max

    def follow(self, is_gone: Callable[[], bool] = lambda: False) -> Iterator[bytes]:
        """Yield the frames of one tab until it leaves, or its time is over.

        is_gone: tells whether the tab has left. It is asked often: who turns pages quickly would
        otherwise leave behind a waiting thread for each of them.
        """
        with self._condition:
            self._follower_count += 1
            number = self._number
            self._condition.notify_all()
        try:
            yield _HELLO
            until = self._clock.monotonic() + STREAM_SECONDS
            quiet = 0
            while not self._is_stopped and self._clock.monotonic() < until and not is_gone():
                frames, number = self._next(number)
                quiet = 0 if frames else quiet + 1
                if quiet >= TICK_SECONDS / WAIT_SECONDS:
                    frames, quiet = [_TICK], 0
                if frames:
                    yield b''.join(frames)
        finally:
            with self._condition:
                self._follower_count -= 1

    def stop(self) -> None:
        """End all streams and the thread."""
        with self._condition:
            self._is_stopped = True
            self._condition.notify_all()

    def _next(self, number: int) -> tuple[list[bytes], int]:
        """Return the frames after `number`, waiting a while for one, and the newest's number."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._number > number or self._is_stopped, timeout=WAIT_SECONDS
            )
            frames = [frame for at, frame in self._frames if at > number]
            if len(frames) < self._number - number:
                frames = [_GAP]
            return frames, self._number

    def _run(self) -> None:
        seen = self._model.version
        while not self._is_stopped:
            with self._condition:
                if self._follower_count == 0:
                    self._condition.wait()
                    seen = self._model.version
                else:
                    self._condition.wait(LOOK_SECONDS)
            if not self._is_stopped and self._follower_count:
                seen = self._look(seen)

    def _look(self, seen: int) -> int:
        try:
            with self._stores.lent() as store:
                self._model.look(store)
        except PortError as error:
            logger.warning('the feed waits: %s', error, extra={'event': 'store_down'})
            self._clock.sleep(LOOK_SECONDS)
            return seen
        changes = self._model.changes_after(seen)
        version = self._model.version
        if version > seen:
            with self._condition:
                self._number += 1
                is_whole = len(changes) == version - seen
                self._frames.append((self._number, frame_of(changes) if is_whole else _GAP))
                self._condition.notify_all()
        return version


def frame_of(changes: Sequence[Change]) -> bytes:
    """Return the frame that tells tabs of `changes`."""
    newest = {str(change.job.key): change for change in changes}
    if len(newest) > CELLS_PER_FRAME_MAX:
        return _GAP
    cells = [[name, change.mark.css, change.mark.word] for name, change in newest.items()]
    return f'event: jobs\ndata: {json.dumps(cells)}\n\n'.encode()
