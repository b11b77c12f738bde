"""What must hold of closed hours and freezes: nothing starts while they hold, claims included.

It repeats on purpose what `synergy.core.holds` answers: it is the oracle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from synergy.core.closed import ClosedHours
from synergy.core.commands import Command, CommandKind, CommandState
from synergy.core.freezes import Freeze, Scope, freezes_of
from synergy.core.hierarchy import Hierarchy
from synergy.core.holds import Hours
from synergy.core.pool_record import Demand
from synergy.core.records import CommandId, ProcessName
from synergy.ports.store import Store
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.stage import Stage, StageClock

#: What a worker knows of freezes may be so old, and what it has asked.
BEGIN_SECONDS: Final = 1.3
#: A leader that falls asleep may decide by a clock that old; then its lease has run out.
INSERT_SECONDS: Final = 12.0
_FREEZES_MAX: Final = 100


class HoldWatch:
    """Watches the starts of one world."""

    def __init__(self, pipeline: Pipeline, store: Store, stage: Stage) -> None:
        """Know the closed hours of a pipeline; freezes are read from the store."""
        self._closed: dict[ProcessName, Sequence[ClosedHours]] = {}
        self._trees: dict[ProcessName, str] = {}
        self._pools: dict[ProcessName, Sequence[str]] = {}
        self.expect(pipeline)
        self._store = store
        self._stage = stage
        self._clock = StageClock(stage)
        self._asked: dict[CommandId, float] = {}
        #: What was seen first; user code's caller would swallow what is raised there.
        self.broken: str | None = None

    def expect(self, pipeline: Pipeline) -> None:
        """Know another context; of what is not in it any more, its hours hold as they were."""
        hierarchy = pipeline.hierarchy
        for freerun in pipeline.freeruns:
            demand = hierarchy.pools.freerun_demands.get(freerun.name, Demand())
            hours = pipeline.hours.get(freerun.name, Hours())
            self._know(hierarchy, freerun.name, hours.closed, demand)
        for name, node in hierarchy.nodes.items():
            self._trees[name] = node.tree.name
            self._know(hierarchy, name, node.process.closed, node.process.demand)

    def _know(
        self, hierarchy: Hierarchy, name: ProcessName, closed: Sequence[ClosedHours], demand: Demand
    ) -> None:
        self._pools[name] = [pool for pool, _ in demand.shares]
        sizes = hierarchy.pools.sizes
        self._closed[name] = [
            *closed,
            *(item for pool, _ in demand.shares for item in sizes[pool].closed),
        ]

    def asked(self, command_id: CommandId) -> None:
        """Take note that a freeze was just asked for."""
        self._asked[command_id] = self._stage.seconds

    def saw_begin(self, process: ProcessName) -> None:
        """Look at user code that is about to be called."""
        self._check(process, BEGIN_SECONDS, self._asked, 'began')

    def saw_insert(self, process: ProcessName) -> None:
        """Look at a unit that was made: of freezes, those that the leader has taken note of."""
        running = {
            command.id: self._asked.get(command.id, 0.0)
            for command in self._commands((CommandState.RUNNING,))
        }
        self._check(process, INSERT_SECONDS, running, 'was started')

    def _check(
        self, process: ProcessName, seconds: float, asked: Mapping[CommandId, float], what: str
    ) -> None:
        if self._stage.seconds - self._stage.set_at < seconds:
            # What was asked for by the clock before is no fault.
            return
        now = self._clock.now()
        commands = self._commands((CommandState.REQUESTED, CommandState.RUNNING))
        for freeze in freezes_of(commands):
            is_known = self._stage.seconds - asked.get(freeze.id, 1e9) > seconds
            if is_known and freeze.until > now and self._is_of(freeze, process):
                self.broken = self.broken or f'I9 {process} {what} although {freeze}'
        closed = self._closed.get(process, ())
        before = now - timedelta(seconds=seconds)
        for hours in closed:
            for start, end in hours.spans(now):
                if start <= before and now < end:
                    self.broken = self.broken or f'I9 {process} {what} in {hours}'

    def _is_of(self, freeze: Freeze, process: ProcessName) -> bool:
        if freeze.scope is Scope.POOL:
            return freeze.name in self._pools.get(process, ())
        names = {freeze.scope: process, Scope.TREE: self._trees.get(process, '')}
        return freeze.scope is Scope.ALL or freeze.name in (
            names[freeze.scope],
            process.partition('::')[0] if freeze.scope is Scope.PROCESS else '',
        )

    def _commands(self, states: Sequence[CommandState]) -> Sequence[Command]:
        return self._store.commands(states, _FREEZES_MAX, (CommandKind.FREEZE,))
