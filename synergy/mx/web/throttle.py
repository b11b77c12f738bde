"""The throttle on guessing passwords and tokens, and the bound on what checking them may cost.

An attempt is counted before it is made, in the same step in which it is let through: however many
arrive at once, no more than allowed pass. One name from one address is refused after a few
failures. An address, or a name, of which more has failed is not refused, for many people may share
the one and anybody can fail under the other: attempts then go through one slow lane, one after the
other. All counts are of this process: each dashboard of an installation has a throttle of its own.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import BoundedSemaphore, Lock
from typing import Final

from synergy.mx.web.errors import Refused

#: Guesses under one name from one place before it has to wait, and how long.
GUESSES_MAX: Final = 5
GUESS_PAUSE: Final = timedelta(minutes=1)
#: Failed logins from one address, whatever the names, or under one name, from wherever, after which
#: further ones are slow.
QUICK_GUESSES_MAX: Final = 20
#: How long an attempt of the slow lane takes.
SLOW_SECONDS: Final = 1.0
#: Places remembered at once.
PLACES_MAX: Final = 10_000
#: A hash of scrypt takes 32 MB and the whole of a processor.
HASHES_AT_ONCE: Final = 2
_WAITING_MAX: Final = 4
#: How long a request waits for its turn.
TURN_SECONDS_MAX: Final = 5.0


@dataclass(slots=True)
class Throttle:
    """Counts attempts that failed, or have not succeeded yet, by place."""

    _failures: dict[str, tuple[int, datetime]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, place: str, now: datetime, count_max: int = GUESSES_MAX) -> timedelta | None:
        """Count an attempt, unless the place has to wait; return how long it has to, else None."""
        with self._lock:
            count, last = self._failures.get(place, (0, now))
            left = last + GUESS_PAUSE - now
            if count >= count_max and left > timedelta(0):
                return left
            self._count(place, count, last, now)
            return None

    def note(self, place: str, now: datetime) -> int:
        """Count an attempt in any case; return how many there are with it."""
        with self._lock:
            count, last = self._failures.get(place, (0, now))
            return self._count(place, count, last, now)

    def take_back(self, place: str) -> None:
        """Uncount an attempt that was not made after all, or has succeeded."""
        with self._lock:
            count, last = self._failures.get(place, (0, None))
            if last is not None and count > 1:
                self._failures[place] = (count - 1, last)
            else:
                self._failures.pop(place, None)

    def succeeded(self, place: str) -> None:
        """Forget the failures of a place."""
        with self._lock:
            self._failures.pop(place, None)

    def _count(self, place: str, count: int, last: datetime, now: datetime) -> int:
        self._failures.pop(place, None)
        if len(self._failures) >= PLACES_MAX:
            # They stand in the order of their last failures: guessers free none but the oldest.
            self._failures.pop(next(iter(self._failures)))
        count = 1 if now - last > GUESS_PAUSE else count + 1
        self._failures[place] = (count, now)
        return count


class Turns:
    """Lets a few go on at once, and a few more wait for that; all others are refused at once."""

    def __init__(self, at_once: int, waiting_max: int = _WAITING_MAX) -> None:
        """Let `at_once` go on."""
        self._places = BoundedSemaphore(at_once + waiting_max)
        self._turns = BoundedSemaphore(at_once)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Go on for a block once it is one's turn; raise Refused when too many wait."""
        if not self._places.acquire(blocking=False):
            raise _busy()
        try:
            if not self._turns.acquire(timeout=TURN_SECONDS_MAX):
                raise _busy()
            try:
                yield
            finally:
                self._turns.release()
        finally:
            self._places.release()


class OneByOne:
    """Lets what is of one key go on one after the other; now and then another key waits, too."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._locks = tuple(Lock() for _ in range(64))

    def of(self, key: str) -> Lock:
        """Return what is to be held meanwhile."""
        return self._locks[hash(key) % len(self._locks)]


def address_of_place(address: str | None) -> str:
    """Return what stands for an address in counts: of IPv6 the network, for one has many."""
    try:
        found = ipaddress.ip_address((address or '').partition('%')[0])
    except ValueError:
        return 'unknown'
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def too_many(wait: timedelta) -> Refused:
    """Return the refusal of a place that has guessed too often."""
    seconds = int(wait.total_seconds()) + 1
    return Refused(
        429,
        'Too many attempts',
        'several logins from here have failed',
        f'wait {seconds} s and try again',
        {'Retry-After': str(seconds)},
    )


def too_many_links(wait: timedelta) -> Refused:
    """Return the refusal of a place from which links came that are not ours."""
    seconds = int(wait.total_seconds()) + 1
    return Refused(
        429,
        'Too many attempts',
        'several links that are not of this dashboard were opened from here',
        f'wait {seconds} s and try again with the link as it was sent',
        {'Retry-After': str(seconds)},
    )


def _busy() -> Refused:
    return Refused(
        503,
        'Too many logins at once',
        'many others log in at this moment, and each has to be checked',
        'try again in a few seconds',
        {'Retry-After': '2'},
    )
