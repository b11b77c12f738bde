"""What most pages are drawn from: the dense index of the store, kept up to date by its changes.

One `ReadModel` serves all requests and all live tabs. `look` asks the store what has changed since
the last look, at the price of those changes; it is called before a page is drawn and by one
thread: while tabs follow live, once or twice a second, and else now and then.

Counts of a parent's children and the like are byte searches in the index, quick enough to need no
counters beside it: a ten-year page of hours costs a few milliseconds.

A lock guards the index against a change in the middle of a page, another one lets a single thread
look at a time. They are the only locks outside the adapters: the threads of a web server have
nothing else through which to share a cache. What is read is decoded before the index is locked, and
pages do not wait for a look that has begun.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock, RLock
from typing import Any, Final, TypeVar

from synergy.core.cut import Cut
from synergy.core.hierarchy import Hierarchy
from synergy.core.leader_standing import LeaderStanding
from synergy.core.led_context import LedContext
from synergy.core.node import Node
from synergy.core.records import CommandId, Job, Override, ProcessName
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.mx.live.led_watch import LedWatch, left_out_by_process
from synergy.mx.live.left_out import LeftOut
from synergy.mx.live.run_watch import RunWatch
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError
from synergy.ports.store import JobChange, JobFilter, LiveRun, Reader, UnitReader
from synergy.view.conditions import Condition, Looking, condition_of, paused_requests
from synergy.view.index import Changed, changed_at_run_time, in_force
from synergy.view.usual import Durations, durations_of
from synergy.view.usual import Usual as Usual  # Of pages, too.
from synergy.view.whole import all_jobs

T = TypeVar('T')

#: Rows per question, and how far before the newest seen change a look begins again: a store that
#: commits row by row may show two changes of one instant one after the other.
PAGE_ROWS: Final = 500
OVERLAP: Final = timedelta(seconds=1)
#: Where following begins after everything was read: more than clocks of boxes may differ.
LOOK_BACK: Final = timedelta(minutes=1)
#: A page is at most this much older than the store, and the duration of a look or two.
AGE_SECONDS_MAX: Final = 0.3
#: The same when more changes than nobody can follow: then a job changes less often than it is read.
BUSY_AGE_SECONDS_MAX: Final = 4.5
BUSY_CHANGES_PER_SECOND: Final = 500
#: How long one look may take.
FOLLOW_SECONDS_MAX: Final = 2.0
#: Within this the feed, if it has any tabs, looks at a busy store; pages leave it to it.
LOOK_PATIENCE_SECONDS: Final = 1.5
#: Changes that are kept for the list of events and for tabs that follow.
RECENT_MAX: Final = 256
#: Heat maps that are kept as they were drawn, and what is kept beside of each process.
MAPS_KEPT: Final = 128
KEPT_PER_PROCESS: Final = 4
#: How long it is kept how long runs took, and of how many processes and times: some 70 kB each.
DURATIONS_KEPT_SECONDS: Final = 60.0
DURATIONS_KEPT: Final = 256
#: Old intervals are shown among their neighbours, and so many neighbours are shown alike.
NEIGHBOURS: Final = 50


class Change(Struct, frozen=True):
    """One transition of a job, or of the run under way of one, as tabs and lists show it."""

    number: int
    key: JobKey
    at: datetime
    reason: str | None
    mark: Condition


class ReadModel:
    """The index, the jobs that failed, and the newest changes. Hold `lock` while reading.

    failed: ordinals of jobs that are held, or were skipped after failures, by process. recent: the
    newest changes of jobs; those of their runs are told to tabs alone. is_busy: so much changes
    that it is looked at less often.
    """

    def __init__(self, hierarchy: Hierarchy, clock: Clock) -> None:
        """Know nothing until the first look."""
        self.lock = RLock()
        self.hierarchy = hierarchy
        self._defined = hierarchy
        self._overrides = Changed()
        self._led_watch = LedWatch()
        self._standing = LeaderStanding()
        self.left_out = LeftOut(hierarchy, clock)
        self._has_begun_anew = False
        self.timetable = Timetable(hierarchy)
        self.failed: dict[ProcessName, set[int]] = {name: set() for name in hierarchy.nodes}
        self.recent: deque[Change] = deque(maxlen=RECENT_MAX)
        self._told: deque[Change] = deque(maxlen=RECENT_MAX)
        self._watch = RunWatch()
        self._paused: set[CommandId] = set()
        self.version = 0
        self._clock = clock
        self._rev_by_key: dict[JobKey, int] = {}
        self._newest: datetime | None = None
        self._term: int | None = None
        self._extended_at: datetime | None = None
        self._looking = Lock()
        self._looked_at = float('-inf')
        self._seen_at = datetime.min.replace(tzinfo=UTC) + OVERLAP
        self.is_busy = False
        self._durations: dict[tuple[ProcessName, Timeperiod | None], tuple[float, Durations]] = {}
        # Numbers of the newest changes of everything and of each process.
        self._epoch = 0
        self._changed: dict[ProcessName, int] = {}
        self._drawn: dict[Hashable, tuple[Hashable, Any]] = {}

    def look(self, store: Reader, patience_seconds: float = 0.0) -> None:
        """Catch up with the store, unless that was done a moment ago or another thread does so.

        patience_seconds: for how much longer it can be left to others when there is much to do.
        """
        if self._is_fresh(patience_seconds) or not self._looking.acquire(
            blocking=self._newest is None
        ):
            return
        try:
            if not self._is_fresh(patience_seconds):
                self._catch_up(store)
        finally:
            self._looking.release()

    def _is_fresh(self, patience_seconds: float) -> bool:
        age_max = BUSY_AGE_SECONDS_MAX + patience_seconds if self.is_busy else AGE_SECONDS_MAX
        return self._clock.monotonic() - self._looked_at < age_max

    def _catch_up(self, store: Reader) -> None:
        before, version = self._looked_at, self.version
        is_loaded = self._newest is not None
        if is_loaded:
            self._looked_at = self._clock.monotonic()
        try:
            leadership = store.leadership()
            term = None if leadership is None else leadership.term
            overrides = changed_at_run_time(self._defined, store)
            is_new = term != self._term or overrides != self._overrides
            led = self._led_watch.read(store, self._clock.monotonic(), is_new=is_new)
            self._override(overrides, led)
            self._hear(store.standing())
            now = self._clock.now()
            # A new leader's clock may be behind the old one's, or the clock of both of us was set
            # back: then "since" would miss changes.
            if self.left_out.has_changed(store, is_due=term != self._term):
                with self.lock:
                    self.version += 1
                    self._epoch = self.version
            is_same = term == self._term and not self._has_begun_anew
            if is_loaded and is_same and now >= self._seen_at - OVERLAP:
                self._follow(store)
            else:
                self._load(store)
                self._term = term
                self._has_begun_anew = False
                self._looked_at = self._clock.monotonic()
        except PortError:
            self._looked_at = float('-inf')
            raise
        self._seen_at = now
        elapsed = self._looked_at - before
        self.is_busy = (self.version - version) > BUSY_CHANGES_PER_SECOND * elapsed

    def looking(self, now: datetime) -> Looking:
        """Return what there is to look at; hold the lock while it is used."""
        runs = self._watch.runs
        return Looking(timetable=self.timetable, failed=self.failed, runs=runs, now=now)

    @property
    def failed_count(self) -> int:
        """Return how many jobs have failed."""
        return sum(map(len, self.failed.values()))

    def key(self, node: Node, ordinal: int) -> JobKey:
        """Return the job of a node's interval."""
        return JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))

    def usual(self, store: UnitReader, process: ProcessName) -> Usual:
        """Return how long runs of `process` take; looked up once a minute."""
        return self._durations_of(store, process, None).usual

    def durations(
        self, store: UnitReader, process: ProcessName, around: Timeperiod | None = None
    ) -> Durations:
        """Return how long the newest runs took; looked up once a minute.

        around: of an interval that is older than all of these, the runs before and after it.
        """
        newest = self._durations_of(store, process, None)
        if around is None or not newest.runs or around >= newest.runs[0].key.timeperiod:
            return newest
        blocks = around.ordinal // NEIGHBOURS + 2
        return self._durations_of(store, process, Timeperiod(around[0], blocks * NEIGHBOURS))

    def _durations_of(
        self, store: UnitReader, process: ProcessName, before: Timeperiod | None
    ) -> Durations:
        now, what = self._clock.monotonic(), (process, before)
        kept = self._durations.get(what)
        if kept is not None and now - kept[0] < DURATIONS_KEPT_SECONDS:
            return kept[1]
        found = durations_of(store, process, before)
        if len(self._durations) >= DURATIONS_KEPT:
            self._durations.clear()
        self._durations[what] = (now, found)
        return found

    def stamp(self, processes: Iterable[ProcessName | None]) -> Hashable:
        """Return what differs once one of `processes` has changed."""
        return self._epoch, *(self._changed.get(name, 0) for name in processes if name is not None)

    def drawn(self, what: Hashable, stamp: Hashable, draw: Callable[[], T]) -> T:
        """Return what was drawn; drawn again if the stamp has changed. Hold the lock."""
        kept = self._drawn.get(what)
        if kept is None or kept[0] != stamp:
            if len(self._drawn) >= KEPT_PER_PROCESS * len(self.hierarchy.nodes) + MAPS_KEPT:
                self._drawn.clear()
            kept = self._drawn[what] = (stamp, draw())
        found: T = kept[1]
        return found

    def changes_after(self, number: int) -> Sequence[Change]:
        """Return the kept changes later than change `number`, oldest first."""
        with self.lock:
            return [change for change in self._told if change.number > number]

    def _override(self, overrides: Changed, led: LedContext | None) -> None:
        """Go by what operators have changed of processes and pools, as the Scheduler does.

        Where intervals of one begin elsewhere, or others are left out now, all is read again.
        """
        before = self._led_watch.led
        if overrides != self._overrides or led != before:
            with self.lock:
                old = self._overrides.overrides
                self._has_begun_anew |= _cuts(overrides.overrides) != _cuts(old)
                self._has_begun_anew |= left_out_by_process(led) != left_out_by_process(before)
                self.hierarchy = in_force(self._defined, overrides, led)
                if not self._has_begun_anew:
                    self.timetable.hierarchy = self.hierarchy
                self._overrides, self._led_watch.led = overrides, led
                self.version += 1
                self._epoch = self.version

    def _hear(self, standing: LeaderStanding) -> None:
        """Let all pages be read again when the leader says something else of itself."""
        if standing != self._standing:
            with self.lock:
                self._standing = standing
                self.version += 1
                self._epoch = self.version

    def _load(self, store: Reader) -> None:
        """Read everything: at the first look, and when another Scheduler leads."""
        now = self._clock.now()
        timetable = Timetable(self.hierarchy)
        timetable.extend(now)
        timetable.load(store.index_stretches, store.open_jobs(), store.index_copy())
        failed = list(all_jobs(store, JobFilter(is_failed=True)))
        live, self._paused = store.live_runs(), paused_requests(store, timetable)
        timetable.pause(self._paused)
        with self.lock:
            self.timetable = timetable
            self._watch.see(live, now)
            for ordinals in self.failed.values():
                ordinals.clear()
            for job in failed:
                if timetable.state(job.key) is not None:
                    self.failed[job.process].add(job.timeperiod.ordinal)
            self.version += 1
            self._epoch = self.version
        self._rev_by_key = {}
        self._extended_at = None
        self._newest = now - LOOK_BACK

    def _follow(self, store: Reader) -> None:
        assert self._newest is not None, 'it is loaded'
        now = self._clock.now()
        minute = now.replace(second=0, microsecond=0)
        if minute != self._extended_at:
            # No interval begins in between, and there may be thousands of processes.
            with self.lock:
                self.timetable.extend(now)
            self._extended_at = minute
        until = self._clock.monotonic() + FOLLOW_SECONDS_MAX
        since, after = self._newest - OVERLAP, None
        seen: dict[JobKey, int] = {}
        began, is_last = self._clock.monotonic(), False
        while rows := store.changed_jobs(since, PAGE_ROWS, after):
            fresh = [row for row in rows if self._rev_by_key.get(row.key) != row.rev]
            seen.update((row.key, row.rev) for row in rows)
            # What changes meanwhile is left to the next look: a busy store has no end.
            is_first, is_last = (
                after is None,
                len(rows) < PAGE_ROWS or self._clock.monotonic() > until,
            )
            after = rows[-1]
            # Read after the rows: the unit of each job that was started is among them. Of many
            # pages with the first, which has those of nearly all, and with the last.
            live = store.live_runs() if is_first or is_last else None
            with self.lock:
                if live is not None:
                    self._see(live, now)
                self._put([row for row in fresh if self.timetable.state(row.key)], now)
            if is_last:
                break
            # Pages go first: they are waited for.
            self._clock.sleep((self._clock.monotonic() - began) / 2)
            began = self._clock.monotonic()
        if not is_last:
            live = store.live_runs()
            with self.lock:
                self._see(live, now)
        self._pause(paused_requests(store, self.timetable))
        # Only what the next look will see again has to be recognised.
        self._rev_by_key = seen
        if after is not None:
            self._newest = max(self._newest, after.changed_at)

    def _see(self, live: Sequence[LiveRun], now: datetime) -> None:
        """Take over which units are under way, and tell of those that stand otherwise than before.

        Hold the lock.
        """
        for uow_id, seen in self._watch.see(live, now):
            job = self.timetable.open_job(seen.key)
            if job is not None and job.uow_id == uow_id and job.has_live_unit:
                self.version += 1
                self._changed[seen.key.process] = self.version
                self._told.append(_change(self.looking(now), self.version, seen.key, now))

    def _pause(self, paused: set[CommandId]) -> None:
        """Go by which requests are paused."""
        if paused != self._paused:
            with self.lock:
                self._paused = paused
                self.timetable.pause(paused)
                self.version += 1
                self._epoch = self.version

    def _put(self, rows: Sequence[JobChange], now: datetime) -> None:
        """Take over changed rows, number the changes and keep the newest of them."""
        for row in rows:
            if row.job is None:
                self.timetable.put_processed(row.key)
            else:
                self.timetable.put(row.job)
            if row.job is not None and _has_failed(row.job):
                self.failed[row.key.process].add(row.key.timeperiod.ordinal)
            else:
                self.failed[row.key.process].discard(row.key.timeperiod.ordinal)
        self.timetable.settle()
        self.version += len(rows)
        for name in {row.key.process for row in rows}:
            self._changed[name] = self.version
        kept, looking = rows[-RECENT_MAX:], self.looking(now)
        for number, row in enumerate(kept, self.version - len(kept) + 1):
            change = _change(looking, number, row.key, row.changed_at, row.reason)
            self.recent.append(change)
            self._told.append(change)


def _change(
    looking: Looking, number: int, key: JobKey, at: datetime, reason: str | None = None
) -> Change:
    node = looking.timetable.hierarchy.nodes[key.process]
    return Change(number, key, at, reason, condition_of(looking, node, key))


def _has_failed(job: Job) -> bool:
    return job.is_held or (job.state is JobState.SKIPPED and job.failure_count > 0)


def _cuts(overrides: Sequence[Override]) -> Mapping[ProcessName, Cut]:
    return {item.process: item.cut for item in overrides if item.cut is not None}
