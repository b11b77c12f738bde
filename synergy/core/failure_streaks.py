"""Runs in a row of one process that fail for good with one error: after so many it is paused.

Where every run fails for the same reason, the next ones will, too: a process is then switched off
with that reason, by a command like an operator's, instead of using up the attempts of every
interval that is due. The usual switch resumes it. Errors are the same as `core.error_kinds` says; a
run that ends well, or fails otherwise, begins the row anew, and so does a new leader.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Final

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.context_commands import ACTOR
from synergy.core.error_kinds import ErrorKind, folded
from synergy.core.freerun_record import is_freerun
from synergy.core.records import ProcessName, Unit, UowId
from synergy.core.timeperiod import Qualifier, containing_utc

_ERROR_SHOWN_MAX: Final = 200


@dataclass(slots=True)
class _Streak:
    kind: ErrorKind
    # A commit that was refused lets the same end be decided again: each unit counts once.
    units: set[UowId] = field(default_factory=set)


class FailureStreaks:
    """The rows of equal failures that are going on; they outlive the index.

    has_asked: a pause was asked for since somebody has looked; whoever looks takes it back.
    """

    def __init__(self, most: int) -> None:
        """Have seen nothing yet. most: failures in a row after which to pause; 0: never."""
        self._most = most
        self._by_process: dict[ProcessName, _Streak] = {}
        self.has_asked = False

    def ended_well(self, process: ProcessName) -> None:
        """Take note of a run that has ended well."""
        if self._by_process:
            self._by_process.pop(process, None)

    def failed(self, unit: Unit, error: str | None, now: datetime) -> Command | None:
        """Take note of a run without an attempt left; return what pauses its process, if due."""
        if not self._most:
            return None
        process = unit.process
        kind = ErrorKind(process, folded(error))
        streak = self._by_process.get(process)
        if streak is None or streak.kind != kind:
            streak = self._by_process[process] = _Streak(kind)
        streak.units.add(unit.id)
        if len(streak.units) < self._most:
            return None
        del self._by_process[process]
        self.has_asked = True
        return _pause(unit, error, self._most, now)


def is_paused_by_itself(by: str | None) -> bool:
    """Tell whether the Scheduler has switched a process off. by: who has, and why."""
    return by is not None and by.startswith(f'{ACTOR}: ')


def _pause(unit: Unit, error: str | None, count: int, now: datetime) -> Command:
    stamp = containing_utc(Qualifier.REAL_TIME, now)
    said = (error or 'no error was told').strip()
    if len(said) > _ERROR_SHOWN_MAX:
        said = f'{said[:_ERROR_SHOWN_MAX]}…'
    kind = CommandKind.FREERUN_SAVE if is_freerun(unit.process) else CommandKind.PROCESS_SAVE
    named = f'pause {unit.process} {unit.id}'
    return Command(
        id=CommandId(blake2b(named.encode(), digest_size=6).hexdigest()),
        kind=kind,
        process=unit.process,
        start=stamp,
        end=stamp.shift(1),
        details={'is_on': False},
        actor=ACTOR,
        reason=f'{count} runs in a row failed alike, the last one {unit.key}: {said}',
        created_at=now,
    )
