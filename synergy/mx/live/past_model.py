"""A read model that stands still: how everything stood at a past instant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.core.journal import Happened, Line
from synergy.core.past import Past
from synergy.mx.live.read_model import Change, ReadModel
from synergy.ports.clock import Clock
from synergy.ports.store import Reader
from synergy.view.conditions import (
    BY_STATE,
    FAILED,
    HELD,
    RESTING,
    RETRYING,
    SKIPPED,
    Condition,
    condition_of,
    paused_requests,
)
from synergy.view.past_store import failed_then

#: How a job stood that has changed since. What else happens is not told: it led to something else.
_BY_WHAT: Final[Mapping[Happened, Condition]] = {
    Happened.RESTED: RESTING,
    Happened.RETRIED: RETRYING,
    Happened.GAVE_UP: FAILED,
    Happened.HELD: HELD,
    Happened.SKIPPED: SKIPPED,
}


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
        newest = {line.key: line.number for line in past.recent}
        for line in past.recent:
            key = line.key
            if key is None or past.timetable.state(key) is None:
                continue
            mark: Condition | None
            if newest[key] == line.number:
                mark = condition_of(looking, past.hierarchy.nodes[key.process], key)
            else:
                mark = _mark_of(line)
            if mark is None:
                continue
            self.version += 1
            self.recent.append(Change(self.version, key, line.at, line.text, mark))

    def look(self, store: Reader, patience_seconds: float = 0.0) -> None:
        """Leave it as it was."""


def _mark_of(line: Line) -> Condition | None:
    """Return how a job stood by a line that is not its newest; None: it was on its way."""
    if line.what is Happened.ENDED and line.to_state is not None:
        return BY_STATE[line.to_state]
    return _BY_WHAT.get(line.what)
