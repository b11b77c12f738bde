"""What must hold of who goes first, looked at with each commit: lanes, pools, switches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from synergy.core.effects import Save
from synergy.core.hierarchy import Hierarchy
from synergy.ports.store import Store
from synergy.simulation.lane_watch import LaneWatch
from synergy.simulation.pool_watch import PoolWatch
from synergy.simulation.stage import Stage

#: What was decided by a clock that has been set since is no fault.
_SETTLED_SECONDS: Final = 65.0


class OrderWatch:
    """Watches one world. has_holds: hours and freezes keep some from starting, by chance."""

    def __init__(
        self, store: Store, hierarchy: Hierarchy, stage: Stage, *, has_holds: bool
    ) -> None:
        """Have seen nothing yet."""
        self._lanes = LaneWatch(store, hierarchy)
        self._pools = PoolWatch(store, hierarchy)
        self._stage = stage
        self._has_holds = has_holds
        self.broken: str | None = None

    def expect(self, hierarchy: Hierarchy) -> None:
        """Know another context."""
        self._lanes.expect(hierarchy)
        self._pools.expect(hierarchy)

    def forget(self) -> None:
        """Take note that an index is built."""
        self._lanes.forget()

    def saw_saves(self, saves: Sequence[Save]) -> None:
        """Look at what was committed."""
        nodes = self._lanes.led.nodes
        now = self._stage.now
        off = [node.process.name for node in nodes.values() if not node.process.is_on]
        jobs = self._lanes.saw_saves(saves, now)
        started = self._pools.saw_saves(saves, now)
        self.broken = self.broken or self._lanes.broken
        if self._stage.seconds - self._stage.set_at > _SETTLED_SECONDS:
            self.broken = self.broken or self._pools.broken
        else:
            self._pools.broken = None
        for job in jobs:
            if job.process in off:
                self.broken = self.broken or f'I9 {job.key} was started although it is off'
        if not self._has_holds:
            steady = [name for name in self._lanes.steady if name not in off]
            for name, unit in self._pools.comes_before(steady, started):
                self.broken = self.broken or f'I9 {unit} was started although {name} waits'
