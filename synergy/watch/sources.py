"""From where facts are read: each source at its own pace, and none for which no rule asks.

What a source cannot tell now is not known: alerts of it neither begin nor end. A store that is away
is everybody's trouble, and ends the look.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from synergy.conf.model import Context
from synergy.core.alert_records import Fact
from synergy.core.alert_rules import AlertKind, ReadFrom
from synergy.core.alerts import Seen
from synergy.core.journal import Line
from synergy.core.records import ProcessName, is_led
from synergy.core.structs import Struct
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError
from synergy.ports.store import Reader
from synergy.ports.store.alerts import ALERTS_CURSOR
from synergy.view import need
from synergy.view.alert_facts import (
    KIND_BY_NEED,
    fact_of_freerun,
    facts_of_leader,
    facts_of_needs,
)
from synergy.view.alert_journal import UnusualCounts, WatchedRequests, freeruns_of
from synergy.view.boxes import box_views
from synergy.view.freeruns import standing
from synergy.view.leaderless import leaderless_advice
from synergy.view.needs import needs
from synergy.view.usual import Usual, usual_of
from synergy.view.workload import workload_of
from synergy.watch.aside import BrokerLook, Foresight
from synergy.watch.behind import JournalFollower
from synergy.watch.index import WatchedIndex
from synergy.watch.job_facts import KINDS as JOB_KINDS
from synergy.watch.job_facts import JobFacts

logger = logging.getLogger(__name__)

#: What waits for a person is read so often, and takes at most one part in so many of the time.
_NEEDS_SECONDS: Final = 2.0
_NEEDS_RATIO: Final = 25.0
_USUAL_SECONDS: Final = 60.0
_FREERUNS_SECONDS: Final = 300.0
#: A Scheduler that is started again leads within this.
_LEADERLESS: Final = timedelta(seconds=5)
#: When everything has just been started, nobody leads yet.
_START_SECONDS: Final = 30.0
#: Nor have boxes been heard of, or workers taken what is queued.
_NEEDS_START_SECONDS: Final = 15.0
#: Requests that were done so long ago while nobody watched are told all the same.
_REQUESTS_BACK: Final = timedelta(minutes=10)


class Look(Struct, frozen=True, kw_only=True):
    """What is so now. cursor: the last line of the journal that was read; is_more: some follow."""

    seen: Seen
    cursor: int
    is_more: bool


class Asides(Struct, frozen=True, kw_only=True):
    """Who is asked aside; None: no rule asks."""

    broker: BrokerLook | None
    foresight: Foresight | None


class Sources:
    """All sources, for one thread."""

    def __init__(
        self,
        context: Context,
        vanished_after: timedelta,
        clock: Clock,
        asides: Asides,
    ) -> None:
        """Read nothing yet."""
        self._context = context
        self._vanished_after = vanished_after
        self._clock = clock
        self._asides = asides
        self._kinds = frozenset[AlertKind]().union(*(rule.on for rule in context.alerts))
        self._needs_kinds = frozenset(
            kind for kind, told in KIND_BY_NEED.items() if told in self._kinds
        )
        self._index = WatchedIndex(context.hierarchy, clock)
        self._jobs = JobFacts(self._index, vanished_after, self._kinds)
        self._journal = JournalFollower(ALERTS_CURSOR)
        self._counts = UnusualCounts()
        self._requests: WatchedRequests | None = None
        self._needs: Sequence[Fact] = ()
        self._needs_at = self._freeruns_at = float('-inf')
        self._failing: dict[ProcessName, Fact] = {}
        self._usual: dict[ProcessName, tuple[float, Usual]] = {}
        self._began = clock.monotonic()
        self._broken: set[str] = set()

    def read(self, store: Reader, *, is_first: bool) -> Look:
        """Return what is so now. is_first: nothing was ever remembered."""
        behind = self._journal.behind(store)
        needs_index = bool(self._kinds & JOB_KINDS or self._needs_kinds)
        if needs_index:
            self._index.look(store)
        facts: list[Fact] = []
        unread: set[ReadFrom] = set()
        now_led = self._is_led(store)
        is_starting = self._clock.monotonic() - self._began < _NEEDS_START_SECONDS
        if is_starting:
            unread |= {ReadFrom.NEEDS, ReadFrom.BOXES}
        for read_from, is_wanted, read in (
            (ReadFrom.LEADER, True, partial(self._leader, store)),
            (
                ReadFrom.JOBS,
                bool(self._kinds & JOB_KINDS),
                partial(self._of_jobs, store, behind.lines, now_led),
            ),
            (
                ReadFrom.NEEDS,
                bool(self._needs_kinds) and not is_starting,
                partial(self._of_needs, store),
            ),
            (
                ReadFrom.JOURNAL,
                True,
                partial(self._happened, store, behind.lines, is_first),
            ),
        ):
            if not is_wanted:
                continue
            found = self._guarded(read_from, read)
            if found is None:
                unread.add(read_from)
                if read_from is ReadFrom.NEEDS:
                    unread.add(ReadFrom.BOXES)
            else:
                facts += found
        late = {fact.subject for fact in facts if fact.kind is AlertKind.LATE}
        facts += self._aside(late, unread)
        readable = frozenset(ReadFrom) - unread
        wanted = [fact for fact in facts if fact.kind in self._kinds]
        return Look(
            seen=Seen(facts=wanted, readable=readable),
            cursor=behind.cursor,
            is_more=behind.is_more,
        )

    def saved(self, facts: Iterable[Fact]) -> None:
        """Take note that what was read is dealt with, and saved as that."""
        if self._requests is not None:
            self._requests.told(fact for fact in facts if fact.kind is AlertKind.REQUEST_DONE)

    def _guarded(
        self, read_from: ReadFrom, read: Callable[[], Sequence[Fact]]
    ) -> Sequence[Fact] | None:
        """Return what a source tells; None, and a line in the log, if it is broken."""
        try:
            found = read()
        except PortError:
            raise
        except Exception:  # One source; the others tell of what they know.
            if read_from.value not in self._broken:
                logger.exception('%s cannot be read', read_from, extra={'event': 'source_failed'})
            self._broken.add(read_from.value)
            return None
        self._broken.discard(read_from.value)
        return found

    def _is_led(self, store: Reader) -> bool:
        return is_led(store.leadership(), store.store_now())

    def _leader(self, store: Reader) -> Sequence[Fact]:
        leadership, store_now = store.leadership(), store.store_now()
        advice = ''
        if not is_led(leadership, store_now):
            is_fresh = leadership is not None and store_now - leadership.until < _LEADERLESS
            if is_fresh or self._clock.monotonic() - self._began < _START_SECONDS:
                return ()
            advice = leaderless_advice(box_views(store, self._vanished_after))
        return [*facts_of_leader(leadership, store.standing(), advice, store_now)]

    def _of_jobs(self, store: Reader, lines: Sequence[Line], now_led: bool) -> Sequence[Fact]:
        found = self._jobs.read(store, self._clock, is_led=now_led)
        if AlertKind.FAILED in self._kinds:
            found += self._of_freeruns(store, lines)
        return found

    def _of_freeruns(self, store: Reader, lines: Sequence[Line]) -> Iterable[Fact]:
        """Return which free runs have failed: read again when the journal tells of them."""
        names: Collection[ProcessName] = freeruns_of(lines)
        seconds = self._clock.monotonic()
        if seconds - self._freeruns_at > _FREERUNS_SECONDS:
            self._freeruns_at = seconds
            self._failing = {}
            names = {item.name for item in store.freeruns()}
        for name in names:
            fact = fact_of_freerun(name, standing(store, name))
            if fact is None:
                self._failing.pop(name, None)
            else:
                self._failing[name] = fact
        return self._failing.values()

    def _of_needs(self, store: Reader) -> Sequence[Fact]:
        began = self._clock.monotonic()
        if began < self._needs_at:
            return self._needs
        views = box_views(store, self._vanished_after)
        looking = self._index.looking(store)
        found = needs(
            need.Seen(
                timetable=self._index.timetable,
                store=store,
                views=views,
                vanished_after=self._vanished_after,
                work=workload_of(self._index.timetable, looking.runs),
                usual=partial(self._usual_of, store),
                now=looking.now,
                context=self._context,
            ),
            self._needs_kinds,
        )
        self._needs = facts_of_needs(found, looking.now)
        ended = self._clock.monotonic()
        self._needs_at = ended + max(_NEEDS_SECONDS, _NEEDS_RATIO * (ended - began))
        return self._needs

    def _usual_of(self, store: Reader, process: ProcessName) -> Usual:
        seconds = self._clock.monotonic()
        known = self._usual.get(process)
        if known is None or seconds - known[0] > _USUAL_SECONDS:
            known = self._usual[process] = (seconds, usual_of(store, process))
        return known[1]

    def _happened(self, store: Reader, lines: Sequence[Line], is_first: bool) -> Sequence[Fact]:
        found: list[Fact] = []
        if AlertKind.UNUSUAL_COUNT in self._kinds:
            found += self._counts.facts(lines, store)
        if AlertKind.REQUEST_DONE in self._kinds:
            if self._requests is None:
                watched = WatchedRequests()
                since = None if is_first else self._clock.now() - _REQUESTS_BACK
                watched.begin(store, since)
                self._requests = watched
            found += self._requests.facts(lines, store)
        return found

    def _aside(self, late: Collection[str], unread: set[ReadFrom]) -> Iterable[Fact]:
        """Return what those tell who are asked aside, and let them be asked."""
        if (broker := self._asides.broker) is not None:
            broker.want()
            yield from broker.facts()
        if (foresight := self._asides.foresight) is not None:
            foresight.want()
            yield from foresight.facts(late)
            if not foresight.is_known:
                unread.add(ReadFrom.FORECAST)


def asked_aside(
    kinds: Collection[AlertKind],
    broker: Callable[[], BrokerLook],
    foresight: Callable[[], Foresight],
) -> Asides:
    """Return who is asked aside for what rules tell of."""
    return Asides(
        broker=broker() if AlertKind.BROKER_AWAY in kinds else None,
        foresight=foresight() if AlertKind.WILL_BE_LATE in kinds else None,
    )
