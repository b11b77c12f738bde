"""What a leader keeps in memory: dropped as a whole, rebuilt from the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from synergy.core.command_decisions import CommandDecisions
from synergy.core.effects import Effects
from synergy.core.engine import Engine
from synergy.core.events import Event, Look, is_of_freerun
from synergy.core.freerun import Freeruns
from synergy.core.overrides import Overrides
from synergy.scheduler.timers import Timers


@dataclass(slots=True)
class Index:
    """The state of everything, and who decides over it. An override changes all but the states."""

    engine: Engine
    freeruns: Freeruns
    timers: Timers
    commands: CommandDecisions
    overrides: Overrides

    def decide(self, events: Sequence[Event], now: datetime) -> Effects:
        """Let engine and free runs decide, each on what is its own."""
        of_jobs: list[Event] = []
        of_freeruns: list[Event] = []
        for item in events:
            (of_freeruns if is_of_freerun(item) else of_jobs).append(item)
        effects = self.freeruns.on(of_freeruns, now)
        if of_jobs or self.engine.is_owing:
            effects.add(self.engine.on(of_jobs, now))
        return effects

    def look_at_all(self, now: datetime) -> Effects:
        """Decide what every process can start."""
        return self.engine.on(map(Look, self.overrides.hierarchy.nodes), now)

    @property
    def is_busy(self) -> bool:
        """Tell whether there is more to decide at once."""
        return self.engine.is_owing or self.commands.is_busy
