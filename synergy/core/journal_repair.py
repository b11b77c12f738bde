"""Lines that a commit has left out which broke off: told from the rows, and their own histories.

In a store without transactions a commit may end between a job's row and its page of the journal.
Whoever builds the index next looks at what has changed since shortly before the last page: a row
whose revision is above that of its last line lacks the lines between. The history of the row has
when and what, for people; the states it had between are not known, only the one it has now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.freerun_record import Freerun
from synergy.core.journal import BY_REPAIR, Happened, Line, LineKind
from synergy.core.journal_replay import Replay
from synergy.core.records import Job, JobEvent
from synergy.core.states import JobState

#: Clocks of boxes differ, and one of them may have led before; a commit takes seconds at most.
REPAIR_MARGIN: Final = timedelta(seconds=60)


def repair_since(last_at: datetime, now: datetime) -> datetime:
    """Return since when rows are compared. last_at: of the last page; its clock may be ahead."""
    return min(last_at, now) - REPAIR_MARGIN


def missing_lines(
    jobs: Iterable[tuple[Job, Sequence[JobEvent]]], replay: Replay, since: datetime
) -> Iterator[Line]:
    """Yield the lines that jobs lack, oldest first for each. Numbers and terms are to be given.

    jobs: all rows that changed at `since` or later, with their events, newest first. replay: of all
    lines from then on.
    """
    for job, told in jobs:
        known = replay.known(job.key)
        if known is not None and known.rev >= job.rev:
            continue
        events = _missing(job.rev, known and known.rev, since, told)
        before = known.state if known is not None else None
        if known is None and len(events) == job.rev:
            before = JobState.EMBRYO
        for place, event in enumerate(events):
            is_last = place == len(events) - 1
            state = job.state if is_last else None
            yield Line(
                number=0,
                term=0,
                at=event.at,
                kind=LineKind.JOB,
                process=job.process,
                timeperiod=job.timeperiod,
                rev=job.rev - len(events) + place + 1,
                what=_what(before, job) if is_last else Happened.CHANGED,
                from_state=before,
                to_state=state,
                run=job.run,
                is_held=is_last and job.is_held,
                failures=job.failure_count if is_last else 0,
                lost=job.lost_count if is_last else 0,
                ended_run=job.run if is_last and not _may_run(job) else 0,
                cause=BY_REPAIR,
                request=job.request_id,
                reason=event.text,
            )
            before = state


def missing_lines_of_freeruns(
    freeruns: Iterable[tuple[Freerun, Sequence[JobEvent]]], replay: Replay, since: datetime
) -> Iterator[Line]:
    """Yield the lines that free runs lack, as `missing_lines` does."""
    for freerun, told in freeruns:
        rev = replay.freerun_rev(freerun.name)
        if rev is not None and rev >= freerun.rev:
            continue
        events = _missing(freerun.rev, rev, since, told)
        for place, event in enumerate(events):
            yield Line(
                number=0,
                term=0,
                at=event.at,
                kind=LineKind.FREERUN,
                process=freerun.name,
                rev=freerun.rev - len(events) + place + 1,
                what=Happened.CHANGED,
                run=freerun.last_run,
                cause=BY_REPAIR,
                reason=event.text,
            )


def _may_run(job: Job) -> bool:
    """Tell whether the newest run of a job is under way, or is not one that its row tells of."""
    return job.has_live_unit or job.state is JobState.EMBRYO


def _missing(
    rev: int, known: int | None, since: datetime, told: Sequence[JobEvent]
) -> Sequence[JobEvent]:
    """Return the events of the revisions that have no line, oldest first."""
    if known is not None:
        return told[: rev - known][::-1]
    return [event for event in told[:rev] if event.at >= since][::-1]


def _what(before: JobState | None, job: Job) -> Happened:
    """Return what a transition is of which only the row is known."""
    if job.is_held:
        return Happened.HELD
    match job.state:
        case JobState.EMBRYO:
            return Happened.RESET if before is not JobState.EMBRYO else Happened.VOIDED
        case JobState.IN_PROGRESS | JobState.FINAL_RUN:
            return Happened.CHANGED if before is job.state else Happened.STARTED
        case JobState.SKIPPED:
            return Happened.GAVE_UP if job.failure_count or job.lost_count else Happened.SKIPPED
        case JobState.PROCESSED | JobState.NOOP:
            return Happened.ENDED
