"""What a leader keeps in memory: dropped as a whole, rebuilt from the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from synergy.core.command_decisions import CommandDecisions
from synergy.core.effects import Effects
from synergy.core.engine import Engine
from synergy.core.events import Event, Look, is_of_freerun
from synergy.core.freerun import Freeruns
from synergy.core.holds import Holds
from synergy.core.overrides import Overrides
from synergy.core.pools import Pools
from synergy.core.records import ProcessName
from synergy.scheduler.openings import Openings
from synergy.scheduler.timers import Timers


@dataclass(slots=True)
class Index:
    """The state of everything, and who decides over it. An override changes all but the states.

    pools: None where nothing is shared and nobody comes first.
    """

    engine: Engine
    freeruns: Freeruns
    timers: Timers
    commands: CommandDecisions
    overrides: Overrides
    holds: Holds
    openings: Openings
    pools: Pools | None = None

    def decide(self, events: Sequence[Event], now: datetime) -> Effects:
        """Let engine and free runs decide, each on what is its own."""
        of_jobs: list[Event] = []
        of_freeruns: list[Event] = []
        for item in events:
            (of_freeruns if is_of_freerun(item) else of_jobs).append(item)
        effects = self.freeruns.on(of_freeruns, now)
        if of_jobs or self.engine.is_owing or self._is_rate_free(now):
            effects.add(self.engine.on(of_jobs, now))
        return effects

    def opened(self, now: datetime) -> Collection[ProcessName]:
        """Return the processes and free runs that closed hours or a freeze hold no longer."""
        return self.openings.opened(self.overrides.hierarchy, self.freeruns, now)

    def looks(self, opened: Collection[ProcessName]) -> Sequence[Look]:
        """Return looks at processes that have opened; a live interval runs then, too."""
        hierarchy = self.overrides.hierarchy
        return [
            Look(name, is_trigger=hierarchy.machine(name).runs_live)
            for name in hierarchy.nodes
            if name in opened
        ]

    def look_at_all(self, now: datetime) -> Effects:
        """Decide what every process can start."""
        return self.engine.on(map(Look, self.overrides.hierarchy.nodes), now)

    def _is_rate_free(self, now: datetime) -> bool:
        """Tell whether somebody may start because a minute has passed."""
        return self.pools is not None and (at := self.pools.next_at()) is not None and at <= now

    @property
    def next_at(self) -> datetime | None:
        """Return when there is something to decide because time has passed."""
        return self.timers.next_at if self.pools is None else self._earliest(self.pools)

    def _earliest(self, pools: Pools) -> datetime | None:
        instants = [at for at in (self.timers.next_at, pools.next_at()) if at is not None]
        return min(instants, default=None)

    @property
    def is_busy(self) -> bool:
        """Tell whether there is more to decide at once."""
        return self.engine.is_owing or self.commands.is_busy
