"""What the leading Scheduler counts for `/metrics`: ends of attempts, its batches, refused commits.

It is counted once it is saved, an end only where somebody waited for it: what is reported twice
ended once. The store is told every few seconds, if there is anything to tell. A new leader goes on
from what the store has, so the numbers fall for nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from synergy.core.events import Event, Expired, Processed, Reported, TooOld
from synergy.core.freerun_record import base_of, is_freerun
from synergy.core.leader_counts import OTHER, LeaderCounts, Outcome
from synergy.core.records import Leadership, ProcessName, Unit
from synergy.core.states import UnitState
from synergy.ports.clock import Clock
from synergy.ports.errors import CommitRefused
from synergy.ports.store import LeadershipStore
from synergy.scheduler.index import Index
from synergy.scheduler.isolating import Isolating

#: How old what the store has of it may be.
REPORT_SECONDS: Final = 5.0
_OUTCOMES: Final = {
    UnitState.PROCESSED: Outcome.PROCESSED,
    UnitState.NOOP: Outcome.NOOP,
    UnitState.CANCELED: Outcome.CANCELED,
    UnitState.INVALID: Outcome.FAILED,
}


class Meter:
    """The counts of one Scheduler while it leads."""

    def __init__(
        self,
        store: LeadershipStore,
        clock: Clock,
        isolating: Isolating,
        label_by_process: Mapping[str, str],
    ) -> None:
        """Have counted nothing. label_by_process: under which names it is counted."""
        self._store = store
        self._clock = clock
        self._isolating = isolating
        self._label_by_process = label_by_process
        self._term: int | None = None
        self._counts = LeaderCounts()
        self._seen: list[tuple[ProcessName, Outcome, float | None]] = []
        self._processed: list[Processed] = []
        self._began = 0.0
        self._reported = float('-inf')
        self._is_changed = False

    def see(self, events: Sequence[Event], index: Index) -> None:
        """Take note of what is about to be decided; nothing of it counts before it is saved."""
        self._began = self._clock.monotonic()
        silent = {*self._isolating.processes, *self._isolating.freeruns}
        # Most of them, and all there is to know of these.
        self._processed = [item for item in events if type(item) is Processed]
        if silent:
            self._processed = [item for item in self._processed if item.key.process not in silent]
        if len(self._processed) == len(events):
            self._seen = []
            return
        self._seen = [
            found
            for item in events
            if (found := _end_of(item, index)) is not None and found[0] not in silent
        ]

    def saved(self, seconds: float, *, is_empty: bool) -> None:
        """Count what was seen. seconds: how long saving took. is_empty: there was nothing to do."""
        if is_empty:
            return
        counts, labels = self._counts, self._label_by_process
        for item in self._processed:
            name = item.key.process
            counts.processed(labels.get(name, OTHER), item.seconds)
        for process, outcome, took in self._seen:
            counts.ended(labels.get(base_of(process), OTHER), outcome, took)
        counts.commits.add(seconds)
        counts.batches.add(self._clock.monotonic() - self._began)
        self._processed, self._seen, self._is_changed = [], [], True

    def failed(self, error: Exception) -> None:
        """Forget what was seen: it was not saved, or nobody knows."""
        self._processed, self._seen = [], []
        if isinstance(error, CommitRefused):
            self._counts.refused += 1
            self._is_changed = True

    def report(self, leadership: Leadership) -> None:
        """Tell the store now and then; in a new term, go on from what others have counted."""
        now = self._clock.monotonic()
        if leadership.term != self._term:
            self._counts, self._term = self._store.counts(), leadership.term
            # What is of no label any more would stay for ever; added to others, it would be counted
            # as if it were of today.
            self._counts.keep({*self._label_by_process.values(), OTHER})
        elif self._is_changed and now - self._reported >= REPORT_SECONDS:
            self._store.report_counts(leadership, self._counts)
            self._reported, self._is_changed = now, False

    def report_last(self, leadership: Leadership | None) -> None:
        """Tell the store what is left to tell, before the leadership ends."""
        self._reported = float('-inf')
        if leadership is not None and leadership.term == self._term:
            self.report(leadership)


def _end_of(item: Event, index: Index) -> tuple[ProcessName, Outcome, float | None] | None:
    """Return whose attempt has ended, how, and after how long, if somebody waited for that."""
    match item:
        case Reported(unit) if (outcome := _OUTCOMES.get(unit.state)) is not None:
            return (unit.process, outcome, _seconds(unit)) if _is_awaited(unit, index) else None
        case Expired(unit) | TooOld(unit):
            outcome = Outcome.FAILED if unit.state is UnitState.INVALID else Outcome.LOST
            return (unit.process, outcome, None) if _is_awaited(unit, index) else None
        case _:
            return None


def _is_awaited(unit: Unit, index: Index) -> bool:
    if is_freerun(unit.process):
        freerun = index.freeruns.get(unit.process)
        return freerun is not None and unit.id in freerun.live
    job = index.engine.timetable.open_job(unit.key)
    return job is not None and job.uow_id == unit.id and job.has_live_unit


def _seconds(unit: Unit) -> float | None:
    if unit.started_at is None or unit.finished_at is None:
        return None
    return (unit.finished_at - unit.started_at).total_seconds()
