"""Deliveries: in order within a group, ever less often, and one receiver never for another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from synergy.core.alert_outbox import (
    ASKED_MAX,
    ERROR_LENGTH_MAX,
    FIRST_PAUSE,
    GIVEN_UP_AFTER,
    PAUSE_MAX,
    PROBES,
    WAITING_MAX,
    Delivery,
    DeliveryState,
    Refused,
    arrived,
    due,
    pause_after,
    refused,
    too_many,
    too_old,
)
from synergy.core.structs import replace

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
DOWN: Final = Refused(error='nothing listens there')


def delivery(number: int, receiver: str = 'a', **fields: Any) -> Delivery:
    given = {'group': f'g{number}', 'made_at': NOON, 'next_at': NOON, 'document': '{}', **fields}
    return Delivery(number=number, key=f'k{number}', receiver=receiver, **given)


def numbers(waiting: list[Delivery], now: datetime = NOON) -> list[int]:
    return [item.number for item in due(waiting, now)]


def test_each_receiver_gets_its_oldest_and_none_waits_for_another() -> None:
    waiting = [delivery(3, 'b'), delivery(2), delivery(1)]

    assert numbers(waiting) == [1, 3]
    assert numbers([arrived(waiting[2], NOON), *waiting[:2]]) == [2, 3]


def test_no_end_overtakes_its_beginning() -> None:
    begin, end, other = delivery(1, group='g'), delivery(2, group='g'), delivery(3, group='h')
    failed = refused(begin, DOWN, NOON)

    assert numbers([failed, end, other]) == [3]
    assert numbers([failed, end, other], failed.next_at) == [1, 3]
    assert numbers([arrived(failed, NOON), end]) == [2]


def test_who_takes_nothing_is_asked_with_a_few_messages_only() -> None:
    waiting = [delivery(number) for number in range(20)]
    now, tried = NOON, 0
    while now < NOON + timedelta(days=1):
        for item in due(waiting, now):
            waiting[item.number] = refused(item, DOWN, now)
            tried += 1
        now += timedelta(minutes=2)

    assert sum(item.attempts > 0 for item in waiting) == PROBES
    assert tried < 2 * PROBES * timedelta(days=1) / PAUSE_MAX
    # Back again: everything arrives, in order.
    taken = []
    for _ in range(30):
        now += timedelta(minutes=1)
        for item in due(waiting, now):
            waiting[item.number] = arrived(item, now)
            taken.append(item.number)
    assert sorted(taken) == list(range(20))


def test_pauses_double_up_to_a_bound_and_a_wish_of_the_receiver_is_heard() -> None:
    assert [pause_after(count) / FIRST_PAUSE for count in (1, 2, 3)] == [1, 2, 4]
    assert pause_after(10**9) == PAUSE_MAX
    asked = refused(delivery(1), Refused(error='busy', after=timedelta(minutes=5)), NOON)
    assert asked.next_at == NOON + timedelta(minutes=5)
    greedy = refused(delivery(1), Refused(error='busy', after=timedelta(days=99)), NOON)
    assert greedy.next_at == NOON + ASKED_MAX


@pytest.mark.parametrize(
    ('answer', 'now'),
    [(Refused(error='it answered 400', is_final=True), NOON), (DOWN, NOON + GIVEN_UP_AFTER)],
)
def test_what_cannot_be_delivered_is_given_up_and_kept(answer: Refused, now: datetime) -> None:
    found = refused(delivery(1), answer, now)

    assert (found.state, found.ended_at, found.error) == (DeliveryState.GIVEN_UP, now, answer.error)
    assert due([found], now + timedelta(days=9)) == []


def test_a_clock_that_was_set_back_keeps_nothing_waiting() -> None:
    then = NOON + timedelta(days=300)
    failed = refused(delivery(1, made_at=then), DOWN, then)

    assert numbers([failed], NOON) == [1]


def test_errors_and_what_waits_are_bounded() -> None:
    assert len(refused(delivery(1), Refused(error='x' * 9_999), NOON).error or '') == (
        ERROR_LENGTH_MAX
    )
    waiting = [delivery(number) for number in range(WAITING_MAX + 2)]
    given_up = too_many(waiting[::-1], NOON)
    assert [item.number for item in given_up] == [0, 1]
    assert {item.state for item in given_up} == {DeliveryState.GIVEN_UP}
    assert too_many(waiting[2:], NOON) == []
    assert replace(given_up[0], state=DeliveryState.WAITING).error


def test_what_a_receiver_that_hangs_has_never_taken_is_given_up_after_its_days() -> None:
    old, tried = delivery(1), delivery(2, error='it did not answer within 30 s')
    young = delivery(3, made_at=NOON + timedelta(days=1))

    given_up = too_old([old, tried, young], NOON + GIVEN_UP_AFTER)

    assert [item.number for item in given_up] == [1, 2]
    assert {item.state for item in given_up} == {DeliveryState.GIVEN_UP}
    assert given_up[0].error == 'the receiver hangs, and this has waited for 7 days'
    assert given_up[1].error == 'it did not answer within 30 s'
