"""Slots for live pages: each holds a thread for as long as it is open, so there are so many only.

No user and no address may take them all. A slot is counted in the step in which it is given, and
free again when its stream is closed, whether or not it ever began.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock
from typing import Final

from synergy.mx.web.errors import Refused

#: Shares of all slots: of one user, and of one address, which may be that of a whole office.
_USER_SHARE: Final = 4
_ADDRESS_SHARE: Final = 0.75
#: However few there are, one browser may open two pages.
_LEAST: Final = 2
_RETRY_SECONDS: Final = 30


class ViewerSlots:
    """How many live pages there are: in all, of each user, and of each address."""

    def __init__(self, total_max: int) -> None:
        """Have `total_max` slots."""
        self.total_max = total_max
        self.user_max = min(total_max, max(_LEAST, total_max // _USER_SHARE))
        self.address_max = min(total_max, max(_LEAST, int(total_max * _ADDRESS_SHARE)))
        self._lock = Lock()
        self._count_by_owner: Counter[str] = Counter()
        self._total = 0

    @property
    def taken(self) -> int:
        """Return how many slots are taken."""
        return self._total

    def take(self, user: str | None, address: str) -> ViewerSlot:
        """Take a slot, in one step; raise Refused when there is none left for these.

        user: None for everybody where nobody has logged in.
        """
        bounds = {f'from {address}': self.address_max}
        if user is not None:
            bounds[f'as {user}'] = self.user_max
        with self._lock:
            if self._total >= self.total_max:
                raise _refused(503, 'as many pages as mx_viewers_max allows follow the system')
            for owner, most in bounds.items():
                if self._count_by_owner[owner] >= most:
                    raise _refused(429, f'{most} pages {owner} follow the system already')
            self._total += 1
            self._count_by_owner.update(bounds.keys())
        return ViewerSlot(self, tuple(bounds))

    def give_back(self, owners: tuple[str, ...]) -> None:
        """Free a slot."""
        with self._lock:
            self._total -= 1
            self._count_by_owner.subtract(owners)
            for owner in owners:
                if not self._count_by_owner[owner]:
                    del self._count_by_owner[owner]


class ViewerSlot:
    """A slot that is taken until it is left."""

    def __init__(self, slots: ViewerSlots, owners: tuple[str, ...]) -> None:
        """Be one of `slots`."""
        self._slots = slots
        self._owners = owners
        # Whoever takes its one item leaves the slot: two may want to at once.
        self._held = [True]

    def leave(self) -> None:
        """Free the slot; safe to call twice."""
        with suppress(IndexError):
            self._held.pop()
            self._slots.give_back(self._owners)


class ViewerStream:
    """A stream that leaves its slot when it is closed or over, even if it never began.

    A generator that was not begun runs none of its code when it is closed.
    """

    def __init__(self, slot: ViewerSlot, frames: Iterator[bytes]) -> None:
        """Pass `frames` on."""
        self._slot = slot
        self._frames = frames

    def __iter__(self) -> Iterator[bytes]:
        """Return the stream itself."""
        return self

    def __next__(self) -> bytes:
        """Return the next frame."""
        try:
            return next(self._frames)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the stream."""
        try:
            close = getattr(self._frames, 'close', None)
            if close is not None:
                close()
        finally:
            self._slot.leave()


def _refused(status: int, detail: str) -> Refused:
    return Refused(
        status,
        'Too many live pages',
        detail,
        'reload this page by hand, close other tabs, or raise mx_viewers_max',
        {'Retry-After': str(_RETRY_SECONDS)},
    )
