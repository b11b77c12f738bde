"""Who leads, what the leader says of itself, and the clock by which leases are judged."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

from synergy.core.leader_counts import LeaderCounts
from synergy.core.leader_standing import LeaderStanding
from synergy.core.records import Leadership

#: Leadership that ends later than this many leases from now was given by a clock that was ahead.
LEASES_MAX: Final = 10


class LeadershipReader(Protocol):
    """Who leads, for whoever looks."""

    def leadership(self) -> Leadership | None:
        """Return who leads, or last led; None when nobody ever has."""
        ...

    def standing(self) -> LeaderStanding:
        """Return what the Scheduler that leads, or last led, said of itself."""
        ...

    def counts(self) -> LeaderCounts:
        """Return what leaders have counted, as the last of them has said it."""
        ...

    def store_now(self) -> datetime:
        """Return the present instant of the clock by which leases are judged."""
        ...


class LeadershipStore(LeadershipReader, Protocol):
    """What a Scheduler needs to lead."""

    def lead(self, owner: str, lease: timedelta) -> Leadership | None:
        """Take or renew leadership for `lease` from now; None when another owner's lease holds.

        One statement. Taking it newly (free, expired, or after `resign`) raises the term by one;
        renewing an unexpired lease of the same owner keeps the term. What ends later than
        LEASES_MAX leases from now does not hold: the store's clock was ahead when it was given.
        """
        ...

    def resign(self, leadership: Leadership) -> None:
        """Give leadership up at once, if it is still this one; otherwise do nothing."""
        ...

    def report_standing(self, leadership: Leadership, standing: LeaderStanding) -> None:
        """Say how it stands with the leading Scheduler, in place of what it said before.

        What one leader said stands until the next says something else.
        Raises LeadershipLost when the store's term is not this one or its lease has run out.
        """
        ...

    def report_counts(self, leadership: Leadership, counts: LeaderCounts) -> None:
        """Say what was counted, in place of what was said before.

        Raises LeadershipLost when the store's term is not this one or its lease has run out.
        """
        ...
