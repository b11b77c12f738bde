"""What is known of alerts: facts, what rules make of them, what was told, and messages.

All of it is plain values, so that it can be stored as a whole and read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from synergy.core.alert_rules import CONDITIONS, AlertKind, AlertName, Receiver, Severity
from synergy.core.records import ProcessName
from synergy.core.structs import Struct, replace


class Fact(Struct, frozen=True, kw_only=True):
    """Something that is so.

    subject: what it is about, `SiteHourly@2026112309`; of one kind it is one fact. process: its
    process or the whole name of its free run; None: it concerns no single one. since: when it
    began, for one that went and came back again, when it came back. cause: the subject of its root
    cause; None: it is its own. why, holds_up, helps: for people. address: of a page.
    """

    kind: AlertKind
    subject: str
    process: ProcessName | None = None
    since: datetime
    cause: str | None = None
    why: str | None = None
    holds_up: str | None = None
    helps: str | None = None
    address: str = '/'

    @property
    def root(self) -> str:
        """Return the subject of its root cause."""
        return self.subject if self.cause is None else self.cause

    @property
    def is_moment(self) -> bool:
        """Tell whether it is over as soon as it is there."""
        return CONDITIONS[self.kind].is_moment

    @property
    def severity(self) -> Severity:
        """Return how grave it is."""
        return CONDITIONS[self.kind].severity


class Alert(Struct, frozen=True, kw_only=True):
    """A fact that a rule covers.

    number: in the order in which alerts began. fact: as it was last seen. began_at, ended_at: when
    that was seen. group: with which it was told; None: it has yet to be. is_unwatched: it ended for
    the rule covers it no longer.
    """

    number: int
    rule: AlertName
    fact: Fact
    began_at: datetime
    ended_at: datetime | None = None
    group: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    is_unwatched: bool = False

    @property
    def is_open(self) -> bool:
        """Tell whether it is not over."""
        return self.ended_at is None

    @property
    def id(self) -> AlertId:
        """Return what it is about; there is one open alert of each."""
        return AlertId(self.rule, self.fact.kind, self.fact.subject)


class AlertId(NamedTuple):
    """A rule, and a fact by its kind and subject."""

    rule: AlertName
    kind: AlertKind
    subject: str


class Group(Struct, frozen=True, kw_only=True):
    """Alerts that were told together. told_at: when the last message of it was made."""

    id: str
    rule: AlertName
    cause: str
    told_at: datetime
    reminders: int = 0


class Told(Struct, frozen=True, kw_only=True):
    """That a rule told of a beginning. causes: of which root causes. is_critical: of something."""

    rule: AlertName
    causes: tuple[str, ...]
    at: datetime
    is_critical: bool


class Mute(Struct, frozen=True, kw_only=True):
    """Nothing of a rule is told until then."""

    rule: AlertName
    until: datetime
    by: str
    reason: str = ''


class Alerts(Struct, frozen=True, kw_only=True):
    """All that is remembered.

    last: the number of the newest alert there has been. told: beginnings of late. moments: what
    happened once, and when it was dealt with. mutes: those that hold. sent: the number of the
    newest delivery there has been.
    """

    last: int = 0
    alerts: tuple[Alert, ...] = ()
    groups: tuple[Group, ...] = ()
    told: tuple[Told, ...] = ()
    moments: tuple[tuple[AlertId, datetime], ...] = ()
    mutes: tuple[Mute, ...] = ()
    sent: int = 0

    @property
    def open(self) -> Sequence[Alert]:
        """Return what is not over, the oldest first."""
        return [alert for alert in self.alerts if alert.is_open]


class MessageKind(StrEnum):
    """What a message says of its alerts."""

    BEGIN = 'begin'
    REMINDER = 'reminder'
    END = 'end'


class Message(Struct, frozen=True, kw_only=True):
    """What is to be sent.

    key: no other message has it. group: what to acknowledge. to: who is told. alerts: at least one;
    of a reminder those that are open and that nobody has acknowledged. cause: of all of them, if
    they have one. number: of a reminder, from 1.
    """

    key: str
    kind: MessageKind
    rule: AlertName
    group: str
    at: datetime
    to: tuple[Receiver, ...]
    alerts: tuple[Alert, ...]
    cause: str | None
    number: int = 0

    @property
    def severity(self) -> Severity:
        """Return how grave the gravest of its alerts is."""
        return max(alert.fact.severity for alert in self.alerts)


def acknowledge(before: Alerts, named: str, by: str, now: datetime) -> tuple[Alerts, int]:
    """Return what is remembered once somebody has seen to it, and how many open alerts that were.

    named: a group, `night/12`, or a rule, for all of it.
    """
    count = 0
    alerts = []
    for alert in before.alerts:
        if alert.is_open and alert.acknowledged_at is None and named in (alert.group, alert.rule):
            count += 1
            alert = replace(alert, acknowledged_at=now, acknowledged_by=by)
        alerts.append(alert)
    return replace(before, alerts=tuple(alerts)), count
