"""Units that wait for a worker for longer than their entry allows: rung for again, and told.

Waiting is no failure and ends no attempt: an outage gives nothing up. So what is overdue is rung
for as often as its bound says, and whoever reads the log, asks why or looks at what needs him is
told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta

from synergy.core.records import ProcessName, Unit, UowId
from synergy.core.retry import waits_since
from synergy.core.states import UnitState

logger = logging.getLogger(__name__)


class StartTimeouts:
    """Remembers who is known to wait, and of whom was told."""

    def __init__(self, limit_of: Callable[[ProcessName], timedelta | None]) -> None:
        """Know of nobody. limit_of: returns how long units of a process, or free run, may wait."""
        self._limit_of = limit_of
        self._seen: dict[tuple[UowId, int], datetime] = {}
        self._told: set[tuple[UowId, int]] = set()

    def limit_of(self, unit: Unit) -> timedelta | None:
        """Return how long a unit may wait; None: for ever."""
        return self._limit_of(unit.process)

    def look(self, live: Collection[Unit], now: datetime) -> None:
        """Tell of those that wait for too long by now, once for each time they wait."""
        waiting = dict(self._waiting(live))
        self._seen = {wait: self._seen.get(wait, now) for wait in waiting}
        self._told &= waiting.keys()
        for wait, (unit, limit) in waiting.items():
            # One that was handed back or rescued waits since then, which its row does not say.
            since = waits_since(unit)
            if unit.fence > 0:
                since = max(since, self._seen[wait])
            if now - since > limit and wait not in self._told:
                self._told.add(wait)
                logger.warning(
                    '%s has waited for a worker for longer than %g s (start_timeout_seconds); it '
                    'is rung for again. Why: ./launch.py why %s %s',
                    unit,
                    limit.total_seconds(),
                    unit.process,
                    unit.timeperiod,
                    extra={'event': 'start_overdue'},
                )

    def _waiting(
        self, live: Collection[Unit]
    ) -> Iterator[tuple[tuple[UowId, int], tuple[Unit, timedelta]]]:
        for unit in live:
            if unit.state is UnitState.REQUESTED and (limit := self.limit_of(unit)) is not None:
                yield (unit.id, unit.fence), (unit, limit)
