"""The units under way, as the read model last saw them, and what has changed among them since.

A claim changes no job, so that followers of jobs do not hear of it; this is how they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from synergy.core.records import UowId
from synergy.ports.store import LiveRun
from synergy.view.conditions import Runs, SeenRun, runs_of


class RunWatch:
    """What is under way. A unit that has just ended keeps its condition for one look more.

    Its job is settled by then, or else the Scheduler is behind, and that is to be seen.
    """

    def __init__(self) -> None:
        """Know of nothing yet."""
        self.runs: Runs = {}
        self._ended: frozenset[UowId] = frozenset()

    def see(self, live: Iterable[LiveRun], now: datetime) -> Sequence[tuple[UowId, SeenRun]]:
        """Take over what is under way; return what stands otherwise than it did, or is gone."""
        found = runs_of(live, now)
        before = self.runs
        just_ended = frozenset(before.keys() - found.keys() - self._ended)
        changed = [
            (uow_id, seen)
            for uow_id, seen in found.items()
            if uow_id in before and before[uow_id].condition is not seen.condition
        ]
        gone = [(uow_id, before[uow_id]) for uow_id in self._ended & before.keys() - found.keys()]
        self._ended = just_ended
        self.runs = found | {uow_id: before[uow_id] for uow_id in just_ended}
        return [*changed, *gone]
