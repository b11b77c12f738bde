"""What is so of jobs, kept from look to look: only what may have changed is looked at again.

A process is looked at when rows of it have changed, when its next interval becomes late, and now
and then. Why a job is late is asked once, as long as it stays so, and within a bounded time a look.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.alert_records import Fact
from synergy.core.alert_rules import AlertKind
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.timeperiod import JobKey
from synergy.ports.clock import Clock
from synergy.ports.store import Reader
from synergy.view.alert_jobs import Explain, FactsOfNode, facts_of_node, told_of_jobs
from synergy.view.cause import Cause
from synergy.view.why import explain
from synergy.watch.index import WatchedIndex

KINDS: Final = frozenset({AlertKind.LATE, AlertKind.HELD, AlertKind.FAILED})
#: Looked at again after so long, whatever has happened: not all of thousands at once.
_AT_LEAST_SECONDS: Final = (60.0, 120.0)
#: How long it may take a look to ask why, and how many jobs one answer may look at.
_WHY_SECONDS_MAX: Final = 0.25
_WHY_JOBS_MAX: Final = 500
#: Jobs of which it is known; where more are late, thousands may be, and are told as one.
_KNOWN_MAX: Final = 300
#: So long nothing is told of a job of which is not known why it is late.
_PATIENCE_SECONDS: Final = 5.0


class JobFacts:
    """Facts of jobs, by process."""

    def __init__(
        self, index: WatchedIndex, vanished_after: timedelta, kinds: Collection[AlertKind]
    ) -> None:
        """Know nothing yet. kinds: of what rules tell."""
        self._index = index
        self._vanished_after = vanished_after
        self._kinds = frozenset(kinds) & KINDS
        self._found: dict[ProcessName, Sequence[FactsOfNode]] = {}
        self._due_at: dict[ProcessName, datetime] = {}
        self._reasons = Reasons(vanished_after)
        self._random = random.Random()
        self._was_led = True

    def read(self, store: Reader, clock: Clock, *, is_led: bool) -> list[Fact]:
        """Return what is so now. is_led: else nobody asks why: nothing starts."""
        if not self._kinds:
            return []
        timetable = self._index.timetable
        nodes = timetable.hierarchy.nodes
        now = clock.now()
        changed = self._index.changed()
        due = changed | {
            name for name in nodes if (at := self._due_at.get(name)) is None or at <= now
        }
        if is_led != self._was_led:
            # Why a job is late is another thing while nobody leads.
            due |= self._found.keys()
            self._was_led = is_led
        if due:
            looking = self._index.looking_without_runs()
            reasons = self._reasons.asking(store, self._index, clock, is_led=is_led)
            for name in due & nodes.keys():
                self._reasons.is_short = False
                found = facts_of_node(looking, nodes[name], self._kinds, reasons)
                self._found[name] = found
                # One whose reasons are not all known yet is looked at again at once.
                self._due_at[name] = now if self._reasons.is_short else self._next(nodes[name], now)
            self._found = {
                name: item for name, item in self._found.items() if item and name in nodes
            }
        items = (item for name in sorted(self._found) for item in self._found[name])
        facts = [*told_of_jobs(items)]
        self._reasons.keep({fact.subject for fact in facts if fact.kind is AlertKind.LATE})
        return facts

    def _next(self, node: Node, now: datetime) -> datetime:
        """Return when something may be so that is not so now, though no row has changed."""
        at_least = now + timedelta(seconds=self._random.uniform(*_AT_LEAST_SECONDS))
        if AlertKind.LATE not in self._kinds:
            return at_least
        hierarchy = self._index.timetable.hierarchy
        try:
            late_at = hierarchy.late_at(node, hierarchy.late_until(node, now))
        except (ValueError, OverflowError):
            return at_least  # Beyond the last year.
        return min(at_least, late_at) if late_at > now else at_least


class Reasons:
    """Why jobs are late: asked once each, and within a bounded time a look.

    is_short: since it was set to False, an answer was put off.
    """

    def __init__(self, vanished_after: timedelta) -> None:
        """Know nothing yet."""
        self._vanished_after = vanished_after
        self._known: dict[JobKey, Sequence[Cause]] = {}
        self._first_asked: dict[JobKey, float] = {}
        self.is_short = False

    def asking(self, store: Reader, index: WatchedIndex, clock: Clock, *, is_led: bool) -> Explain:
        """Return what answers why, during one look."""
        until = clock.monotonic() + _WHY_SECONDS_MAX

        def why(key: JobKey) -> Sequence[Cause] | None:
            if (known := self._known.get(key)) is not None:
                return known
            if len(self._known) >= _KNOWN_MAX:
                return ()
            seconds = clock.monotonic()
            since = self._first_asked.setdefault(key, seconds)
            if seconds > until:
                self.is_short = True
                return () if seconds - since > _PATIENCE_SECONDS else None
            found = explain(
                index.timetable, store, key, clock.now(), self._vanished_after, _WHY_JOBS_MAX
            )
            if is_led:
                # Else it is because of that, and something else once somebody leads.
                self._known[key] = found
            return found

        return why

    def keep(self, subjects: Collection[str]) -> None:
        """Forget the reasons of what is over."""
        if len(self._known) + len(self._first_asked) > 2 * len(subjects):
            self._known = {key: why for key, why in self._known.items() if str(key) in subjects}
            self._first_asked = {
                key: at for key, at in self._first_asked.items() if str(key) in subjects
            }
