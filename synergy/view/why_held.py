"""Why a job does not start although it might: closed hours, or a freeze."""

from __future__ import annotations

from typing import Final

from synergy.core.holds import HoldKind
from synergy.core.timeperiod import JobKey
from synergy.view.cause import Cause, CauseKind, thaw
from synergy.view.question import Question
from synergy.view.words import at

#: How each kind of hold is told.
KINDS: Final = {HoldKind.FROZEN: CauseKind.FROZEN, HoldKind.CLOSED: CauseKind.CLOSED}
#: Where something else is under way, or nothing is to come.
_NOT_IN_THE_WAY: Final = (
    CauseKind.OUTSIDE,
    CauseKind.ENDED,
    CauseKind.FAILED,
    CauseKind.LEFT_OUT,
    CauseKind.RUNNING,
    CauseKind.REPORT,
)


def with_holds(question: Question, key: JobKey, causes: list[Cause]) -> list[Cause]:
    """Say first what lets nothing of the process of a job start, and until when."""
    if any(cause.kind in _NOT_IN_THE_WAY for cause in causes):
        return causes
    zone = question.timetable.hierarchy.nodes[key.process].calendar.zone
    # What may start later anyhow is not kept by what is over then.
    earliest = max(
        (
            cause.expected_at
            for cause in causes
            if cause.kind in (CauseKind.NOT_OVER, CauseKind.RETRY) and cause.expected_at
        ),
        default=question.now,
    )
    found = [
        Cause(
            key=key,
            kind=KINDS[hold.kind],
            text=f'{hold.text}; nothing of it starts until {at(hold.until, question.now, zone)}',
            since=None if hold.freeze is None else hold.freeze.since,
            expected_at=hold.until,
            action=None if hold.freeze is None else thaw(hold.freeze.id),
        )
        for hold in question.holds.over(key.process, question.now)
        if hold.until > earliest
    ]
    if not found:
        return causes
    return [*found, *(cause for cause in causes if cause.kind is not CauseKind.READY)]
