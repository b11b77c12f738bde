"""Facts as Watch reads them: the index that it follows, jobs, moments, and who leads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite.store import SqliteStore
from synergy.bootstrap import PROJECT
from synergy.conf.context import load_context
from synergy.conf.model import Context
from synergy.conf.settings import load_settings
from synergy.core.alert_records import Fact
from synergy.core.alert_rules import AlertKind, ReadFrom
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import AddPage, Save, SaveCommand, SaveJob
from synergy.core.journal import BY_UNIT, Change, Happened
from synergy.core.journal_pages import page_of
from synergy.core.records import Box, ProcessName
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey
from synergy.ports.errors import BrokerUnavailable, StoreUnavailable
from synergy.view.forecast import LikelyDocument, LinkDocument
from synergy.view.forecast_stuck import RootDocument
from synergy.view.index import load_index
from synergy.watch.aside import (
    BROKER_PATIENCE,
    CALM_ABOVE,
    WARNED_BELOW,
    BrokerLook,
    Foresight,
    is_founded,
)
from synergy.watch.index import WatchedIndex
from synergy.watch.sources import Asides, Sources
from tests.builders import key, two_trees
from tests.contract.conftest import NOW
from tests.contract.rows import job_of, leader
from tests.core.test_alerts import rule

EVERYTHING = frozenset(AlertKind) - {AlertKind.WILL_BE_LATE, AlertKind.BROKER_AWAY}
ENDED = Change(Happened.ENDED, JobState.IN_PROGRESS, BY_UNIT, 100)
STARTED = Change(Happened.STARTED, JobState.EMBRYO)


class Site:
    """A store with a leader that commits, and what Watch reads of it."""

    def __init__(self, path: Path, kinds: Collection[AlertKind] = EVERYTHING) -> None:
        self.clock = SimulatedClock(NOW)
        self.store = SqliteStore.open(path / 'store.db', clock=self.clock)
        settings = load_settings({'SYNERGY_HOME': str(path)}, PROJECT)
        context = load_context(settings, reads_sources=False)
        spoken = replace(rule(), on=frozenset(kinds), scopes=())
        self.context: Context = replace(context, hierarchy=two_trees(), alerts=(spoken,))
        self.next = 1
        self.sources = self.watched()

    def watched(self) -> Sources:
        asides = Asides(broker=None, foresight=None)
        return Sources(self.context, timedelta(seconds=15), self.clock, asides)

    def commit(self, *saves: Save) -> None:
        leadership = leader(self.store)
        page = page_of(saves, self.next, leadership.term, self.clock.now())
        added = [] if page is None else [AddPage(page)]
        self.store.commit(leadership, [*saves, *added])
        self.next = self.next if page is None else page.next

    def facts(self, seconds: float = 1, *, is_first: bool = False) -> list[Fact]:
        """Return what is so after a while, and take it as dealt with."""
        self.clock.advance(timedelta(seconds=seconds))
        look = self.sources.read(self.store, is_first=is_first)
        self.store.save_journal_cursor('alerts', look.cursor)
        self.sources.saved(look.seen.facts)
        return list(look.seen.facts)

    def told(self, kind: AlertKind, seconds: float = 1) -> list[str]:
        return [fact.subject for fact in self.facts(seconds) if fact.kind is kind]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.store.close()


def hour(number: int) -> JobKey:
    first = key('SiteHourly@2026112300')
    return JobKey(first.process, first.timeperiod.shift(number))


def done(job_key: JobKey, count: int = 100, rev: int = 1, **fields: Any) -> SaveJob:
    job = job_of(job_key, rev, state=JobState.PROCESSED, changed_at=NOW, **fields)
    return SaveJob(job, f'run 1 processed {count}', None, replace(ENDED, count=count))


def test_the_index_is_the_one_that_is_loaded_whatever_happens(site: Site) -> None:
    random = Random(1)
    index = WatchedIndex(site.context.hierarchy, site.clock)
    revs: dict[JobKey, int] = {}
    for _ in range(60):
        site.clock.advance(timedelta(seconds=random.choice([0.2, 1, 90])))
        saves = []
        for job_key in random.sample([hour(number) for number in range(12)], 3):
            rev = revs[job_key] = revs.get(job_key, 0) + 1
            state = random.choice([JobState.IN_PROGRESS, JobState.PROCESSED, JobState.SKIPPED])
            job = job_of(
                job_key, rev, state=state, changed_at=site.clock.now(),
                failure_count=random.randrange(2),
                uow_id=None if state is not JobState.IN_PROGRESS else f'{job_key}/{rev}',
            )  # fmt: skip
            saves.append(SaveJob(job, 'x', None, STARTED))
        site.commit(*saves)
        if random.random() < 0.1:
            site.store.lead(f'other {random.random()}', timedelta(hours=1))

        index.look(site.store)

        loaded = load_index(site.context.hierarchy, site.store, site.clock.now())
        assert index.timetable.snapshot() == loaded.snapshot()
        assert {job.key for job in index.timetable.open_jobs()} == {
            job.key for job in loaded.open_jobs()
        }
    failed = {ordinal for ordinals in index.failed.values() for ordinal in ordinals}
    again = WatchedIndex(site.context.hierarchy, site.clock)
    again.look(site.store)
    assert failed == {ordinal for ordinals in again.failed.values() for ordinal in ordinals}


def test_what_is_late_held_or_failed_is_told_within_a_look(site: Site) -> None:
    leader(site.store)
    late = site.told(AlertKind.LATE)
    assert 'SiteHourly@2026112200' in late
    held = job_of(hour(0), is_held=True, uow_id=None)
    failed = job_of(hour(1), state=JobState.SKIPPED, failure_count=3, uow_id=None)

    site.commit(SaveJob(held, 'x', None, STARTED), SaveJob(failed, 'x', None, STARTED))
    facts = {(fact.kind, fact.subject) for fact in site.facts()}

    assert (AlertKind.HELD, str(hour(0))) in facts
    assert (AlertKind.FAILED, str(hour(1))) in facts
    assert (AlertKind.LATE, str(hour(1))) not in facts
    assert (AlertKind.FAILED, str(hour(0))) not in facts
    fresh = WatchedIndex(site.context.hierarchy, site.clock)
    fresh.look(site.store)
    # One that waits for a person was not skipped, neither for one who has just begun to watch.
    assert fresh.failed == {hour(1).process: {hour(1).timeperiod.ordinal}}
    site.commit(done(hour(0), rev=2), done(hour(1), rev=2))
    facts = {(fact.kind, fact.subject) for fact in site.facts()}
    assert not facts & {
        (AlertKind.HELD, str(hour(0))),
        (AlertKind.FAILED, str(hour(1))),
        (AlertKind.LATE, str(hour(0))),
    }


def test_a_job_becomes_late_by_the_clock_alone(site: Site) -> None:
    leader(site.store)
    # An hour without a deadline is late once the next one is over, too.
    until = key('SiteHourly@2026112312')
    before = site.told(AlertKind.LATE)
    assert str(until) not in before

    due = site.context.hierarchy.late_at(
        site.context.hierarchy.nodes[until.process], until.timeperiod.ordinal
    )
    left = (due - site.clock.now()).total_seconds()
    site.store.lead('one', timedelta(days=1))
    assert str(until) not in site.told(AlertKind.LATE, left - 1)
    assert str(until) in site.told(AlertKind.LATE, 1.5)


def test_an_unusual_count_and_a_request_that_is_done_are_told_once(site: Site) -> None:
    request = Command(
        id=CommandId('r1'), kind=CommandKind.REPROCESS, process=ProcessName('SiteHourly'),
        start=hour(0).timeperiod, end=hour(1).timeperiod, actor='anna', created_at=NOW,
        state=CommandState.RUNNING,
    )  # fmt: skip
    site.commit(*(done(hour(number)) for number in range(12)))
    site.store.insert_command(replace(request, state=CommandState.REQUESTED))
    site.facts(is_first=True)
    site.commit(done(hour(12), 5), done(hour(13), 110))

    assert site.told(AlertKind.UNUSUAL_COUNT) == [str(hour(12))]
    assert site.told(AlertKind.UNUSUAL_COUNT) == []
    assert site.told(AlertKind.REQUEST_DONE) == []
    ended = replace(request, state=CommandState.DONE, finished_at=NOW, outcome='1 job')
    site.commit(SaveCommand(ended))
    assert site.told(AlertKind.REQUEST_DONE) == ['r1']
    assert site.told(AlertKind.REQUEST_DONE) == []


def test_what_is_read_again_for_it_was_not_saved_is_told_again(site: Site) -> None:
    site.commit(*(done(hour(number)) for number in range(12)))
    site.facts()
    site.commit(done(hour(12), 5))
    read = [site.sources.read(site.store, is_first=False) for _ in range(2)]

    assert [
        [fact.subject for fact in look.seen.facts if fact.kind is AlertKind.UNUSUAL_COUNT]
        for look in read
    ] == [[str(hour(12))]] * 2


def test_nobody_is_told_that_nobody_leads_while_everything_starts(site: Site) -> None:
    assert site.told(AlertKind.NO_LEADER) == []
    assert site.told(AlertKind.NO_LEADER, 31) == ['Scheduler']
    leadership = leader(site.store)
    assert site.told(AlertKind.NO_LEADER) == []
    site.store.resign(leadership)
    assert site.told(AlertKind.NO_LEADER) == []
    assert site.told(AlertKind.NO_LEADER, 5) == ['Scheduler']


def test_a_broken_source_is_told_in_the_log_and_the_others_go_on(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    leader(site.store)

    def broken(*_: object) -> Sequence[Fact]:
        raise ValueError('a fault')

    monkeypatch.setattr(site.sources, '_of_needs', broken)
    site.clock.advance(timedelta(seconds=20))
    look = site.sources.read(site.store, is_first=False)
    site.sources.read(site.store, is_first=False)

    assert frozenset(ReadFrom) - look.seen.readable == {ReadFrom.NEEDS, ReadFrom.BOXES}
    assert any(fact.kind is AlertKind.LATE for fact in look.seen.facts)
    assert len([item for item in caplog.records if item.levelname == 'ERROR']) == 1

    def away(*_: object) -> Sequence[Fact]:
        raise StoreUnavailable('away')

    monkeypatch.setattr(site.sources, '_of_needs', away)
    with pytest.raises(StoreUnavailable):
        site.sources.read(site.store, is_first=False)


def test_nothing_is_read_for_which_no_rule_asks(tmp_path: Path) -> None:
    site = Site(tmp_path, {AlertKind.NO_LEADER})
    leader(site.store)
    site.sources._index.look = None  # type: ignore[assignment,method-assign]
    assert site.facts() == []
    site.store.close()


class Broker:
    """A broker that is away, or not."""

    def __init__(self) -> None:
        self.is_away = False

    def declare(self, routes: object) -> None:
        del routes
        if self.is_away:
            raise BrokerUnavailable('refused')


def test_a_broker_is_away_once_it_stays_so() -> None:
    clock, broker = SimulatedClock(NOW), Broker()
    look = BrokerLook(lambda: broker, clock)  # type: ignore[arg-type,return-value]

    look.ask()
    assert look.facts() == ()
    broker.is_away = True
    look.ask()
    assert look.facts() == ()
    clock.advance(BROKER_PATIENCE)
    look.ask()
    (fact,) = look.facts()
    assert (fact.kind, fact.since, fact.why) == (AlertKind.BROKER_AWAY, NOW, 'refused')
    broker.is_away = False
    look.ask()
    assert look.facts() == ()
    # One that neither answers nor refuses is away, too.
    look.asked_since = clock.monotonic()
    clock.advance(timedelta(seconds=BrokerLook.HANGS_SECONDS + 1))
    assert [fact.kind for fact in look.facts()] == [AlertKind.BROKER_AWAY]


def test_boxes_are_not_judged_while_everything_starts(site: Site) -> None:
    leader(site.store)
    box = Box(box_id='b1', host='h', pid=1, version='3')
    site.store.heartbeat(box, timedelta(seconds=15))
    site.clock.advance(timedelta(minutes=5))
    site.store.lead('one', timedelta(hours=1))
    site.sources = site.watched()

    look = site.sources.read(site.store, is_first=False)
    assert not look.seen.readable & {ReadFrom.NEEDS, ReadFrom.BOXES}
    assert site.told(AlertKind.BOX_VANISHED, 20) == ['b1']
    site.store.heartbeat(box, timedelta(seconds=15))
    assert site.told(AlertKind.BOX_VANISHED, 60) == ['b1']


class Foreseeing(Foresight):
    """Foresees what it is told."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(lambda: None, two_trees(), timedelta(seconds=15), clock)  # type: ignore[arg-type,return-value]
        self.items: list[LikelyDocument] = []

    def _outlook(self, store: object) -> Sequence[LikelyDocument]:
        del store
        return self.items


