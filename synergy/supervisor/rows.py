"""The rows of this box in the store: what is desired of its processes, and how they are.

While the store is away, the last that it said holds, and what is to be reported waits.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

from synergy.core.box_load import BoxLoad
from synergy.core.records import BoxProcess
from synergy.core.structs import Struct, replace
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError, StoreUnusable
from synergy.ports.store import BoxStore
from synergy.supervisor.presence import Presence

logger = logging.getLogger(__name__)

#: How often the desired state is read when nobody rings.
POLL_SECONDS: Final = 2.0
#: The same while the store is away: a call may wait for it, and meanwhile nothing is restarted.
POLL_SECONDS_DOWN: Final = 10.0


class Asked(Struct, frozen=True, kw_only=True):
    """Processes that somebody, on whatever box, has asked to start, or to start anew."""

    started: Collection[str] = ()
    restarted: Collection[str] = ()


class BoxRows:
    """What the store says of one box, and is told."""

    def __init__(
        self, presence: Presence, open_store: Callable[[], BoxStore], clock: Clock
    ) -> None:
        """Read and write the rows of `presence`'s box; open the store when it is first asked."""
        self._presence = presence
        self._open_store = open_store
        self._clock = clock
        self._store: BoxStore | None = None
        self._is_on: dict[str, bool] = {}
        self._asked_at: dict[str, datetime | None] = {}
        self._restart_asked_at: dict[str, datetime | None] | None = None
        self._reported: dict[str, BoxProcess] = {}
        self._polled_at = float('-inf')
        self._is_store_down = False

    def is_on(self, process: str) -> bool:
        """Tell whether a process is to run; one without a row is."""
        return self._is_on.get(process, True)

    def is_due(self, now: float) -> bool:
        """Tell whether it is time to `poll`. now: of the monotonic clock."""
        period = POLL_SECONDS_DOWN if self._is_store_down else POLL_SECONDS
        return now - self._polled_at >= period

    def ring(self) -> None:
        """Let the next `poll` be due at once, and tell the store that this box lives."""
        self._polled_at = float('-inf')
        self._presence.ring()

    def poll(self, now: float, measure: Callable[[], BoxLoad | None]) -> Asked:
        """Say that this box lives, and read what is desired.

        measure: asked for the load of the box. Returns what was asked for since the last call.
        """
        asked = self._read(now, measure)
        self._polled_at = self._clock.monotonic()
        return asked

    def report(self, actual: Iterable[BoxProcess]) -> None:
        """Write how processes are, where that has changed."""
        rows = [row for row in actual if not self._is_reported(row)]
        if not rows or self._store is None or self._is_store_down or not self._presence.is_held:
            return
        now = self._clock.now()
        try:
            self._store.report_actual([replace(row, changed_at=now) for row in rows])
        except PortError as error:
            logger.warning('%s', error, extra={'event': 'store_down'})
            return
        self._reported.update({row.process: row for row in rows})

    def _is_reported(self, row: BoxProcess) -> bool:
        reported = self._reported.get(row.process)
        # At nearly every step it is the very same one, which need not be compared.
        return reported is row or reported == row

    def leave(self) -> None:
        """Say that the Supervisor of this box has stopped."""
        if self._store is not None:
            self._presence.leave(self._store)

    def _read(self, now: float, measure: Callable[[], BoxLoad | None]) -> Asked:
        try:
            self._store = self._store or self._open_store()
            self._presence.beat(self._store, now, measure)
            rows = self._store.box_processes(self._presence.box_id)
        except PortError as error:
            if not self._is_store_down:
                logger.warning(
                    'the desired state cannot be read: %s', error, extra={'event': 'store_down'}
                )
            self._is_store_down = True
            if isinstance(error, StoreUnusable):
                # It was replaced: what is open leads to the old one.
                self._store = None
            return Asked()
        self._is_store_down = False
        self._is_on = {row.process: row.is_on for row in rows}
        # What was deleted in the meantime (`launch.py super --reset`) is written again.
        stored = {row.process: (row.state, row.pids) for row in rows}
        self._reported = {
            process: row
            for process, row in self._reported.items()
            if stored.get(process) == (row.state, row.pids)
        }
        started = [
            row.process
            for row in rows
            if row.start_asked_at not in (None, self._asked_at.get(row.process))
        ]
        self._asked_at.update({row.process: row.start_asked_at for row in rows})
        return Asked(started=started, restarted=self._restarted(rows))

    def _restarted(self, rows: Sequence[BoxProcess]) -> Collection[str]:
        known = self._restart_asked_at
        self._restart_asked_at = {row.process: row.restart_asked_at for row in rows}
        if known is None:
            # What was asked for earlier concerns processes of an earlier Supervisor.
            return ()
        return [
            row.process
            for row in rows
            if row.restart_asked_at not in (None, known.get(row.process))
        ]
