"""Commands about jobs, one batch at a time: which jobs are next, and what becomes of them.

A plan is kept with its command, so a restart goes on with it instead of planning again: half of the
jobs may have been reset and run again by then. Between two batches the loop handles everything
else, so a request about a hundred thousand jobs delays no report.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from synergy.core.closure import PlanRefused, keys_of, widened
from synergy.core.commands import RESETTING_KINDS, Command, CommandId, CommandState
from synergy.core.effects import Effects
from synergy.core.engine import Engine
from synergy.core.events import Commanded
from synergy.core.interrupted import plan_of
from synergy.core.records import Job
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey

#: Jobs that one commit resets: bounds how long a turn of the loop takes.
JOBS_PER_BATCH_MAX: Final = 1000


class Batch(Struct, frozen=True, kw_only=True):
    """The jobs of a command whose turn has come. command: with its plan."""

    command: Command
    keys: Sequence[JobKey]
    is_last: bool


class JobRequests:
    """Decides on commands about jobs; keeps only what it can make again."""

    def __init__(self, engine: Engine) -> None:
        """Decide with this engine."""
        self._engine = engine
        self._rest: dict[CommandId, list[JobKey]] = {}

    @property
    def is_busy(self) -> bool:
        """Tell whether a command waits for its next batch."""
        return bool(self._rest)

    def forget(self, command_id: CommandId) -> None:
        """Forget what is left of a command: it is paused, has ended, or has changed."""
        self._rest.pop(command_id, None)

    def next_batch(self, command: Command, failed: Collection[int]) -> Batch:
        """Return the jobs whose turn has come; raise PlanRefused when there can be none.

        failed: ordinals of the process's failed jobs, when the command is about only those.
        """
        timetable = self._engine.timetable
        if command.plan is None:
            why = self._engine.left_out.get(command.process)
            if why is not None:
                raise PlanRefused(str(why))
            planned = plan_of(timetable, command, failed)
            command = replace(command, plan=planned.ranges, planned_count=planned.count)
        if command.id not in self._rest:
            self._keep_rest(command)
        if command.state is CommandState.APPLYING and command.kind in RESETTING_KINDS:
            rest = self._rest[command.id]
            wider = widened(timetable, command, rest[:JOBS_PER_BATCH_MAX])
            if wider is not command:
                command = wider
                self._keep_rest(command)
        rest = self._rest[command.id]
        return Batch(
            command=command,
            keys=rest[:JOBS_PER_BATCH_MAX],
            is_last=len(rest) <= JOBS_PER_BATCH_MAX,
        )

    def apply(self, batch: Batch, rows: Mapping[JobKey, Job], now: datetime) -> Effects:
        """Return what a batch does to its jobs, of which `rows` are those that exist."""
        command = batch.command
        if batch.is_last:
            del self._rest[command.id]
        else:
            self._rest[command.id] = self._rest[command.id][len(batch.keys) :]
        commanded = Commanded(command=command, keys=batch.keys, rows=rows, is_last=batch.is_last)
        return self._engine.on([commanded], now)

    def _keep_rest(self, command: Command) -> None:
        keys = keys_of(self._engine.timetable.hierarchy, command.plan or {})
        self._rest[command.id] = list(keys)[command.applied_count :]
