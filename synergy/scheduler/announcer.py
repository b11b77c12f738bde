"""Ring for units: publish their ids, now or when they may be claimed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from heapq import heappop, heappush

from synergy.core.effects import Announce
from synergy.core.freerun_record import base_of
from synergy.core.records import ProcessName, Route, UowId
from synergy.core.turns import by_turns
from synergy.ports.broker import Broker, Confirmation, Message
from synergy.ports.errors import BrokerUnavailable

logger = logging.getLogger(__name__)


class Announcer:
    """What is to be rung, and what waits for its time."""

    def __init__(
        self,
        broker: Broker,
        route_of: Callable[[ProcessName], Route],
        *,
        takes_turns: bool = False,
    ) -> None:
        """Publish through `broker`, to the route of each process.

        takes_turns: whether processes share routes, so that none of them is to come first.
        """
        self._takes_turns = takes_turns
        self._broker = broker
        self._route_of = route_of
        self._now_due: dict[UowId, Announce] = {}
        self._later: list[tuple[datetime, UowId, ProcessName, int]] = []
        self._is_broker_down = False
        self._begun: list[Announce] = []
        self._confirmation: Confirmation | None = None

    def add(self, announcements: Iterable[Announce], now: datetime) -> None:
        """Take announcements over; those whose time has not come wait for it."""
        if self._takes_turns:
            announcements = by_turns(announcements, _process_of)
        for item in announcements:
            if item.not_before is None or item.is_due(now):
                self._now_due[item.uow_id] = item
            else:
                heappush(self._later, (item.not_before, item.uow_id, item.process, item.fence))

    def ring(self, now: datetime) -> Collection[Announce]:
        """Begin to publish what is due; return what the broker has confirmed of the call before."""
        confirmed = self.confirm()
        while self._later and self._later[0][0] <= now:
            at, uow_id, process, fence = heappop(self._later)
            self._now_due[uow_id] = Announce(uow_id, process, at, fence)
        if not self._now_due:
            return confirmed
        self._begun = [*self._now_due.values()]
        messages = [self._message(item.uow_id, item.process) for item in self._begun]
        try:
            self._confirmation = self._broker.begin(messages)
        except BrokerUnavailable as error:
            self._is_away(error)
        else:
            self._now_due.clear()
        return confirmed

    def ring_at_once(self, now: datetime) -> Collection[Announce]:
        """Publish what is due, and return it; what the broker refuses stays for the next call."""
        return [*self.ring(now), *self.confirm()]

    def confirm(self) -> Collection[Announce]:
        """Wait for what is under way; return it, or ring for it again at the next call."""
        confirmation, self._confirmation = self._confirmation, None
        if confirmation is None:
            return ()
        begun, self._begun = self._begun, []
        try:
            confirmation()
        except BrokerUnavailable as error:
            self._now_due = {item.uow_id: item for item in begun} | self._now_due
            self._is_away(error)
            return ()
        if self._is_broker_down:
            logger.info('the broker is back', extra={'event': 'broker_up'})
        self._is_broker_down = False
        return begun

    def _is_away(self, error: BrokerUnavailable) -> None:
        if not self._is_broker_down:
            logger.warning(
                '%d announcements wait: %s',
                len(self._now_due),
                error,
                extra={'event': 'broker_down'},
            )
        self._is_broker_down = True

    @property
    def is_stuck(self) -> bool:
        """Tell whether announcements wait for the broker to come back."""
        return self._is_broker_down

    @property
    def next_at(self) -> datetime | None:
        """Return when the next waiting announcement falls due."""
        return self._later[0][0] if self._later else None

    def forget(self) -> None:
        """Drop everything: the index is to be rebuilt, and the sweep will find what is owed."""
        self._now_due.clear()
        self._later.clear()

    def _message(self, uow_id: UowId, process: ProcessName) -> Message:
        return Message(self._route_of(base_of(process)), {'uow': uow_id})


def _process_of(item: Announce) -> ProcessName:
    return base_of(item.process)
