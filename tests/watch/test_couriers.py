"""Couriers: one attempt for each receiver at a time, and nobody waits for a receiver that hangs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from threading import Event

from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.alert_outbox import GIVEN_UP_AFTER, Delivery, DeliveryState, Refused
from synergy.core.alert_rules import Receiver
from synergy.core.structs import replace
from synergy.ports.sender import Letter
from synergy.view.alert_outgoing import Site, deliveries_of
from synergy.watch.couriers import HANGING_MAX, SECONDS_MAX, Came, Couriers
from synergy.watch.outbox import Outbox
from tests.contract.conftest import NOW
from tests.core.test_alerts import Told, held, rule

ONE, TWO = Receiver('hook://s3cret@a.example/x'), Receiver('hook://b.example/x')


class Receivers:
    """Receivers that do as they are told. It is a Sender."""

    def __init__(self) -> None:
        self.answers: dict[Receiver, Refused | Exception | None] = {}
        self.hangs: dict[Receiver, Event] = {}
        self.got: list[tuple[Receiver, str]] = []

    def can_send(self, receiver: Receiver) -> bool:
        return receiver.url.startswith('hook')

    def send(self, receiver: Receiver, letter: Letter) -> Refused | None:
        if (hangs := self.hangs.get(receiver)) is not None:
            hangs.wait(10)
        answer = self.answers.get(receiver)
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            self.got.append((receiver, letter.key))
        return answer


def made(*receivers: Receiver) -> Sequence[Delivery]:
    told = Told(replace(rule(), to=receivers))
    told.see(held('A@1'))
    return deliveries_of(told.messages, 0, Site())


def waited_for(couriers: Couriers, is_there: Callable[[Sequence[Came]], bool] = bool) -> list[Came]:
    """Return what came, once something has."""
    found: list[Came] = []
    patience = Event()
    for _ in range(1000):
        found += couriers.came()
        if is_there(found):
            break
        patience.wait(0.005)
    return found


def test_what_a_receiver_says_comes_back() -> None:
    clock, receivers = SimulatedClock(NOW), Receivers()
    couriers = Couriers([receivers], [ONE, TWO], clock)
    receivers.answers[TWO] = Refused(error='it answered 500')
    first, second = made(ONE, TWO)

    couriers.take(first)
    couriers.take(second)
    came = waited_for(couriers, lambda found: len(found) == 2)

    assert {item.delivery.receiver: item.answer for item in came} == {
        ONE.id: None,
        TWO.id: Refused(error='it answered 500'),
    }
    assert receivers.got == [(ONE, 'night/1/begin')]
    assert not couriers.is_busy


def test_one_that_hangs_is_told_of_and_holds_up_nobody() -> None:
    clock, receivers = SimulatedClock(NOW), Receivers()
    couriers = Couriers([receivers], [ONE, TWO], clock)
    receivers.hangs[ONE] = Event()
    first, second = made(ONE, TWO)

    couriers.take(first)
    assert not couriers.may_take(ONE.id)
    couriers.take(second)
    assert [item.delivery for item in waited_for(couriers)] == [second]
    clock.advance(timedelta(seconds=SECONDS_MAX + 1))
    (late,) = couriers.came()
    assert late.answer is not None
    assert 'did not answer' in late.answer.error
    assert not couriers.is_busy
    # It is tried again, beside the one that hangs, but not for ever.
    for _ in range(HANGING_MAX - 1):
        assert couriers.may_take(ONE.id)
        couriers.take(first)
        clock.advance(timedelta(seconds=SECONDS_MAX + 1))
        assert len(couriers.came()) == 1
    assert not couriers.may_take(ONE.id)
    assert couriers.hangs(ONE.id)
    assert not couriers.hangs(TWO.id)
    # What arrives after all has arrived.
    receivers.hangs[ONE].set()
    came = waited_for(couriers, lambda found: len(found) == HANGING_MAX)
    assert [item.answer for item in came] == [None] * HANGING_MAX
    assert couriers.may_take(ONE.id)


def test_whoever_is_unknown_or_breaks_is_refused_without_a_secret(
    caplog: object,
) -> None:
    clock, receivers = SimulatedClock(NOW), Receivers()
    mail = Receiver('mailto://b')
    couriers = Couriers([receivers], [ONE, mail], clock)
    receivers.answers[ONE] = ValueError('hook://s3cret@a.example/x is broken')
    gone = Receiver('hook://gone')

    came: list[Came] = []
    for delivery in made(ONE, gone, mail):
        couriers.take(delivery)
    came = waited_for(couriers, lambda found: len(found) == 3)

    said = {item.delivery.receiver: item.answer for item in came}
    assert said == {
        ONE.id: Refused(error='sending failed with ValueError'),
        gone.id: Refused(error='this receiver is no longer in alert_context', is_final=True),
        mail.id: Refused(error='nobody here knows how to send to this address'),
    }
    del caplog


def test_a_row_that_somebody_has_changed_is_given_up() -> None:
    couriers = Couriers([Receivers()], [ONE], SimulatedClock(NOW))
    (delivery,) = made(ONE)

    couriers.take(replace(delivery, document='{}'))

    (came,) = couriers.came()
    assert came.answer is not None
    assert came.answer.is_final


def test_one_that_hangs_for_good_is_tried_now_and_then_and_what_is_old_is_given_up() -> None:
    clock, receivers = SimulatedClock(NOW), Receivers()
    couriers = Couriers([receivers], [ONE], clock)
    receivers.hangs[ONE] = Event()
    first = replace(made(ONE)[0], made_at=NOW, next_at=NOW)
    store = Kept(first)
    outbox = Outbox(couriers)
    tried = 0
    for _ in range(24 * 60 * 8 // 10):
        before = couriers.may_take(ONE.id)
        outbox.step(store, clock.now())  # type: ignore[arg-type]
        tried += before and not couriers.may_take(ONE.id) and not store.ended
        clock.advance(timedelta(minutes=10))

    # Three, then after 1, 2, 4, 8 and 16 hours, then each day.
    assert 10 <= tried <= 15
    (given_up,) = store.ended
    assert given_up.state is DeliveryState.GIVEN_UP
    assert given_up.ended_at is not None
    assert GIVEN_UP_AFTER <= given_up.ended_at - first.made_at < GIVEN_UP_AFTER + timedelta(hours=1)
    receivers.hangs[ONE].set()


class Kept:
    """The deliveries of a store."""

    def __init__(self, *waiting: Delivery) -> None:
        self.waiting = list(waiting)
        self.ended: list[Delivery] = []

    def waiting_deliveries(self) -> Sequence[Delivery]:
        return self.waiting

    def save_delivery(self, delivery: Delivery) -> bool:
        if delivery.state is not DeliveryState.WAITING:
            self.ended.append(delivery)
        return True
