"""Lines of what a commit saves beside jobs: of free runs, and of processes that were put away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from synergy.core.commands import Command, CommandKind
from synergy.core.effects import (
    ArchiveRows,
    RemoveFreerun,
    Save,
    SaveCommand,
    SaveFreerun,
    SaveOverride,
)
from synergy.core.journal import BY_CLOCK, BY_UNIT, Cause, CauseKind, Happened, Line, LineKind
from synergy.core.records import CommandId, ProcessName

#: Saves that may make lines, beside those of jobs.
OTHERS: Final = (SaveFreerun, RemoveFreerun, ArchiveRows, SaveOverride, SaveCommand)
#: What becomes of a free run by the end of a run.
_BY_RUN: Final = frozenset({Happened.ENDED, Happened.GAVE_UP})


def other_lines(saves: Sequence[Save], now: datetime) -> Iterator[Line]:
    """Yield the lines of what is not a job."""
    commands = {
        save.command.process: save.command for save in saves if isinstance(save, SaveCommand)
    }
    for save in saves:
        match save:
            case SaveFreerun() | RemoveFreerun():
                yield _line_of_freerun(save, commands, now)
            case ArchiveRows(process, request):
                yield _line_of_archive(process, request, 'rows were archived for a recut', now)
            case SaveOverride(override):
                command = commands.get(override.process)
                if command is not None and command.kind is CommandKind.RECUT:
                    reason = f'begins by its new definition: {command.by}'
                    yield _line_of_archive(override.process, command.id, reason, now)
            case _:
                pass


def _line_of_freerun(
    save: SaveFreerun | RemoveFreerun, commands: Mapping[ProcessName, Command], now: datetime
) -> Line:
    freerun = save.freerun
    command = commands.get(freerun.name)
    cause = BY_CLOCK
    if isinstance(save, SaveFreerun) and save.what in _BY_RUN:
        cause = BY_UNIT
    if command is not None:
        cause = Cause(CauseKind.COMMAND, command.id)
    if isinstance(save, RemoveFreerun):
        what, rev, at, reason = Happened.REMOVED, freerun.rev + 1, now, None
    else:
        what, rev, at, reason = save.what, freerun.rev, freerun.changed_at, save.event
    return Line(
        number=0,
        term=0,
        at=at,
        kind=LineKind.FREERUN,
        process=freerun.name,
        rev=rev,
        what=what,
        run=freerun.last_run,
        cause=cause,
        reason=reason,
        begun=save.begun if isinstance(save, SaveFreerun) else (),
        ended=save.ended if isinstance(save, SaveFreerun) else (),
    )


def _line_of_archive(process: ProcessName, request: str, reason: str, now: datetime) -> Line:
    return Line(
        number=0,
        term=0,
        at=now,
        kind=LineKind.PROCESS,
        process=process,
        what=Happened.ARCHIVED,
        cause=Cause(CauseKind.COMMAND, request),
        request=CommandId(request),
        reason=reason,
    )
