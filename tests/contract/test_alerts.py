"""Alerts in a store: who watches, what is saved as one, deliveries, and what operators ask for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.alert_outbox import Delivery, Refused, arrived, refused
from synergy.core.alert_records import Alert, Alerts, Fact, Mute
from synergy.core.alert_requests import AlertRequest, AlertRequestKind, AlertRequestState
from synergy.core.alert_rules import AlertKind, AlertName
from synergy.core.structs import replace
from synergy.core.watching import AlertMemory, AlertOutcome, WatchLease
from synergy.ports.store import Store
from synergy.ports.store.alerts import ALERTS_CURSOR
from tests.contract.conftest import NOW

NIGHT = AlertName('night')
LEASE = timedelta(seconds=10)
HELD = Fact(kind=AlertKind.HELD, subject='A@1', since=NOW, why='ä\n"x')
KNOWN = Alerts(
    last=3,
    sent=2,
    alerts=(Alert(number=3, rule=NIGHT, fact=HELD, began_at=NOW),),
    mutes=(Mute(rule=NIGHT, until=NOW + LEASE, by='anna'),),
)


def delivery(number: int, **fields: Any) -> Delivery:
    given: dict[str, Any] = {
        'group': 'night/1',
        'receiver': 'mail',
        'next_at': NOW,
        'made_at': NOW,
    } | fields
    return Delivery(number=number, key=f'{given["group"]}/begin', document='{}', **given)


def asked(request_id: str, at: datetime = NOW, **fields: Any) -> AlertRequest:
    given: dict[str, Any] = {
        'kind': AlertRequestKind.ACK,
        'named': 'night/1',
        'by': 'anna',
    } | fields
    return AlertRequest(id=request_id, at=at, **given)


def watching(store: Store, owner: str = 'one') -> WatchLease:
    lease = store.watch(owner, LEASE)
    assert lease is not None
    return lease


def test_one_watches_at_a_time(store: Store, clock: SimulatedClock) -> None:
    assert store.watching() is None

    first = watching(store)
    assert (first.owner, first.term, first.until) == ('one', 1, NOW + LEASE)
    assert store.watch('two', LEASE) is None
    assert watching(store).term == 1
    assert store.watching() == first

    clock.advance(LEASE)
    second = watching(store, 'two')
    assert second.term == 2
    assert store.watch('one', LEASE) is None
    store.stop_watching(first)
    assert store.watching() == second
    store.stop_watching(second)
    assert watching(store).term == 3


def test_a_lease_given_by_a_clock_that_was_ahead_keeps_nobody_out(
    store: Store, clock: SimulatedClock
) -> None:
    clock.advance(timedelta(days=30))
    watching(store)
    clock.step(NOW)

    assert watching(store, 'two').term == 2


def test_what_a_look_comes_to_is_saved_as_one(
    store: Store, open_store: Callable[[], Store]
) -> None:
    lease = watching(store)
    assert store.alert_memory() == AlertMemory()
    store.insert_alert_request(asked('r1'))
    done = replace(asked('r1'), state=AlertRequestState.DONE, ended_at=NOW, outcome='1 alert')
    made = (delivery(1), delivery(2, receiver='hook'))

    outcome = AlertOutcome(alerts=KNOWN, deliveries=made, requests=(done,), cursor=7)
    assert store.save_alerts(lease, 0, outcome)

    other = open_store()
    assert other.alert_memory() == AlertMemory(rev=1, alerts=KNOWN)
    assert [*other.waiting_deliveries()] == [*made]
    assert other.count_waiting_deliveries() == {'mail': 1, 'hook': 1}
    assert other.alert_request('r1') == done
    assert [*other.open_alert_requests(9)] == []
    assert other.journal_cursor(ALERTS_CURSOR) == 7


def test_nothing_is_saved_of_one_who_no_longer_watches_or_has_looked_at_what_is_over(
    store: Store, clock: SimulatedClock
) -> None:
    lease = watching(store)
    assert store.save_alerts(lease, 0, AlertOutcome(alerts=KNOWN))
    further = AlertOutcome(alerts=Alerts(), deliveries=(delivery(1),), cursor=9)

    assert not store.save_alerts(lease, 0, further)
    assert not store.save_alerts(lease, 2, further)
    clock.advance(LEASE)
    assert not store.save_alerts(lease, 1, further)
    newer = watching(store, 'two')
    assert not store.save_alerts(lease, 1, further)

    assert store.alert_memory() == AlertMemory(rev=1, alerts=KNOWN)
    assert [*store.deliveries(9)] == []
    assert store.journal_cursor(ALERTS_CURSOR) is None
    assert store.save_alerts(newer, 1, further)


def test_what_is_remembered_stays_where_a_look_changes_nothing_of_it(store: Store) -> None:
    lease = watching(store)
    assert store.save_alerts(lease, 0, AlertOutcome(cursor=1))
    assert store.alert_memory() == AlertMemory(rev=1)
    assert store.save_alerts(lease, 1, AlertOutcome(alerts=KNOWN))
    assert store.save_alerts(lease, 2, AlertOutcome(cursor=2))

    assert store.alert_memory() == AlertMemory(rev=3, alerts=KNOWN)


def test_a_delivery_ends_once_and_its_attempts_only_grow(store: Store) -> None:
    first = delivery(1)
    assert store.save_alerts(watching(store), 0, AlertOutcome(deliveries=(first,)))
    tried = refused(first, Refused(error='HTTP 500'), NOW)
    tried_twice = refused(tried, Refused(error='HTTP 502'), NOW)

    assert store.save_delivery(tried)
    assert store.save_delivery(tried_twice)
    assert not store.save_delivery(tried)
    assert [*store.waiting_deliveries()] == [tried_twice]
    ended = arrived(tried_twice, NOW)
    assert store.save_delivery(ended)
    assert not store.save_delivery(refused(ended, Refused(error='late'), NOW))
    assert not store.save_delivery(delivery(2))

    assert [*store.waiting_deliveries()] == []
    assert store.count_waiting_deliveries() == {}
    assert [*store.deliveries(9)] == [ended]


def test_the_history_is_read_page_by_page_and_by_group(store: Store) -> None:
    made = [delivery(number, group=f'night/{number % 2}') for number in range(1, 6)]
    assert store.save_alerts(watching(store), 0, AlertOutcome(deliveries=made))

    assert [item.number for item in store.deliveries(2)] == [5, 4]
    assert [item.number for item in store.deliveries(2, before=4)] == [3, 2]
    assert [item.number for item in store.deliveries(9, group='night/1')] == [5, 3, 1]
    assert [item.number for item in store.deliveries(1, before=5, group='night/1')] == [3]


def test_what_is_asked_for_twice_is_one_request(store: Store) -> None:
    first = asked('b', kind=AlertRequestKind.MUTE, named='night', until=NOW + LEASE, reason='x')
    store.insert_alert_request(first)
    store.insert_alert_request(asked('b', named='x'))
    store.insert_alert_request(asked('a'))
    store.insert_alert_request(asked('c', at=NOW + LEASE))

    assert store.alert_request('b') == first
    assert store.alert_request('x') is None
    assert [item.id for item in store.open_alert_requests(9)] == ['a', 'b', 'c']
    assert [item.id for item in store.open_alert_requests(1)] == ['a']
    assert [item.id for item in store.alert_requests(2)] == ['c', 'a']
    assert [item.id for item in store.alert_requests(2, after=asked('a'))] == ['b']


def test_what_ended_long_ago_is_pruned(store: Store) -> None:
    later = NOW + timedelta(days=9)
    for request_id in ('old', 'new', 'open'):
        store.insert_alert_request(asked(request_id))
    ended = [replace(asked('old'), ended_at=NOW), replace(asked('new'), ended_at=later)]
    made = [delivery(1), delivery(2), delivery(3)]
    outcome = AlertOutcome(deliveries=made, requests=ended)
    assert store.save_alerts(watching(store), 0, outcome)
    store.save_delivery(arrived(made[0], NOW))
    store.save_delivery(arrived(made[1], later))

    assert store.prune_alerts(NOW + LEASE, 1) == 2
    assert store.prune_alerts(NOW + LEASE, 9) == 0

    assert [item.number for item in store.deliveries(9)] == [3, 2]
    assert [item.id for item in store.alert_requests(9)] == ['new', 'open']
