"""How the jobs of requests stand: how many in which condition, and whether a person must act."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Final

from synergy.core.commands import (
    JOB_KINDS,
    OPEN_COMMAND_STATES,
    RESETTING_KINDS,
    Command,
    CommandKind,
)
from synergy.core.readiness import readiness
from synergy.core.records import CommandId, Job, ProcessName
from synergy.core.request_options import ORDERS, RequestOptions, options_of
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.store import JobReader
from synergy.view.conditions import (
    ALL,
    BY_STATE,
    FAILED,
    FINAL_RUN,
    HELD,
    PAUSED,
    QUEUED,
    RUNNING,
    SKIPPED,
    Condition,
    Looking,
    condition_under_way,
)
from synergy.view.estimates import Estimator
from synergy.view.untaken import UNTAKEN_AFTER

WAITING: Final = Condition('due', 'waiting', 'waiting', 'reset, and not started again yet')
#: Those of a request, in the order of its progress bar.
ORDER: Final = (*ALL, WAITING)
#: Jobs that wait of which it is asked whether a person stands in their way.
_LOOKS_MAX: Final = 200


class RequestProgress(Struct, frozen=True, kw_only=True):
    """How the jobs that a request has reset stand. waits_for: what a person must do; None: nothing.

    stopped_by: a job that is failed and held, of another, which its own wait for. off: a process
    that is switched off, of which they are or which they wait for. unmanned: a process of which
    they are queued while no box has a worker of it. under_way: how many have a run, queued or
    running. options: how they run, if not as others do. order: None where nothing of it runs.
    """

    by_condition: Mapping[Condition, int]
    stopped_by: JobKey | None = None
    off: ProcessName | None = None
    unmanned: ProcessName | None = None
    is_paused: bool = False
    under_way: int = 0
    options: RequestOptions | None = None
    order: str | None = None

    @property
    def max_running(self) -> int | None:
        """Return how many may be under way at the same time; None: as many as of others."""
        return None if self.options is None else self.options.max_running

    @property
    def shown(self) -> Sequence[tuple[Condition, int]]:
        """Return the conditions that occur, in the order of a progress bar."""
        return [(item, self.by_condition[item]) for item in ORDER if self.by_condition.get(item)]

    @property
    def waits_for(self) -> str | None:
        """Return what of it waits for a person, in words."""
        if self.is_paused:
            return 'paused until somebody resumes it'
        if held := self.by_condition.get(HELD):
            return f'{held:,} failed and held, until somebody runs or skips them'
        if self.stopped_by is not None:
            return f'its jobs wait for {self.stopped_by}, which failed and is held'
        if self.off is not None:
            return f'{self.off} is switched off, until somebody switches it on'
        if self.unmanned is not None:
            return f'no box has a worker of {self.unmanned} that takes work'
        return None


class Touched(Struct, frozen=True, kw_only=True):
    """What a request touches of one process. left: not done yet."""

    process: ProcessName
    runs: Sequence[range]
    left: int

    @property
    def count(self) -> int:
        """Return how many jobs that are."""
        return sum(map(len, self.runs))


def touched_of(timetable: Timetable, command: Command) -> Sequence[Touched]:
    """Return what the plan of a request touches, in its order."""
    found = []
    applied = command.applied_count
    is_open = command.state in OPEN_COMMAND_STATES
    for process, pairs in (command.plan or {}).items():
        runs = [range(*pair) for pair in pairs]
        count = sum(map(len, runs))
        left = max(count - applied, 0) if is_open else 0
        if is_open and command.kind in RESETTING_KINDS and process in timetable.hierarchy.nodes:
            reset = applied
            for run in runs:
                part, reset = run[:reset], max(reset - len(run), 0)
                unfinished = timetable.unfinished_runs(process, part) if part else ()
                left += sum(map(len, unfinished))
        found.append(Touched(process=process, runs=runs, left=left))
        applied = max(applied - count, 0)
    return found


def rest_of(
    timetable: Timetable, estimator: Estimator, command: Command, progress: RequestProgress
) -> timedelta | None:
    """Return when a request may be done; None while it waits for a person, or nobody knows."""
    is_reprocess = command.kind is CommandKind.REPROCESS
    if command.state not in OPEN_COMMAND_STATES or not is_reprocess or progress.waits_for:
        return None
    left = {item.process: item.left for item in touched_of(timetable, command) if item.left}
    if not left.keys() <= timetable.hierarchy.nodes.keys():
        return None
    return estimator.whole(left)


NONE: Final = RequestProgress(by_condition={})


def progress_of(
    looking: Looking,
    store: JobReader,
    commands: Iterable[Command],
    able: Callable[[], Collection[str]],
) -> Mapping[CommandId, RequestProgress]:
    """Return how requests stand that are about jobs. Cost: two counts each, and all open jobs.

    able: returns the processes with a worker that takes work; called where queued jobs wait long.
    """
    asked = [command for command in commands if command.kind in JOB_KINDS]
    open_ids = {command.id for command in asked if command.state in OPEN_COMMAND_STATES}
    jobs_by_request: dict[CommandId, list[Job]] = {request_id: [] for request_id in open_ids}
    if open_ids:
        for job in looking.timetable.open_jobs():
            if job.request_id in open_ids:
                jobs_by_request[job.request_id].append(job)
    return {
        command.id: _progress(looking, store, command, jobs_by_request.get(command.id, ()), able)
        for command in asked
    }


def _progress(
    looking: Looking,
    store: JobReader,
    command: Command,
    jobs: Sequence[Job],
    able: Callable[[], Collection[str]],
) -> RequestProgress:
    found: Counter[Condition] = Counter()
    by_state = store.request_progress(command.id)
    for state, condition in BY_STATE.items():
        found[condition] = by_state.get(state, 0)
    if found[SKIPPED]:
        found[FAILED] = min(store.request_failures(command.id), found[SKIPPED])
        found[SKIPPED] -= found[FAILED]
    under_way = [job for job in jobs if job.state.is_running]
    found.update(condition_under_way(looking.runs, job) for job in under_way)
    waiting = [job for job in jobs if job.state is JobState.EMBRYO]
    found[PAUSED if command.is_paused else WAITING] += len(waiting)
    stops = list(_stops(looking, waiting))
    options, order = options_of(command), None
    if command.kind in RESETTING_KINDS:
        order = ORDERS[0] if options is None else options.order
    return RequestProgress(
        by_condition=+found,
        stopped_by=next((key for key in stops if _is_held(looking, key)), None),
        off=next((key.process for key in stops if not _is_held(looking, key)), None),
        unmanned=_unmanned(looking, under_way, able),
        is_paused=command.is_paused,
        under_way=sum(job.has_live_unit for job in jobs),
        options=options,
        order=order,
    )


def _unmanned(
    looking: Looking, under_way: Sequence[Job], able: Callable[[], Collection[str]]
) -> ProcessName | None:
    """Return a process of which jobs are queued for long while nobody takes any of it."""
    stands = [(job, condition_under_way(looking.runs, job)) for job in under_way]
    if any(condition in (RUNNING, FINAL_RUN) for _, condition in stands):
        return None
    waiting = {
        job.process: job
        for job, condition in stands
        if condition is QUEUED and job.changed_at <= looking.now - UNTAKEN_AFTER
    }
    if not waiting:
        return None
    running = {
        seen.key.process for seen in looking.runs.values() if seen.condition in (RUNNING, FINAL_RUN)
    }
    manned, nodes = able(), looking.timetable.hierarchy.nodes
    unmanned = (
        name
        for name in sorted(waiting)
        if name not in running and nodes[name].process.worker not in manned
    )
    return next(unmanned, None)


def _is_held(looking: Looking, key: JobKey) -> bool:
    job = looking.timetable.open_job(key)
    return job is not None and job.is_held


def _stops(looking: Looking, waiting: Sequence[Job]) -> Iterator[JobKey]:
    """Yield what stops the first of those which wait until a person acts.

    Jobs that are held, and those, themselves among them, of which the process is switched off.
    """
    nodes = looking.timetable.hierarchy.nodes
    for job in sorted(waiting, key=lambda job: job.key)[:_LOOKS_MAX]:
        culprits = readiness(looking.timetable, job.key, looking.now).culprits
        for key in (job.key, *(culprit.key for culprit in culprits)):
            is_begun = looking.timetable.state(key) not in (None, JobState.EMBRYO)
            if _is_held(looking, key) or not (is_begun or nodes[key.process].process.is_on):
                yield key
