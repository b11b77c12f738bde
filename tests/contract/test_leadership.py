"""Leadership: one leads, by a lease and a term, and only it may commit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.core.effects import (
    SaveContext,
    SaveJob,
)
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.index_pages import IndexCopy, IndexPage
from synergy.core.input import Input, InputKind
from synergy.core.leader_counts import LeaderCounts, Outcome
from synergy.core.leader_standing import Isolated, LeaderStanding, Subject, SubjectKind
from synergy.core.led_context import LedContext, is_led_so, led_process
from synergy.core.records import Leadership, Process, ProcessName, Tree
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier
from synergy.core.working import WorkingDays
from synergy.core.zones import calendar_named
from synergy.ports.errors import CommitRefused, LeadershipLost
from synergy.ports.store import JobFilter, Store
from synergy.ports.stored.leader_counts import encode
from tests.builders import instant, key
from tests.contract.conftest import NOW
from tests.contract.rows import HOUR, LEASE, job_of, leader

#: A day of 23 hours.
BERLIN_SPRING = date(2026, 3, 29)


def test_leadership_given_by_a_clock_that_was_ahead_does_not_hold(
    store: Store, clock: SimulatedClock
) -> None:
    before = leader(store)
    clock.step(NOW - timedelta(hours=2))
    assert store.lead('two', timedelta(hours=1)) is None

    clock.step(NOW - timedelta(days=1))
    after = store.lead('two', timedelta(hours=1))

    assert after is not None
    assert after.term == before.term + 1
    with pytest.raises(LeadershipLost):
        store.commit(before, [])


def test_leadership_is_held_by_one_until_its_lease_runs_out(
    open_store: Callable[[], Store], clock: SimulatedClock
) -> None:
    first, second = open_store(), open_store()

    held = first.lead('one', LEASE)

    assert held == Leadership(owner='one', term=1, until=NOW + LEASE)
    assert second.lead('two', LEASE) is None
    clock.advance(timedelta(seconds=5))
    renewed = first.lead('one', LEASE)
    assert renewed is not None
    assert renewed.term == 1
    clock.advance(timedelta(seconds=10))
    taken = second.lead('two', LEASE)
    assert taken is not None
    assert taken.term == 2
    assert store_leader(first) == 'two'


def store_leader(store: Store) -> str:
    leadership = store.leadership()
    assert leadership is not None
    return leadership.owner


def test_taking_up_ones_own_expired_lease_is_a_new_term(
    store: Store, clock: SimulatedClock
) -> None:
    store.lead('one', LEASE)
    clock.advance(LEASE)

    again = store.lead('one', LEASE)

    assert again is not None
    assert again.term == 2


def test_resigning_lets_another_lead_at_once(open_store: Callable[[], Store]) -> None:
    first, second = open_store(), open_store()
    held = first.lead('one', LEASE)
    assert held is not None

    first.resign(held)

    taken = second.lead('two', LEASE)
    assert taken is not None
    assert taken.term == 2
    first.resign(held)
    assert store_leader(second) == 'two'


def test_commit_of_a_lost_or_expired_term_is_refused_and_changes_nothing(
    store: Store, clock: SimulatedClock
) -> None:
    held = store.lead('one', LEASE)
    assert held is not None
    clock.advance(LEASE)

    with pytest.raises(LeadershipLost):
        store.commit(held, [SaveJob(job_of(), 'late')])
    store.lead('two', LEASE)
    with pytest.raises(LeadershipLost):
        store.commit(held, [SaveJob(job_of(), 'late')])

    assert store.jobs([HOUR]) == {}


def page_of(process: str, codes: bytes) -> IndexPage:
    return IndexPage(process=ProcessName(process), qualifier=Qualifier.HOURLY, first=7, codes=codes)


def test_a_copy_of_the_index_is_kept_page_by_page_by_the_leader_alone(store: Store) -> None:
    one, two = page_of('One', b'\x05\x00'), page_of('Two', b'\x06' * 10_000)
    leadership = leader(store)
    assert store.index_copy() is None

    store.save_index_copy(leadership, IndexCopy(as_of=NOW, pages=(one, two)))
    newer = NOW + timedelta(minutes=5)
    changed = page_of('One', b'\x05\x05')
    store.save_index_copy(leadership, IndexCopy(as_of=newer, pages=(changed,)))

    copy = store.index_copy()
    assert copy is not None
    assert copy.as_of == newer
    assert {page.process: page for page in copy.pages} == {'One': changed, 'Two': two}
    store.resign(leadership)
    with pytest.raises(LeadershipLost):
        store.save_index_copy(leadership, copy)


def every_input() -> Hierarchy:
    """Return a tree of Berlin, and of each kind of input a process that waits for its days."""
    site, week = ProcessName('Site'), ProcessName('SiteWeekly')
    office = WorkingDays(name='office', first=BERLIN_SPRING.toordinal(), days=b'\0\1')
    inputs: dict[str, list[dict[str, Any]]] = {
        'Grouped': [],
        'Equal': [{}],
        'Yesterday': [{'offset': -1}],
        'Window': [{'last': 7, 'offset': -1}],
        'Part': [{'last': 7, 'at_least': 5, 'give_up_after': timedelta(hours=2)}],
        'Late': [{'last': 3, 'at_least': 2, 'is_late_ignored': True}],
        'Order': [{'is_order_only': True}],
        'Previous': [{}, {'process': ProcessName('Previous'), 'offset': -1}],
    }
    processes = [
        Process(name=site, qualifier=Qualifier.DAILY, working=office),
        Process(name=week, qualifier=Qualifier.WEEKLY_SUN),
        *(
            Process(
                name=ProcessName(name),
                qualifier=Qualifier.DAILY,
                grouping=1 if waits else 7,
                inputs=tuple(
                    Input(kind=InputKind.DEPENDENCY, **{'process': site, **which})
                    for which in waits
                ),
            )
            for name, waits in inputs.items()
        ),
    ]
    zones = {name: 'UTC' if name == 'Order' else 'Europe/Berlin' for name in inputs}
    start = instant(f'{BERLIN_SPRING:%Y%m%d}00')
    trees = [
        Tree(name='site', levels=(week, site), start=start, zone='Europe/Berlin'),
        *(
            Tree(name=name, levels=(ProcessName(name),), start=start, end=NOW, zone=zone)
            for name, zone in zones.items()
        ),
    ]
    return build(processes, trees, {name: calendar_named(name) for name in zones.values()})


def test_the_context_that_is_led_is_remembered_revision_by_revision(store: Store) -> None:
    hierarchy = every_input()
    first = LedContext(
        rev=1, processes={node.process.name: led_process(hierarchy, node) for node in hierarchy}
    )
    later = replace(first, rev=2, processes={})
    assert store.led_context() is None

    store.commit(leader(store), [SaveContext(first)])
    assert store.led_context() == first
    assert is_led_so(hierarchy, store.led_context())
    for refused in (first, replace(first, rev=3)):
        with pytest.raises(CommitRefused, match='context that is led'):
            store.commit(leader(store), [SaveContext(refused)])
    store.commit(leader(store), [SaveContext(later)])

    assert store.led_context() == later


def test_a_leader_whose_term_is_over_remembers_nothing(store: Store) -> None:
    old = leader(store)
    store.resign(old)
    leader(store, 'two')

    with pytest.raises(LeadershipLost):
        store.commit(old, [SaveContext(LedContext(rev=1))])

    assert store.led_context() is None


def test_a_job_says_in_which_term_it_was_written(store: Store) -> None:
    first = leader(store)
    store.commit(first, [SaveJob(job_of(), 'one')])
    store.resign(first)
    second = leader(store, 'two')
    other = key('SiteHourly@2026112201')
    store.commit(second, [SaveJob(job_of(other), 'one')])

    assert [job.term for job in store.find_jobs(JobFilter(), 10)] == [first.term, second.term]
    assert store.jobs([HOUR])[HOUR].term == first.term


def test_what_a_leader_says_of_itself_stands_until_it_says_something_else(
    store: Store, clock: SimulatedClock
) -> None:
    assert store.standing() == LeaderStanding()
    leadership = leader(store)
    assert store.standing() == LeaderStanding()
    said = LeaderStanding(
        isolated=(
            Isolated(
                subject=Subject(SubjectKind.PROCESS, 'SiteHourly'),
                reason='x',
                since=clock.now(),
                refusal_count=3,
                next_at=None,
            ),
        ),
        stuck_since=clock.now(),
        stuck_because='y',
    )

    store.report_standing(leadership, said)
    store.lead(leadership.owner, LEASE)  # A renewal says nothing.

    assert store.standing() == said
    clock.advance(2 * LEASE)
    later = store.lead('other', LEASE)
    assert later is not None
    assert store.standing() == said
    with pytest.raises(LeadershipLost):
        store.report_standing(leadership, LeaderStanding())
    store.report_standing(later, LeaderStanding())
    assert store.standing() == LeaderStanding()


def test_what_leaders_count_goes_on_with_the_next_one(store: Store, clock: SimulatedClock) -> None:
    first = leader(store)
    counts = store.counts()
    assert encode(counts) == encode(LeaderCounts())
    counts.ended('SiteHourly', Outcome.PROCESSED, 2.5)
    counts.ended('SiteHourly', Outcome.LOST, None)
    counts.commits.add(0.002)
    counts.refused = 3

    store.report_counts(first, counts)

    assert encode(store.counts()) == encode(counts)
    assert store.leadership() is not None
    clock.advance(2 * LEASE)
    later = store.lead('other', LEASE)
    assert later is not None
    with pytest.raises(LeadershipLost):
        store.report_counts(first, LeaderCounts())
    found = store.counts()
    found.ended('other', Outcome.NOOP, 0.0)
    store.report_counts(later, found)
    assert store.counts().runs['SiteHourly'].outcomes == counts.runs['SiteHourly'].outcomes
    assert store.counts().refused == 3