def likely(holds: float, late_at: str = '2026-11-23T13:00:00Z') -> LikelyDocument:
    return LikelyDocument(
        process='SiteDaily', timeperiod='2026112200', started=None, start='2026-11-23T12:00:00Z',
        end='2026-11-23T13:30:00Z', low='2026-11-23T13:10:00Z', high='2026-11-23T14:00:00Z',
        late_at=late_at, holds=holds,
        path=[LinkDocument(
            process='SiteHourly', timeperiod='2026112223', start='2026-11-23T12:00:00Z', end=None,
            waits='input', of='',
        )],
        action=None, root=None,
    )  # fmt: skip


def test_what_will_be_late_is_told_until_it_is_likelier_to_hold_or_is_done() -> None:
    clock = SimulatedClock(NOW)
    foresight = Foreseeing(clock)

    def told(*items: LikelyDocument, late: Collection[str] = ()) -> Sequence[Fact]:
        foresight.items = list(items)
        foresight.ask()
        clock.advance(timedelta(minutes=1))
        return foresight.facts(late)

    assert told(likely(WARNED_BELOW)) == []
    (fact,) = told(likely(0.31))
    assert (fact.kind, fact.subject) == (AlertKind.WILL_BE_LATE, 'SiteDaily@2026112200')
    assert fact.why == (
        'likely end 2026-11-23 13:30 UTC (2026-11-23 13:10 UTC to 2026-11-23 14:00 UTC), by way of '
        'SiteHourly@2026112223; the deadline is 2026-11-23 13:00 UTC and holds with 31 %'
    )
    # It is not over with the first better drawing, and it began when it was first foreseen.
    (again,) = told(likely(WARNED_BELOW + 0.1))
    assert again.since == fact.since
    # What has come true is told of until it is done.
    clock.advance(timedelta(hours=2))
    assert told(late={'SiteDaily@2026112200'}) == [again]
    assert told() == []
    assert told(late={'SiteDaily@2026112200'}) == [again]
    assert foresight.is_known


