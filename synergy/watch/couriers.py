"""Those who carry messages: one attempt for each receiver at a time, each in a thread of its own.

A receiver may hang, drip or never answer, and a host may not be found for minutes: whoever waits
for it is a thread that nobody waits for. After a while its attempt counts as failed, and what comes
of it later counts all the same. Nothing here asks the store.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple

from synergy.core.alert_outbox import Delivery, Refused
from synergy.core.alert_rules import Receiver
from synergy.core.structs import Struct
from synergy.ports.clock import Clock
from synergy.ports.sender import Letter, Sender
from synergy.view.alert_outgoing import letter_of

logger = logging.getLogger(__name__)

#: How long an attempt may take before it counts as failed.
SECONDS_MAX: Final = 30.0
#: Attempts of one receiver that hang for good; beyond them there is one more now and then, for
#: each is a thread: an hour after the last, then after twice as long, at last each day.
HANGING_MAX: Final = 3
REPLACED_AFTER: Final = 3600.0
REPLACED_AFTER_MAX: Final = 86_400.0


class Came(NamedTuple):
    """What came of an attempt. answer: None: the message has arrived."""

    delivery: Delivery
    answer: Refused | None


class _Attempt(Struct):
    """An attempt under way. is_told: it has counted as failed already."""

    delivery: Delivery
    began: float
    is_told: bool = False


class Couriers:
    """Attempts under way."""

    def __init__(
        self, senders: Sequence[Sender], receivers: Iterable[Receiver], clock: Clock
    ) -> None:
        """Carry nothing yet. receivers: everybody whom the context names."""
        self._senders = senders
        self._receivers: Mapping[str, Receiver] = {item.id: item for item in receivers}
        self._clock = clock
        self._attempts: dict[str, list[_Attempt]] = {}
        self._came: SimpleQueue[tuple[_Attempt, Refused | None]] = SimpleQueue()
        self._here: list[Came] = []

    @property
    def is_busy(self) -> bool:
        """Tell whether an attempt is under way that may end soon."""
        return any(not item.is_told for items in self._attempts.values() for item in items)

    def may_take(self, receiver: str) -> bool:
        """Tell whether a receiver may be tried now."""
        attempts = self._attempts.get(receiver, ())
        if not all(item.is_told for item in attempts):
            return False
        if not self.hangs(receiver):
            return True
        pause = REPLACED_AFTER * 2.0 ** min(len(attempts) - HANGING_MAX, 20)
        last = max(item.began for item in attempts)
        return self._clock.monotonic() - last >= min(pause, REPLACED_AFTER_MAX)

    def hangs(self, receiver: str) -> bool:
        """Tell whether a receiver answers so seldom that what waits for it may never be tried."""
        return len(self._attempts.get(receiver, ())) >= HANGING_MAX

    def take(self, delivery: Delivery) -> None:
        """Try a delivery to a receiver that may be tried."""
        receiver = self._receivers.get(delivery.receiver)
        if receiver is None:
            told = 'this receiver is no longer in alert_context'
            self._here.append(Came(delivery, Refused(error=told, is_final=True)))
            return
        try:
            letter = letter_of(delivery)
        except ValueError as error:
            self._here.append(Came(delivery, Refused(error=str(error), is_final=True)))
            return
        attempt = _Attempt(delivery, self._clock.monotonic())
        self._attempts.setdefault(delivery.receiver, []).append(attempt)
        Thread(
            target=self._carry,
            args=(attempt, receiver, letter),
            name=f'courier {receiver.shown}',
            daemon=True,
        ).start()

    def came(self) -> Sequence[Came]:
        """Return what came of attempts since this was asked last."""
        found, self._here = self._here, []
        while True:
            try:
                attempt, answer = self._came.get_nowait()
            except Empty:
                break
            attempts = self._attempts[attempt.delivery.receiver]
            attempts[:] = [item for item in attempts if item is not attempt]
            # One that was given up counts only if it has arrived after all.
            if not attempt.is_told or answer is None:
                found.append(Came(attempt.delivery, answer))
        now = self._clock.monotonic()
        for attempt in [item for items in self._attempts.values() for item in items]:
            if not attempt.is_told and now - attempt.began > SECONDS_MAX:
                attempt.is_told = True
                told = f'it did not answer within {SECONDS_MAX:.0f} s'
                found.append(Came(attempt.delivery, Refused(error=told)))
        return found

    def _carry(self, attempt: _Attempt, receiver: Receiver, letter: Letter) -> None:
        answer: Refused | None
        try:
            sender = next((item for item in self._senders if item.can_send(receiver)), None)
            if sender is None:
                answer = Refused(error='nobody here knows how to send to this address')
            else:
                answer = sender.send(receiver, letter)
        # One receiver; its address may be in the text of the error.
        except Exception as error:  # noqa: BLE001
            logger.error(
                'sending to %s failed with %s',
                receiver.shown,
                type(error).__name__,
                extra={'event': 'courier_failed'},
            )
            answer = Refused(error=f'sending failed with {type(error).__name__}')
        self._came.put((attempt, answer))
