"""What takes long or may hang, for alerts: whether the broker answers, and what is to be expected.

Each is asked in a thread of its own, now and then; looks go by what came of it last.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Final, NamedTuple

from synergy.core.alert_records import Fact
from synergy.core.hierarchy import Hierarchy
from synergy.core.structs import replace
from synergy.forecast.stuck import Cause
from synergy.ports.broker import REPORT_ROUTE, Broker
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError, StoreUnusable
from synergy.ports.store import Store
from synergy.view.alert_facts import fact_of_broker, fact_of_deadline
from synergy.view.forecast import LikelyDocument, encode_forecast, forecast_of, situation_of
from synergy.view.index import load_index

logger = logging.getLogger(__name__)

_POLL_SECONDS: Final = 0.5
#: Who has not been wanted for so long is not asked.
_WANTED_SECONDS: Final = 10.0
BROKER_SECONDS: Final = 5.0
#: How long the broker may be away before anybody is told: connections break now and then.
BROKER_PATIENCE: Final = timedelta(seconds=5)
#: How often one looks ahead, and how many times as long as that took it is left alone.
FORECAST_SECONDS: Final = 60.0
FORECAST_RATIO: Final = 20.0
FORECAST_LENGTH: Final = timedelta(hours=12)
#: A deadline that is less likely to hold is told of; it is over once it is likelier than that.
WARNED_BELOW: Final = 0.5
CALM_ABOVE: Final = 0.7
#: What has come true is remembered for so long, while it is not done.
KEPT: Final = timedelta(days=2)
_FACTS_MAX: Final = 200


class Aside(ABC):
    """Something that is asked in a thread of its own, again and again, while anybody wants it."""

    def __init__(self, name: str, clock: Clock) -> None:
        """Ask nothing yet."""
        self.name = name
        self.clock = clock
        self._thread: Thread | None = None
        self._wanted_at = float('-inf')
        self._never = Event()
        #: Since when it has been asked; None: nobody asks now.
        self.asked_since: float | None = None

    def want(self) -> None:
        """Let it be asked now and then, for as long as this is called."""
        self._wanted_at = self.clock.monotonic()
        if self._thread is None:
            self._thread = Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()

    @abstractmethod
    def ask(self) -> float:
        """Ask once; return after how many seconds to ask again."""

    def _run(self) -> None:
        due_at = float('-inf')
        while not self._never.wait(_POLL_SECONDS):
            seconds = self.clock.monotonic()
            if seconds < due_at or seconds - self._wanted_at > _WANTED_SECONDS:
                continue
            self.asked_since = seconds
            try:
                pause = self.ask()
            except Exception:  # One question: those to come are asked all the same.
                logger.exception('%s failed', self.name, extra={'event': 'aside_failed'})
                pause = FORECAST_SECONDS
            self.asked_since = None
            due_at = self.clock.monotonic() + pause


class BrokerLook(Aside):
    """Whether the broker answers."""

    #: An answer that takes longer is none.
    HANGS_SECONDS: Final = 20.0

    def __init__(self, open_broker: Callable[[], Broker], clock: Clock) -> None:
        """Look at nothing yet."""
        super().__init__('broker', clock)
        self._open_broker = open_broker
        self._broker: Broker | None = None
        self._trouble: tuple[datetime, str] | None = None

    def facts(self) -> Sequence[Fact]:
        """Return that it does not answer, if so."""
        now = self.clock.now()
        hangs_since = self.asked_since
        trouble = self._trouble
        if trouble is None and hangs_since is not None:
            silent = self.clock.monotonic() - hangs_since
            if silent > self.HANGS_SECONDS:
                trouble = (now - timedelta(seconds=silent), 'it has not answered for long')
        if trouble is None or now - trouble[0] < BROKER_PATIENCE:
            return ()
        return (fact_of_broker(*trouble),)

    def ask(self) -> float:
        """Look once."""
        try:
            # Kept over failures: it connects again by itself.
            self._broker = self._broker or self._open_broker()
            self._broker.declare([REPORT_ROUTE])
        except PortError as error:
            since = self.clock.now() if self._trouble is None else self._trouble[0]
            self._trouble = (since, str(error))
        else:
            self._trouble = None
        return BROKER_SECONDS


class Foreseen(NamedTuple):
    """A deadline that will probably be missed, and when it passes."""

    fact: Fact
    late_at: datetime


class Foresight(Aside):
    """Which deadlines will probably be missed. is_known: something has been foreseen lately."""

    def __init__(
        self,
        open_store: Callable[[], Store],
        hierarchy: Hierarchy,
        vanished_after: timedelta,
        clock: Clock,
    ) -> None:
        """Foresee nothing yet. open_store: called in the thread that looks ahead."""
        super().__init__('forecast', clock)
        self._open_store = open_store
        self._store: Store | None = None
        self._hierarchy = hierarchy
        self._vanished_after = vanished_after
        self._facts: Mapping[str, Foreseen] = {}
        #: What lacked workers when it was looked at last: they may just be starting.
        self._unmanned: set[str] = set()
        self.is_known = False
        self._is_told = False

    def facts(self, late: Collection[str]) -> Sequence[Fact]:
        """Return what is foreseen. late: subjects that are late by now: that has come true."""
        now = self.clock.now()
        return [
            item.fact
            for subject, item in self._facts.items()
            if item.late_at > now or subject in late
        ]

    def ask(self) -> float:
        """Look ahead once."""
        began = self.clock.monotonic()
        try:
            self._store = self._store or self._open_store()
            self._facts = self._foreseen(self._store)
        except PortError as error:
            if isinstance(error, StoreUnusable):
                self._store = None
            if not self._is_told:
                logger.warning('nothing is foreseen: %s', error, extra={'event': 'no_forecast'})
            self._is_told, self.is_known = True, False
            return FORECAST_SECONDS
        self._is_told, self.is_known = False, True
        return max(FORECAST_SECONDS, FORECAST_RATIO * (self.clock.monotonic() - began))

    def _outlook(self, store: Store) -> Sequence[LikelyDocument]:
        """Return the deadlines ahead, the least likely to hold first."""
        now = self.clock.now()
        # An index of its own: the engine goes on with it on a virtual clock.
        index = load_index(self._hierarchy, store, now)
        situation = situation_of(index, store, now, self._vanished_after)
        known = {name for name, work in situation.work.items() if work.count}
        outlook = forecast_of(situation, FORECAST_LENGTH)
        found = encode_forecast(outlook, None, _FACTS_MAX)['deadlines']
        return [item for item in found if is_founded(item, known)]

    def _foreseen(self, store: Store) -> Mapping[str, Foreseen]:
        now = self.clock.now()
        deadlines = self._outlook(store)
        # What has come true is so until it is done: see `facts`.
        found = {
            subject: item
            for subject, item in self._facts.items()
            if now - KEPT < item.late_at <= now
        }
        unmanned, self._unmanned = self._unmanned, set()
        for item in deadlines:
            fact = fact_of_deadline(item, now)
            if item['root'] is not None and item['root']['cause'] == Cause.WORKERS.value:
                self._unmanned.add(fact.subject)
                if fact.subject not in unmanned:
                    continue
            known = self._facts.get(fact.subject)
            limit = WARNED_BELOW if known is None else CALM_ABOVE
            if item['holds'] is None or item['holds'] >= limit or item['late_at'] is None:
                continue
            late_at = datetime.fromisoformat(item['late_at'])
            if late_at > now + FORECAST_LENGTH:
                continue  # There is time left to act, and what has failed is told as that.
            if known is not None:
                fact = replace(fact, since=known.fact.since)
            found[fact.subject] = Foreseen(fact, late_at)
        return found


def is_founded(item: LikelyDocument, known: Collection[str]) -> bool:
    """Tell whether anything was ever measured of what decides a deadline: else it is a guess.

    known: processes of which runs were measured. What does not start needs no measuring.
    """
    if item['root'] is not None:
        return True
    return any(name in known for name in (item['process'], *(of['process'] for of in item['path'])))
