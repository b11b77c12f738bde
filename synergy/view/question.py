"""What an answer to "why" is drawn from, and words that all its causes share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property

from synergy.core.changed_levels import RefusedLevel
from synergy.core.holds import Holds
from synergy.core.leader_standing import LeaderStanding
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.freezing import freezes_in
from synergy.ports.store import Reader
from synergy.view.boxes import box_views
from synergy.view.conditions import Looking, condition_of
from synergy.view.estimates import Estimator, workers_by_process
from synergy.view.index import looking_at
from synergy.view.no_worker import Boxes
from synergy.view.pools import PoolsLook, look_at_pools
from synergy.view.usual import durations_of


class Question(Struct, frozen=True, dict=True):
    """What an answer is drawn from. vanished_after: see `Settings.box_vanished`.

    refused: processes whose level has changed under their old name.
    """

    timetable: Timetable
    store: Reader
    now: datetime
    vanished_after: timedelta
    refused: Mapping[ProcessName, RefusedLevel]
    standing: LeaderStanding

    @cached_property
    def looking(self) -> Looking:
        """Return what it takes to tell how jobs stand that have not ended."""
        return looking_at(self.timetable, self.store, self.now)

    @cached_property
    def holds(self) -> Holds:
        """Return what closed hours and freezes hold."""
        return Holds(self.timetable.hierarchy, freezes=freezes_in(self.store))

    @cached_property
    def estimator(self) -> Estimator:
        """Return what it takes to tell how long work still takes."""
        hierarchy = self.timetable.hierarchy
        return Estimator(
            hierarchy=hierarchy,
            durations=lambda process: durations_of(self.store, process),
            workers=workers_by_process(box_views(self.store, self.vanished_after)),
            ahead={name: self.timetable.running_count(name) for name in hierarchy.nodes},
        )

    @cached_property
    def pools(self) -> PoolsLook:
        """Return what it takes to tell who holds what of pools."""
        return look_at_pools(self.timetable, self.store, self.now)

    def word_of(self, key: JobKey) -> str:
        """Return how a job stands, as everything else calls it."""
        node = self.timetable.hierarchy.nodes[key.process]
        return condition_of(self.looking, node, key).word


def boxes_of(question: Question, key: JobKey) -> Boxes:
    """Return what is known of the boxes that could run what `key` waits for."""
    return Boxes(
        store=question.store, now=question.now, vanished_after=question.vanished_after, told_of=key
    )
