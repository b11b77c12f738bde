"""A read model that stands still: how everything stood at a past instant."""

from __future__ import annotations

from synergy.core.past import Past
from synergy.mx.live.read_model import Change, ReadModel
from synergy.ports.clock import Clock
from synergy.ports.store import Reader
from synergy.view.conditions import condition_of, paused_requests
from synergy.view.past_store import failed_then


class PastModel(ReadModel):
    """What pages of a past instant are drawn from."""

    def __init__(self, past: Past, store: Reader, clock: Clock) -> None:
        """Take over what was rebuilt. store: of then."""
        super().__init__(past.hierarchy, clock)
        self.past = past
        self.timetable = past.timetable
        self._watch.see(store.live_runs(), past.at)
        self._paused = paused_requests(store, past.timetable)
        past.timetable.pause(self._paused)
        self.failed = {name: set(ordinals) for name, ordinals in failed_then(store).items()}
        looking = self.looking(past.at)
        for line in past.recent:
            key = line.key
            if key is None or past.timetable.state(key) is None:
                continue
            mark = condition_of(looking, past.hierarchy.nodes[key.process], key)
            self.version += 1
            self.recent.append(Change(self.version, key, line.at, line.text, mark))

    def look(self, store: Reader, patience_seconds: float = 0.0) -> None:
        """Leave it as it was."""
