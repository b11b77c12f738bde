"""The dense index of the store, followed by its changes; for one thread.

Where nothing happens it costs two small reads a look: the journal tells whether there is anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.led_context import LedContext
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.clock import Clock
from synergy.ports.store import JobChange, JobFilter, Reader
from synergy.view.conditions import Looking, paused_requests, runs_of
from synergy.view.index import Changed, changed_at_run_time, in_force
from synergy.view.whole import all_jobs

_PAGE_ROWS: Final = 500
#: How far before the newest change that was seen a look begins: a store that commits row by row may
#: show two changes of one instant one after the other.
_OVERLAP: Final = timedelta(seconds=1)
#: Where following begins after everything was read: more than clocks of boxes may differ.
_LOOK_BACK: Final = timedelta(minutes=1)
#: Looked at even though the journal has not grown; what operators have changed, and what is led.
_AT_LEAST_SECONDS: Final = 5.0
_CONTEXT_SECONDS: Final = 15.0
#: How long one look may take; what changes meanwhile is left to the next one.
_FOLLOW_SECONDS_MAX: Final = 1.0


class WatchedIndex:
    """The index, and the jobs that failed.

    changed: processes of which something has changed since that was asked for last; None: all.
    """

    def __init__(self, hierarchy: Hierarchy, clock: Clock) -> None:
        """Know nothing until the first look."""
        self._defined = self._hierarchy = hierarchy
        self._clock = clock
        self.timetable = Timetable(hierarchy)
        self.failed: dict[ProcessName, set[int]] = {}
        self._changed: set[ProcessName] | None = None
        self._term: int | None = None
        self._led: LedContext | None = None
        self._overrides = Changed()
        self._newest: datetime | None = None
        self._seen_at: datetime | None = None
        self._rev_by_key: dict[JobKey, int] = {}
        self._journal_end = -1
        self._looked_at = self._context_at = float('-inf')

    def look(self, store: Reader) -> None:
        """Catch up with the store."""
        seconds, now = self._clock.monotonic(), self._clock.now()
        end = store.journal_span().stop
        is_due = end != self._journal_end or seconds - self._looked_at > _AT_LEAST_SECONDS
        if not is_due and self._newest is not None:
            self.timetable.extend(now)
            return
        leadership = store.leadership()
        term = None if leadership is None else leadership.term
        is_new = self._newest is None or term != self._term
        if is_new or seconds - self._context_at > _CONTEXT_SECONDS:
            is_new |= self._read_context(store)
            self._context_at = seconds
        was_set_back = self._seen_at is not None and now < self._seen_at - _OVERLAP
        if is_new or was_set_back:
            self._load(store, now)
        else:
            self._follow(store, now)
        self._term, self._seen_at = term, now
        self._journal_end, self._looked_at = end, seconds

    def changed(self) -> set[ProcessName]:
        """Return of which processes something has changed since this was asked last."""
        found, self._changed = self._changed, set()
        return set(self.timetable.hierarchy.nodes) if found is None else found

    def looking(self, store: Reader) -> Looking:
        """Return what there is to look at, with the runs that are under way."""
        now = self._clock.now()
        runs = runs_of(store.live_runs(), now)
        return Looking(timetable=self.timetable, failed=self.failed, runs=runs, now=now)

    def looking_without_runs(self) -> Looking:
        """Return what there is to look at but for runs, which are read at a price."""
        now = self._clock.now()
        return Looking(timetable=self.timetable, failed=self.failed, runs={}, now=now)

    def _read_context(self, store: Reader) -> bool:
        """Go by what operators have changed, and by what is led; tell whether that is new."""
        overrides, led = changed_at_run_time(self._defined, store), store.led_context()
        if overrides == self._overrides and led == self._led and self._newest is not None:
            return False
        self._overrides, self._led = overrides, led
        self._hierarchy = in_force(self._defined, overrides, led)
        return True

    def _load(self, store: Reader, now: datetime) -> None:
        timetable = Timetable(self._hierarchy)
        timetable.extend(now)
        timetable.load(store.index_stretches, store.open_jobs(), store.index_copy())
        self.failed = {}
        for job in all_jobs(store, JobFilter(is_failed=True)):
            if _has_failed(job) and timetable.state(job.key) is not None:
                self.failed.setdefault(job.process, set()).add(job.timeperiod.ordinal)
        timetable.pause(paused_requests(store, timetable))
        self.timetable = timetable
        self._changed = None
        self._rev_by_key = {}
        self._newest = now - _LOOK_BACK

    def _follow(self, store: Reader, now: datetime) -> None:
        assert self._newest is not None, 'it is loaded'
        self.timetable.extend(now)
        until = self._clock.monotonic() + _FOLLOW_SECONDS_MAX
        since, after = self._newest - _OVERLAP, None
        seen: dict[JobKey, int] = {}
        while rows := store.changed_jobs(since, _PAGE_ROWS, after):
            fresh = [row for row in rows if self._rev_by_key.get(row.key) != row.rev]
            seen.update((row.key, row.rev) for row in rows)
            self._put(row for row in fresh if self.timetable.state(row.key) is not None)
            after = rows[-1]
            if len(rows) < _PAGE_ROWS or self._clock.monotonic() > until:
                break
        self._rev_by_key = seen
        if after is not None:
            self._newest = max(self._newest, after.changed_at)

    def _put(self, rows: Iterable[JobChange]) -> None:
        for row in rows:
            process = row.key.process
            if row.job is None:
                self.timetable.put_processed(row.key)
            else:
                self.timetable.put(row.job)
            if row.job is not None and _has_failed(row.job):
                self.failed.setdefault(process, set()).add(row.key.timeperiod.ordinal)
            elif process in self.failed:
                self.failed[process].discard(row.key.timeperiod.ordinal)
            if self._changed is not None:
                self._changed.add(process)
        self.timetable.settle()


def _has_failed(job: Job) -> bool:
    return job.state is JobState.SKIPPED and job.failure_count > 0
