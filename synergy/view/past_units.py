"""Units as they stood at an instant, told from their rows of today."""

from __future__ import annotations

from datetime import datetime

from synergy.core.records import Unit
from synergy.core.states import UnitState
from synergy.core.structs import replace


def unit_then(today: Unit, at: datetime) -> Unit | None:
    """Return a unit as it stood, as far as its row of today tells; None: there was none.

    Of one that has been tried again since, how earlier attempts stood is not known: it waits.
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
    return replace(
        today,
        state=UnitState.REQUESTED,
        owner=None,
        lease_until=None,
        not_before=None,
        started_at=None,
        finished_at=None,
        processed_count=0,
        error=None,
    )
