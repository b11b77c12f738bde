"""What engine tests run an engine with: keeps the rows that effects describe, plays the workers.

Every conditional save is checked as the store would: a refused one fails the test.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TypeAlias

from synergy.core.closure import keys_of, plan
from synergy.core.commands import Command, CommandState
from synergy.core.effects import (
    Announce,
    CancelUnit,
    Effects,
    EndLetters,
    InsertCommand,
    InsertUnit,
    MoveUnit,
    Note,
    RemoveFreerun,
    Save,
    SaveCommand,
    SaveFreerun,
    SaveJob,
)
from synergy.core.engine import Engine
from synergy.core.events import Commanded, Event, Look, Processed, Reported
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import Job, Outcome, Unit, UowId
from synergy.core.states import JobState, UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.scheduler.sweep_rules import awaiting

Effect: TypeAlias = Save | Announce | Note


def listed(effects: Effects) -> list[Effect]:
    """Return all effects in one list: saves, what is said, what is announced."""
    return [*effects.saves, *effects.notes, *effects.announcements]


class EngineHarness:
    """One engine, its rows, and a clock that stands still until told."""

    def __init__(self, hierarchy: Hierarchy, now: datetime) -> None:
        self.timetable = Timetable(hierarchy)
        self.engine = Engine(self.timetable)
        self.now = now
        self.jobs: dict[JobKey, Job] = {}
        self.units: dict[UowId, Unit] = {}
        self.announced: list[Announce] = []
        self.settled: list[Command] = []
        #: What the engine has asked itself, and nobody has carried out yet.
        self.asked: list[Command] = []
        self.started: list[str] = []
        self.events: list[str] = []
        self.saved: list[JobKey] = []

    def turn(self, *events: Event) -> list[Effect]:
        """Let the engine decide, and save what it says."""
        effects = listed(self.engine.on(events, self.now))
        for effect in effects:
            self._apply(effect)
        self.timetable.settle()
        return effects

    def look(self) -> list[Effect]:
        """Look at every process."""
        return self.turn(*(Look(node.process.name) for node in self.timetable.hierarchy))

    def live(self) -> list[Unit]:
        """Return the units that wait for a worker, in order of their start."""
        return [unit for unit in self.units.values() if unit.state is UnitState.REQUESTED]

    def claim(self, unit: Unit) -> Unit:
        """Let a worker claim one unit; return it as it is then."""
        claimed = replace(
            self.units[unit.id],
            state=UnitState.IN_PROGRESS,
            fence=unit.fence + 1,
            owner='worker',
            lease_until=self.now,
        )
        self.units[unit.id] = claimed
        return claimed

    def work(self, unit: Unit, outcome: Outcome | None = None) -> list[Effect]:
        """Claim and finish one unit, and report it."""
        return self.turn(self.told(self.finished(unit, outcome)))

    def finished(self, unit: Unit, outcome: Outcome | None = None) -> Unit:
        """Claim and finish one unit, and tell nobody."""
        outcome = outcome or Outcome.processed(1)
        done = replace(
            self.units[unit.id],
            state=outcome.state,
            fence=unit.fence + 1,
            processed_count=outcome.count,
            error=outcome.error,
            finished_at=self.now,
        )
        self.units[unit.id] = done
        return done

    def told(self, unit: Unit) -> Event:
        """Return what the engine is told of a unit that has ended: in brief, if that is enough."""
        job = awaiting([unit.id], self.timetable).get(unit.id)
        if job is None or unit.state is not UnitState.PROCESSED:
            return Reported(unit)
        return Processed(unit.id, job.key, job.run, unit.processed_count)

    def work_all(self, limit: int = 10_000) -> None:
        """Work whatever is live until nothing is."""
        for _ in range(limit):
            if live := self.live():
                self.work(live[0])
            elif self.engine.is_owing:
                self.turn()
            else:
                return
        raise AssertionError(f'still busy after {limit} units')

    def command(self, command: Command) -> list[Effect]:
        """Plan and execute a command."""
        keys = tuple(keys_of(self.timetable.hierarchy, plan(self.timetable, command).ranges))
        rows = {key: self.jobs[key] for key in keys if key in self.jobs}
        return self.turn(Commanded(command=command, keys=keys, rows=rows, is_last=True))

    def state(self, key: JobKey) -> JobState | None:
        return self.timetable.state(key)

    def advance(self, by: timedelta) -> None:
        self.now += by

    def keys(self, effects: Iterable[Effect]) -> list[str]:
        """Return the jobs that `effects` save, as text."""
        return [str(effect.job.key) for effect in effects if isinstance(effect, SaveJob)]

    def _apply(  # noqa: C901 - one case for each kind of effect
        self, effect: Effect
    ) -> None:
        match effect:
            case InsertUnit(unit):
                assert unit.id not in self.units, f'{unit} inserted twice'
                self.units[unit.id] = unit
                self.started.append(f'{unit.key}#{unit.run}')
            case SaveJob(job, event):
                before = self.jobs.get(job.key)
                assert job.rev == (before.rev if before else 0) + 1, f'{job.key} conflicts'
                self.jobs[job.key] = job
                self.saved.append(job.key)
                self.events.append(f'{job.key} {event}')
            case MoveUnit():
                unit = self.units[effect.uow_id]
                assert (unit.state, unit.fence) == (effect.from_state, effect.from_fence)
                self.units[unit.id] = replace(
                    unit,
                    state=effect.to_state,
                    fence=unit.fence + int(effect.raises_fence),
                    attempt=effect.attempt or unit.attempt,
                    lost_count=effect.lost_count or unit.lost_count,
                    not_before=effect.not_before,
                    error=effect.error,
                )
            case CancelUnit(uow_id, reason, _):
                unit = self.units[uow_id]
                if unit.state.is_live:
                    self.units[uow_id] = replace(
                        unit, state=UnitState.CANCELED, fence=unit.fence + 1, error=reason
                    )
            case EndLetters(key, reason, but):
                for unit in [*self.units.values()]:
                    if unit.key == key and unit.state is UnitState.DEAD and unit.run != but:
                        self.units[unit.id] = replace(
                            unit, state=UnitState.CANCELED, error=f'{unit.error}; {reason}'
                        )
            case SaveCommand(command):
                assert command.state is not CommandState.REQUESTED
                self.settled.append(command)
            case InsertCommand(command):
                if command not in self.asked:  # It may ask twice under one id.
                    self.asked.append(command)
            case SaveFreerun() | RemoveFreerun():
                raise AssertionError('the engine knows no free runs')
            case Announce():
                assert effect.uow_id in self.units, 'announced before it was saved'
                self.announced.append(effect)
            case Note():
                self.events.append(effect.text)
