"""Live pages: one thread follows the store, any number of tabs listen to what it finds.

Each tab is a server-sent event stream: `jobs` carries the cells that have changed, `read` lets all
tabs read their pages again, together, so that those that show the same page share one rendering.
`tick` does so between two of those for pages that show what changes without any job: boxes, logs,
how long a run takes. How often is decided here and not by the tabs: many changes are no reason for
many pages. A tab costs a waiting thread, and now and then the question whether its visitor may
still be told; never a query about jobs. Without tabs the thread only looks now and then, so that
the next page has little to catch up with.

While the store is away a stream says so (`away`) and ends, and so does every further one until it
is back: the browser tries again by itself.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from threading import Condition, Thread
from typing import Final

from synergy.core.structs import Struct
from synergy.mx.live.read_model import Change, ReadModel
from synergy.mx.live.store_pool import StorePool
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
#: When no tab follows; of a busy store soon enough that no page has to catch up by itself.
IDLE_LOOK_SECONDS: Final = 10.0
BUSY_LOOK_SECONDS: Final = 1.0
#: Pages are read again at most so often, less often when more changes than anybody can follow, and
#: at least so often, for some of what they show is time.
READ_SECONDS: Final = 2.5
BUSY_READ_SECONDS: Final = 5.0
QUIET_READ_SECONDS: Final = 10.0
#: So long after tabs were told last, those that want ticks are told again; not while much changes.
TICK_SECONDS: Final = 2.0
#: Over how long the tabs spread their reading, so that nobody else has to wait for all of them.
APART_SECONDS: Final = 0.4
BUSY_APART_SECONDS: Final = 2.5
#: How soon it is noticed that a tab has left.
WAIT_SECONDS: Final = 1.0
#: A stream ends after this and is taken up again by the browser.
STREAM_SECONDS: Final = 600.0
#: So often it is asked whether the visitor may still be told: no stream outlives its login long.
WELCOME_SECONDS: Final = 5.0
CELLS_PER_FRAME_MAX: Final = 150
FRAMES_KEPT: Final = 16
_HELLO: Final = b'retry: 3000\nevent: hello\ndata: {}\n\n'
#: The last frame of a stream, when the store is away.
AWAY: Final = b'retry: 3000\nevent: away\ndata: {}\n\n'


class _Frame(Struct, frozen=True):
    """One event as it is sent. number: they are counted. is_tick: not for everybody."""

    number: int
    content: bytes
    is_tick: bool


class Feed:
    """Hands changes of the read model to the tabs that listen."""

    def __init__(self, model: ReadModel, stores: StorePool, clock: Clock) -> None:
        """Start the thread."""
        self._model = model
        self._stores = stores
        self._clock = clock
        self._condition = Condition()
        self._follower_count = 0
        self._ticked_count = 0
        self._is_stopped = False
        self._is_idle = False
        self._is_away = False
        self._number = 0
        self._frames: deque[_Frame] = deque(maxlen=FRAMES_KEPT)
        self._is_read_due = False
        self._read_at = float('-inf')
        self._told_at = float('-inf')
        self._thread = Thread(target=self._run, name='feed', daemon=True)
        self._thread.start()

    def follow(
        self,
        is_gone: Callable[[], bool] = lambda: False,
        is_welcome: Callable[[], bool] = lambda: True,
        *,
        has_ticks: bool = False,
    ) -> Iterator[bytes]:
        """Yield the frames of one tab until it leaves, or its time is over.

        is_gone: tells whether the tab has left. It is asked often: who turns pages quickly would
        otherwise leave behind a waiting thread for each of them. is_welcome: tells whether it may
        still be told, every WELCOME_SECONDS. has_ticks: it wants those, too.
        """
        with self._condition:
            self._follower_count += 1
            self._ticked_count += has_ticks
            number = self._number
            self._condition.notify_all()
        try:
            if not self._is_away:
                yield _HELLO
            now = self._clock.monotonic()
            until, asked_at = now + STREAM_SECONDS, now
            while not self._has_ended and now < until and not is_gone():
                frames, number = self._next(number, has_ticks=has_ticks)
                now = self._clock.monotonic()
                if now - asked_at >= WELCOME_SECONDS:
                    asked_at = now
                    if not is_welcome():
                        return
                if frames:
                    yield b''.join(frames)
            if self._is_away:
                yield AWAY
        finally:
            with self._condition:
                self._follower_count -= 1
                self._ticked_count -= has_ticks

    def heed(self) -> None:
        """Follow soon if a page has just found that much changes, so that the next need not."""
        if self._is_idle and self._model.is_busy:
            with self._condition:
                self._condition.notify_all()

    @property
    def apart_seconds(self) -> float:
        """Return over how long the tabs spread their reading."""
        return BUSY_APART_SECONDS if self._model.is_busy else APART_SECONDS

    def stop(self) -> None:
        """End all streams and the thread."""
        with self._condition:
            self._is_stopped = True
            self._condition.notify_all()

    @property
    def _has_ended(self) -> bool:
        return self._is_stopped or self._is_away

    def _next(self, number: int, *, has_ticks: bool) -> tuple[list[bytes], int]:
        """Return the frames after `number`, waiting a while for one, and the newest's number."""
        with self._condition:
            self._condition.wait_for(
                lambda: self._number > number or self._has_ended, timeout=WAIT_SECONDS
            )
            frames = [frame for frame in self._frames if frame.number > number]
            if len(frames) < self._number - number:
                return [self._told('read')], self._number
            wanted = [frame.content for frame in frames if has_ticks or not frame.is_tick]
            return wanted, self._number

    def _run(self) -> None:
        seen = self._model.version
        while not self._is_stopped:
            with self._condition:
                is_awaited = self._follower_count > 0 or self._is_away
                self._is_idle = not (is_awaited or self._model.is_busy)
                self._condition.wait(LOOK_SECONDS if is_awaited else self._idle_seconds())
                self._is_idle = False
            if not self._is_stopped:
                seen = self._look(seen)

    def _look(self, seen: int) -> int:
        """Catch up with the store and tell the tabs; return the number of the newest change."""
        try:
            with self._stores.lent() as store:
                self._model.look(store)
        except PortError as error:
            if not self._is_away:
                logger.warning('the feed waits: %s', error, extra={'event': 'store_down'})
            self._tell_away(is_away=True)
            self._clock.sleep(READ_SECONDS)
            return seen
        if self._is_away:
            logger.info('the store is back', extra={'event': 'store_up'})
            self._tell_away(is_away=False)
        changes = self._model.changes_after(seen)
        version = self._model.version
        cells = frame_of(changes) if len(changes) == version - seen else None
        if changes and cells is not None:
            self._tell(cells)
        self._is_read_due |= version > seen
        now = self._clock.monotonic()
        if now - self._read_at >= self._pace():
            self._tell(self._told('read'))
            self._is_read_due, self._read_at, self._told_at = False, now, now
        elif self._is_tick_due(now):
            self._tell(self._told('tick'), is_tick=True)
            self._told_at = now
        return version

    def _is_tick_due(self, now: float) -> bool:
        is_wanted = self._ticked_count > 0 and not self._model.is_busy
        return is_wanted and now - self._told_at >= TICK_SECONDS

    def _tell_away(self, *, is_away: bool) -> None:
        with self._condition:
            self._is_away = is_away
            self._condition.notify_all()

    def _tell(self, content: bytes, *, is_tick: bool = False) -> None:
        with self._condition:
            self._number += 1
            self._frames.append(_Frame(self._number, content, is_tick))
            self._condition.notify_all()

    def _told(self, event: str) -> bytes:
        return f'event: {event}\ndata: {{"apart": {self.apart_seconds}}}\n\n'.encode()

    def _idle_seconds(self) -> float:
        return BUSY_LOOK_SECONDS if self._model.is_busy else IDLE_LOOK_SECONDS

    def _pace(self) -> float:
        if not self._is_read_due:
            return QUIET_READ_SECONDS
        return BUSY_READ_SECONDS if self._model.is_busy else READ_SECONDS


def frame_of(changes: Sequence[Change]) -> bytes | None:
    """Return the frame that tells tabs of `changes`; None when they are too many for that."""
    newest = {str(change.key): change for change in changes}
    if len(newest) > CELLS_PER_FRAME_MAX:
        return None
    cells = [[name, change.mark.css, change.mark.word] for name, change in newest.items()]
    return f'event: jobs\ndata: {json.dumps(cells)}\n\n'.encode()
