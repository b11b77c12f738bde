"""What is so, for alerts: of what waits for a person, leader, free runs, broker and forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final
from urllib.parse import quote

from synergy.core.alert_records import Fact
from synergy.core.alert_rules import AlertKind
from synergy.core.leader_standing import LeaderStanding, SubjectKind, advice
from synergy.core.records import Leadership, ProcessName, is_led
from synergy.view.forecast import LikelyDocument, action_said, chance_said
from synergy.view.freeruns import EntryResults
from synergy.view.need import Need, NeedKind

#: Which needs are conditions of alerts. The others are decisions of operators: nobody is woken
#: for what somebody has paused or switched off.
KIND_BY_NEED: Final[Mapping[NeedKind, AlertKind]] = {
    NeedKind.FAILED: AlertKind.DEAD_LETTER,
    NeedKind.SELF_PAUSED: AlertKind.PAUSED_BY_ITSELF,
    NeedKind.VANISHED: AlertKind.BOX_VANISHED,
    NeedKind.NOT_UP: AlertKind.PROCESS_NOT_UP,
    NeedKind.OVERLONG: AlertKind.UNUSUAL_DURATION,
    NeedKind.NO_WORKER: AlertKind.QUEUE_WITHOUT_WORKER,
    NeedKind.START_OVERDUE: AlertKind.QUEUE_WITHOUT_WORKER,
    NeedKind.CALENDAR_ENDS: AlertKind.CALENDAR_ENDS,
}
#: Those whose subject is not, or does not begin with, the name of a process.
_OF_NO_PROCESS: Final = frozenset({NeedKind.VANISHED, NeedKind.CALENDAR_ENDS})
#: Of an error within a subject.
_ERROR_LENGTH_MAX: Final = 60
_LEADER: Final = 'Scheduler'
_BROKER: Final = 'broker'


def facts_of_needs(needs: Iterable[Need], now: datetime) -> list[Fact]:
    """Return what is so of what waits for a person; of equal ones the first."""
    found: dict[tuple[AlertKind, str], Fact] = {}
    for need in needs:
        if (kind := KIND_BY_NEED.get(need.kind)) is not None:
            fact = _fact_of_need(need, kind, now)
            found.setdefault((fact.kind, fact.subject), fact)
    return [*found.values()]


def _fact_of_need(need: Need, kind: AlertKind, now: datetime) -> Fact:
    subject, cause, holds_up = need.subject, None, None
    process = None if need.kind in _OF_NO_PROCESS else _process_of(need.subject)
    if need.group is not None:
        # Several errors of one process are several facts.
        group = need.group.group
        subject = f'{need.subject} ({group.error[:_ERROR_LENGTH_MAX]})'
        holds_up = need.group.held_text or None
        # Told together with what is late or held because of the first of them.
        cause = None if group.is_freerun else f'{group.process}@{group.first}'
    if need.box_id is not None and need.kind is NeedKind.NOT_UP:
        cause = None if need.box_id == need.subject else need.box_id
    return Fact(
        kind=kind,
        subject=subject,
        process=process,
        since=need.since or now,
        cause=cause,
        why=need.text if need.also is None else f'{need.text}. {need.also}',
        holds_up=holds_up,
        helps=need.advice,
        address=need.address,
    )


def _process_of(subject: str) -> ProcessName:
    """Return the process of `SiteHourly`, `SiteHourly on box-1` or `SiteHourly@2026112309`."""
    return ProcessName(subject.partition(' ')[0].partition('@')[0])


def facts_of_leader(
    leadership: Leadership | None,
    standing: LeaderStanding,
    leaderless_advice: str,
    now: datetime,
) -> Iterator[Fact]:
    """Yield what is so of the Scheduler. now: by the store's clock, as its lease is.

    leaderless_advice: what helps when nobody leads.
    """
    if not is_led(leadership, now):
        yield Fact(
            kind=AlertKind.NO_LEADER,
            subject=_LEADER,
            since=now if leadership is None else leadership.until,
            why='nobody has ever led'
            if leadership is None
            else f'the lease of {leadership.owner}, term {leadership.term}, has run out',
            holds_up='everything: nothing starts, and what has ended is not taken note of',
            helps=leaderless_advice,
        )
        # What it has said of itself may be long over.
        return
    if standing.stuck_since is not None:
        yield Fact(
            kind=AlertKind.LEADER_STUCK,
            subject=_LEADER,
            since=standing.stuck_since,
            why=standing.stuck_because,
            holds_up='everything: nothing that is decided can be saved',
            helps='./launch.py verify and the log of the Scheduler tell more',
        )
    for item in standing.isolated:
        is_command = item.subject.kind is SubjectKind.COMMAND
        yield Fact(
            kind=AlertKind.ISOLATED,
            subject=str(item.subject),
            process=None if is_command else ProcessName(item.subject.name),
            since=item.since,
            why=item.reason,
            helps=advice(item.subject),
            address='/processes',
        )


def fact_of_freerun(name: ProcessName, results: EntryResults) -> Fact | None:
    """Return that the newest run of a free run has failed; None: it has not."""
    last = results.last
    if last is None or not results.failed_count:
        return None
    count = f'{"at least " if results.is_least else ""}{results.failed_count}'
    runs = 'its newest run' if results.failed_count == 1 else f'its newest {count} runs'
    return Fact(
        kind=AlertKind.FAILED,
        subject=name,
        process=name,
        since=last.finished_at or last.created_at,
        why=f'{runs} failed: {last.error or "without an error"}',
        helps=f'./launch.py log {name}',
        address=f'/freeruns/{quote(name)}',
    )


def fact_of_broker(since: datetime, text: str) -> Fact:
    """Return that the broker does not answer."""
    return Fact(
        kind=AlertKind.BROKER_AWAY,
        subject=_BROKER,
        since=since,
        why=text,
        holds_up='what is to run: workers are told of nothing',
        helps='Start it again; nothing is lost: what waits is announced once it is back',
        address='/queues',
    )


def fact_of_deadline(item: LikelyDocument, now: datetime) -> Fact:
    """Return that a deadline will probably be missed."""
    name, timeperiod = item['process'], item['timeperiod']
    subject = f'{name}@{timeperiod}'
    passed = (f'{link["process"]}@{link["timeperiod"]}' for link in item['path'])
    first = next((key for key in passed if key != subject), None)
    through = '' if first is None else f', by way of {first}'
    end = 'nobody knows when it ends' if item['end'] is None else f'likely end {_at(item["end"])}'
    band = ''
    if item['low'] is not None and item['high'] is not None:
        band = f' ({_at(item["low"])} to {_at(item["high"])})'
    root = item['root']
    cause = None if root is None else f'{root["process"]}@{root["timeperiod"]}'
    because = '' if root is None else f'{cause}: {root["text"]}; '
    late_at = 'unknown' if item['late_at'] is None else _at(item['late_at'])
    action = item['action']
    return Fact(
        kind=AlertKind.WILL_BE_LATE,
        subject=subject,
        process=ProcessName(name),
        since=now,
        cause=cause,
        why=f'{because}{end}{band}{through}; the deadline is {late_at} and holds with '
        f'{chance_said(item["holds"] or 0.0)}',
        helps=f'./launch.py forecast --process {name}' if action is None else action_said(action),
        address=f'/i/{quote(name)}/{timeperiod}',
    )


def _at(instant: str) -> str:
    """Return an instant of a document to the minute."""
    return f'{instant[:10]} {instant[11:16]} UTC'
