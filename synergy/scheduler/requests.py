"""Commands, one batch at a time: plan, apply, follow until every job is final again.

A plan is kept with its command, so a restart goes on with it instead of planning again: half of the
jobs may have been reset and run again by then. Between two batches the loop handles everything
else, so a request about a hundred thousand jobs delays no report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from synergy.core.closure import PlanRefused, keys_of, plan, shortened, widened
from synergy.core.commands import (
    JOB_KINDS,
    REQUEST_KINDS,
    Command,
    CommandId,
    CommandKind,
    CommandState,
    Only,
    counted,
)
from synergy.core.dead_letters import dropped, is_settled_by, letter_of
from synergy.core.effects import Effect, InsertUnit, SaveCommand
from synergy.core.engine import Engine
from synergy.core.events import Commanded, Look, Refused
from synergy.core.freerun import Freeruns
from synergy.core.freerun_definition import FreerunRefused, freerun_of
from synergy.core.freerun_record import Freerun
from synergy.core.overrides import OverrideRefused, Overrides, switched_text
from synergy.core.records import ProcessName
from synergy.core.requests import control
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import JobKey
from synergy.ports.store import JobFilter, SchedulerStore

#: Jobs that one commit resets: bounds how long a turn of the loop takes.
JOBS_PER_BATCH_MAX: Final = 1000
_FAILED_MAX: Final = 1_000_000


class Requests:
    """Decides what is next for each command; keeps only what it can make again."""

    def __init__(
        self,
        store: SchedulerStore,
        engine: Engine,
        freeruns: Freeruns,
        freerun_processes: Sequence[ProcessName],
        overrides: Overrides,
    ) -> None:
        """Decide with these. freerun_processes: that new entries may name."""
        self._store = store
        self._engine = engine
        self._freeruns = freeruns
        self._freerun_processes = freerun_processes
        self._overrides = overrides
        self._rest: dict[CommandId, list[JobKey]] = {}
        #: Names of rows that cannot be read, of processes and free runs: nothing is saved there.
        self.illegal: frozenset[str] = frozenset()

    @property
    def is_busy(self) -> bool:
        """Tell whether a command waits for its next batch."""
        return bool(self._rest)

    def effects(self, command: Command, now: datetime) -> Sequence[Effect]:
        """Return what is to be done next for a command that has not ended."""
        if command.state is CommandState.REQUESTED and (why := self._why_no_letter(command)):
            return [_ended(command, now, why, is_done=False)]
        if command.kind in JOB_KINDS:
            return self._of_jobs(command, now)
        match command.kind:
            case kind if kind in REQUEST_KINDS:
                return self._of_request(command, now)
            case CommandKind.DROP:
                return self._of_dead_letters(command, now)
            case CommandKind.PROCESS_SAVE:
                return self._of_override(command, now)
            case CommandKind.PROCESS_RUN:
                return self._of_process(command, now)
            case _:
                return self._of_freerun(command, now)

    def _of_jobs(self, command: Command, now: datetime) -> Sequence[Effect]:
        if command.is_paused:
            self._rest.pop(command.id, None)
            return []
        if command.state is CommandState.RUNNING:
            return self._progress(command, now)
        why = self._engine.left_out.get(command.process)
        if why is not None and command.plan is None:
            return self._engine.on([Refused(command, str(why))], now)
        ranges = command.plan
        if ranges is None:
            try:
                planned = plan(self._engine.timetable, command, self._failed(command))
            except PlanRefused as error:
                return self._engine.on([Refused(command, str(error))], now)
            if command.plan_hash not in (None, planned.hash):
                why = 'what it touches has changed since it was shown; look and confirm again'
                return self._engine.on([Refused(command, why)], now)
            ranges = planned.ranges
            command = replace(command, plan=ranges, planned_count=planned.count)
        if command.id not in self._rest:
            keys = keys_of(self._engine.timetable.hierarchy, ranges)
            self._rest[command.id] = list(keys)[command.applied_count :]
        if command.state is CommandState.APPLYING and command.kind is CommandKind.REPROCESS:
            command = self._widened(command)
        rest = self._rest[command.id]
        batch, self._rest[command.id] = rest[:JOBS_PER_BATCH_MAX], rest[JOBS_PER_BATCH_MAX:]
        is_last = not self._rest[command.id]
        if is_last:
            del self._rest[command.id]
        rows = self._store.jobs(batch)
        effects = self._engine.on(
            [Commanded(command=command, keys=batch, rows=rows, is_last=is_last)], now
        )
        return [*effects, *self._settled_letter(command, now)]

    def _why_no_letter(self, command: Command) -> str | None:
        """Return why there is no dead letter to retry any more: two may have asked for it."""
        uow_id = letter_of(command)
        unit = None if uow_id is None else self._store.units([uow_id]).get(uow_id)
        if unit is None or unit.state is UnitState.DEAD:
            return None
        return f'the dead letter {unit.id} was dealt with before: {unit.error}; nothing runs again'

    def _settled_letter(self, command: Command, now: datetime) -> Sequence[Effect]:
        """Take the dead letter because of which a command was asked for off the list."""
        uow_id = letter_of(command)
        unit = None if uow_id is None else self._store.units([uow_id]).get(uow_id)
        if unit is None or not is_settled_by(command, unit):
            return []
        return [dropped(unit, command, now)]

    def _widened(self, command: Command) -> Command:
        timetable = self._engine.timetable
        wider = widened(timetable, command, self._rest[command.id][:JOBS_PER_BATCH_MAX])
        if wider is not command and wider.plan is not None:
            keys = keys_of(timetable.hierarchy, wider.plan)
            self._rest[command.id] = list(keys)[command.applied_count :]
        return wider

    def _failed(self, command: Command) -> list[int]:
        if command.only is not Only.FAILED:
            return []
        where = JobFilter(
            processes=(command.process,),
            start=str(command.start),
            end=str(command.end),
            is_failed=True,
        )
        return [job.timeperiod.ordinal for job in self._store.find_jobs(where, _FAILED_MAX)]

    def _progress(self, command: Command, now: datetime) -> Sequence[Effect]:
        counts = self._store.request_progress(command.id)
        if any(not state.is_final for state in counts):
            return []
        words = ', '.join(
            f'{count} {state.value.removeprefix("state_")}'
            for state in JobState
            if (count := counts.get(state))
        )
        ended = words or 'all reset again by later requests'
        outcome = f'{counted(command.applied_count)}: {ended}'
        return [
            SaveCommand(replace(command, state=CommandState.DONE, finished_at=now, outcome=outcome))
        ]

    def _of_request(self, command: Command, now: datetime) -> Sequence[Effect]:
        target = None if command.target is None else self._store.command(command.target)
        ended, changed = control(command, target, partial(shortened, self._engine.timetable), now)
        if changed is not None:
            self._rest.pop(changed.id, None)
        saves = [item for item in (changed, ended) if item is not None]
        return [SaveCommand(item) for item in saves]

    def _of_dead_letters(self, command: Command, now: datetime) -> Sequence[Effect]:
        key = JobKey(command.process, command.start)
        dead = [
            unit
            for unit in self._store.runs(key)
            if unit.state is UnitState.DEAD and command.details.get('uow') in (None, unit.id)
        ]
        moves = [dropped(unit, command, now) for unit in dead]
        outcome = counted(len(dead), 'dead letter') if dead else f'{key} has no dead letter'
        return [*moves, _ended(command, now, outcome, is_done=bool(dead))]

    def _of_override(self, command: Command, now: datetime) -> Sequence[Effect]:
        """Change what holds over context.py; the caller then uses the changed hierarchy."""
        if command.process in self.illegal:
            return [self._unreadable(command, now)]
        try:
            effects = self._overrides.change(command, now)
        except OverrideRefused as error:
            return [_ended(command, now, str(error), is_done=False)]
        process = self._overrides.hierarchy.nodes[command.process].process
        outcome = f'{process.name} is {"on" if process.is_on else "off"}, {process.trigger}'
        return [*effects, _ended(command, now, outcome, is_done=True)]

    def _of_process(self, command: Command, now: datetime) -> Sequence[Effect]:
        """Look at a process now, as if its trigger had fired."""
        node = self._overrides.hierarchy.nodes.get(command.process)
        if node is None:
            why = f'there is no managed process {command.process}; ./launch.py process ls shows all'
            return [_ended(command, now, why, is_done=False)]
        if not node.process.is_on:
            why = f'{switched_text(node.process)} first'
            return [_ended(command, now, why, is_done=False)]
        effects = self._engine.on([Look(command.process, is_trigger=True)], now)
        started = [
            effect.unit
            for effect in effects
            if isinstance(effect, InsertUnit) and effect.unit.process == command.process
        ]
        outcome = f'{counted(len(started), "run")} started'
        if not started:
            outcome = 'nothing may start now; ./launch.py why tells what its jobs wait for'
        return [*effects, _ended(command, now, outcome, is_done=True)]

    def _of_freerun(self, command: Command, now: datetime) -> Sequence[Effect]:
        name = command.process
        if name in self.illegal:
            return [self._unreadable(command, now)]
        known = self._freeruns.get(name)
        if command.kind is CommandKind.FREERUN_SAVE:
            try:
                defined = freerun_of(name, command.details, self._freerun_processes, known, now)
            except FreerunRefused as error:
                return [_ended(command, now, str(error), is_done=False)]
            effects = self._freeruns.define(defined, now)
        elif known is None:
            why = f'there is no free run {name}; ./launch.py freerun ls shows all'
            return [_ended(command, now, why, is_done=False)]
        elif command.kind is CommandKind.FREERUN_REMOVE:
            if known.definition is not None:
                why = f'{name} stems from context.py; remove it there, or switch it off'
                return [_ended(command, now, why, is_done=False)]
            effects = self._freeruns.remove(name, now)
        elif command.kind is CommandKind.FREERUN_CANCEL:
            wanted = command.details.get('uow')
            chosen = [uow_id for uow_id in known.live if wanted in (None, uow_id)]
            if not chosen:
                why = f'no such run of {name} is under way; it has ended'
                return [_ended(command, now, why, is_done=False)]
            effects = self._freeruns.cancel(name, chosen, command.who, now)
            outcome = f'{counted(len(chosen), "run")} cancelled'
            return [*effects, _ended(command, now, outcome, is_done=True)]
        elif self._freeruns.rests(known):
            why = f'{known.process} is not in the context; register it, or remove {name}'
            return [_ended(command, now, why, is_done=False)]
        else:
            return self._run_freerun(command, known, now)
        return [*effects, _ended(command, now, str(name), is_done=True)]

    def _run_freerun(self, command: Command, known: Freerun, now: datetime) -> Sequence[Effect]:
        """Start a free run; its overlap policy may suppress that, and a dead letter then stays."""
        name = known.name
        effects = self._freeruns.run_now(name, now)
        after = self._freeruns.get(name) or known
        was_started = after.last_run > known.last_run or after.queued_at != known.queued_at
        letter = letter_of(command)
        if letter is not None and not was_started:
            why = f'a run of {name} is under way; the dead letter {letter} stays, try it later'
            return [*effects, _ended(command, now, why, is_done=False)]
        done = _ended(command, now, str(name), is_done=True)
        return [*effects, *self._settled_letter(command, now), done]

    def _unreadable(self, command: Command, now: datetime) -> SaveCommand:
        why = (
            f'the row of {command.process} in the store cannot be read, so nothing is saved there; '
            'the log of the Scheduler names its field: repair or remove the row, then restart '
            'the Scheduler'
        )
        return _ended(command, now, why, is_done=False)


def _ended(command: Command, now: datetime, outcome: str, *, is_done: bool) -> SaveCommand:
    state = CommandState.DONE if is_done else CommandState.REFUSED
    return SaveCommand(replace(command, state=state, finished_at=now, outcome=outcome))
