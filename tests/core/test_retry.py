"""Failures of the work and losses of workers count apart, each up to a limit of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synergy.core.effects import MoveUnit
from synergy.core.events import Expired, Reported, TooOld
from synergy.core.records import RetryPolicy, Unit, uow_id_of
from synergy.core.retry import attempt_text, failed_attempt
from synergy.core.states import UnitState
from synergy.core.structs import replace
from tests.builders import instant, key

NOW = instant('2026112306')
HOUR = key('SiteHourly@2026112300')


def unit_of(**fields: object) -> Unit:
    unit = Unit(
        id=uow_id_of(HOUR, 1), process=HOUR.process, timeperiod=HOUR.timeperiod,
        start=HOUR.timeperiod, end=HOUR.timeperiod.shift(1), run=1, created_at=NOW, owner='w',
    )  # fmt: skip
    return replace(unit, **fields)  # type: ignore[arg-type]


@given(
    max_attempts=st.integers(1, 6),
    max_lost=st.integers(1, 6),
    losses=st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_a_unit_ends_with_the_failure_or_the_loss_that_is_one_too_many(
    max_attempts: int, max_lost: int, losses: list[bool]
) -> None:
    policy = RetryPolicy(max_attempts=max_attempts, max_lost=max_lost)
    unit = unit_of()
    failed = lost = 0

    for is_lost in losses:
        at_work = replace(unit, state=UnitState.IN_PROGRESS)
        event = Expired(at_work) if is_lost else Reported(replace(unit, state=UnitState.INVALID))
        failed, lost = failed + (not is_lost), lost + is_lost
        found = failed_attempt(event, policy, NOW)
        move = cast(MoveUnit, found.effects(NOW).saves[0])

        is_last = failed == max_attempts or lost == max_lost
        assert found.is_lost is is_lost
        assert (found.next_at is None) is is_last
        assert found.lost_count == lost
        if is_last:
            assert move.to_state is UnitState.DEAD
            assert found.is_failure
            assert failed + lost <= max_attempts + max_lost - 1
            return
        assert (move.to_state, move.attempt) == (UnitState.REQUESTED, failed + lost + 1)
        assert found.is_failure is not is_lost
        unit = replace(unit, attempt=failed + lost + 1, lost_count=lost)
    raise AssertionError('it goes on for ever')


def test_the_delay_grows_with_failures_and_not_with_losses() -> None:
    policy = RetryPolicy(max_attempts=9, delay=timedelta(seconds=10))
    one = Reported(unit_of(attempt=1, state=UnitState.INVALID))
    other = Reported(unit_of(attempt=4, lost_count=3, state=UnitState.INVALID))

    for event in (one, other):
        at = failed_attempt(event, policy, NOW).next_at
        assert at is not None
        assert timedelta(seconds=10) <= at - NOW <= timedelta(seconds=12)


@pytest.mark.parametrize(
    ('state', 'is_lost'), [(UnitState.IN_PROGRESS, True), (UnitState.INVALID, False)]
)
def test_what_lasted_too_long_is_lost_if_its_worker_fell_silent(
    state: UnitState, *, is_lost: bool
) -> None:
    found = failed_attempt(TooOld(unit_of(state=state), 'too old'), RetryPolicy(), NOW)

    assert (found.is_lost, found.is_failure, found.next_at) == (is_lost, True, None)


@pytest.mark.parametrize(
    ('attempt', 'lost', 'text'),
    [(1, 0, 'attempt 1 of 1'), (2, 1, 'attempt 2 of 2, lost 1 of 5')],
)
def test_an_attempt_says_how_many_were_lost(attempt: int, lost: int, text: str) -> None:
    policy = RetryPolicy(max_attempts=1)

    assert attempt_text(unit_of(attempt=attempt, lost_count=lost), policy) == text


def test_the_last_loss_says_what_to_look_for() -> None:
    last = unit_of(attempt=5, lost_count=4, state=UnitState.IN_PROGRESS)
    only = unit_of(state=UnitState.IN_PROGRESS)

    found = failed_attempt(Expired(last), RetryPolicy(max_attempts=1), NOW)
    once = failed_attempt(Expired(only), RetryPolicy(max_lost=1), NOW)

    assert str(found) == (
        'attempt 5 of 5 lost its worker (5 of 5): lease of w ran out; its worker was lost 5 times '
        '(max_lost), killed or without memory, or its box was gone: what the run does may end its '
        'worker'
    )
    assert once.error == 'lease of w ran out; max_lost is 1, so it is not started again'
