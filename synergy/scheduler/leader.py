"""Leadership: the right to write jobs, held for a lease and guarded by this process's own clock.

A leader that slept through its lease must not commit before it has looked again. The lease is
therefore measured on the monotonic clock from before the request was sent, and with a margin; the
store's term is the last word.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from synergy.core.records import Leadership
from synergy.ports.clock import Clock
from synergy.ports.store import LeadershipStore

logger = logging.getLogger(__name__)

#: Shares of the lease: after which a leader renews it, a standby asks for it, a leader no longer
#: trusts it. A dead leader is so replaced within 7/6 of a lease.
RENEW_SHARE: Final = 1 / 3
ASK_SHARE: Final = 1 / 6
TRUST_SHARE: Final = 0.8


class Leader:
    """This Scheduler's claim to lead."""

    def __init__(self, store: LeadershipStore, clock: Clock, owner: str, lease: timedelta) -> None:
        """Claim as `owner` (box, process id); nothing is asked of the store yet."""
        self._store = store
        self._clock = clock
        self._owner = owner
        self._lease = lease
        self._renewed = 0.0
        self.leadership: Leadership | None = None

    @property
    def is_trusted(self) -> bool:
        """Tell whether the lease certainly still holds."""
        age = self._clock.monotonic() - self._renewed
        return self.leadership is not None and age < self._lease.total_seconds() * TRUST_SHARE

    @property
    def seconds_to_renewal(self) -> float:
        """Return seconds until the lease wants renewing or asking for, 0 when it is overdue."""
        age = self._clock.monotonic() - self._renewed
        share = ASK_SHARE if self.leadership is None else RENEW_SHARE
        return max(self._lease.total_seconds() * share - age, 0.0)

    def hold(self) -> bool:
        """Take or renew leadership when that is due; tell whether the term is new.

        Afterwards `leadership` is None when another Scheduler leads.
        """
        if self.leadership is not None and self.seconds_to_renewal > 0:
            return False
        before = self.leadership
        asked = self._clock.monotonic()
        self.leadership = self._store.lead(self._owner, self._lease)
        self._renewed = asked
        if self.leadership is None:
            if before is not None:
                logger.warning(
                    'term %d was lost to another scheduler; standing by',
                    before.term,
                    extra={'event': 'leadership_lost'},
                )
            return False
        is_new = before is None or before.term != self.leadership.term
        if is_new:
            logger.info(
                '%s leads in term %d',
                self._owner,
                self.leadership.term,
                extra={'event': 'leadership_taken'},
            )
        return is_new

    def drop(self) -> None:
        """Forget the claim: the store said that it no longer holds."""
        self.leadership = None

    def resign(self) -> None:
        """Give leadership up, so that a standby need not wait for the lease."""
        if self.leadership is not None:
            self._store.resign(self.leadership)
            self.leadership = None
