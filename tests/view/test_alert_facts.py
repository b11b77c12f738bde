"""What is so, for alerts: of needs, and of the Scheduler."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from synergy.core.alert_rules import AlertKind
from synergy.core.leader_standing import Isolated, LeaderStanding, Subject, SubjectKind
from synergy.core.records import Leadership, ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.view.alert_facts import (
    KIND_BY_NEED,
    fact_of_freerun,
    facts_of_leader,
    facts_of_needs,
)
from synergy.view.freeruns import EntryResults
from synergy.view.need import Need, NeedKind
from tests.builders import key

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
TIMEPERIOD: Final = key('SiteHourly@2026112709').timeperiod
LED: Final = Leadership(owner='box-1', term=3, until=NOON + HOUR)


def need(kind: NeedKind, subject: str, since: datetime | None = NOON - HOUR) -> Need:
    return Need(kind=kind, subject=subject, address='/x', text='why', advice='helps', since=since)


@pytest.mark.parametrize(
    ('kind', 'subject', 'process'),
    [
        (NeedKind.OVERLONG, 'A@2026112709', 'A'),
        (NeedKind.OVERLONG, 'F::one@20261127090000', 'F::one'),
        (NeedKind.NOT_UP, 'A on box-1', 'A'),
        (NeedKind.NO_WORKER, 'A', 'A'),
        (NeedKind.SELF_PAUSED, 'F::one', 'F::one'),
        (NeedKind.VANISHED, 'box-1', None),
        (NeedKind.CALENDAR_ENDS, 'de', None),
    ],
)
def test_needs_are_facts(kind: NeedKind, subject: str, process: str | None) -> None:
    (fact,) = facts_of_needs([need(kind, subject)], NOON)

    assert (fact.kind, fact.subject, fact.process) == (KIND_BY_NEED[kind], subject, process)
    assert (fact.since, fact.why, fact.helps) == (NOON - HOUR, 'why', 'helps')
    assert fact.address == '/x'


def test_what_operators_have_decided_wakes_nobody_and_one_fact_is_one() -> None:
    decided = [need(NeedKind.PAUSED, 'request 1'), need(NeedKind.OFF, 'A')]
    twice = [need(NeedKind.NO_WORKER, 'A', None), need(NeedKind.START_OVERDUE, 'A')]

    assert facts_of_needs(decided, NOON) == []
    (fact,) = facts_of_needs(twice, NOON)
    assert fact.since == NOON


def test_nobody_leads_since_the_lease_has_run_out() -> None:
    stuck = LeaderStanding(stuck_since=NOON, stuck_because='disk full')
    over = replace(LED, until=NOON - HOUR)

    (gone,) = facts_of_leader(over, stuck, 'Start one.', NOON)
    (never,) = facts_of_leader(None, stuck, 'Start one.', NOON)

    assert (gone.kind, gone.since, gone.helps) == (AlertKind.NO_LEADER, NOON - HOUR, 'Start one.')
    assert gone.why == 'the lease of box-1, term 3, has run out'
    assert never.since == NOON
    # The same fact, whoever led last.
    assert gone.subject == never.subject


def test_what_the_leader_says_of_itself() -> None:
    isolated = tuple(
        Isolated(
            subject=Subject(kind, name), reason='refused', since=NOON, refusal_count=2, next_at=None
        )
        for kind, name in ((SubjectKind.PROCESS, 'A'), (SubjectKind.COMMAND, 'c1'))
    )
    standing = LeaderStanding(isolated=isolated, stuck_since=NOON, stuck_because='disk full')

    stuck, process, command = facts_of_leader(LED, standing, '', NOON)

    assert (stuck.kind, stuck.why) == (AlertKind.LEADER_STUCK, 'disk full')
    assert (process.kind, process.process) == (AlertKind.ISOLATED, ProcessName('A'))
    assert command.process is None
    assert list(facts_of_leader(LED, LeaderStanding(), '', NOON)) == []


def test_a_free_run_has_failed_while_its_newest_run_did() -> None:
    name = ProcessName('Mail::nightly')
    dead = Unit(
        id=UowId('u'), process=name, timeperiod=TIMEPERIOD, start=TIMEPERIOD, end=TIMEPERIOD,
        run=1, state=UnitState.DEAD, created_at=NOON, finished_at=NOON,
        error='no route to host',
    )  # fmt: skip

    fact = fact_of_freerun(name, EntryResults(last=dead, failed_count=3, is_least=True))

    assert fact is not None
    assert (fact.kind, fact.subject, fact.process) == (AlertKind.FAILED, name, name)
    assert fact.why == 'its newest at least 3 runs failed: no route to host'
    once = fact_of_freerun(name, EntryResults(last=dead, failed_count=1, is_least=False))
    assert once is not None
    assert once.why == 'its newest run failed: no route to host'
    assert fact_of_freerun(name, EntryResults(last=dead, failed_count=0, is_least=False)) is None
    assert fact_of_freerun(name, EntryResults(last=None, failed_count=0, is_least=False)) is None
