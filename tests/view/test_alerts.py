"""Alerts as doors tell them: the order, why nobody was told, and what cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from synergy.core.alert_outbox import Delivery
from synergy.core.alert_records import Alert, Alerts, Fact, Group, Mute
from synergy.core.alert_requests import AlertRequest, AlertRequestKind
from synergy.core.alert_rules import AlertKind, AlertName, AlertRule, Receiver
from synergy.core.closed import parse
from synergy.core.structs import replace
from synergy.core.watching import AlertMemory, WatchLease
from synergy.ports.rows import Malformed
from synergy.view.alert_documents import encode_alerts
from synergy.view.alerts import groups_about, history, open_groups, unseen_count, view_of
from tests.builders import instant

NOW = instant('202611290700')
NIGHT = AlertName('night')
HUSH = 'hooks://Geheim@a.example/'
RULE = AlertRule(name=NIGHT, on=frozenset(AlertKind), to=(Receiver(HUSH),))


class Kept:
    """A store of what tests give. memory: None cannot be read."""

    def __init__(
        self,
        memory: Alerts | None = None,
        deliveries: Sequence[Delivery] = (),
        requests: Sequence[AlertRequest] = (),
        until: datetime = NOW + timedelta(seconds=1),
    ) -> None:
        self._memory, self._deliveries, self._requests = memory, deliveries, requests
        self._lease = WatchLease(owner='dev:1', term=1, until=until)

    def watching(self) -> WatchLease | None:
        return self._lease

    def alert_memory(self) -> AlertMemory:
        if self._memory is None:
            raise Malformed('text = ...: not what is remembered')
        return AlertMemory(rev=1, alerts=self._memory)

    def waiting_deliveries(self) -> Sequence[Delivery]:
        return [item for item in self._deliveries if item.ended_at is None]

    def count_waiting_deliveries(self) -> Mapping[str, int]:
        raise AssertionError

    def deliveries(
        self, limit: int, before: int | None = None, group: str | None = None
    ) -> Sequence[Delivery]:
        found = [
            item
            for item in sorted(self._deliveries, key=lambda item: -item.number)
            if (before is None or item.number < before) and group in (None, item.group)
        ]
        return found[:limit]

    def alert_request(self, request_id: str) -> AlertRequest | None:
        raise AssertionError(request_id)

    def open_alert_requests(self, limit: int) -> Sequence[AlertRequest]:
        return self._requests[:limit]

    def alert_requests(
        self, limit: int, after: AlertRequest | None = None
    ) -> Sequence[AlertRequest]:
        raise AssertionError(limit, after)


def alert(
    number: int, kind: AlertKind, subject: str, group: str | None = None, minutes: int = 0
) -> Alert:
    since = NOW - timedelta(minutes=minutes)
    fact = Fact(kind=kind, subject=subject, since=since)
    return Alert(number=number, rule=NIGHT, fact=fact, began_at=since, group=group)


def group_of(number: int, cause: str) -> Group:
    return Group(id=f'night/{number}', rule=NIGHT, cause=cause, told_at=NOW)


def delivery(number: int, rule: str = 'night', receiver: str = RULE.to[0].id) -> Delivery:
    return Delivery(
        number=number,
        key=f'{rule}/{number}/begin',
        group=f'{rule}/{number}',
        receiver=receiver,
        document=f'{{"title": "T{number}", "alert": "{rule}", "kind": "begin"}}',
        made_at=NOW,
        next_at=NOW,
    )


def test_what_nobody_sees_to_comes_first_the_gravest_and_then_the_oldest() -> None:
    seen = replace(alert(1, AlertKind.NO_LEADER, 'leader', 'night/1', 90), acknowledged_at=NOW)
    memory = Alerts(
        alerts=(
            seen,
            alert(2, AlertKind.CALENDAR_ENDS, 'bavaria', 'night/2', 80),
            alert(3, AlertKind.HELD, 'A@1', 'night/3', 5),
            alert(4, AlertKind.HELD, 'B@1', 'night/4', 10),
            alert(5, AlertKind.LEADER_STUCK, 'leader', None, 1),
        ),
        groups=tuple(group_of(number, 'x') for number in (1, 2, 3, 4)),
    )

    found = open_groups(memory, [RULE], [], NOW)

    assert [item.id for item in found] == ['night/4', 'night/3', 'night/2', 'night/1', None]
    assert [item.is_waiting for item in found] == [True, True, True, False, False]
    assert unseen_count(Kept(memory)) == 3


def test_an_acknowledgement_that_waits_for_watch_is_told() -> None:
    memory = Alerts(
        alerts=(alert(1, AlertKind.HELD, 'A@1', 'night/1'),), groups=(group_of(1, 'A@1'),)
    )
    for named in ('night/1', 'night'):
        asked = AlertRequest(id='r', kind=AlertRequestKind.ACK, named=named, by='a', at=NOW)
        (found,) = open_groups(memory, [RULE], [asked], NOW)
        assert (found.asked, found.is_waiting) == (asked, False)
    mute = AlertRequest(id='r', kind=AlertRequestKind.MUTE, named='night', by='a', at=NOW)
    (found,) = open_groups(memory, [RULE], [mute], NOW)
    assert found.is_waiting


@pytest.mark.parametrize(
    ('rule', 'mutes', 'told'),
    [
        (RULE, (), 'waits for more of the same cause'),
        (
            replace(RULE, quiet_hours=(parse('06:00-09:00', UTC),)),
            (),
            'quiet hours until 2026-11-29 09:00 UTC',
        ),
        (
            RULE,
            (Mute(rule=NIGHT, until=NOW + timedelta(hours=1), by='anna@here'),),
            'muted until 2026-11-29 08:00 UTC by anna@here',
        ),
        (RULE, (Mute(rule=NIGHT, until=NOW, by='anna@here'),), 'waits for more'),
        (replace(RULE, name=AlertName('other')), (), 'stands in context.py no longer'),
    ],
)
def test_why_nobody_was_told_yet(rule: AlertRule, mutes: tuple[Mute, ...], told: str) -> None:
    memory = Alerts(alerts=(alert(1, AlertKind.HELD, 'A@1'),), mutes=mutes)

    (found,) = open_groups(memory, [rule], [], NOW)

    assert found.untold is not None
    assert told in found.untold


def test_what_is_open_of_one_interval() -> None:
    memory = Alerts(
        alerts=(
            alert(1, AlertKind.HELD, 'A@1', 'night/1'),
            alert(2, AlertKind.HELD, 'A@12', 'night/1'),
            replace(alert(3, AlertKind.LATE, 'A@1', 'night/3'), ended_at=NOW),
        ),
        groups=(group_of(1, 'A@1'),),
    )

    (found,) = groups_about(memory, 'A@1', [RULE], NOW)

    assert [item.number for item in found.alerts] == [1]


def test_the_history_finds_the_messages_of_one_alert_among_many() -> None:
    made = [delivery(number, 'night' if number % 50 == 0 else 'day') for number in range(1, 3001)]
    store, seen, before = Kept(Alerts(), made), list[int](), None

    for _ in range(100):
        page = history(store, [RULE], 7, before, 'night')
        seen += [item.delivery.number for item in page.items]
        before = page.cursor
        if before is None:
            break

    assert seen == list(range(3000, 0, -50))
    assert [item.title for item in history(store, [RULE], 2).items] == ['T3000', 'T2999']
    assert [item.delivery.number for item in history(store, [RULE], 9, None, 'day/7').items] == [7]


def test_a_receiver_that_has_left_the_context_and_a_document_that_cannot_be_read() -> None:
    gone = replace(delivery(1, receiver='0123456789abcdef'), document='{')

    (told,) = history(Kept(Alerts(), [gone]), [RULE], 9).items

    assert (told.receiver, told.rule) == ('gone:012345', 'night')
    assert told.title == 'a message that cannot be read'


def test_what_cannot_be_read_is_said_and_the_rest_is_told() -> None:
    view = view_of(Kept(None, [delivery(1)]), [RULE], NOW)

    assert view.problem is not None
    assert 'cannot be read' in view.problem
    assert (view.watcher, view.open_count) == ('dev:1', 0)
    assert [item.receiver for item in view.waiting] == [RULE.to[0].shown]
    assert 'Geheim' not in str(encode_alerts(view, None))
    assert unseen_count(Kept(None)) == 0


def test_a_lease_that_is_over_means_that_nobody_watches() -> None:
    assert view_of(Kept(Alerts(), until=NOW), [RULE], NOW).watcher is None
