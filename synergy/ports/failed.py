"""Which jobs have failed, and with which error: for commands about failed jobs, and for searches.

The error of a failed job is that of its dead letter. Where that was dropped, it is the error of the
job's last run, so that what was taken off one list is not without a cause on another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final, Protocol

from synergy.core.commands import Command, Only
from synergy.core.dead_letters import undropped
from synergy.core.letter_groups import DeadLetter, error_of, folded_once
from synergy.core.records import Job, Unit, UowId, uow_id_of, uow_ids_of
from synergy.core.timeperiod import JobKey
from synergy.ports.store import JobFilter, JobReader, UnitReader

_FAILED_MAX: Final = 1_000_000


class FailedReader(JobReader, UnitReader, Protocol):
    """What tells which jobs have failed, and with which error."""


def failed_ordinals(store: FailedReader, command: Command) -> list[int]:
    """Return the ordinals of failed jobs in a command's range, if it is about only those.

    Of a command about a kind of error, those that failed with it.
    """
    if command.only is not Only.FAILED:
        return []
    where = JobFilter(
        processes=(command.process,),
        start=str(command.start),
        end=str(command.end),
        is_failed=True,
    )
    keys = [job.key for job in store.find_jobs(where, _FAILED_MAX)]
    wanted = error_of(command)
    if wanted is not None:
        of_kind = {
            JobKey(item.process, item.timeperiod)
            for item in failures(store, keys)
            if folded_once(item.error) == wanted
        }
        keys = [key for key in keys if key in of_kind]
    return [key.timeperiod.ordinal for key in keys]


def failures(store: FailedReader, keys: Collection[JobKey]) -> list[DeadLetter]:
    """Return how failed jobs failed, in brief: one for each, those that died last first.

    Costs a brief read of the dead letters of each process, and a read of what has none.
    """
    left = set(keys)
    found: list[DeadLetter] = []
    for process in sorted({key.process for key in keys}):
        # The newest first: what has failed again says so.
        for letter in store.dead_letters(process):
            key = JobKey(process, letter.timeperiod)
            if key in left:
                left.remove(key)
                found.append(letter)
    found += _without_letter(store, left)
    return sorted(found, key=_newest_first)


def _without_letter(store: FailedReader, keys: Collection[JobKey]) -> Sequence[DeadLetter]:
    if not keys:
        return ()
    jobs = store.jobs(keys)
    uow_ids = {key: _ids_of_last(job) for key, job in jobs.items()}
    units = store.units([uow_id for ids in uow_ids.values() for uow_id in ids])
    return [
        _brief(job, next((units[uow_id] for uow_id in uow_ids[key] if uow_id in units), None))
        for key, job in jobs.items()
    ]


def _ids_of_last(job: Job) -> Sequence[UowId]:
    return uow_ids_of(job.key, job.run) if job.uow_id is None else [job.uow_id]


def _brief(job: Job, unit: Unit | None) -> DeadLetter:
    return DeadLetter(
        uow_id_of(job.key, job.run) if unit is None else unit.id,
        job.process,
        job.timeperiod,
        job.changed_at if unit is None else unit.finished_at,
        job.reason if unit is None else undropped(unit.error),
    )


def _newest_first(letter: DeadLetter) -> tuple[float, str]:
    at = letter.finished_at
    return (0.0 if at is None else -at.timestamp(), letter.id)