def test_what_stands_in_the_way_is_the_cause() -> None:
    foresight = Foreseeing(SimulatedClock(NOW))
    root = RootDocument(
        process='SiteHourly', timeperiod='2026112205', cause='held', of='SiteHourly', until=None,
        text='is held for an operator',
    )  # fmt: skip
    item = likely(0.0)
    item['root'], item['end'] = root, None
    foresight.items = [item]
    foresight.ask()

    (fact,) = foresight.facts(())
    assert fact.cause == fact.root == 'SiteHourly@2026112205'
    assert (fact.why or '').startswith('SiteHourly@2026112205: is held for an operator; nobody')


def test_workers_that_are_just_started_and_deadlines_far_ahead_are_no_warning() -> None:
    foresight = Foreseeing(SimulatedClock(NOW))
    root = RootDocument(
        process='SiteHourly', timeperiod='2026112205', cause='workers', of='SiteHourly', until=None,
        text='no worker of SiteHourly takes work',
    )  # fmt: skip
    item = likely(0.0)
    item['root'] = root
    far = likely(0.0, late_at='2026-11-25T13:00:00Z')

    told = []
    for items in ([item], [], [item], [item], [far]):
        foresight.items = items
        foresight.ask()
        told.append(len(foresight.facts(())))

    assert told == [0, 0, 0, 1, 0]


def test_what_nothing_is_known_of_is_no_warning() -> None:
    item = likely(0.0)
    assert not is_founded(item, set())
    assert not is_founded(item, {'Other'})
    assert is_founded(item, {'SiteHourly'})
    assert is_founded(item, {'SiteDaily'})
    item['root'] = RootDocument(
        process='X', timeperiod='2026112205', cause='off', of='X', until=None, text='X is off'
    )
    assert is_founded(item, set())


def test_a_likelier_deadline_is_over() -> None:
    foresight = Foreseeing(SimulatedClock(NOW))
    foresight.items = [likely(0.3)]
    foresight.ask()
    assert foresight.facts(())
    foresight.items = [likely(CALM_ABOVE)]
    foresight.ask()
    assert not foresight.facts(())


def test_while_nobody_leads_that_is_why_jobs_are_late(site: Site) -> None:
    def causes() -> set[str | None]:
        return {fact.cause for fact in site.facts() if fact.kind is AlertKind.LATE}

    assert 'Scheduler' in causes()
    leader(site.store)
    assert 'Scheduler' not in causes()
