"""What is on its way to receivers: each message to each of them until it has arrived.

A delivery is tried at once, then ever less often, for days: a receiver may be down for a night or a
weekend. Of one group of alerts a receiver gets the messages in order, so that no end overtakes its
beginning; no receiver waits for another. One that takes nothing is asked with a few messages, not
with all; one that refuses a single message gets the others all the same. What cannot be delivered
in `GIVEN_UP_AFTER` is not tried further, and is told so in the history: it is not forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from synergy.core.structs import Struct, replace

FIRST_PAUSE: Final = timedelta(seconds=2)
PAUSE_MAX: Final = timedelta(minutes=15)
GIVEN_UP_AFTER: Final = timedelta(days=7)
#: Messages with which a receiver is tried that has not taken them; then no further one.
PROBES: Final = 3
#: Deliveries that are kept for one receiver; of more the oldest are given up.
WAITING_MAX: Final = 1_000
#: A receiver that asks for more patience than this is not believed.
ASKED_MAX: Final = timedelta(hours=1)
ERROR_LENGTH_MAX: Final = 300


class DeliveryState(StrEnum):
    """How a delivery stands."""

    WAITING = 'waiting'
    ARRIVED = 'arrived'
    GIVEN_UP = 'given_up'


class Delivery(Struct, frozen=True, kw_only=True):
    """A message on its way to one receiver. number: in the order in which they were made.

    key, group: of the message. receiver: its id, which does not tell its address. document: the
    message as JSON. next_at: when it is tried next. error: of the last attempt, without secrets.
    """

    number: int
    key: str
    group: str
    receiver: str
    document: str
    made_at: datetime
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    next_at: datetime
    ended_at: datetime | None = None
    error: str | None = None


class Refused(Struct, frozen=True, kw_only=True):
    """That a receiver did not take a message.

    error: without secrets. is_final: it never will, as an answer of 400 says. after: how long it
    asks to be left alone.
    """

    error: str
    is_final: bool = False
    after: timedelta | None = None


def due(waiting: Iterable[Delivery], now: datetime) -> Sequence[Delivery]:
    """Return what is to be tried now, the oldest first: of a receiver one that is new at most."""
    heads: dict[tuple[str, str], Delivery] = {}
    for delivery in sorted(waiting, key=lambda delivery: delivery.number):
        if delivery.state is DeliveryState.WAITING:
            heads.setdefault((delivery.receiver, delivery.group), delivery)
    failing = Counter(delivery.receiver for delivery in heads.values() if delivery.attempts)
    found = []
    asked = set()
    for delivery in heads.values():
        receiver = delivery.receiver
        if delivery.attempts:
            if _is_due(delivery, now):
                found.append(delivery)
        elif receiver not in asked and failing[receiver] < PROBES:
            asked.add(receiver)
            found.append(delivery)
    return found


def _is_due(delivery: Delivery, now: datetime) -> bool:
    # One that waits for longer than any pause was given its time by another clock.
    return not now < delivery.next_at <= now + max(PAUSE_MAX, ASKED_MAX)


def arrived(delivery: Delivery, now: datetime) -> Delivery:
    """Return a delivery that its receiver has taken."""
    return replace(
        delivery,
        state=DeliveryState.ARRIVED,
        attempts=delivery.attempts + 1,
        ended_at=now,
        error=None,
    )


def refused(delivery: Delivery, answer: Refused, now: datetime) -> Delivery:
    """Return a delivery that has come to nothing this time."""
    attempts = delivery.attempts + 1
    error = answer.error[:ERROR_LENGTH_MAX]
    if answer.is_final or now - delivery.made_at >= GIVEN_UP_AFTER:
        return replace(
            delivery, state=DeliveryState.GIVEN_UP, attempts=attempts, ended_at=now, error=error
        )
    asked = min(answer.after or timedelta(), ASKED_MAX)
    next_at = now + max(pause_after(attempts), asked)
    return replace(delivery, attempts=attempts, next_at=next_at, error=error)


def pause_after(attempts: int) -> timedelta:
    """Return how long nothing is tried after so many attempts."""
    times: int = 2 ** min(max(attempts - 1, 0), 20)
    return min(FIRST_PAUSE * times, PAUSE_MAX)


def too_many(waiting: Sequence[Delivery], now: datetime) -> Sequence[Delivery]:
    """Return those of one receiver that are given up, for it has not taken any for so long."""
    mine = sorted(waiting, key=lambda delivery: delivery.number)
    excess = mine[: max(len(mine) - WAITING_MAX, 0)]
    told = f'more than {WAITING_MAX:,} messages wait for this receiver'
    return [
        replace(delivery, state=DeliveryState.GIVEN_UP, ended_at=now, error=told)
        for delivery in excess
    ]


def too_old(waiting: Iterable[Delivery], now: datetime) -> Sequence[Delivery]:
    """Return those of a receiver that hangs which are given up, tried or not."""
    told = f'the receiver hangs, and this has waited for {GIVEN_UP_AFTER.days} days'
    return [
        replace(item, state=DeliveryState.GIVEN_UP, ended_at=now, error=item.error or told)
        for item in waiting
        if item.state is DeliveryState.WAITING and now - item.made_at >= GIVEN_UP_AFTER
    ]
