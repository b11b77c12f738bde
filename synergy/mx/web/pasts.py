"""A few past instants, rebuilt one at a time, and kept while they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

from synergy.conf.model import Context
from synergy.core.structs import Struct
from synergy.mx.live.navigation import NavigationCache
from synergy.mx.live.past_model import PastModel
from synergy.mx.live.standings import Standings
from synergy.mx.web.throttle import Turns
from synergy.operations.past import context_of, past_of
from synergy.ports.clock import Clock
from synergy.ports.store import Store
from synergy.view.past import known_from
from synergy.view.past_store import then

KEPT: Final = 6
#: Lines of so short a time ago may be on their way.
_SETTLED: Final = timedelta(minutes=2)
_KNOWN_SECONDS: Final = 60.0
_WAITING_MAX: Final = 4


class PastInstant(Struct, frozen=True, kw_only=True):
    """What all requests of one past instant share."""

    context: Context
    model: PastModel
    navigation: NavigationCache
    standings: Standings


class Pasts:
    """What was rebuilt, by instant."""

    def __init__(self) -> None:
        """Have nothing."""
        self._lock = Lock()
        self._turns = Turns(1, waiting_max=_WAITING_MAX)
        self._kept: OrderedDict[datetime, PastInstant] = OrderedDict()
        self._known: tuple[float, datetime | None] | None = None

    def of(
        self, context: Context, store: Store, clock: Clock, at: datetime, now: datetime
    ) -> PastInstant:
        """Return what an instant is shown by; raise OperationRefused where it is not known."""
        with self._lock:
            kept = self._kept.get(at)
            if kept is not None:
                self._kept.move_to_end(at)
                return kept
        with self._turns.turn():
            past = past_of(context, store, at)
            made = PastInstant(
                context=context_of(context, past),
                model=PastModel(past, then(store, past), clock),
                navigation=NavigationCache(),
                standings=Standings(),
            )
        if now - at > _SETTLED:
            with self._lock:
                self._kept[at] = made
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return made

    def known_from(self, store: Store, seconds: float) -> datetime | None:
        """Return from when on there is a past, as of a minute ago. seconds: of a clock."""
        if self._known is None or seconds - self._known[0] > _KNOWN_SECONDS:
            self._known = seconds, known_from(store)
        return self._known[1]
