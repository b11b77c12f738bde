"""Alerts: told directly one by one, and in random histories that a slow watcher follows."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from synergy.core.alert_records import (
    Alert,
    Alerts,
    Fact,
    Message,
    MessageKind,
    Mute,
    acknowledge,
)
from synergy.core.alert_rules import (
    CONDITIONS,
    PIERCING,
    AlertKind,
    AlertName,
    AlertRule,
    ReadFrom,
    Receiver,
    Scope,
    ScopeKind,
    is_quiet,
)
from synergy.core.alerts import BURST, Seen, pause, spread, step
from synergy.core.closed import parse
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from tests.depth import deep

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
NIGHT: Final = AlertName('night')
TEAM, BOSS = Receiver('hooks://geheim@team.example/a'), Receiver('mailto://u:geheim@boss.example')


def rule(**fields: Any) -> AlertRule:
    given = {'name': NIGHT, 'on': frozenset(AlertKind), 'to': (TEAM,), **fields}
    return AlertRule(**given)


def held(subject: str, **fields: Any) -> Fact:
    process = ProcessName(subject.partition('@')[0])
    given: dict[str, Any] = {'kind': AlertKind.HELD, 'process': process, 'since': NOON, **fields}
    return Fact(subject=subject, **given)


class Told:
    """Steps through time, and keeps every message."""

    def __init__(self, *rules: AlertRule) -> None:
        self.rules: Sequence[AlertRule] = rules
        self.mutes: list[Mute] = []
        self.alerts = Alerts()
        self.messages: list[Message] = []
        self.now = NOON

    def see(self, *facts: Fact, minutes: float = 0, **fields: Any) -> list[str]:
        """Return what is told once these facts are seen so many minutes later, by its keys."""
        self.now += minutes * MINUTE
        seen = Seen(facts=facts, **fields)
        before = replace(self.alerts, mutes=tuple(self.mutes))
        self.alerts, messages = step(before, seen, self.rules, self.now)
        self.messages += messages
        return [message.key for message in messages]


def test_a_beginning_and_an_end_are_told_once_each() -> None:
    told = Told(rule())
    fact = held('A@1')

    keys = [told.see(fact), told.see(fact, minutes=1), told.see(minutes=13), told.see(minutes=1)]

    assert keys == [['night/1/begin'], [], ['night/1/end'], []]
    ended = told.messages[1].alerts[0]
    assert ended.ended_at is not None
    assert ended.ended_at - ended.fact.since == 14 * MINUTE
    assert told.alerts.alerts == ()
    assert told.alerts.groups == ()


def test_what_has_one_root_cause_is_one_message_that_names_it() -> None:
    told = Told(rule())
    late = [held(f'B@{number}', kind=AlertKind.LATE, cause='A@1') for number in range(1, 200)]

    keys = told.see(held('A@1'), *late, held('C@1'))

    assert keys == ['night/1/begin', 'night/201/begin']
    assert len(told.messages[0].alerts) == 200
    assert [message.cause for message in told.messages] == ['A@1', 'C@1']


def test_what_joins_a_root_cause_waits_for_the_time_of_the_group() -> None:
    told = Told(rule())
    one, two = held('A@1'), held('B@1', cause='A@1')
    three = held('C@1', cause='A@1')

    keys = [told.see(one), told.see(one, two, minutes=1), told.see(one, two, three, minutes=3)]
    later = told.see(one, two, three, minutes=1)

    assert keys == [['night/1/begin'], [], []]
    assert later == ['night/2/begin']
    assert [alert.fact for alert in told.messages[-1].alerts] == [two, three]


def test_a_flood_of_causes_becomes_few_messages_and_critical_ones_are_not_counted() -> None:
    told = Told(rule())
    leader = Fact(kind=AlertKind.NO_LEADER, subject='leader', since=NOON)
    flood = [held(f'A{number}@1') for number in range(300)]

    first = told.see(*flood)
    second = told.see(*flood, held('B@1'), leader, minutes=1)
    third = told.see(*flood, held('B@1'), leader, minutes=4)

    assert len(first) == BURST
    assert sum(len(message.alerts) for message in told.messages[:BURST]) == 300
    assert told.messages[BURST - 1].cause is None
    assert second == ['night/302/begin']
    assert third == ['night/301/begin']


def test_the_end_of_a_group_is_told_when_all_of_it_is_over() -> None:
    told = Told(rule())
    one, two = held('A@1'), held('B@1', cause='A@1')

    keys = [told.see(one, two), told.see(two, minutes=1), told.see(minutes=1)]

    assert keys == [['night/1/begin'], [], ['night/1/end']]
    assert len(told.messages[-1].alerts) == 2


def test_what_was_not_seen_for_a_moment_goes_on_and_what_is_there_again_begins_again() -> None:
    told = Told(rule(group=timedelta()))
    one, two = held('A@1'), held('B@1', cause='A@1')
    again = replace(one, since=NOON + 3 * MINUTE)

    keys = [told.see(one, two), told.see(two, minutes=1), told.see(one, two, minutes=1)]
    then = [told.see(two, minutes=1), told.see(again, two, minutes=1)]

    assert keys == [['night/1/begin'], [], []]
    assert then == [[], []]  # Since it ended: the same.
    assert told.see(two, minutes=1) == []
    anew = replace(one, since=told.now + MINUTE)
    assert told.see(anew, two, minutes=2) == ['night/3/begin']
    assert told.see(two, minutes=1) == ['night/3/end']
    assert told.see(minutes=1) == ['night/1/end']


def test_quiet_hours_hold_back_what_is_still_so_afterwards() -> None:
    told = Told(rule(quiet_hours=(parse('12:00-13:00', UTC),), piercing=PIERCING))
    leader = Fact(kind=AlertKind.NO_LEADER, subject='leader', since=NOON)

    assert told.see(held('A@1'), held('B@1')) == []
    assert told.see(held('A@1'), leader, minutes=1) == ['night/3/begin']
    assert told.see(held('A@1'), minutes=1) == ['night/3/end']
    assert told.see(held('A@1'), minutes=58) == ['night/1/begin']
    # Its end waits for the hours to be over.
    assert told.see(minutes=23 * 60) == []
    assert told.see(minutes=60) == ['night/1/end']


def test_a_mute_holds_back_what_is_still_so_and_the_end_of_what_was_told() -> None:
    told = Told(rule())
    told.see(held('A@1'))
    told.mutes.append(Mute(rule=NIGHT, until=NOON + 10 * MINUTE, by='anna'))
    moment = Fact(kind=AlertKind.REQUEST_DONE, subject='r1', since=NOON)

    assert told.see(held('B@1'), held('C@1'), moment, minutes=1) == []
    assert told.see(held('B@1'), minutes=1) == []
    assert told.see(held('B@1'), minutes=8) == ['night/2/begin', 'night/1/end']
    assert told.see(held('B@1'), moment, minutes=1) == []


def test_who_does_not_acknowledge_is_reminded_ever_later_and_those_above_are_told_the_end() -> None:
    told = Told(rule(escalate_after=10 * MINUTE, escalate_to=(BOSS,)))
    fact = held('A@1')
    told.see(fact)

    keys = [told.see(fact, minutes=10) for _ in range(7)]

    assert keys[0] == ['night/1/reminder1']
    assert keys[2] == ['night/1/reminder2']
    assert keys[6] == ['night/1/reminder3']
    assert [len(item) for item in keys] == [1, 0, 1, 0, 0, 0, 1]
    assert told.messages[1].to == (BOSS,)
    told.see()
    assert told.messages[-1].to == (TEAM, BOSS)


@pytest.mark.parametrize('named', ['night', 'night/1'])
def test_who_acknowledges_is_not_reminded(named: str) -> None:
    told = Told(rule(escalate_after=10 * MINUTE))
    told.see(held('A@1'))

    told.alerts, count = acknowledge(told.alerts, named, 'anna', told.now)

    assert count == 1
    assert acknowledge(told.alerts, named, 'bert', told.now)[1] == 0
    assert told.see(held('A@1'), minutes=600) == []
    assert told.see() == ['night/1/end']
    assert told.messages[-1].alerts[0].acknowledged_by == 'anna'


def test_a_moment_is_told_once_and_has_no_end() -> None:
    told = Told(rule(escalate_after=MINUTE))
    moment = Fact(kind=AlertKind.REQUEST_DONE, subject='r1', since=NOON)

    keys = [told.see(moment), told.see(moment, minutes=10), told.see(minutes=10)]

    assert keys == [['night/1/begin'], [], []]
    assert told.alerts.alerts == ()
    assert told.alerts.groups == ()


def test_nothing_ends_while_it_cannot_be_read() -> None:
    told = Told(rule())
    blind = frozenset(ReadFrom) - {CONDITIONS[AlertKind.HELD].read_from}

    keys = [told.see(held('A@1')), told.see(readable=blind, minutes=9), told.see(minutes=1)]

    assert keys == [['night/1/begin'], [], ['night/1/end']]


def test_rules_tell_of_what_they_name_and_an_end_that_is_none_says_so() -> None:
    tree = Scope(ScopeKind.TREE, 'site', frozenset({ProcessName('B')}))
    told = Told(
        rule(scopes=(Scope(ScopeKind.PROCESS, 'Site*'), tree)),
        rule(name=AlertName('ops'), on=frozenset({AlertKind.BOX_VANISHED}), scopes=(tree,)),
    )
    box = Fact(kind=AlertKind.BOX_VANISHED, subject='box-1', since=NOON)
    facts = [held('SiteHourly@1'), held('B@1'), held('Other@1'), held('Site::x@1')]

    told.see(*facts)
    assert {alert.fact.subject for alert in told.alerts.alerts} == {
        'SiteHourly@1', 'B@1', 'Site::x@1'
    }  # fmt: skip
    assert told.see(*facts, box, minutes=1) == ['night/4/begin', 'ops/5/begin']

    told.rules = [rule(scopes=(tree,)), *told.rules[1:]]
    told.see(*facts, box, minutes=1)
    ended = [alert for message in told.messages[-2:] for alert in message.alerts]
    assert {alert.fact.subject for alert in ended if alert.is_unwatched} == {
        'SiteHourly@1', 'Site::x@1'
    }  # fmt: skip
    told.rules = []
    assert told.see(*facts, box, minutes=1) == []
    assert told.alerts.alerts == ()


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    told = Told(rule(escalate_after=10 * MINUTE))
    told.see(held('A@1'))

    assert told.see(held('A@1'), held('B@1', cause='A@1'), minutes=-600) == ['night/2/begin']
    assert len(told.see(held('A@1'), held('B@1', cause='A@1'), minutes=10)) == 2


def test_receivers_are_told_apart_and_never_shown() -> None:
    message = Message(
        key='k', kind=MessageKind.BEGIN, rule=NIGHT, group='g', at=NOON, to=(TEAM, BOSS),
        alerts=(), cause=None,
    )  # fmt: skip

    assert spread([message, replace(message, to=(BOSS,))]) == {
        TEAM: [message], BOSS: [message, replace(message, to=(BOSS,))]
    }  # fmt: skip
    assert 'geheim' not in repr(message) + TEAM.shown + TEAM.id
    assert TEAM.id != BOSS.id


class Watcher:
    """Follows a history from outside, and remembers all of it: what must hold of every message."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.keys: set[str] = set()
        self.begun: dict[int, Message] = {}
        self.ended: set[int] = set()
        self.last_seen: dict[tuple[AlertKind, str], Fact] = {}
        self.moments: set[tuple[AlertName, str]] = set()

    def look(self, seen: Seen) -> None:
        readable = {kind for kind in AlertKind if CONDITIONS[kind].read_from in seen.readable}
        for key in [key for key in self.last_seen if key[0] in readable]:
            del self.last_seen[key]
        self.last_seen |= {(fact.kind, fact.subject): fact for fact in seen.facts}
        told, before = self.told, len(self.told.messages)
        muted = {mute.rule for mute in told.mutes if told.now < mute.until}
        self.moments |= {
            (spoken.name, fact.subject)
            for spoken in told.rules
            for fact in seen.facts
            if fact.is_moment
            and spoken.name not in muted
            and spoken.covers(fact.kind, fact.process)
        }
        told.see(*seen.facts, readable=seen.readable)
        for message in told.messages[before:]:
            self._message(message)
        for item in told.rules:
            self._nobody_waits(item, seen.facts)

    def _message(self, message: Message) -> None:
        told = self.told
        rules = {item.name: item for item in told.rules}
        spoken = rules[message.rule]
        assert message.key not in self.keys
        self.keys.add(message.key)
        assert message.to
        assert not any(mute.rule == message.rule and told.now < mute.until for mute in told.mutes)
        if is_quiet(spoken, told.now):
            assert {alert.fact.kind for alert in message.alerts} <= spoken.piercing
        numbers = {alert.number for alert in message.alerts}
        match message.kind:
            case MessageKind.BEGIN:
                assert not numbers & self.begun.keys()
                self.begun |= dict.fromkeys(numbers, message)
                for alert in message.alerts:
                    is_so = (alert.fact.kind, alert.fact.subject) in self.last_seen
                    assert is_so or alert.fact.is_moment
            case MessageKind.REMINDER:
                assert numbers <= self.begun.keys() - self.ended
                assert all(alert.acknowledged_at is None for alert in message.alerts)
                first = self.begun[min(numbers)]
                waited = [pause(spoken, number) for number in range(message.number)]
                assert told.now - first.at >= sum(waited, timedelta())
            case MessageKind.END:
                assert numbers <= self.begun.keys() - self.ended
                lasting = {
                    number
                    for number, begun in self.begun.items()
                    if begun.group == message.group
                    and not any(a.number == number and a.fact.is_moment for a in begun.alerts)
                }
                assert numbers == lasting
                self.ended |= numbers

    def _nobody_waits(self, spoken: AlertRule, facts: Iterable[Fact]) -> None:
        """What is so is told, unless a rule may not tell it now, or has just told of its cause."""
        told = self.told
        if any(mute.rule == spoken.name and told.now < mute.until for mute in told.mutes):
            return
        near = [
            begun
            for begun in told.messages
            if begun.kind is MessageKind.BEGIN
            and begun.rule == spoken.name
            and told.now - begun.at < spoken.group
        ]
        causes = {alert.fact.root for begun in near for alert in begun.alerts}
        quiet = is_quiet(spoken, told.now)
        told_of: dict[tuple[AlertKind, str], list[Alert]] = {}
        for alert in told.alerts.alerts:
            if alert.rule == spoken.name and alert.group is not None:
                told_of.setdefault((alert.fact.kind, alert.fact.subject), []).append(alert)
        for fact in facts:
            if fact.is_moment or not spoken.covers(fact.kind, fact.process):
                continue
            if quiet and fact.kind not in spoken.piercing:
                continue
            is_told = any(alert.is_open for alert in told_of.get((fact.kind, fact.subject), ()))
            assert is_told or fact.root in causes or len(near) >= BURST, fact


