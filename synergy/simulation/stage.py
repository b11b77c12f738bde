"""Actors on simulated time: threads of which exactly one runs, handing over a baton.

An actor runs its real loop. Whenever it would wait (for time, for a message) it hands the baton to
the actor that is due next, and is resumed when its own time has come; nothing else moves the clock.
Which of several actors due at one instant comes first is drawn from the seed. A hand-over between
threads costs as much as a turn: so it goes from actor to actor, an actor that is itself due next
just goes on, and the stage's own thread gets the baton only at the end of a stretch of turns.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Final

#: An actor that does not come to rest is a fault of the program; the limit is in real time.
_STUCK_SECONDS: Final = 60.0


def _baton() -> threading.Lock:
    """Return a baton that somebody else has: to take it is to wait until it is handed over.

    A bare lock, for it is handed over at every turn: a semaphore is ten calls of Python around one.
    """
    baton = threading.Lock()
    baton.acquire()
    return baton


class Died(BaseException):
    """Raised out of an actor's code where its process dies."""


class Actor:
    """One simulated process of the operating system."""

    def __init__(self, stage: Stage, name: str, pid: int, body: Callable[[Actor], None]) -> None:
        """Prepare; `Stage.start` lets it run. body: what the process does until it ends."""
        self.name = name
        self.pid = pid
        self.is_killed = False
        self.is_ended = False
        self.on_stop: Callable[[], None] | None = None
        self.wake_at = stage.seconds
        self.serial = 0
        self.error: BaseException | None = None
        self._stage = stage
        self._body = body
        self._baton = _baton()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin the thread; it waits for the baton."""
        self._thread.start()

    def resume(self) -> None:
        """Hand the baton to the actor."""
        self._baton.release()

    def pause(self, seconds: float) -> None:
        """Hand the baton on until `seconds` have passed or somebody wakes the actor."""
        if self.is_killed:
            raise Died
        # A millisecond at least: a wait for less than the clock can tell would never end.
        self._stage.schedule(self, self._stage.seconds + max(seconds, 0.001))
        if not self._stage.hand_on(self):
            self._baton.acquire()
        if self.is_killed:
            raise Died

    def _run(self) -> None:
        self._baton.acquire()
        try:
            if not self.is_killed:
                self._body(self)
        except Died:
            self.is_killed = True
        except BaseException as error:  # noqa: BLE001 - handed to the stage, which raises it
            self.error = error
        finally:
            self.is_ended = True
            self._stage.hand_on(self)


class Stage:
    """Simulated time and the actors on it."""

    def __init__(self, start: datetime, random: Random) -> None:
        """Stand at `start`."""
        self.seconds = 0.0
        self.random = random
        self.actors: list[Actor] = []
        self.current: Actor | None = None
        self.turn_count = 0
        self.is_closing = False
        #: When the clock was set last.
        self.set_at = -1e9
        # What the clock of the machine shows when the simulation begins; `set_clock` moves it.
        self._start = start
        self._heap: list[tuple[float, float, int, Actor, int]] = []
        self._baton = _baton()
        self._pid = 100
        # Of the stretch under way.
        self._until = 0.0
        self._turns_left = 0

    @property
    def now(self) -> datetime:
        """Return the present instant."""
        return self._start + timedelta(seconds=self.seconds)

    def set_clock(self, by: timedelta) -> None:
        """Set the clock of the machine forward or back; no time passes."""
        self._start += by
        self.set_at = self.seconds

    def start(self, name: str, body: Callable[[Actor], None]) -> Actor:
        """Let a process begin."""
        self._pid += 1
        actor = Actor(self, name, self._pid, body)
        self.actors.append(actor)
        actor.start()
        self.schedule(actor, self.seconds)
        return actor

    def schedule(self, actor: Actor, at: float) -> None:
        """Let an actor be resumed at `at`, and not at whatever was planned before."""
        actor.serial += 1
        actor.wake_at = at
        order = self.random.random()
        heappush(self._heap, (at, order, actor.pid, actor, actor.serial))

    def wake(self, actor: Actor, delay: float = 0.0) -> None:
        """Resume a resting actor early."""
        if not actor.is_ended and actor is not self.current:
            self.schedule(actor, min(actor.wake_at, self.seconds + delay))

    def kill(self, actor: Actor) -> None:
        """End a process without a word: it gets no further than where it rests."""
        if not actor.is_ended:
            actor.is_killed = True
            if actor is not self.current:
                self.schedule(actor, self.seconds)

    def terminate(self, actor: Actor) -> None:
        """Ask a process to end, as SIGTERM does."""
        if not actor.is_ended and actor.on_stop is not None:
            actor.on_stop()
            self.wake(actor)

    def run(self, until: float, turns: int) -> bool:
        """Let actors run until they have taken `turns` turns; False when none is due by `until`."""
        self._until, self._turns_left = until, turns
        actor = self._next()
        if actor is None:
            return False
        self._let_run(actor)
        return self._turns_left == 0

    def hand_on(self, actor: Actor) -> bool:
        """Hand the baton, which `actor` has, to whoever is due next; True: that is itself."""
        following = None if self.is_closing or actor.error is not None else self._next()
        if following is None:
            self._baton.release()
            return False
        self._begin_turn(following)
        if following is not actor:
            following.resume()
        return following is actor

    def close(self) -> None:
        """End all actors."""
        self.is_closing = True
        for actor in self.actors:
            while not actor.is_ended:
                actor.is_killed = True
                self._let_run(actor)

    def _next(self) -> Actor | None:
        """Return who is due next in this stretch, and let the time until then pass."""
        if self._turns_left == 0:
            return None
        while self._heap:
            at, _, _, actor, serial = self._heap[0]
            if actor.is_ended or serial != actor.serial:
                heappop(self._heap)
                continue
            if at > self._until:
                break
            heappop(self._heap)
            self.seconds = max(self.seconds, at)
            return actor
        self.seconds = self._until
        return None

    def _begin_turn(self, actor: Actor) -> None:
        self.turn_count += 1
        self._turns_left -= 1
        self.current = actor

    def _current(self) -> Actor:
        assert self.current is not None, 'the baton was handed to nobody'
        return self.current

    def _let_run(self, actor: Actor) -> None:
        """Hand the baton to an actor, and wait until it comes back, maybe from another."""
        self._begin_turn(actor)
        actor.resume()
        turn = 0
        while not self._baton.acquire(timeout=_STUCK_SECONDS):
            if turn == self.turn_count:
                raise RuntimeError(f'{self._current().name} does not come to rest; see its loop')
            turn = self.turn_count
        last, self.current = self._current(), None
        if last.error is not None:
            error, last.error = last.error, None
            raise error


class StageClock:
    """The clock that actors see."""

    def __init__(self, stage: Stage) -> None:
        """Show the stage's time."""
        self._stage = stage

    def now(self) -> datetime:
        """Return the present instant."""
        return self._stage.now

    def monotonic(self) -> float:
        """Return seconds since the beginning."""
        return self._stage.seconds

    def stalled(self) -> float:
        """Return no second: actors always have their processor."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Rest for `seconds` of simulated time."""
        actor = self._stage.current
        if actor is not None:
            actor.pause(seconds)
