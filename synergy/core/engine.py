"""One batch of events in, effects out: every decision of the Scheduler, and none of its doing.

The engine reads and drafts the timetable; the caller saves the effects and then settles the draft,
or rolls it back. Handing over is not a message: a job that becomes final makes the engine look, in
the same batch, at its process (a place became free), its parent and its dependents, so a finished
last child starts its parent at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Final, assert_never

from synergy.core import job_transitions
from synergy.core.commands import JOB_KINDS, RESETTING_KINDS, Command, CommandKind
from synergy.core.effects import Announce, CancelUnit, Effects, EndLetters, InsertUnit, SaveJob
from synergy.core.events import (
    Commanded,
    Event,
    Expired,
    Look,
    Processed,
    Reported,
    TooOld,
    Vanished,
    process_of,
)
from synergy.core.failure_streaks import FailureStreaks
from synergy.core.holds import Holds
from synergy.core.journal import BY_CLOCK, BY_UNIT, Change, Happened
from synergy.core.late_inputs import outdated_by, requests_after
from synergy.core.machines.table import Action
from synergy.core.pooled_starting import PooledStarting
from synergy.core.pools import Pools
from synergy.core.readiness import Readiness, readiness, reason_to_skip
from synergy.core.records import Job, ProcessName, RetryPolicy, Unit
from synergy.core.requests import applied, asked_by_itself, cause_of
from synergy.core.retry import FailedAttempt, announced_again, failed_attempt
from synergy.core.starting import Starting
from synergy.core.states import JobState, OnFailure, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.core.undo import out_of_date

#: Jobs that one batch may start, skip or pass over; what is left over comes with the next. So long
#: does wait what is reported meanwhile. Fewer than a turn takes reports: those never queue behind
#: starts.
STARTS_PER_BATCH_MAX: Final = 128
#: Where more processes are owed a look than this many batches can start, a batch starts more: an
#: hour's turn of thousands would else last until the workers have done most of it.
_BATCHES_OF_OWED: Final = 8


class Engine:
    """Decides for all processes of one hierarchy.

    One class of many short methods, for each is a step of one batch: all draft into the same
    timetable and add to the same effects, which nobody may see before the batch is whole.
    """

    def __init__(
        self,
        timetable: Timetable,
        isolated: Collection[ProcessName] = (),
        left_out: Mapping[ProcessName, object] = MappingProxyType({}),
        streaks: FailureStreaks | None = None,
        pools: Pools | None = None,
        holds: Holds | None = None,
    ) -> None:
        """Decide over `timetable`, each process by its machine.

        isolated: processes of which nothing is decided but what operators ask for. left_out: those
        of which nothing is started or written at all, with the reason, which `str` tells; their
        intervals are not final, so what waits for them waits. streaks: of equal failures, after
        so many of which a process is paused. pools: what is shared, and who comes first; None:
        nothing is, and nobody does. holds: closed hours and freezes, in which nothing starts.
        """
        self._streaks = streaks or FailureStreaks(0)
        self.timetable = timetable
        self.left_out = left_out
        self._isolated = frozenset(isolated)
        self._deciding: ProcessName | None = None
        self._hierarchy = timetable.hierarchy
        self._machine_by_process = {
            node.process.name: timetable.hierarchy.machine(node.process.name)
            for node in self._hierarchy
        }
        self._pools = pools
        silent = self._isolated | frozenset(left_out)
        self._starting = Starting(timetable, silent, holds)
        if pools is not None:
            self._starting = PooledStarting(timetable, pools, silent, holds)
        self._triggered: set[ProcessName] = set()
        self._effects, self._cause = Effects(), BY_CLOCK

    @property
    def is_owing(self) -> bool:
        """Tell whether the last batch left processes to be looked at by the next one."""
        return self._starting.owed_count > 0

    @property
    def deciding(self) -> ProcessName | None:
        """Whom the decision under way is about; after an exception, whom it was about."""
        return self._deciding or self._starting.asked

    @property
    def _starts_max(self) -> int:
        return max(STARTS_PER_BATCH_MAX, self._starting.owed_count // _BATCHES_OF_OWED)

    def on(self, events: Iterable[Event], now: datetime) -> Effects:
        """Decide on `events` and on all that follows from them; return what is to be done.

        Drafts the timetable: the caller must `settle` it after the effects are saved, or
        `rollback` it when they were not.
        """
        self.timetable.extend(now)
        self._effects = Effects()
        for item in events:
            self._deciding = process_of(item)
            if self._deciding not in self._isolated:
                self._take(item, now)
        self._cause = BY_CLOCK
        for process in self._triggered:
            self._deciding = process
            for key in self._starting.live(process, now):
                self._decide(self._row(key, now), None, now, is_triggered=True)
        self._triggered.clear()
        self._deciding = None
        with closing(self._starting.starts(now)) as starts:
            for key, found in islice(starts, self._starts_max):
                self._decide(self._row(key, now), None, now, known=found)
        self._starting.asked = None
        if self._pools is not None:
            self._effects.add(self._pools.taken())
        return self._effects

    def _take(self, item: Event, now: datetime) -> None:
        self._cause = BY_UNIT
        match item:
            case Look(process, is_trigger):
                self._starting.owe(process)
                if is_trigger and self._machine_by_process[process].runs_live:
                    self._triggered.add(process)
            case Reported(unit) | (Processed() as unit):
                self._examine(unit, now)
            case Expired(unit) | TooOld(unit):
                job = self.timetable.open_job(unit.key)
                if job is not None and job.uow_id == unit.id:
                    is_rested = self._is_made_up_for(job, now)
                    failed = failed_attempt(item, self._policy(unit.process), now)
                    self._fail(job, failed, now, rests=is_rested)
            case Vanished(key):
                job = self.timetable.open_job(key)
                if job is not None:
                    self._reset(job, 'its unit is gone from the store', now)
            case Commanded():
                self._carry_out(item, now)
            case _:
                assert_never(item)

    def _row(self, key: JobKey, now: datetime) -> Job:
        return self.timetable.open_job(key) or job_transitions.embryo(key, now)

    def _examine(self, unit: Unit | Processed, now: datetime) -> None:
        job = self.timetable.open_job(unit.key)
        if job is not None and job.uow_id == unit.id:
            self._decide(job, unit, now)
        elif unit.state.is_live and self.timetable.state(unit.key) not in (None, JobState.EMBRYO):
            # Saved without its job by a commit that broke off, and nobody will adopt it. (Anything
            # else that is not waited for is a late or repeated report: the job has moved on. And
            # what has no place in the context may be back in it tomorrow.)
            self._effects.saves.append(CancelUnit(unit.id, 'the job does not wait for it', now))

    def _decide(  # noqa: C901 - one line for each action of the tables
        self, job: Job, unit: Unit | Processed | None, now: datetime, *,
        known: Readiness | None = None, is_triggered: bool = False,
    ) -> None:  # fmt: skip
        """Do what the table of the job's machine says. known: its readiness, if it is."""
        found = known or readiness(self.timetable, job.key, now)
        machine = self._machine_by_process[job.process]
        rule = machine.decide(job.state, None if unit is None else unit.state, found.due)
        match rule.action:
            case Action.WAIT:
                if (
                    isinstance(unit, Unit)
                    and unit.state is UnitState.REQUESTED
                    and not self._starting.is_held(job.process, now)
                ):
                    self._effects.add(announced_again(self._policy(unit.process), unit, now))
            case Action.RUN:
                if (is_triggered or self._starting.is_trigger) and not job.has_live_unit:
                    self._start(job, JobState.IN_PROGRESS, now)
            case Action.START | Action.START_FINAL if unit and not self._may_go_on(job, now):
                if job.state in machine.resting_states:
                    self._rest(job, unit, now)
            case Action.START:
                self._start(job, JobState.IN_PROGRESS, now)
            case Action.START_FINAL:
                self._start(job, JobState.FINAL_RUN, now)
            case Action.REST:
                self._rest(job, job_transitions.given(unit, rule.why), now)
            case Action.FINISH:
                self._finish(job, job_transitions.given(unit, rule.why), now)
            case Action.RETRY | Action.RETRY_OR_REST | Action.GIVE_UP:
                unit = job_transitions.given(unit, rule.why)
                assert isinstance(unit, Unit)  # See `Machine.retries_processed`.
                failed = failed_attempt(Reported(unit), self._policy(unit.process), now)
                if rule.action is Action.GIVE_UP:
                    failed = replace(failed, next_at=None)
                self._fail(job, failed, now, rests=rule.action is Action.RETRY_OR_REST)
            case Action.SKIP:
                self._end(job, JobState.SKIPPED, reason_to_skip(found), now, Happened.SKIPPED)
            case Action.RESET:
                self._reset(job, rule.why, now)
            case _:
                assert_never(rule.action)

    def _may_go_on(self, job: Job, now: datetime) -> bool:
        """Tell whether another run may follow one that has ended: nothing starts of what is off."""
        options = self.timetable.options(job.request_id)
        is_asked = options is not None and options.is_even_if_off
        is_on = is_asked or self._hierarchy.nodes[job.process].process.is_on
        return is_on and not self._starting.is_held(job.process, now)

    def _start(self, job: Job, state: JobState, now: datetime) -> None:
        node = self._hierarchy.nodes[job.process]
        span = self._hierarchy.covered(node, job.timeperiod.ordinal)
        if not span:
            why = 'its group ends later and does its work'
            self._end(job, JobState.NOOP, why, now, Happened.ENDED)
            return
        unit = job_transitions.next_unit(job, node.process, span, now)
        options = self.timetable.options(job.request_id)
        if options is not None and options.arguments and options.process == job.process:
            unit = replace(unit, arguments={**unit.arguments, **options.arguments})
        final = 'final ' if state is JobState.FINAL_RUN else ''
        self._effects.saves.append(InsertUnit(unit))
        started = job_transitions.started(job, unit, state, now)
        event = f'{final}run {unit.run} requested, uow {unit.id}'
        self._save(started, event, Happened.STARTED, job.state)
        self._effects.announcements.append(Announce(unit.id, unit.process))

    def _finish(self, job: Job, unit: Unit | Processed, now: datetime) -> None:
        state, what, told = job_transitions.ending(unit)
        if what is Happened.CANCELED:
            self._end(job, state, told, now, what, but=job.run)
            return
        self._streaks.ended_well(job.process)
        self._end(job, state, None, now, what, told, but=job.run, count=unit.processed_count)

    def _rest(self, job: Job, unit: Unit | Processed, now: datetime) -> None:
        """Note the end of a live run; the place among max_running is free again."""
        if unit.state in (UnitState.PROCESSED, UnitState.NOOP):
            self._streaks.ended_well(job.process)
        word = unit.state.value.removeprefix('state_')
        event = f'run {unit.run} {word} {unit.processed_count}; more to come'
        count = unit.processed_count if unit.state is UnitState.PROCESSED else None
        self._save(job_transitions.rested(job, now), event, Happened.RESTED, job.state, count)
        self._starting.owe(job.process)

    def _policy(self, process: ProcessName) -> RetryPolicy:
        return self._hierarchy.nodes[process].process.retry

    def _fail(self, job: Job, failed: FailedAttempt, now: datetime, *, rests: bool) -> None:
        """Let a failed attempt be followed by another; without one, rest or give the job up."""
        unit, at = failed.unit, failed.next_at
        job = job_transitions.failed(job, failed)
        if at is not None:
            self._effects.add(failed.effects(now))
            touched, event = job_transitions.touched(job, now), failed.told_again(at)
            self._save(touched, event, Happened.RETRIED, job.state)
            return
        self._note_failure(failed, now)
        if rests:
            self._effects.add(failed.effects(now))
            self._rest(job, replace(unit, state=UnitState.DEAD), now)
        else:
            on_failure = self._hierarchy.nodes[job.process].process.on_failure
            why = f'run {unit.run} {failed}'
            self._effects.add(failed.effects(now, f'{job.key} {on_failure.value}: {why}'))
            self._give_up(job, on_failure, why, now)

    def _note_failure(self, failed: FailedAttempt, now: datetime) -> None:
        """Ask for a pause of a process of which run after run fails alike."""
        unit = failed.unit
        pause = self._streaks.failed(unit, failed.error, now)
        if pause is not None and self._hierarchy.nodes[unit.process].process.is_on:
            self._starting.pause(unit.process)
            self._effects.add(asked_by_itself(pause))

    def _is_made_up_for(self, job: Job, now: datetime) -> bool:
        """Tell whether a dead run of this job is made up for by its next run."""
        machine = self._machine_by_process[job.process]
        return (job.state, readiness(self.timetable, job.key, now).due) in machine.made_up_for

    def _give_up(self, job: Job, on_failure: OnFailure, why: str, now: datetime) -> None:
        match on_failure:
            case OnFailure.SKIP:
                self._end(job, JobState.SKIPPED, why, now, Happened.GAVE_UP, but=job.run)
            case OnFailure.HOLD:
                self._end_letters(job, why, but=job.run)
                held, event = job_transitions.held(job, why, now), f'held for an operator: {why}'
                self._save(held, event, Happened.HELD, job.state)
                self._owe_outputs(job.process)  # A part of an input may do without it.
            case _:
                assert_never(on_failure)

    def _end(  # noqa: PLR0913 - all that is told of an end
        self, job: Job, state: JobState, reason: str | None, now: datetime, what: Happened,
        event: str | None = None, but: int | None = None, count: int | None = None,
    ) -> None:  # fmt: skip
        """Make a job final and look at everybody whom that may release. but: see `_end_letters`."""
        event = event or f'{state.value.removeprefix("state_")}: {reason}'
        self._end_letters(job, event, but)
        self._save(job_transitions.ended(job, state, reason, now), event, what, job.state, count)
        if job.request_id is None:  # Else it has reset those that wait for this one, too.
            self._came_late(job, now)
        self._owe_outputs(job.process)

    def _reset(self, job: Job, why: str, now: datetime) -> None:
        """Put a job back to embryo, its run count kept; it starts again when it is ready."""
        changed = job_transitions.reset(job, why, now, job.request_id)
        self._save(changed, f'reset: {why}', Happened.RESET, job.state)
        self._starting.owe(job.process)

    def _carry_out(self, item: Commanded, now: datetime) -> None:
        command = item.command
        self._cause = cause_of(command)
        for key in item.keys:
            if self.timetable.state(key) is None or key.process in self.left_out:
                continue  # Planned under another context; it has no place in this one.
            job = self.timetable.open_job(key) or item.rows.get(key)
            job = job or job_transitions.untouched(self.timetable.state(key), key, now)
            if command.kind is CommandKind.ABANDON:
                self._put_back(command, job, now)
            elif job_transitions.is_touched(command, job):
                if job.state.is_running and job.uow_id is not None:
                    self._effects.saves.append(CancelUnit(job.uow_id, command.by, now))
                changed, event = job_transitions.commanded(command, job, now)
                if changed.state.is_final:
                    self._end_letters(job, event)
                self._save(changed, event, job_transitions.happened(command, changed), job.state)
                self._touched(command, job, changed, now)
        for process in dict.fromkeys(key.process for key in item.keys):
            self._owe_outputs(process)
        if command.kind in JOB_KINDS:
            self._effects.add(applied(command, len(item.keys), now, is_last=item.is_last))

    def _put_back(self, command: Command, job: Job, now: datetime) -> None:
        """Let a job stand as it stood before the request that `command` takes back."""
        if job.state is JobState.EMBRYO and job.former and job.request_id == command.target:
            changed, event = job_transitions.put_back(job, job.former, command, now)
            self.timetable.put(changed)
            change = Change(Happened.PUT_BACK, job.state, self._cause)
            self._effects.saves.append(SaveJob(changed, event, job.former.term, change))

    def _came_late(self, job: Job, now: datetime) -> None:
        """Let jobs run again that have run without one that has ended now."""
        if self._hierarchy.has_partial:
            for request in requests_after(self.timetable, job, now):
                self._effects.add(asked_by_itself(request))
            self._void([*outdated_by(self.timetable, job)], f'{job.key} has ended since', now)

    def _touched(self, command: Command, job: Job, changed: Job, now: datetime) -> None:
        """Do what follows for those that wait for a job from what a command has made of it."""
        if command.kind not in RESETTING_KINDS:
            self._came_late(changed, now)
        if job.state.is_final:
            self._void([*out_of_date(self.timetable, changed)], f'{changed.key} was reset', now)

    def _void(self, jobs: Iterable[Job], why: str, now: datetime) -> None:
        """Take from jobs that wait for one just reset, or late, what they remember of before."""
        for job in jobs:
            changed, event = job_transitions.without_former(job, why, now)
            self._save(changed, event, Happened.VOIDED, job.state)

    def _end_letters(self, job: Job, why: str, but: int | None = None) -> None:
        """Let the dead letters of a job go, `but` that of one run: what they tell is settled."""
        if job.run > (0 if but is None else 1):
            self._effects.saves.append(EndLetters(job.key, why, but))

    def _owe_outputs(self, process: ProcessName) -> None:
        # Who waits for it comes before the place that became free, and so before new starts.
        self._starting.release(self._hierarchy.nodes[process].outputs)
        self._starting.owe(process)

    def _save(
        self, job: Job, event: str, what: Happened, before: JobState, count: int | None = None
    ) -> None:
        row_of = self.timetable.open_job
        change = job_transitions.change_of(job, what, before, self._cause, count, row_of)
        self.timetable.put(job)
        self._effects.saves.append(SaveJob(job, event, None, change))
        if job.request_id is not None and not job.has_live_unit:
            self._starting.freed(job.request_id)
