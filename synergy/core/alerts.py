"""What is wrong now, and what people are to be told of it: facts and a clock in, messages out.

A fact is something that is so; a rule that covers it makes an alert of it, which is open until the
fact is gone. Alerts that are told together are a group, because they have one root cause: one
message when it begins, reminders while nobody acknowledges, one message when all of it is over.

What a rule may not tell now (quiet hours, a mute) waits, and is told afterwards if it is still so;
what has begun to be told is told to its end. While that from which facts are read cannot be read,
nothing of it begins or ends. Whoever keeps the state keeps the messages with it, in one commit: so
each is made once, under a key of its own, however often a process dies in between.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from synergy.core.alert_records import (
    Alert,
    AlertId,
    Alerts,
    Fact,
    Group,
    Message,
    MessageKind,
    Told,
)
from synergy.core.alert_rules import (
    CONDITIONS,
    AlertName,
    AlertRule,
    ReadFrom,
    Receiver,
    Severity,
    is_quiet,
)
from synergy.core.structs import Struct, replace

#: Beginnings that a rule tells within the time of its `group`; what is more becomes one message.
#: What is critical is not counted.
BURST: Final = 5
#: What happened once is remembered for so long, so that it is not told twice.
REMEMBERED: Final = timedelta(days=2)
#: Of those the newest: what is remembered is one text, of which a store takes so much.
MOMENTS_MAX: Final = 20_000
#: Reminders come ever later, but for this.
REMINDER_PAUSE_MAX: Final = timedelta(days=1)


class Seen(Struct, frozen=True, kw_only=True):
    """What there is now. readable: from where it could be read; of the rest nothing is known."""

    facts: Sequence[Fact]
    readable: frozenset[ReadFrom] = frozenset(ReadFrom)


class Step(NamedTuple):
    """What is remembered from now on, and what is to be sent."""

    alerts: Alerts
    messages: Sequence[Message]


def step(before: Alerts, seen: Seen, rules: Sequence[AlertRule], now: datetime) -> Step:
    """Return what follows from what is seen now.

    Cost: rules times facts, and what is open.
    """
    muted = frozenset(mute.rule for mute in before.mutes if now < mute.until)
    looked = _Looked(before, seen, rules, now)
    messages: list[Message] = []
    for rule in rules:
        if rule.name not in muted:
            telling = _Telling(rule, looked, now)
            messages += [*telling.beginnings(), *telling.reminders(), *telling.endings()]
    looked.forget_moments(muted)
    return Step(looked.result(), messages)


class _Looked:
    """What is remembered, while it changes."""

    def __init__(
        self, before: Alerts, seen: Seen, rules: Sequence[AlertRule], now: datetime
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._now = now
        self._last = self._last_before = before.last
        self._sent = before.sent
        self._mutes = [
            mute for mute in before.mutes if mute.rule in self._rules and now < mute.until
        ]
        self._moments = {
            found: at for found, at in before.moments if -REMEMBERED < now - at < REMEMBERED
        }
        self.groups = {group.id: group for group in before.groups if group.rule in self._rules}
        spans = {name: rule.group for name, rule in self._rules.items()}
        #: Beginnings that count; one from after now was told by another clock.
        self.told = [
            told
            for told in before.told
            if told.rule in spans and timedelta() <= now - told.at < spans[told.rule]
        ]
        self._alerts: dict[AlertName, dict[int, Alert]] = {name: {} for name in self._rules}
        self._look(before, seen)

    def _look(self, before: Alerts, seen: Seen) -> None:
        """Begin and end alerts, as facts come and go."""
        facts = {
            AlertId(rule.name, fact.kind, fact.subject): fact
            for rule in self._rules.values()
            for fact in seen.facts
            if rule.covers(fact.kind, fact.process)
        }
        # Of several about the same, the one that is open goes on.
        for alert in sorted(before.alerts, key=lambda alert: not alert.is_open):
            if (rule := self._rules.get(alert.rule)) is None:
                continue
            fact = facts.get(alert.id)
            if alert.fact.is_moment:
                facts.pop(alert.id, None)
            elif fact is not None and (alert.ended_at is None or fact.since <= alert.ended_at):
                # One that had ended is back before that was told, or was not seen for a moment.
                del facts[alert.id]
                # Of some facts nobody knows since when they are so: since they were seen first.
                since = min(fact.since, alert.fact.since)
                fact = fact if since == fact.since else replace(fact, since=since)
                alert = replace(alert, fact=fact, ended_at=None, is_unwatched=False)
            elif alert.is_open and self._is_gone(alert, rule, seen):
                if alert.group is None:
                    continue  # Nobody was told.
                is_unwatched = not rule.covers(alert.fact.kind, alert.fact.process)
                alert = replace(alert, ended_at=self._now, is_unwatched=is_unwatched)
            self._alerts[alert.rule][alert.number] = alert
        for found, fact in facts.items():
            if found not in self._moments:
                self._begin(found.rule, fact)

    @staticmethod
    def _is_gone(alert: Alert, rule: AlertRule, seen: Seen) -> bool:
        is_watched = rule.covers(alert.fact.kind, alert.fact.process)
        return not is_watched or CONDITIONS[alert.fact.kind].read_from in seen.readable

    def _begin(self, rule: AlertName, fact: Fact) -> None:
        self._last += 1
        self._alerts[rule][self._last] = Alert(
            number=self._last,
            rule=rule,
            fact=fact,
            began_at=self._now,
            ended_at=self._now if fact.is_moment else None,
        )

    def of_rule(self, rule: AlertName) -> Sequence[Alert]:
        """Return the alerts of a rule, in the order in which they began."""
        return [alert for _, alert in sorted(self._alerts[rule].items())]

    def tell(self, alerts: Iterable[Alert], group: Group) -> None:
        """Remember that a beginning is told."""
        is_lasting = False
        for alert in alerts:
            if alert.fact.is_moment:
                self._pass(alert)
            else:
                is_lasting = True
                self._alerts[alert.rule][alert.number] = replace(alert, group=group.id)
        if is_lasting:
            self.groups[group.id] = group

    def end(self, group: Group) -> None:
        """Forget a group that is over."""
        del self.groups[group.id]
        found = self._alerts[group.rule]
        self._alerts[group.rule] = {
            number: alert for number, alert in found.items() if alert.group != group.id
        }

    def forget_moments(self, muted: frozenset[AlertName]) -> None:
        """Let those pass that have happened while their rule is muted."""
        for rule in muted & self._rules.keys():
            for alert in self.of_rule(rule):
                if alert.fact.is_moment and alert.number > self._last_before:
                    self._pass(alert)

    def _pass(self, moment: Alert) -> None:
        del self._alerts[moment.rule][moment.number]
        self._moments[moment.id] = self._now

    def result(self) -> Alerts:
        """Return what is remembered from now on."""
        return Alerts(
            last=self._last,
            alerts=tuple(alert for rule in self._rules for alert in self.of_rule(rule)),
            groups=tuple(self.groups.values()),
            told=tuple(self.told),
            moments=tuple(self._moments.items())[-MOMENTS_MAX:],
            mutes=tuple(self._mutes),
            sent=self._sent,
        )


class _Telling:
    """Finds what one rule tells now."""

    def __init__(self, rule: AlertRule, looked: _Looked, now: datetime) -> None:
        self._rule, self._looked, self._now = rule, looked, now
        quiet = is_quiet(rule, now)
        self._may_tell: Callable[[Alert], bool] = lambda alert: rule.may_tell(
            alert.fact.kind, is_quiet=quiet
        )

    def beginnings(self) -> Iterable[Message]:
        """Yield a message of each root cause of what has yet to be told, the gravest first."""
        by_cause: dict[str, list[Alert]] = defaultdict(list)
        for alert in self._looked.of_rule(self._rule.name):
            if alert.group is None and self._may_tell(alert):
                by_cause[alert.fact.root].append(alert)
        recent = [told for told in self._looked.told if told.rule == self._rule.name]
        too_early = {cause for told in recent for cause in told.causes}
        ready = [(root, alerts) for root, alerts in by_cause.items() if root not in too_early]
        room = BURST - sum(not told.is_critical for told in recent)
        for alerts in bundled([alerts for _, alerts in ready], room):
            yield self._begin(alerts)

    def _begin(self, alerts: Sequence[Alert]) -> Message:
        rule, now = self._rule, self._now
        group = Group(
            id=f'{rule.name}/{alerts[0].number}',
            rule=rule.name,
            cause=alerts[0].fact.root,
            told_at=now,
        )
        self._looked.tell(alerts, group)
        message = self._message(MessageKind.BEGIN, group, alerts, rule.to)
        told = Told(
            rule=rule.name,
            causes=tuple(dict.fromkeys(alert.fact.root for alert in alerts)),
            at=now,
            is_critical=message.severity is Severity.CRITICAL,
        )
        self._looked.told.append(told)
        return message

    def reminders(self) -> Iterable[Message]:
        """Yield a message of each group that nobody has acknowledged in time."""
        if self._rule.escalate_after is None:
            return
        for group, alerts in self._groups():
            unseen = [
                alert
                for alert in alerts
                if alert.is_open and alert.acknowledged_at is None and self._may_tell(alert)
            ]
            # A clock that was set back does not keep anybody waiting.
            told_at = min(group.told_at, self._now)
            if not unseen or self._now < told_at + pause(self._rule, group.reminders):
                self._looked.groups[group.id] = replace(group, told_at=told_at)
                continue
            reminded = replace(group, told_at=self._now, reminders=group.reminders + 1)
            self._looked.groups[group.id] = reminded
            to = self._rule.escalate_to or self._rule.to
            yield self._message(MessageKind.REMINDER, reminded, unseen, to)

    def endings(self) -> Iterable[Message]:
        """Yield a message of each group that is over."""
        for group, alerts in self._groups():
            if any(alert.is_open or not self._may_tell(alert) for alert in alerts):
                continue
            self._looked.end(group)
            further = self._rule.escalate_to if group.reminders else ()
            to = tuple(dict.fromkeys((*self._rule.to, *further)))
            yield self._message(MessageKind.END, group, alerts, to)

    def _groups(self) -> Iterable[tuple[Group, Sequence[Alert]]]:
        members: dict[str, list[Alert]] = defaultdict(list)
        for alert in self._looked.of_rule(self._rule.name):
            if alert.group is not None:
                members[alert.group].append(alert)
        for group in [*self._looked.groups.values()]:
            if group.rule == self._rule.name:
                yield group, members[group.id]

    def _message(
        self, kind: MessageKind, group: Group, alerts: Sequence[Alert], to: tuple[Receiver, ...]
    ) -> Message:
        number = group.reminders if kind is MessageKind.REMINDER else 0
        roots = {alert.fact.root for alert in alerts}
        return Message(
            key=f'{group.id}/{kind.value}{number or ""}',
            kind=kind,
            rule=group.rule,
            group=group.id,
            at=self._now,
            to=to,
            alerts=tuple(alerts),
            cause=group.cause if roots == {group.cause} else None,
            number=number,
        )


def bundled(groups: Sequence[Sequence[Alert]], room: int) -> Sequence[Sequence[Alert]]:
    """Return what is told with one message each: the last of them is all for which is no room.

    room: how many messages of what is not critical there may be; none, or fewer, keeps it waiting.
    """

    def gravest(alerts: Sequence[Alert]) -> Severity:
        return max(alert.fact.severity for alert in alerts)

    by_gravity = sorted(groups, key=gravest, reverse=True)
    critical = [alerts for alerts in by_gravity if gravest(alerts) is Severity.CRITICAL]
    others = by_gravity[len(critical) :]
    if room <= 0:
        return critical
    if len(others) > room:
        rest = [alert for alerts in others[room - 1 :] for alert in alerts]
        others = [*others[: room - 1], rest]
    return [*critical, *others]


def pause(rule: AlertRule, reminders: int) -> timedelta:
    """Return how long after a message the next reminder comes: twice as long each time.

    reminders: how many there were. The rule has `escalate_after`.
    """
    first = rule.escalate_after
    assert first is not None
    longest = max(first, REMINDER_PAUSE_MAX)
    times: int = 2 ** min(reminders, 20)
    return min(first * times, longest)


def spread(messages: Iterable[Message]) -> Mapping[Receiver, Sequence[Message]]:
    """Return what each receiver is sent, in order."""
    found: dict[Receiver, list[Message]] = defaultdict(list)
    for message in messages:
        for receiver in message.to:
            found[receiver].append(message)
    return found
