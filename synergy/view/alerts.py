"""Alerts as doors tell them: what is open and since when, who was told, and who is told of what.

What is remembered is Watch's; here it is only read. Receivers are named by what does not tell their
addresses (`Receiver.shown`), and nothing of a message is taken but its title.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, TypeAlias

import msgspec

from synergy.core.alert_outbox import Delivery, DeliveryState
from synergy.core.alert_records import Alert, Alerts, Message, MessageKind, Mute
from synergy.core.alert_requests import AlertRequest, AlertRequestKind
from synergy.core.alert_rules import AlertName, AlertRule, Receiver, Severity
from synergy.core.closed import closed_until
from synergy.core.structs import Struct
from synergy.ports.rows import Malformed
from synergy.ports.store.alerts import AlertReader
from synergy.view.alert_texts import title_of

#: Groups that are told one by one; how many there are is said beside.
GROUPS_MAX: Final = 200
#: Requests that have not ended, of which is told that they are on their way.
REQUESTS_MAX: Final = 100
_ID_SHOWN: Final = 6
#: Deliveries that are read at once, and how often for one page of the history.
_PAGE: Final = 1_000
_PAGES_MAX: Final = 20

Rules: TypeAlias = Sequence[AlertRule]


class OpenGroup(Struct, frozen=True, kw_only=True):
    """Alerts that are open and were told together; or will be, if `id` is None.

    title: what they say, in one line. since: when the first of it began. untold: why nobody was
    told yet. asked: for an acknowledgement that Watch has yet to take note of.
    """

    id: str | None
    rule: AlertName
    cause: str
    title: str
    alerts: Sequence[Alert]
    told_at: datetime | None = None
    reminders: int = 0
    untold: str | None = None
    asked: AlertRequest | None = None

    @property
    def since(self) -> datetime:
        """Return when the first of it began."""
        return min(alert.fact.since for alert in self.alerts)

    @property
    def severity(self) -> Severity:
        """Return how grave the gravest of it is."""
        return max(alert.fact.severity for alert in self.alerts)

    @property
    def acknowledged(self) -> Alert | None:
        """Return the alert of it that was acknowledged last, once all of them are."""
        ordered = [(item.acknowledged_at, item.number, item) for item in self.alerts]
        found = [(at, number, item) for at, number, item in ordered if at is not None]
        return max(found, key=lambda one: one[:2])[2] if len(found) == len(ordered) else None

    @property
    def is_waiting(self) -> bool:
        """Tell whether somebody was told, and nobody has said that they see to it."""
        return self.id is not None and self.acknowledged is None and self.asked is None


class RuleView(Struct, frozen=True, kw_only=True):
    """A rule, and how it stands. mute: that holds. quiet_until: its quiet hours hold until then."""

    rule: AlertRule
    mute: Mute | None
    quiet_until: datetime | None
    open_count: int


class Waiting(Struct, frozen=True, kw_only=True):
    """What is on its way to one receiver. error: of the last attempt that came to nothing."""

    receiver: str
    count: int
    since: datetime
    attempts: int
    next_at: datetime
    error: str | None


class AlertsView(Struct, frozen=True, kw_only=True):
    """All of it. watcher: who watches; None: nobody does, and nobody is told of anything.

    problem: why what is remembered cannot be read. open_count: of groups, of which the gravest and
    then the oldest are `open`.
    """

    watcher: str | None
    problem: str | None
    open: Sequence[OpenGroup]
    open_count: int
    rules: Sequence[RuleView]
    waiting: Sequence[Waiting]
    requests: Sequence[AlertRequest]


class ToldMessage(Struct, frozen=True, kw_only=True):
    """A delivery of the history. title: of the message. receiver: as people see it."""

    delivery: Delivery
    rule: str
    kind: str
    title: str
    receiver: str


class History(Struct, frozen=True, kw_only=True):
    """A page of it. cursor: what comes next is before this number; None: nothing does."""

    items: Sequence[ToldMessage]
    cursor: int | None = None


class _Head(Struct, frozen=True):
    """What is read of the document of a message."""

    title: str = ''
    alert: str = ''
    kind: str = ''


_head: Final = msgspec.json.Decoder(_Head).decode


def view_of(store: AlertReader, rules: Rules, now: datetime) -> AlertsView:
    """Return all of it. now: by the store's clock."""
    memory, problem = remembered(store)
    requests = store.open_alert_requests(REQUESTS_MAX)
    groups = open_groups(memory, rules, requests, now)
    counts: dict[str, int] = defaultdict(int)
    for group in groups:
        counts[group.rule] += 1
    return AlertsView(
        watcher=watcher_of(store, now),
        problem=problem,
        open=groups[:GROUPS_MAX],
        open_count=len(groups),
        rules=[_rule_view(rule, memory, counts[rule.name], now) for rule in rules],
        waiting=_waiting(store.waiting_deliveries(), shown_by_id(rules)),
        requests=requests,
    )


