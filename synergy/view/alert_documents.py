"""Alerts as the API and `--json` tell them; no address of a receiver is among it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, TypedDict

from synergy.core.alert_records import Alert
from synergy.core.alert_requests import AlertRequest
from synergy.core.alert_rules import AlertRule
from synergy.core.redaction import redacted_text
from synergy.view.alerts import (
    AlertsView,
    OpenGroup,
    RuleView,
    ToldMessage,
    Waiting,
    receivers_said,
    title_of_group,
)
from synergy.view.encode import instant

#: Alerts of a group that are told one by one.
ALERTS_MAX: Final = 100
_MINUTE: Final = timedelta(minutes=1)


class AlertDocument(TypedDict):
    """One alert that is open. said: in a sentence. address: of a page of the dashboard."""

    number: int
    condition: str
    severity: str
    subject: str
    process: str | None
    said: str
    since: str | None
    why: str | None
    holds_up: str | None
    helps: str | None
    address: str


class AlertGroupDocument(TypedDict):
    """Alerts that were told together. id: what to acknowledge; null: nobody was told yet.

    untold: why not. count: of its alerts, the first of which are `alerts`. acknowledged_at: once
    all of them are. acknowledgement: `asked` while Watch has yet to take note of one.
    """

    id: str | None
    alert: str
    severity: str
    title: str
    cause: str
    since: str | None
    told_at: str | None
    reminders: int
    untold: str | None
    acknowledgement: str | None
    acknowledged_at: str | None
    acknowledged_by: str | None
    count: int
    alerts: Sequence[AlertDocument]


class AlertRuleDocument(TypedDict):
    """A rule of `alert_context`. on: conditions. scopes: of what; none: of everything.

    to, escalate_to: receivers without their addresses. quiet_until: if its quiet hours hold now.
    open: how many groups of it are open.
    """

    alert: str
    on: Sequence[str]
    scopes: Sequence[str]
    to: Sequence[str]
    escalate_to: Sequence[str]
    escalate_after_minutes: float | None
    group_minutes: float
    quiet_hours: Sequence[str]
    piercing: Sequence[str]


class AlertStandingDocument(AlertRuleDocument):
    """A rule, and how it stands now."""

    muted_until: str | None
    muted_by: str | None
    mute_reason: str | None
    quiet_until: str | None
    open: int


class AlertWaitingDocument(TypedDict):
    """What is on its way to one receiver. error: of the last attempt that came to nothing."""

    receiver: str
    count: int
    since: str | None
    attempts: int
    next_at: str | None
    error: str | None


class AlertRequestDocument(TypedDict):
    """What somebody has asked of Watch. state: waiting, done or refused; outcome: in a sentence."""

    id: str
    kind: str
    alert: str
    until: str | None
    by: str
    reason: str | None
    at: str | None
    state: str
    ended_at: str | None
    outcome: str | None


class AlertsDocument(TypedDict):
    """All of it. watcher: who tells people; null: nobody does. problem: what cannot be read.

    open_count: of groups, the first of which are `open`. requests: those that Watch has yet to do.
    """

    at: str | None
    watcher: str | None
    problem: str | None
    open_count: int
    open: Sequence[AlertGroupDocument]
    rules: Sequence[AlertStandingDocument]
    waiting: Sequence[AlertWaitingDocument]
    requests: Sequence[AlertRequestDocument]


class AlertDeliveryDocument(TypedDict):
    """A message on its way to one receiver, or there. kind: begin, reminder, end or test.

    state: waiting, arrived or given_up. error: of the last attempt that came to nothing.
    """

    number: int
    alert: str
    group: str
    kind: str
    title: str
    receiver: str
    made_at: str | None
    state: str
    attempts: int
    next_at: str | None
    ended_at: str | None
    error: str | None


def encode_alerts(view: AlertsView, at: str | None) -> AlertsDocument:
    """Return all of it. at: as of when."""
    return {
        'at': at,
        'watcher': view.watcher,
        'problem': _shown(view.problem),
        'open_count': view.open_count,
        'open': [encode_group(group) for group in view.open],
        'rules': [_encode_standing(item) for item in view.rules],
        'waiting': [_encode_waiting(item) for item in view.waiting],
        'requests': [encode_request(item) for item in view.requests],
    }


def encode_group(group: OpenGroup) -> AlertGroupDocument:
    """Return alerts that are open and were told together."""
    last = group.acknowledged
    return {
        'id': group.id,
        'alert': group.rule,
        'severity': group.severity.word,
        'title': group.title,
        'cause': redacted_text(group.cause),
        'since': instant(group.since),
        'told_at': instant(group.told_at),
        'reminders': group.reminders,
        'untold': _shown(group.untold),
        'acknowledgement': 'acknowledged' if last else 'asked' if group.asked else None,
        'acknowledged_at': None if last is None else instant(last.acknowledged_at),
        'acknowledged_by': None if last is None else _shown(last.acknowledged_by),
        'count': len(group.alerts),
        'alerts': [_encode_alert(alert) for alert in group.alerts[:ALERTS_MAX]],
    }


def encode_rule(rule: AlertRule) -> AlertRuleDocument:
    """Return a rule as it is written, without the addresses of its receivers."""
    return {
        'alert': rule.name,
        'on': sorted(kind.value for kind in rule.on),
        'scopes': [str(scope) for scope in rule.scopes],
        'to': receivers_said(rule.to),
        'escalate_to': receivers_said(rule.escalate_to),
        'escalate_after_minutes': None
        if rule.escalate_after is None
        else rule.escalate_after / _MINUTE,
        'group_minutes': rule.group / _MINUTE,
        'quiet_hours': [hours.text for hours in rule.quiet_hours],
        'piercing': sorted(kind.value for kind in rule.piercing),
    }


def encode_request(request: AlertRequest) -> AlertRequestDocument:
    """Return what somebody has asked of Watch."""
    return {
        'id': request.id,
        'kind': request.kind.value,
        'alert': request.named,
        'until': instant(request.until),
        'by': request.by,
        'reason': _shown(request.reason or None),
        'at': instant(request.at),
        'state': request.state.value,
        'ended_at': instant(request.ended_at),
        'outcome': _shown(request.outcome),
    }


def encode_told(told: ToldMessage) -> AlertDeliveryDocument:
    """Return a message to one receiver."""
    delivery = told.delivery
    return {
        'number': delivery.number,
        'alert': told.rule,
        'group': delivery.group,
        'kind': told.kind,
        'title': redacted_text(told.title),
        'receiver': told.receiver,
        'made_at': instant(delivery.made_at),
        'state': delivery.state.value,
        'attempts': delivery.attempts,
        'next_at': None if delivery.ended_at is not None else instant(delivery.next_at),
        'ended_at': instant(delivery.ended_at),
        'error': _shown(delivery.error),
    }


def _encode_alert(alert: Alert) -> AlertDocument:
    fact = alert.fact
    return {
        'number': alert.number,
        'condition': fact.kind.value,
        'severity': fact.severity.word,
        'subject': redacted_text(fact.subject),
        'process': fact.process,
        'said': title_of_group([alert], None, alert.began_at),
        'since': instant(fact.since),
        'why': _shown(fact.why),
        'holds_up': _shown(fact.holds_up),
        'helps': _shown(fact.helps),
        'address': fact.address,
    }


def _encode_standing(view: RuleView) -> AlertStandingDocument:
    mute = view.mute
    return {
        **encode_rule(view.rule),
        'muted_until': None if mute is None else instant(mute.until),
        'muted_by': None if mute is None else _shown(mute.by),
        'mute_reason': None if mute is None else _shown(mute.reason or None),
        'quiet_until': instant(view.quiet_until),
        'open': view.open_count,
    }


def _encode_waiting(waiting: Waiting) -> AlertWaitingDocument:
    return {
        'receiver': waiting.receiver,
        'count': waiting.count,
        'since': instant(waiting.since),
        'attempts': waiting.attempts,
        'next_at': instant(waiting.next_at),
        'error': _shown(waiting.error),
    }


def _shown(text: str | None) -> str | None:
    return None if text is None else redacted_text(text)
