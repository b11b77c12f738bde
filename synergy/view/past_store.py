"""A store as it was at an instant, for all who only read: views need not know that it is the past.

Jobs are told by the rebuilt index and the lines behind it; units, their logs, histories and
requests by their rows of today, as far as these are from before. What is not written down (boxes,
free runs, dead letters) is empty here, and what nobody has thought of is refused: nothing of today
is ever taken for then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NoReturn, cast

from synergy.core.past import Past, job_of
from synergy.core.records import (
    CommandId,
    Job,
    JobEvent,
    LogLine,
    ProcessName,
    Unit,
    UowId,
)
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.ports.store import EVENTS_PER_JOB_MAX, EndedRun, JobFilter, LiveRun, Store
from synergy.view.past import PastUnknown
from synergy.view.past_beside import PastCommands, PastJournal, Unrecorded
from synergy.view.past_units import unit_then

#: Rows that had failed which are looked at.
_FAILED_MAX: Final = 100_000
_RUNS_MAX: Final = 1_000


def is_past(store: object) -> bool:
    """Tell whether a store is one of then."""
    return isinstance(store, PastStore)


def then(store: Store, past: Past) -> Store:
    """Return a store as it was. store: as it is; read-only."""
    return cast('Store', PastStore(store, past))


class PastStore(Unrecorded, PastCommands, PastJournal):
    """The roles of `Reader` of which something is known of then; each a method that reads."""

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what nobody has thought of."""
        if name.startswith('_'):
            raise AttributeError(name)
        what = name.replace('_', ' ')
        told = f'{what} of a past instant is not written down'
        raise PastUnknown(told, 'look at it as it is now')

    # Jobs.

    def open_jobs(self) -> Sequence[Job]:
        """Return the rows of jobs that had not ended."""
        return [*self._past.timetable.open_jobs()]

    def jobs(self, keys: Collection[JobKey]) -> Mapping[JobKey, Job]:
        """Return the rows that there were."""
        timetable = self._past.timetable
        known = {key: state for key in keys if (state := timetable.state(key)) is not None}
        today = self._store.jobs([*known]) if known else {}
        found = {}
        for key, state in known.items():
            row = self._row(key, state, today.get(key))
            if row is not None:
                found[key] = row
        return found

    def _row(self, key: JobKey, state: JobState, today: Job | None) -> Job | None:
        row = self._past.timetable.open_job(key)
        if row is None and not state.is_final:
            return None  # It had not begun.
        line = None if row is not None else self._past.newest.get(key)
        if line is not None:
            row = job_of(line)
        if today is not None and today.changed_at <= self._at:
            if row is None and today.state is state:
                return today
            if row is not None and (today.rev, today.changed_at) == (row.rev, row.changed_at):
                return today
        if row is not None or self._past.timetable.is_left_out(key):
            return row
        return self._ended_before(key, state)

    def _ended_before(self, key: JobKey, state: JobState) -> Job:
        """Return the row of a job that ended before the snapshot and has changed after then."""
        newest = next(iter(self.events(key, 1)), None)
        runs = self.runs(key)
        return Job(
            process=key.process,
            timeperiod=key.timeperiod,
            state=state,
            rev=1,
            run=runs[-1].run if runs else 0,
            uow_id=runs[-1].id if runs else None,
            failure_count=int(key.timeperiod.ordinal in self.failed.get(key.process, ())),
            reason=None if newest is None else newest.text,
            changed_at=self._past.mark.at if newest is None else newest.at,
        )

    def find_jobs(self, where: JobFilter, limit: int, after: JobKey | None = None) -> Sequence[Job]:
        """Return jobs that had failed; of others the index tells."""
        if not where.is_failed:
            raise PastUnknown('rows of a past instant cannot be searched', 'search as of now')
        keys = [
            key
            for process, ordinals in self.failed.items()
            if where.processes is None or process in where.processes
            for key in self._keys(process, ordinals)
            if (where.start is None or str(key.timeperiod) >= where.start)
            and (where.end is None or str(key.timeperiod) < where.end)
            and (after is None or key > after)
        ]
        rows = self.jobs(sorted(keys)[:limit])
        return [rows[key] for key in sorted(rows)]

    def _keys(self, process: ProcessName, ordinals: Collection[int]) -> Iterator[JobKey]:
        level = self._past.hierarchy.nodes[process].process.qualifier
        return (JobKey(process, Timeperiod(level, ordinal)) for ordinal in ordinals)

    @cached_property
    def failed(self) -> Mapping[ProcessName, set[int]]:
        """Return the intervals whose jobs were held, or skipped after failures.

        Those that were skipped before the snapshot, and run again after then, are not known.
        """
        found = {name: set(ordinals) for name, ordinals in self._past.failed.items()}
        timetable, newest = self._past.timetable, self._past.newest
        for job in self._store.find_jobs(JobFilter(is_failed=True), _FAILED_MAX):
            is_old = job.changed_at <= self._at and newest.get(job.key) is None
            if is_old and timetable.state(job.key) is job.state:
                found[job.process].add(job.timeperiod.ordinal)
        return found

    def events(self, key: JobKey, limit: int) -> Sequence[JobEvent]:
        """Return what had happened to a job by then, newest first."""
        found = self._store.events(key, EVENTS_PER_JOB_MAX)
        return [event for event in found if event.at <= self._at][:limit]

    def request_progress(self, command_id: CommandId) -> Mapping[JobState, int]:  # noqa: ARG002 - as a store
        """Return nothing: which jobs it had reset that ended is not told by the index."""
        return {}

    def request_failures(self, command_id: CommandId) -> int:  # noqa: ARG002 - as a store
        """Return none, likewise."""
        return 0

    # Units.

    def units(self, uow_ids: Collection[UowId]) -> Mapping[UowId, Unit]:
        """Return the units that there were."""
        found, newest = self._store.units(uow_ids), self._past.newest
        return {
            name: unit
            for name, today in found.items()
            if (unit := unit_then(today, self._at, newest.get(today.key))) is not None
        }

    def runs(self, key: JobKey) -> Sequence[Unit]:
        """Return the units of a job that there were, by run."""
        line = self._past.newest.get(key)
        found = (unit_then(unit, self._at, line) for unit in self._store.runs(key))
        return [unit for unit in found if unit is not None]

    def live_units(self, limit: int | None = None) -> Sequence[Unit]:
        """Return the units of jobs that were under way, those that ran first; of no free runs."""
        live = [job.uow_id for job in self.open_jobs() if job.has_live_unit and job.uow_id]
        found = [unit for unit in self.units(live).values() if unit.state in _LIVE]
        found.sort(key=lambda unit: (unit.state is not UnitState.IN_PROGRESS, _since(unit)))
        return found[:limit]

    def live_runs(self) -> Sequence[LiveRun]:
        """Return what `live_units` does."""
        return [
            LiveRun(unit.id, unit.key, unit.state, unit.not_before) for unit in self.live_units()
        ]

    def ended_runs(
        self, process: ProcessName, limit: int, before: Timeperiod | None = None
    ) -> Sequence[EndedRun]:
        """Return runs of a process that had ended by then."""
        node = self._past.hierarchy.nodes.get(process)
        if node is None:
            return ()
        begun = Timeperiod(node.process.qualifier, self._past.timetable.span(process).stop)
        until = begun if before is None or before[0] is not begun[0] else min(before, begun)
        found = self._store.ended_runs(process, min(limit, _RUNS_MAX), until)
        return [run for run in found if run.finished_at <= self._at]

    def log(self, uow_id: UowId) -> Sequence[LogLine]:
        """Return what a run had said by then."""
        return [line for line in self._store.log(uow_id) if line.at <= self._at]

    def dead_units(self, limit: int, after: Unit | None = None) -> Sequence[Unit]:  # noqa: ARG002 - as a store
        """Return none: jobs that were held are told by the index."""
        return ()

    def dead_letters(self, process: ProcessName | None = None) -> Sequence[Any]:  # noqa: ARG002 - as a store
        """Return none, likewise."""
        return ()

    def freeruns(self) -> Sequence[Any]:
        """Return none: how free runs stood is not told by the index."""
        return ()


_LIVE: Final = (UnitState.REQUESTED, UnitState.IN_PROGRESS, UnitState.INVALID)


def _since(unit: Unit) -> datetime:
    return unit.started_at or unit.created_at


def failed_then(store: object) -> Mapping[ProcessName, Collection[int]]:
    """Return the intervals whose jobs had failed, by process. store: of then."""
    assert isinstance(store, PastStore), 'it is of then'
    return store.failed