def remembered(store: AlertReader) -> tuple[Alerts, str | None]:
    """Return what is remembered, and why that cannot be read, if it cannot."""
    try:
        return store.alert_memory().alerts, None
    except Malformed as error:
        # Watch begins with nothing, too, and tells of what is wrong once more.
        return Alerts(), f'what is remembered of alerts cannot be read: {error}'


def watcher_of(store: AlertReader, now: datetime) -> str | None:
    """Return who watches; None: nobody does."""
    lease = store.watching()
    return lease.owner if lease is not None and lease.until > now else None


def open_groups(
    memory: Alerts, rules: Rules, requests: Iterable[AlertRequest], now: datetime
) -> Sequence[OpenGroup]:
    """Return what is open, by groups: what nobody sees to first, the gravest, then the oldest.

    What nobody was told of yet is taken together as it will be told.
    """
    asked = {request.named: request for request in requests if request.kind is AlertRequestKind.ACK}
    groups = {group.id: group for group in memory.groups}
    rule_by_name = {rule.name: rule for rule in rules}
    alerts_by: dict[tuple[AlertName, str | None, str], list[Alert]] = defaultdict(list)
    for alert in memory.open:
        group = groups.get(alert.group or '')
        cause = alert.fact.root if group is None else group.cause
        alerts_by[alert.rule, alert.group, cause].append(alert)
    found = []
    for (rule, group_id, cause), alerts in alerts_by.items():
        group = groups.get(group_id or '')
        found.append(
            OpenGroup(
                id=group_id,
                rule=rule,
                cause=cause,
                title=title_of_group(alerts, cause, now),
                alerts=alerts,
                told_at=None if group is None else group.told_at,
                reminders=0 if group is None else group.reminders,
                untold=_untold(rule_by_name.get(rule), memory, now) if group_id is None else None,
                asked=asked.get(group_id or '') or asked.get(rule),
            )
        )
    return sorted(found, key=_urgency)


def _urgency(group: OpenGroup) -> tuple[bool, int, datetime]:
    return not group.is_waiting, -group.severity, group.since


def unseen_count(store: AlertReader) -> int:
    """Return of how many messages about what is open nobody has said that they see to it."""
    memory, _ = remembered(store)
    waiting = {alert.group for alert in memory.open if alert.acknowledged_at is None}
    return len(waiting - {None})


def title_of_group(alerts: Sequence[Alert], cause: str | None, now: datetime) -> str:
    """Return what some alerts of one rule say, in one line."""
    return title_of(
        Message(
            key='',
            kind=MessageKind.BEGIN,
            rule=alerts[0].rule,
            group='',
            at=now,
            to=(),
            alerts=tuple(alerts),
            cause=cause,
        )
    )


def mute_of(memory: Alerts, rule: AlertName, now: datetime) -> Mute | None:
    """Return what keeps a rule from telling anything now."""
    return next((mute for mute in memory.mutes if mute.rule == rule and now < mute.until), None)


