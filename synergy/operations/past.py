"""Any past instant: what is asked for as people write it, and how everything stood then."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from synergy.conf.model import Context
from synergy.core.bounded import shortened
from synergy.core.overrides import applied
from synergy.core.past import Past
from synergy.core.structs import replace
from synergy.core.written_instant import instant_written
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.ports.store import Store
from synergy.view.index import changed_at_run_time
from synergy.view.past import PastUnknown, past_at

#: How an instant is written.
INSTANT: Final = (
    'an hour, a minute or a second in UTC, as in "2026-11-27 07:10", or a day, as in yesterday'
)
#: What is not as it was then, said wherever the past is shown.
OF_TODAY: Final = (
    'Read-only. Triggers, deadlines, switches, working days and pools are those of today; boxes, '
    'dead letters and free runs are not shown.'
)


def instant_of(text: str, now: datetime) -> datetime:
    """Return a past instant; refuse one that cannot be read, or is not past."""
    try:
        at = instant_written(text, now)
    except ValueError as error:
        raise malformed(f'at {shortened(text)} cannot be read', f'give {INSTANT}') from error
    if at > now:
        raise malformed(
            f'at {at:%Y-%m-%d %H:%M:%S} UTC is not past yet: it is {now:%Y-%m-%d %H:%M:%S} UTC',
            f'give {INSTANT}',
        )
    return at


def past_of(context: Context, store: Store, at: datetime) -> Past:
    """Return how everything stood; refuse what is not known."""
    changed = changed_at_run_time(context.hierarchy, store)
    try:
        return past_at(store, applied(context.hierarchy, changed.overrides), at)
    except PastUnknown as error:
        raise unknown(error) from error


def context_of(context: Context, past: Past) -> Context:
    """Return a context with the hierarchy of then."""
    return replace(context, hierarchy=past.hierarchy)


def unknown(error: PastUnknown) -> OperationRefused:
    """Return the refusal of what is not known of then."""
    return OperationRefused(RefusalKind.UNKNOWN, error.what, error.advice, title='Not known')
