"""Deliveries that wait: which are tried now, and what has become of them, kept in the store."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime

from synergy.core.alert_outbox import (
    Delivery,
    DeliveryState,
    arrived,
    due,
    refused,
    too_many,
    too_old,
)
from synergy.ports.store import AlertStore
from synergy.watch.couriers import Couriers

logger = logging.getLogger(__name__)


class Outbox:
    """What waits, as the store has it, and the couriers that carry it."""

    def __init__(self, couriers: Couriers) -> None:
        """Know nothing until `read`."""
        self._couriers = couriers
        self._waiting: dict[int, Delivery] | None = None
        self._told: set[str] = set()

    def forget(self) -> None:
        """Read again next time: somebody else may have written."""
        self._waiting = None

    def read(self, store: AlertStore) -> None:
        """Read what waits, if it is not known."""
        if self._waiting is None:
            self._waiting = {item.number: item for item in store.waiting_deliveries()}

    def add(self, deliveries: Iterable[Delivery]) -> None:
        """Take note of what was saved as new."""
        assert self._waiting is not None, 'it was read'
        self._waiting.update({item.number: item for item in deliveries})

    def step(self, store: AlertStore, now: datetime) -> None:
        """Save what came of attempts, and hand over what is due."""
        self.read(store)
        assert self._waiting is not None
        for delivery, answer in self._couriers.came():
            # As it is now: another attempt may have failed since this one began.
            known = self._waiting.get(delivery.number)
            if known is not None:
                self._save(
                    store, arrived(known, now) if answer is None else refused(known, answer, now)
                )
        self._give_up(store, now)
        for delivery in due(self._waiting.values(), now):
            if self._couriers.may_take(delivery.receiver):
                self._couriers.take(delivery)

    @property
    def is_busy(self) -> bool:
        """Tell whether something may come of an attempt soon."""
        return self._couriers.is_busy

    def _give_up(self, store: AlertStore, now: datetime) -> None:
        assert self._waiting is not None
        by_receiver: dict[str, list[Delivery]] = {}
        for item in self._waiting.values():
            by_receiver.setdefault(item.receiver, []).append(item)
        for receiver, waiting in by_receiver.items():
            given_up = {item.number: item for item in too_many(waiting, now)}
            if self._couriers.hangs(receiver):
                given_up |= {item.number: item for item in too_old(waiting, now)}
            for item in given_up.values():
                self._save(store, item)

    def _save(self, store: AlertStore, delivery: Delivery) -> None:
        assert self._waiting is not None
        if not store.save_delivery(delivery):
            # Another Watch has tried it meanwhile.
            self.forget()
            self.read(store)
            return
        if delivery.state is DeliveryState.WAITING:
            self._waiting[delivery.number] = delivery
        else:
            del self._waiting[delivery.number]
        self._tell(delivery)

    def _tell(self, delivery: Delivery) -> None:
        """Log once that a receiver takes nothing, and that it does again."""
        receiver = delivery.receiver
        if delivery.state is DeliveryState.ARRIVED:
            logger.info(
                'message %s has arrived at %.6s', delivery.key, receiver, extra={'event': 'sent'}
            )
            self._told.discard(receiver)
        elif receiver not in self._told or delivery.state is DeliveryState.GIVEN_UP:
            logger.warning(
                'message %s could not be sent to %.6s: %s%s',
                delivery.key,
                receiver,
                delivery.error,
                '' if delivery.state is DeliveryState.GIVEN_UP else '; it is tried again',
                extra={'event': 'not_sent'},
            )
            self._told.add(receiver)
