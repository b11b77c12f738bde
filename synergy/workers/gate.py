"""Whether a worker may begin what it is rung for, asked before it claims.

Closed hours are in the context; freezes are read from the store, at most once a second and only
when there is something to begin. What may not begin is not claimed, or handed back where
that took long, and its message is let go: the Scheduler rings once more when the process opens.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Protocol

from synergy.core.freerun_record import base_of
from synergy.core.holds import Holds
from synergy.core.records import ProcessName, Unit, UowId
from synergy.ports.clock import Clock
from synergy.ports.freezing import freezes_in
from synergy.ports.store import CommandReader, UnitReader

logger = logging.getLogger(__name__)

#: How old what is known of freezes may be.
READ_SECONDS: Final = 1.0
#: An answer that came too late is asked for again, but not for ever.
READS_MAX: Final = 3


class GateStore(CommandReader, UnitReader, Protocol):
    """What a gate reads."""


class Gate:
    """Lets units of some processes pass, or not."""

    def __init__(self, holds: Holds, store: GateStore, clock: Clock) -> None:
        """Read no freezes yet; `holds` becomes this gate's own."""
        self._holds = holds
        self._store = store
        self._clock = clock
        self._read_at: float | None = None
        self._told: datetime | None = None

    def admitted(self, uow_ids: Sequence[UowId]) -> Sequence[UowId]:
        """Return those that may begin now."""
        self._refresh()
        if not self._holds.is_used:
            return uow_ids
        now = self._clock.now()
        units = self._store.units(uow_ids)
        held = [uow_id for uow_id, unit in units.items() if self._holds.is_held(unit.process, now)]
        if held:
            self._tell(units[held[0]].process, len(held), now)
        return [uow_id for uow_id in uow_ids if uow_id not in held]

    def may_begin(self, unit: Unit) -> bool:
        """Tell whether a unit that is claimed may still begin: it may have waited for its turn."""
        self._refresh()
        now = self._clock.now()
        if not self._holds.is_held(unit.process, now):
            return True
        self._tell(unit.process, 1, now)
        return False

    def _is_fresh(self) -> bool:
        """Tell whether it was asked a moment ago."""
        if self._read_at is None:
            return False
        return 0 <= self._clock.monotonic() - self._read_at < READ_SECONDS

    def _refresh(self) -> None:
        for _ in range(READS_MAX):
            if self._is_fresh():
                return
            self._read_at = self._clock.monotonic()
            self._holds.freezes = freezes_in(self._store, self._holds.jitter_max)

    def _tell(self, process: ProcessName, count: int, now: datetime) -> None:
        """Say it in the log, once for each opening that is waited for."""
        hold = self._holds.over(process, now)[0]
        if hold.until != self._told:
            self._told = hold.until
            logger.info(
                '%d units of %s wait: %s',
                count,
                base_of(process),
                hold,
                extra={'event': 'held'},
            )
