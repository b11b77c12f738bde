"""Which jobs have failed, as a command about failed jobs alone needs to know."""

from __future__ import annotations

from typing import Final, Protocol

from synergy.core.commands import Command, Only
from synergy.core.letter_groups import error_of, of_command
from synergy.ports.store import JobFilter, JobReader, UnitReader

_FAILED_MAX: Final = 1_000_000


class FailedReader(JobReader, UnitReader, Protocol):
    """What tells which jobs have failed, and with which error."""


def failed_ordinals(store: FailedReader, command: Command) -> list[int]:
    """Return the ordinals of failed jobs in a command's range, if it is about only those.

    Of a command about a kind of error, those whose dead letter says it.
    """
    if command.only is not Only.FAILED:
        return []
    where = JobFilter(
        processes=(command.process,),
        start=str(command.start),
        end=str(command.end),
        is_failed=True,
    )
    failed = [job.timeperiod.ordinal for job in store.find_jobs(where, _FAILED_MAX)]
    if error_of(command) is None:
        return failed
    letters = of_command(store.dead_letters(command.process), command)
    of_kind = {letter.timeperiod.ordinal for letter in letters}
    return [ordinal for ordinal in failed if ordinal in of_kind]
