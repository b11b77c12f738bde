"""Who is to blame when a commit is refused or a decision fails, and saying so where it is seen.

`synergy.core.isolation` decides whom to leave out; here refusals find their subjects, operators
find a line in the log that names them, and everybody else what the leader says of itself.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, assert_never

from synergy.core.commands import Command, CommandKind, counted
from synergy.core.effects import (
    AddPage,
    ArchiveRows,
    CancelUnit,
    Effects,
    EndLetters,
    InsertCommand,
    InsertUnit,
    MoveUnit,
    RemoveFreerun,
    RemoveOverride,
    RemovePool,
    Save,
    SaveCommand,
    SaveContext,
    SaveFreerun,
    SaveJob,
    SaveOverride,
    SavePool,
    row_of,
)
from synergy.core.freerun_record import is_freerun
from synergy.core.isolation import Isolation, Refusal, Stage, command_subject
from synergy.core.leader_standing import LeaderStanding, Subject, SubjectKind, advice
from synergy.core.records import Leadership, ProcessName, UowId
from synergy.core.requests import ended
from synergy.core.structs import replace
from synergy.core.timetable import Timetable
from synergy.ports.clock import Clock
from synergy.ports.errors import CommitRefused
from synergy.ports.store import SchedulerStore

logger = logging.getLogger(__name__)

#: A leader that could commit nothing for this long says so.
STUCK_SECONDS: Final = 10.0


class Isolating:
    """What one leader knows of refusals; a new term begins with nothing."""

    def __init__(self, store: SchedulerStore, clock: Clock) -> None:
        """Blame nobody yet."""
        self._store = store
        self._clock = clock
        self._isolation = Isolation()
        self._term: int | None = None
        self._said: LeaderStanding | None = None
        self._failing: tuple[float, datetime, str] | None = None

    def begin(self, term: int) -> None:
        """Forget everything if another term has begun."""
        if term != self._term:
            self._term = term
            self._isolation = Isolation()
            self._said = None
            self._failing = None

    @property
    def processes(self) -> Collection[ProcessName]:
        """Return the isolated processes."""
        return self._isolation.names(SubjectKind.PROCESS)

    @property
    def freeruns(self) -> Collection[ProcessName]:
        """Return the isolated free runs."""
        return self._isolation.names(SubjectKind.FREERUN)

    def stage_of(self, command: Command) -> Stage:
        """Return how far suspicion of a command has gone; on trial, it is to be ended."""
        return self._isolation.stage_of(command_subject(command.id))

    def ended(self, command: Command, now: datetime) -> Effects:
        """Return what ends a command that was refused again and again."""
        why = self._isolation.why(command_subject(command.id))
        done = f'{counted(command.applied_count)} done, then ' if command.applied_count else ''
        outcome = f'{done}refused again and again: {why}'
        return ended(command, now, outcome, is_done=False)

    def has_ended(self, command: Command) -> None:
        """Forget a command that was ended."""
        self._isolation.forget([command_subject(command.id)])

    def saved(self, saves: Collection[Save]) -> None:
        """Take note of what went through."""
        if not self._isolation.is_empty:
            self._isolation.save({row_of(save) for save in saves})

    def failed_turn(self, error: Exception) -> None:
        """Take note of a turn of a leader that saved nothing."""
        if self._failing is None:
            self._failing = self._clock.monotonic(), self._clock.now(), str(error)

    def good_turn(self) -> None:
        """Take note of a turn that went through, or of one in which nobody could have saved."""
        self._failing = None

    def is_to_try(self) -> bool:
        """Tell whether somebody's isolation is over: decide again, for them, too."""
        tried = self._isolation.advance(self._clock.monotonic())
        for subject in tried:
            logger.info('%s is tried again', subject, extra={'event': 'isolation_tried'})
        return bool(tried)

    def seconds_to_try(self) -> float:
        """Return the seconds until somebody's isolation is over."""
        at = self._isolation.next_at
        return float('inf') if at is None else max(at - self._clock.monotonic(), 0.0)

    def report(self, leadership: Leadership) -> None:
        """Tell everybody who looks how it stands, if that has changed."""
        failing, standing = self._failing, LeaderStanding(isolated=self._isolation.isolated)
        if failing is not None and self._clock.monotonic() - failing[0] >= STUCK_SECONDS:
            standing = replace(standing, stuck_since=failing[1], stuck_because=failing[2])
        if standing != self._said:
            self._store.report_standing(leadership, standing)
            self._said = standing

    def blame(
        self,
        error: Exception,
        deciding: ProcessName | None,
        timetable: Timetable | None,
        command: Command | None,
    ) -> bool | None:
        """Find who is to blame for an error; tell whether anything is now done differently.

        deciding: whom the decision was about that raised it. command: the one under way. None:
        nobody is found.
        """
        refusals: dict[Subject, Refusal] = {}
        if isinstance(error, CommitRefused):
            for item in error.refused:
                if (subject := self._subject_of(item.save, timetable)) is not None:
                    refusals.setdefault(subject, Refusal(str(item), row_of(item.save)))
        elif deciding is not None:
            refusals[_subject(deciding)] = _told(error)
        elif command is not None:
            refusals[command_subject(command.id)] = _told(error)
        if command is not None:
            refusals = self._shifted(refusals, command, error)
        if not refusals:
            return None
        before = self._isolation.isolated
        is_changed = self._isolation.refuse(refusals, self._clock.now(), self._clock.monotonic())
        for isolated in self._isolation.isolated:
            if isolated not in before:
                logger.error(
                    '%s is isolated, refused %d times: %s. Nothing is decided for it until '
                    '%s UTC, when it is tried again; all others go on. %s',
                    isolated.subject,
                    isolated.refusal_count,
                    isolated.reason,
                    isolated.next_at and f'{isolated.next_at:%Y-%m-%d %H:%M:%S}',
                    advice(isolated.subject),
                    extra={'event': 'isolated'},
                )
        return is_changed

    def _shifted(
        self, refusals: Mapping[Subject, Refusal], command: Command, error: Exception
    ) -> dict[Subject, Refusal]:
        """Blame a command for what only it brings up: its own jobs, and those already isolated.

        What its batch starts besides is as any other start. The size of a pool is its alone.
        """
        if not refusals and command.kind is CommandKind.POOL_SAVE:
            return {command_subject(command.id): Refusal(str(error))}
        own = {command.process, *(command.plan or ())}
        known = {*self.processes, *self.freeruns}
        return {
            command_subject(command.id)
            if subject.kind is SubjectKind.COMMAND or subject.name in own | known
            else subject: refusal
            for subject, refusal in refusals.items()
        }

    def _subject_of(self, save: Save, timetable: Timetable | None) -> Subject | None:
        match save:
            case InsertUnit(unit):
                return _subject(unit.process)
            case SaveJob(job, _):
                return _subject(job.process)
            case EndLetters(key):
                return _subject(key.process)
            case MoveUnit() | CancelUnit():
                process = self._process_of(save.uow_id, timetable)
                return None if process is None else _subject(process)
            case SaveFreerun(freerun, _) | RemoveFreerun(freerun):
                return _subject(freerun.name)
            case SaveOverride(override):
                return _subject(override.process)
            case RemoveOverride(process) | ArchiveRows(process):
                return _subject(process)
            case SaveCommand(command) | InsertCommand(command):
                return command_subject(command.id)
            case SaveContext() | SavePool() | RemovePool() | AddPage():
                return None
            case _:
                assert_never(save)

    def _process_of(self, uow_id: UowId, timetable: Timetable | None) -> ProcessName | None:
        """Return whose unit it is: a move names only the unit."""
        unit = self._store.units([uow_id]).get(uow_id)
        if unit is not None:
            return unit.process
        jobs = () if timetable is None else timetable.open_jobs()
        return next((job.process for job in jobs if job.uow_id == uow_id), None)


def _subject(name: ProcessName) -> Subject:
    return Subject(SubjectKind.FREERUN if is_freerun(name) else SubjectKind.PROCESS, name)


def _told(error: Exception) -> Refusal:
    return Refusal(f'deciding failed with {type(error).__name__}: {error}')


def is_of(save: Save, freeruns: Collection[ProcessName]) -> bool:
    """Tell whether a save is one of these free runs."""
    return isinstance(save, SaveFreerun) and save.freerun.name in freeruns
