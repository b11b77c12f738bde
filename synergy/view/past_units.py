"""Units as they stood at an instant, told from their rows of today and the lines of their jobs."""

from __future__ import annotations

from datetime import datetime

from synergy.core.journal import Happened, Line
from synergy.core.records import Unit
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.view.attempts import next_attempt_at


def unit_then(today: Unit, at: datetime, line: Line | None = None) -> Unit | None:
    """Return a unit as it stood, as far as its row of today tells; None: there was none.

    line: the newest of its job by then. Of one that has been tried again since, how earlier
    attempts stood is not known: it waits, for its next attempt if the line says so.
    """
    if today.created_at > at:
        return None
    if today.finished_at is not None and today.finished_at <= at:
        return today
    if today.started_at is not None and today.started_at <= at:
        return replace(
            today,
            state=UnitState.IN_PROGRESS,
            finished_at=None,
            lease_until=None,
            processed_count=0,
            error=None,
        )
    if today.started_at is None and today.finished_at is None:
        return today
    next_at = None
    if line is not None and line.what is Happened.RETRIED and line.uow_id == today.id:
        next_at = next_attempt_at(line.text)
    return replace(
        today,
        state=UnitState.REQUESTED,
        attempt=today.attempt if line is None or next_at is None else line.failures + line.lost + 1,
        owner=None,
        lease_until=None,
        not_before=next_at,
        started_at=None,
        finished_at=None,
        processed_count=0,
        error=None,
    )
