"""Alerts of a dashboard in tests: what is open, acknowledged, muted, told and on its way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta

from synergy.core.alert_outbox import Delivery, Refused, arrived, refused
from synergy.core.alert_records import Alerts, Fact, Message, Mute, acknowledge
from synergy.core.alert_requests import AlertRequest, AlertRequestKind, AlertRequestState
from synergy.core.alert_rules import AlertKind, AlertName, AlertRule
from synergy.core.alerts import Seen, step
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.watching import AlertOutcome, WatchLease
from synergy.ports.store import Store
from synergy.view.alert_links import AlertLinks
from synergy.view.alert_texts import document_of
from tests.pipelines.pages import HOSTILE

NIGHT, QUIET = AlertName('night'), AlertName('quiet')
#: What is open and nobody sees to; what somebody does.
OPEN_GROUP, SEEN_GROUP = 'night/1', 'night/3'
SITE = 'https://synergy.example.com'


def facts(now: datetime) -> Sequence[Fact]:
    """Return what is wrong."""
    root = 'SiteHourly@2026112209'
    return [
        Fact(
            kind=AlertKind.HELD,
            subject=root,
            process=ProcessName('SiteHourly'),
            since=now - timedelta(hours=2),
            why=f'ValueError: {HOSTILE} is not a number, password=hush-hush',
            holds_up='SiteDaily@2026112200 and what depends on it',
            helps='./launch.py reprocess SiteHourly 2026112209',
            address='/i/SiteHourly/2026112209',
        ),
        Fact(
            kind=AlertKind.LATE,
            subject='SiteDaily@2026112200',
            process=ProcessName('SiteDaily'),
            since=now - timedelta(hours=1),
            cause=root,
            address='/i/SiteDaily/2026112200',
        ),
        Fact(
            kind=AlertKind.FAILED,
            subject='Shell::sweep',
            process=ProcessName('Shell::sweep'),
            since=now - timedelta(minutes=3),
            why='exit code 1',
            address='/freeruns/Shell::sweep',
        ),
    ]


def alerted(
    store: Store, rules: Sequence[AlertRule], links: AlertLinks, request_id: str
) -> WatchLease:
    """Give a store alerts, as Watch would, which holds the lease for long."""
    now = store.store_now()
    lease = store.watch('dev:4713', timedelta(days=1000))
    assert lease is not None
    mute = Mute(rule=QUIET, until=now + timedelta(hours=2), by='ann@10.0.0.7', reason=HOSTILE)
    before = Alerts(mutes=(mute,))
    memory, messages = step(before, Seen(facts=facts(now)), rules, now)
    memory, count = acknowledge(memory, SEEN_GROUP, 'ben@10.0.0.8', now)
    assert count == 1
    assert {alert.group for alert in memory.open} >= {OPEN_GROUP, SEEN_GROUP}
    deliveries = deliveries_of(messages, links, now)
    answer = Refused(error='it answered 503 Service Unavailable')
    deliveries[0] = arrived(deliveries[0], now)
    deliveries[1] = refused(deliveries[1], answer, now)
    deliveries[2] = refused(deliveries[2], replace(answer, is_final=True), now)
    memory = replace(memory, sent=deliveries[-1].number)
    store.insert_alert_request(
        AlertRequest(
            id=request_id,
            kind=AlertRequestKind.MUTE,
            named=QUIET,
            by=mute.by,
            at=now,
            until=mute.until,
            reason=HOSTILE,
            state=AlertRequestState.DONE,
            ended_at=now,
            outcome='muted',
        )
    )
    assert store.save_alerts(lease, 0, AlertOutcome(alerts=memory, deliveries=deliveries))
    return lease


def deliveries_of(messages: Sequence[Message], links: AlertLinks, now: datetime) -> list[Delivery]:
    """Return messages on their way to each receiver."""
    found: list[Delivery] = []
    for message in messages:
        link = links.address(SITE, message.group, now)
        found += [
            Delivery(
                number=len(found) + place,
                key=message.key,
                group=message.group,
                receiver=receiver.id,
                document=json.dumps(document_of(message, SITE, link)),
                made_at=now,
                next_at=now,
            )
            for place, receiver in enumerate(message.to, 1)
        ]
    return found
