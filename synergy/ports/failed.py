"""Which jobs have failed, as a command about failed jobs alone needs to know."""

from __future__ import annotations

from typing import Final

from synergy.core.commands import Command, Only
from synergy.ports.store import JobFilter, JobReader

_FAILED_MAX: Final = 1_000_000


def failed_ordinals(store: JobReader, command: Command) -> list[int]:
    """Return the ordinals of failed jobs in a command's range, if it is about only those."""
    if command.only is not Only.FAILED:
        return []
    where = JobFilter(
        processes=(command.process,),
        start=str(command.start),
        end=str(command.end),
        is_failed=True,
    )
    return [job.timeperiod.ordinal for job in store.find_jobs(where, _FAILED_MAX)]