KINDS: Final = (
    AlertKind.HELD, AlertKind.LATE, AlertKind.NO_LEADER, AlertKind.REQUEST_DONE,
    AlertKind.QUEUE_WITHOUT_WORKER,
)  # fmt: skip


def drawn_rules(dice: random.Random) -> list[AlertRule]:
    quiet = parse(dice.choice(['12:00-13:30', '12:30-18:00', '22:00-06:00']), UTC)
    return [
        rule(
            name=AlertName(f'r{number}'),
            on=frozenset(dice.sample(KINDS, dice.randint(1, len(KINDS)))),
            scopes=(Scope(ScopeKind.PROCESS, 'A*'),) if dice.random() < 0.3 else (),
            quiet_hours=(quiet,) if dice.random() < 0.5 else (),
            piercing=PIERCING if dice.random() < 0.7 else frozenset(),
            escalate_after=dice.choice([None, 7 * MINUTE, 60 * MINUTE]),
            escalate_to=dice.choice([(), (BOSS,)]),
            group=dice.choice([0, 5, 30]) * MINUTE,
        )
        for number in range(dice.randint(1, 2))
    ]


@pytest.mark.parametrize('seed', range(deep(25)))
def test_histories(seed: int) -> None:
    dice = random.Random(seed)
    told = Told(*drawn_rules(dice))
    watcher = Watcher(told)
    present: dict[tuple[AlertKind, str], Fact] = {}
    subjects = [f'{name}@{number}' for name in 'AB' for number in range(dice.choice([1, 2, 9]))]

    for number in range(60):
        told.now += dice.choice([0, 0.1, 1, 4, 17]) * MINUTE
        for _ in range(dice.choice([0, 1, 1, 5])):
            kind, subject = dice.choice(KINDS), dice.choice(subjects)
            if present.pop((kind, subject), None) is None:
                subject = f'r{number}' if CONDITIONS[kind].is_moment else subject
                cause = dice.choice([None, None, *subjects[:2]])
                present[kind, subject] = held(subject, kind=kind, since=told.now, cause=cause)
        if dice.random() < 0.05:
            present.clear()
        if dice.random() < 0.05:
            spoken = dice.choice(told.rules)
            until = told.now + dice.choice([3, 45]) * MINUTE
            told.mutes.append(Mute(rule=spoken.name, until=until, by='anna'))
        if dice.random() < 0.2 and told.alerts.groups:
            group = dice.choice(told.alerts.groups).id
            told.alerts, _ = acknowledge(told.alerts, group, 'anna', told.now)
        readable = frozenset(ReadFrom)
        if dice.random() < 0.2:
            readable -= {ReadFrom.JOBS}
        facts = [fact for key, fact in present.items() if CONDITIONS[key[0]].read_from in readable]
        watcher.look(Seen(facts=facts, readable=readable))
        present = {key: fact for key, fact in present.items() if not fact.is_moment}

    told.now += timedelta(days=1)
    for _ in range(3):
        told.now += timedelta(hours=9)
        watcher.look(Seen(facts=()))
    moments = {
        alert.number: (alert.rule, alert.fact.subject)
        for message in watcher.begun.values()
        for alert in message.alerts
        if alert.fact.is_moment
    }
    assert watcher.begun.keys() - moments.keys() == watcher.ended
    assert sorted(moments.values()) == sorted(watcher.moments)
    assert told.alerts.alerts == ()
    assert told.alerts.groups == ()
    if seed == 0:
        assert watcher.ended
