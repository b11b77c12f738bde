"""Alerts, as Watch looks after them: what is so, what follows from it, and who is told.

One look: facts are read, requests of operators carried out, `synergy.core.alerts.step` decides, and
all that comes of it is saved as one, messages and the place in the journal with it. Only then is
anything sent. Whoever dies in between has done nothing or all of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final

from synergy.core.alert_asking import applied
from synergy.core.alert_outbox import Delivery
from synergy.core.alert_records import Alerts, Fact
from synergy.core.alert_requests import AlertRequest
from synergy.core.alert_rules import AlertRule
from synergy.core.alerts import step
from synergy.core.structs import replace
from synergy.core.watching import AlertMemory, AlertOutcome, WatchLease
from synergy.ports.clock import Clock
from synergy.ports.store import Store
from synergy.view.alert_outgoing import Site, deliveries_of, deliveries_of_tests
from synergy.watch.outbox import Outbox
from synergy.watch.sources import Sources

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
#: While an attempt is under way, so that what comes of it is saved soon.
_BUSY_SECONDS: Final = 0.2
#: The rules are asked again though nothing has changed: quiet hours end, reminders are due.
_STEP_SECONDS: Final = 5.0
_REQUESTS_MAX: Final = 100
#: What is said of what goes on is saved so often: it changes with every second.
_TEXTS_SECONDS: Final = 60.0
_PRUNE_SECONDS: Final = 600.0
_PRUNE_MAX: Final = 1_000


class AlertFollower:
    """Looks after alerts. It is a `Follower`."""

    def __init__(
        self,
        rules: tuple[AlertRule, ...],
        sources: Sources,
        outbox: Outbox,
        site: Callable[[Store], Site],
        clock: Clock,
        retention: Callable[[datetime], datetime],
    ) -> None:
        """Remember nothing until the first look. retention: before when messages are forgotten."""
        self._rules = rules
        self._sources = sources
        self._outbox = outbox
        self._site = site
        self._clock = clock
        self._retention = retention
        self._memory: AlertMemory | None = None
        self._term: int | None = None
        self._facts: list[Fact] | None = None
        self._cursor: int | None = None
        self._look_at = self._step_at = self._prune_at = self._saved_at = float('-inf')

    def look(self, store: Store, lease: WatchLease) -> float:
        """Look once, if it is time to, and see to what is on its way."""
        if lease.term != self._term:
            # Another process may have watched meanwhile.
            self.stop()
            self._term = lease.term
        self._outbox.step(store, self._clock.now())
        seconds = self._clock.monotonic()
        if seconds >= self._look_at:
            is_more = self._watch(store, lease)
            self._look_at = seconds + (0.0 if is_more else LOOK_SECONDS)
            self._outbox.step(store, self._clock.now())
            self._prune(store, seconds)
        left = max(self._look_at - self._clock.monotonic(), 0.05)
        return min(left, _BUSY_SECONDS) if self._outbox.is_busy else left

    def stop(self) -> None:
        """Forget what the store has: somebody else may change it."""
        self._memory = self._facts = self._cursor = None
        self._outbox.forget()

    def _watch(self, store: Store, lease: WatchLease) -> bool:
        """Find out what is so, and what follows; tell whether there is more to read at once."""
        memory = self._memory = self._memory or self._remembered(store)
        look = self._sources.read(store, is_first=not memory.rev)
        asked = store.open_alert_requests(_REQUESTS_MAX)
        facts = list(look.seen.facts)
        seconds = self._clock.monotonic()
        is_same = facts == self._facts and not asked
        if is_same and seconds < self._step_at:
            self._save_cursor(store, lease, memory, look.cursor)
            return look.is_more
        now = self._clock.now()
        done = applied(memory.alerts, asked, self._rules, now)
        alerts, messages = step(done.alerts, look.seen, self._rules, now)
        site = self._site(store) if messages or done.tests else Site()
        made = [*deliveries_of(messages, alerts.sent, site)]
        made += deliveries_of_tests(done.tests, alerts.sent + len(made), site, now)
        alerts = replace(alerts, sent=alerts.sent + len(made))
        if self._save(store, lease, memory, alerts, made, list(done.ended), look.cursor):
            self._sources.saved(facts)
            self._facts, self._step_at = facts, seconds + _STEP_SECONDS
        return look.is_more

    def _remembered(self, store: Store) -> AlertMemory:
        memory = store.alert_memory()
        if memory.problem is None:
            return memory
        logger.error(
            'what is remembered of alerts cannot be read (%s); what is still so is told once more',
            memory.problem,
            extra={'event': 'alerts_lost'},
        )
        # Numbers that were never used: receivers know messages by them.
        number = int(self._clock.now().timestamp())
        return replace(memory, alerts=Alerts(last=number, sent=number))

    def _save(  # noqa: PLR0913 - what one look comes to
        self,
        store: Store,
        lease: WatchLease,
        memory: AlertMemory,
        alerts: Alerts,
        made: list[Delivery],
        ended: list[AlertRequest],
        cursor: int,
    ) -> bool:
        is_changed = alerts != memory.alerts or memory.problem is not None
        if is_changed and not self._is_worth_saving(alerts, memory):
            # It is known here, and read again from what is so.
            memory = self._memory = replace(memory, alerts=alerts)
            is_changed = False
        if not (is_changed or made or ended or cursor != self._cursor):
            return True
        outcome = AlertOutcome(
            alerts=alerts if is_changed else None, deliveries=made, requests=ended, cursor=cursor
        )
        # Unknown until it has succeeded: it may have been done although its answer was lost.
        self._memory = None
        self._outbox.read(store)
        try:
            is_saved = store.save_alerts(lease, memory.rev, outcome)
        except Exception:
            self.stop()
            raise
        if not is_saved:
            logger.warning('another Watch has saved alerts', extra={'event': 'stands_by'})
            self.stop()
            return False
        self._memory = AlertMemory(rev=memory.rev + 1, alerts=alerts)
        self._cursor = cursor
        self._outbox.add(made)
        if is_changed:
            self._saved_at = self._clock.monotonic()
        return True

    def _is_worth_saving(self, alerts: Alerts, memory: AlertMemory) -> bool:
        """Tell whether more has changed than texts, which tell for how long something is so."""
        is_long_ago = self._clock.monotonic() - self._saved_at > _TEXTS_SECONDS
        return (
            is_long_ago or memory.problem is not None or _outline(alerts) != _outline(memory.alerts)
        )

    def _save_cursor(
        self, store: Store, lease: WatchLease, memory: AlertMemory, cursor: int
    ) -> None:
        if cursor != self._cursor:
            self._save(store, lease, memory, memory.alerts, [], [], cursor)

    def _prune(self, store: Store, seconds: float) -> None:
        if seconds >= self._prune_at:
            gone = store.prune_alerts(self._retention(self._clock.now()), _PRUNE_MAX)
            self._prune_at = seconds + (0.0 if gone >= _PRUNE_MAX else _PRUNE_SECONDS)


def _outline(alerts: Alerts) -> Alerts:
    """Return what is remembered without texts."""
    return replace(
        alerts,
        alerts=tuple(
            replace(alert, fact=replace(alert.fact, why=None, holds_up=None, helps=None))
            for alert in alerts.alerts
        ),
    )