def groups_about(memory: Alerts, subject: str, rules: Rules, now: datetime) -> Sequence[OpenGroup]:
    """Return what is open of one subject, as of `SiteHourly@2026112309`."""
    mine = [alert for alert in memory.alerts if alert.fact.subject == subject]
    only = Alerts(alerts=tuple(mine), groups=memory.groups, mutes=memory.mutes)
    return open_groups(only, rules, (), now)


def shown_by_id(rules: Rules) -> Mapping[str, str]:
    """Return receivers as people see them, by their ids."""
    receivers = (one for rule in rules for one in (*rule.to, *rule.escalate_to))
    return {one.id: one.shown for one in receivers}


def receivers_said(receivers: Iterable[Receiver]) -> Sequence[str]:
    """Return receivers as people see them."""
    return [one.shown for one in receivers]


def history(
    store: AlertReader,
    rules: Rules,
    limit: int,
    before: int | None = None,
    named: str | None = None,
) -> History:
    """Return messages that were made, one for each receiver, the newest first.

    before: those with a smaller number. named: of a rule, or of a group, `night/12`.
    """
    group = named if named is not None and '/' in named else None
    shown, size = shown_by_id(rules), min(limit + 1, _PAGE)
    found: list[ToldMessage] = []
    for _ in range(_PAGES_MAX):
        rows = store.deliveries(size, before, group)
        for row in rows:
            if len(found) == limit:
                return History(items=found, cursor=before)
            before, told = row.number, _told(row, shown)
            if named in (None, group, told.rule):
                found.append(told)
        if len(rows) < size:
            return History(items=found)
    return History(items=found, cursor=before)


def _told(delivery: Delivery, shown: Mapping[str, str]) -> ToldMessage:
    try:
        head = _head(delivery.document)
    except (msgspec.DecodeError, ValueError):
        head = _Head(title='a message that cannot be read')
    return ToldMessage(
        delivery=delivery,
        rule=head.alert or delivery.group.rpartition('/')[0],
        kind=head.kind,
        title=head.title,
        receiver=_shown(delivery.receiver, shown),
    )


def _shown(receiver: str, shown: Mapping[str, str]) -> str:
    # It stands in context.py no longer: nobody knows of what kind it was.
    return shown.get(receiver, f'gone:{receiver[:_ID_SHOWN]}')


def _rule_view(rule: AlertRule, memory: Alerts, open_count: int, now: datetime) -> RuleView:
    return RuleView(
        rule=rule,
        mute=mute_of(memory, rule.name, now),
        quiet_until=closed_until(rule.quiet_hours, now) if rule.quiet_hours else None,
        open_count=open_count,
    )


def _untold(rule: AlertRule | None, memory: Alerts, now: datetime) -> str:
    """Return why nobody was told of what is open."""
    if rule is None:
        return 'its alert stands in context.py no longer'
    if (mute := mute_of(memory, rule.name, now)) is not None:
        return f'muted until {mute.until:%Y-%m-%d %H:%M} UTC by {mute.by}'
    if rule.quiet_hours and (until := closed_until(rule.quiet_hours, now)) is not None:
        return f'quiet hours until {until:%Y-%m-%d %H:%M} UTC'
    return 'waits for more of the same cause, to be told as one message'


def _waiting(deliveries: Iterable[Delivery], shown: Mapping[str, str]) -> Sequence[Waiting]:
    by_receiver: dict[str, list[Delivery]] = defaultdict(list)
    for delivery in deliveries:
        if delivery.state is DeliveryState.WAITING:
            by_receiver[delivery.receiver].append(delivery)
    found = []
    for receiver, mine in by_receiver.items():
        tried = max(mine, key=lambda delivery: delivery.attempts)
        found.append(
            Waiting(
                receiver=_shown(receiver, shown),
                count=len(mine),
                since=min(delivery.made_at for delivery in mine),
                attempts=tried.attempts,
                next_at=min(delivery.next_at for delivery in mine),
                error=tried.error,
            )
        )
    return sorted(found, key=lambda waiting: waiting.since)
