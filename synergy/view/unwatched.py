"""That nobody watches, although somebody is to be told of alerts: which no alert can tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.conf.model import Context
from synergy.conf.names import PROCESS_WATCH
from synergy.core.structs import Struct
from synergy.core.watching import WatchLease
from synergy.ports.store.alerts import AlertReader
from synergy.view.boxes import BoxView, Presence
from synergy.view.cause import Action, start_on

#: A Watch that is started again, or takes over, watches within this.
PATIENCE: Final = timedelta(seconds=15)
_ALERTS_SHOWN_MAX: Final = 3


class Unwatched(Struct, frozen=True, kw_only=True):
    """Nobody watches. since: None: nobody ever has. text: a sentence without its stop."""

    since: datetime | None
    text: str
    advice: str
    action: Action | None


def unwatched(
    context: Context | None, store: AlertReader, views: Sequence[BoxView], now: datetime
) -> Unwatched | None:
    """Return that nobody watches though the context has alerts; None: it is well, or has none.

    now: by the store's clock. Where a box does not get Watch up, that is told of by itself.
    """
    if context is None or not context.alerts:
        return None
    lease = store.watching()
    if not _is_over(lease, now):
        return None
    rows = [(view, row) for view in views for row in view.processes if row.process == PROCESS_WATCH]
    if any(view.is_ill(row) for view, row in rows):
        return None
    names = ', '.join(rule.name for rule in context.alerts[:_ALERTS_SHOWN_MAX])
    more = len(context.alerts) - _ALERTS_SHOWN_MAX
    advice, action = 'Restart the Supervisor, which starts it: ./launch.py restart Supervisor', None
    alive = [view for view in views if view.presence is Presence.ALIVE]
    if not alive:
        advice = 'Start the Supervisor, which starts it: ./launch.py start Supervisor'
    for view, row in rows:
        if view in alive:
            action = start_on(row.box_id, PROCESS_WATCH)
            advice = f'Start it: {action.command}; if it runs, its log says what keeps it'
            break
    return Unwatched(
        since=None if lease is None else lease.until,
        text='no Watch runs, so nobody is told of anything by '
        f'{"alert" if len(context.alerts) == 1 else "alerts"} {names}'
        f'{f" and {more} more" if more > 0 else ""}',
        advice=advice,
        action=action,
    )


def _is_over(lease: WatchLease | None, now: datetime) -> bool:
    return lease is None or now - lease.until > PATIENCE
