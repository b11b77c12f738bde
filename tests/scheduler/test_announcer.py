"""Ringing for units: now, or when they may be claimed; nothing is lost while the broker is away."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

import pytest

from synergy.core.effects import Announce
from synergy.core.records import ProcessName, UowId
from synergy.ports.broker import Broker, Confirmation, Message
from synergy.ports.errors import BrokerUnavailable
from synergy.scheduler.announcer import Announcer
from tests.builders import instant
from tests.scheduler.scheduler_harness import route_of

NOW = instant('2026112312')
HOURLY = ProcessName('SiteHourly')


class Bell:
    """A broker of which only the publishing is used, and which may be away.

    fails_at_once: that it is away is known before its confirmation is waited for.
    """

    def __init__(self) -> None:
        self.is_away = False
        self.fails_at_once = False
        self.rung: list[Message] = []

    def begin(self, messages: Sequence[Message]) -> Confirmation:
        def confirm() -> None:
            if self.is_away:
                raise BrokerUnavailable('away')

        if self.fails_at_once:
            confirm()
        self.rung += [] if self.is_away else messages
        return confirm

    @property
    def uow_ids(self) -> list[object]:
        return [message.body['uow'] for message in self.rung]


@pytest.fixture
def bell() -> Bell:
    return Bell()


@pytest.fixture
def announcer(bell: Bell) -> Announcer:
    return Announcer(cast('Broker', bell), route_of)  # A bell is as much of a broker as is asked.


def announce(name: str, not_before: datetime | None = None) -> Announce:
    return Announce(uow_id=UowId(name), process=HOURLY, not_before=not_before)


def test_a_unit_is_rung_for_once_at_the_route_of_its_process(
    announcer: Announcer, bell: Bell
) -> None:
    announcer.add([announce('a'), announce('a')], NOW)

    assert announcer.ring(NOW) == ()
    assert announcer.ring(NOW) == [announce('a')]
    assert announcer.confirm() == ()

    assert bell.rung == [Message(route_of(HOURLY), {'uow': 'a'})]


def test_a_unit_that_may_be_claimed_later_is_rung_for_then(
    announcer: Announcer, bell: Bell
) -> None:
    later = NOW + timedelta(seconds=20)
    announcer.add([announce('later', later), announce('now')], NOW)

    announcer.ring(NOW)
    assert bell.uow_ids == ['now']
    assert announcer.next_at == later
    assert announcer.ring_at_once(later) == [announce('now'), announce('later', later)]

    assert bell.uow_ids == ['now', 'later']
    assert announcer.next_at is None


@pytest.mark.parametrize('fails_at_once', [True, False])
def test_what_a_broker_that_is_away_did_not_take_is_rung_when_it_is_back(
    announcer: Announcer, bell: Bell, fails_at_once: bool
) -> None:
    announcer.add([announce('a')], NOW)
    bell.is_away, bell.fails_at_once = True, fails_at_once

    assert announcer.ring_at_once(NOW) == []
    assert announcer.is_stuck
    bell.is_away = False
    announcer.add([announce('b')], NOW)
    assert announcer.ring_at_once(NOW + timedelta(seconds=5)) == [announce('a'), announce('b')]

    assert not announcer.is_stuck
    assert bell.uow_ids == ['a', 'b']


def test_the_confirmation_of_one_ring_is_waited_for_by_the_next(
    announcer: Announcer, bell: Bell
) -> None:
    announcer.add([announce('a')], NOW)
    assert announcer.ring(NOW) == ()
    bell.is_away = True
    announcer.add([announce('b')], NOW)

    assert announcer.ring(NOW) == (), 'the first was not confirmed, nor is the second'
    assert announcer.confirm() == ()
    assert announcer.is_stuck
    bell.is_away = False

    assert {item.uow_id for item in announcer.ring_at_once(NOW)} == {'a', 'b'}


def test_nothing_is_left_to_ring_after_forgetting(announcer: Announcer, bell: Bell) -> None:
    announcer.add([announce('a'), announce('b', NOW + timedelta(seconds=20))], NOW)

    announcer.forget()
    announcer.ring(NOW + timedelta(days=1))

    assert bell.rung == []
    assert announcer.next_at is None


def test_processes_that_share_a_queue_are_rung_for_by_turns(bell: Bell) -> None:
    announcer = Announcer(cast('Broker', bell), route_of, takes_turns=True)
    names = ('Many', 'Many', 'Many', 'Feed::one', 'Feed::two', 'Few')
    announcer.add(
        [
            Announce(uow_id=UowId(f'{name}{number}'), process=ProcessName(name), not_before=None)
            for number, name in enumerate(names)
        ],
        NOW,
    )

    announcer.ring(NOW)

    assert bell.uow_ids == ['Many0', 'Feed::one3', 'Few5', 'Many1', 'Feed::two4', 'Many2']
