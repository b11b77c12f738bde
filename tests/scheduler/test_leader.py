"""The right to lead: taken, renewed in time, trusted no longer than is certain, given up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.scheduler.leader import ASK_SHARE, RENEW_SHARE, TRUST_SHARE, Leader
from tests.builders import instant

LEASE = timedelta(seconds=60)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(instant('2026112312'))


@pytest.fixture
def store(tmp_path: Path, clock: SimulatedClock) -> Iterator[SqliteStore]:
    with closing(SqliteStore.open(tmp_path / 'store.db', clock=clock)) as found:
        yield found


def leader(store: SqliteStore, clock: SimulatedClock, owner: str = 'one') -> Leader:
    return Leader(store, clock, owner, LEASE)


def test_nobody_leads_before_it_has_asked(store: SqliteStore, clock: SimulatedClock) -> None:
    one = leader(store, clock)

    assert one.leadership is None
    assert not one.is_trusted
    assert store.leadership() is None


def test_a_lease_is_renewed_within_its_term_when_that_is_due(
    store: SqliteStore, clock: SimulatedClock
) -> None:
    one = leader(store, clock)
    assert one.hold()
    held = one.leadership
    assert held is not None
    assert one.seconds_to_renewal == LEASE.total_seconds() * RENEW_SHARE

    assert not one.hold(), 'nothing is due yet'
    clock.advance(LEASE * RENEW_SHARE)
    assert one.seconds_to_renewal == 0.0
    assert not one.hold(), 'the term is the old one'

    assert one.leadership is not None
    assert one.leadership.term == held.term
    assert one.seconds_to_renewal > 0


def test_a_lease_is_trusted_less_long_than_it_lasts(
    store: SqliteStore, clock: SimulatedClock
) -> None:
    one = leader(store, clock)
    one.hold()

    clock.advance(LEASE * (TRUST_SHARE - 0.01))
    assert one.is_trusted
    clock.advance(LEASE * 0.02)

    assert not one.is_trusted


def test_of_two_one_leads_and_the_other_asks_more_often(
    store: SqliteStore, clock: SimulatedClock
) -> None:
    one, two = leader(store, clock), leader(store, clock, 'two')
    assert one.hold()

    assert not two.hold()

    assert two.leadership is None
    assert two.seconds_to_renewal == LEASE.total_seconds() * ASK_SHARE


def test_one_that_slept_through_its_lease_finds_another_leading(
    store: SqliteStore, clock: SimulatedClock
) -> None:
    one, two = leader(store, clock), leader(store, clock, 'two')
    one.hold()
    clock.advance(LEASE * 1.1)
    assert two.hold()

    assert not one.hold()

    assert one.leadership is None
    assert two.leadership is not None
    assert two.leadership.term == 2


def test_after_a_resignation_another_leads_at_once(
    store: SqliteStore, clock: SimulatedClock
) -> None:
    one, two = leader(store, clock), leader(store, clock, 'two')
    one.hold()

    one.resign()
    one.resign()

    assert one.leadership is None
    assert two.hold()
