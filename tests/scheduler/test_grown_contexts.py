"""A context that has grown below something finished: what waits for it runs again, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import Effects, Save
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import Leadership, Process, ProcessName, UowId
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, of_date
from synergy.core.working import WorkingDays
from synergy.ports.errors import StoreUnavailable
from synergy.ports.store import SchedulerStore
from synergy.scheduler import context_change
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.pipeline import Pipeline
from tests.builders import instant, key, process, tree
from tests.scheduler.scheduler_harness import SchedulerHarness, loop_settings, route_of

NOW = instant('2026112401')
DAY = key('SiteDaily@2026112200')


def site(
    start: str = '2026112220', end: str | None = '2026112300', levels: str = 'Hourly Daily Monthly'
) -> Hierarchy:
    """Return a tree, and another one whose days depend on it."""
    names = [f'Site{level}' for level in levels.split()]
    return build(
        map(process, [*names, 'AlertDaily', 'OtherHourly']),
        [
            tree('site', names, start=start, end=end),
            tree('alert', ['AlertDaily'], dependent_on=['site'], end='2026112300'),
            tree('other', ['OtherHourly'], start='2026112212', end='2026112300'),
        ],
    )


class Led(SchedulerHarness):
    """A harness that is led with one context after another."""

    def __init__(self, home: Path, hierarchy: Hierarchy, mongo_uri: str | None = None) -> None:
        super().__init__(home, hierarchy, NOW, mongo_uri)
        self.count = 0

    def lead(self, hierarchy: Hierarchy) -> list[str]:
        """Start a Scheduler with `hierarchy`, work all there is, and stop it; return what ran."""
        self.hierarchy = hierarchy
        self.started.clear()
        scheduler = self.begun()
        self.run(scheduler)
        # Once more, so that requests are seen to be done.
        self.clock.advance(timedelta(seconds=6))
        self.run(scheduler)
        scheduler.close()
        return sorted(self.started)

    def begun(self) -> Scheduler:
        self.count += 1
        return self.scheduler(f'led {self.count}')

    def asked(self) -> list[Command]:
        """Return what the Scheduler has asked for itself, oldest first."""
        return sorted(
            (item for item in self.store.commands(tuple(CommandState), 100)),
            key=lambda command: (command.created_at, command.id),
        )


@pytest.fixture
def harness(tmp_path: Path) -> Led:
    return Led(tmp_path, site())


def hours(first: int, last: int, run: int = 1) -> list[str]:
    return [f'SiteHourly@20261122{hour:02d}#{run}' for hour in range(first, last + 1)]


def test_a_start_that_moves_earlier_runs_the_new_hours_and_then_day_and_month_again(
    harness: Led,
) -> None:
    harness.lead(site())

    ran = harness.lead(site('2026112216'))

    assert ran == sorted(
        [
            *hours(16, 19),
            'SiteDaily@2026112200#2',
            'SiteMonthly@2026110000#2',
            'AlertDaily@2026112200#2',
        ]
    )
    (command,) = harness.asked()
    assert (command.actor, command.kind, command.state) == (
        'scheduler',
        CommandKind.REPROCESS,
        CommandState.DONE,
    )
    assert command.reason is not None
    assert 'SiteHourly starts at 2026112216 instead of 2026112220' in command.reason
    assert command.outcome == '3 jobs: 3 processed'
    events = [event.text for event in harness.store.events(DAY, 20)]
    assert any('reset: reprocess by scheduler: context.py has changed' in text for text in events)
    assert harness.violations() == []


def test_each_runs_after_what_is_new_below_it(harness: Led) -> None:
    harness.lead(site())
    harness.hierarchy = site('2026112216')
    harness.started.clear()

    scheduler = harness.begun()
    harness.run(scheduler)

    order = harness.started
    assert order.index('SiteDaily@2026112200#2') > max(map(order.index, hours(16, 19)))
    assert order.index('SiteMonthly@2026110000#2') > order.index('SiteDaily@2026112200#2')
    assert order.index('AlertDaily@2026112200#2') > order.index('SiteDaily@2026112200#2')
    scheduler.close()


def test_the_same_context_again_runs_nothing(harness: Led) -> None:
    harness.lead(site())
    harness.lead(site('2026112216'))

    assert harness.lead(site('2026112216')) == []
    assert len(harness.asked()) == 1


def test_there_and_back_and_there_again_runs_the_day_once_each_time_that_it_grows(
    harness: Led,
) -> None:
    harness.lead(site())
    harness.lead(site('2026112216'))

    assert harness.lead(site()) == []
    assert harness.violations() == []
    ran = harness.lead(site('2026112216'))

    assert [text for text in ran if 'Hourly' in text] == []
    assert 'SiteDaily@2026112200#3' in ran
    grown, kept, again = harness.asked()
    assert kept.kind is CommandKind.CONTEXT
    assert kept.outcome is not None
    assert '1 of SiteDaily' in kept.outcome
    assert grown.id != again.id
    assert harness.violations() == []


@pytest.mark.parametrize(
    ('before', 'after', 'again'),
    [
        (
            site(levels='Daily Monthly'),
            site(levels='Hourly Daily Monthly'),
            ['AlertDaily@2026112200#2', 'SiteDaily@2026112200#2', 'SiteMonthly@2026110000#2'],
        ),
        (
            site(end='2026112222'),
            site(end='2026112300'),
            ['AlertDaily@2026112200#2', 'SiteDaily@2026112200#2', 'SiteMonthly@2026110000#2'],
        ),
        (
            site(end='2026112300'),
            site(end='2026112400'),
            ['SiteMonthly@2026110000#2'],
        ),
        (
            site(levels='Hourly Monthly Daily'),
            site('2026112120', levels='Hourly Daily Monthly'),
            ['AlertDaily@2026112200#2', 'SiteDaily@2026112200#2', 'SiteMonthly@2026110000#2'],
        ),
    ],
)
def test_whatever_grows_below_something_finished_runs_it_again_once(
    harness: Led, before: Hierarchy, after: Hierarchy, again: Sequence[str]
) -> None:
    harness.lead(before)

    ran = harness.lead(after)

    assert [text for text in ran if text.endswith('#2')] == again
    assert max(Counter(ran).values()) == 1
    assert harness.violations() == []
    assert harness.lead(after) == []


def test_a_dependency_that_is_added_runs_what_depends_on_it_again(harness: Led) -> None:
    def trees(*dependent_on: str) -> Hierarchy:
        return build(
            map(process, ['ADaily', 'BDaily']),
            [
                tree('a', ['ADaily'], start='2026112000', end='2026112300'),
                tree('b', ['BDaily'], dependent_on=dependent_on, end='2026112300'),
            ],
        )

    harness.lead(trees())

    assert harness.lead(trees('a')) == ['BDaily@2026112200#2']
    assert harness.violations() == []


def test_a_year_with_more_to_come_waits_for_it(harness: Led) -> None:
    harness.lead(site())

    ran = harness.lead(site(end=None))

    assert 'SiteMonthly@2026110000#2' not in ran
    assert harness.state(key('SiteMonthly@2026110000')) is JobState.EMBRYO
    assert harness.violations() == []


def test_a_store_that_remembers_nothing_runs_a_day_again_whose_hours_are_not_done(
    harness: Led,
) -> None:
    harness.lead(site())
    forget(harness)
    harness.hierarchy = site('2026112216')
    assert [item.invariant for item in harness.violations()] == ['I2']

    ran = harness.lead(site('2026112216'))

    assert ran == sorted(
        [
            *hours(16, 19),
            'SiteDaily@2026112200#2',
            'SiteMonthly@2026110000#2',
            'AlertDaily@2026112200#2',
        ]
    )
    assert harness.violations() == []


def test_a_store_that_remembers_nothing_and_is_done_runs_nothing(harness: Led) -> None:
    harness.lead(site())
    forget(harness)

    assert harness.lead(site()) == []
    assert harness.asked() == []


def test_a_memory_that_somebody_made_illegal_is_written_again(harness: Led) -> None:
    harness.lead(site())
    cast('SqliteStore', harness.store)._file.write("UPDATE led_context SET text = '{'")

    assert harness.lead(site()) == []
    found = harness.store.led_context()
    assert found is not None
    assert found.rev == 2
    assert found.processes


def forget(harness: Led) -> None:
    """Make the store one of an older version, which remembered nothing."""
    cast('SqliteStore', harness.store)._file.write('DELETE FROM led_context')


def test_verify_finds_a_day_that_is_older_than_its_hours_also_after_they_are_done(
    harness: Led, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an older version has left it: the hours ran, the day did not run again."""
    harness.lead(site())
    monkeypatch.setattr(
        context_change, 'found', lambda *_: context_change.Found(refused={}, effects=Effects())
    )

    ran = harness.lead(site('2026112216'))

    assert ran == hours(16, 19)
    assert [str(item) for item in harness.violations()] == [
        'I2 SiteDaily@2026112200: is older than SiteHourly@2026112216, for which it waits: it '
        'ended in term 1, that in term 2; ./launch.py reprocess SiteDaily 2026112200 runs it again'
    ]


def test_a_request_under_way_is_no_violation_at_any_moment(harness: Led) -> None:
    harness.lead(site())
    harness.hierarchy = site('2026112216')
    scheduler = harness.begun()

    for _ in range(60):
        scheduler.step()
        assert harness.violations() == []
        harness.work()
        assert harness.violations() == []
        harness.clock.advance(timedelta(seconds=1))
    scheduler.close()
    assert harness.state(DAY) is JobState.PROCESSED


# Whoever dies on the way


class Dying:
    """A store whose commit number `last` is lost, unheard of, or torn in the middle."""

    def __init__(self, store: SchedulerStore, last: int, how: str) -> None:
        self._store = store
        self._left = last
        self._how = how

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if self._left < 0:
            raise StoreUnavailable('it is dead')
        return cast('Callable[..., Any]', getattr(self._store, name))

    def commit(
        self,
        leadership: Leadership,
        saves: Sequence[Save],
        announced: Mapping[UowId, datetime] = MappingProxyType({}),
    ) -> None:
        if self._left == 0 and self._how == 'torn':
            for save in saves[: (len(saves) + 1) // 2]:
                self._store.commit(leadership, [save])
        elif self._left > 0 or self._how == 'unheard':
            self._store.commit(leadership, saves, announced)
        self._left -= 1
        if self._left < 0:
            raise StoreUnavailable('it is dead')


@pytest.mark.parametrize('how', ['lost', 'unheard', 'torn'])
@pytest.mark.parametrize('last', range(5))
def test_a_leader_that_dies_on_the_way_loses_nothing_and_doubles_nothing(
    harness: Led, how: str, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('synergy.core.job_requests.JOBS_PER_BATCH_MAX', 2)
    harness.lead(site())
    harness.hierarchy = site('2026112216')
    harness.started.clear()
    harness.tears_commits = True
    broken = Scheduler(
        Pipeline(hierarchy=harness.hierarchy, route_of=route_of),
        store=cast('SchedulerStore', Dying(harness.open_store(), last, how)),
        broker=harness.open_broker(),
        clock=harness.clock,
        settings=loop_settings('settings'),
    )
    broken.step()
    before = list(harness.started)
    harness.clock.advance(timedelta(seconds=30))

    harness.run(harness.begun())
    harness.clock.advance(timedelta(seconds=6))
    harness.run(harness.begun())

    counts = Counter(before + harness.started)
    assert counts['SiteDaily@2026112200#2'] == 1
    assert sorted(counts) == sorted(
        [
            *hours(16, 19),
            'SiteDaily@2026112200#2',
            'SiteMonthly@2026110000#2',
            'AlertDaily@2026112200#2',
        ]
    )
    assert max(counts.values()) == 1
    assert [item.kind for item in harness.asked()] == [CommandKind.REPROCESS]
    assert harness.violations() == []


def test_a_request_about_what_is_outside_the_span_now_touches_nothing_else(harness: Led) -> None:
    harness.lead(site('2026112216'))
    request = Command(
        id=CommandId('old'),
        kind=CommandKind.REPROCESS,
        process=ProcessName('SiteHourly'),
        start=key('SiteHourly@2026112216').timeperiod,
        end=key('SiteHourly@2026112218').timeperiod,
        actor='ann',
        state=CommandState.APPLYING,
        created_at=harness.clock.now(),
    )
    ordinal = request.start.ordinal
    plan = {ProcessName('SiteHourly'): ((ordinal, ordinal + 2),)}
    harness.store.insert_command(replace(request, plan=plan, planned_count=2))

    ran = harness.lead(site('2026112220'))

    assert not [text for text in ran if 'Hourly' in text]
    assert harness.state(key('SiteHourly@2026112216')) is JobState.PROCESSED
    assert harness.violations() == []


# Working calendars


def office(working: WorkingDays | None) -> Hierarchy:
    days = Process(name=ProcessName('OfficeDaily'), qualifier=Qualifier.DAILY, working=working)
    return build(
        [days, process('ReportDaily')],
        [
            tree('office', ['OfficeDaily'], start='2026112000'),
            tree('report', ['ReportDaily'], start='2026112000', dependent_on=['office']),
        ],
    )


def test_a_day_that_is_no_longer_left_out_runs_and_then_what_has_run_without_it(
    harness: Led,
) -> None:
    first = of_date(Qualifier.DAILY, date(2026, 11, 20)).ordinal
    some = WorkingDays(name='office', first=first, days=bytes([1, 0, 0, 1]))
    more = WorkingDays(name='office', first=first, days=bytes([1, 1, 0, 0]))
    reports = [f'ReportDaily@202611{day}00' for day in (20, 21, 22, 23)]

    ran = harness.lead(office(some))
    offices = ['OfficeDaily@2026112000#1', 'OfficeDaily@2026112300#1']
    assert ran == sorted([*offices, *(f'{report}#1' for report in reports)])

    # Saturday works from now on. Monday does not, and keeps what it has.
    assert harness.lead(office(more)) == ['OfficeDaily@2026112100#1', f'{reports[1]}#2']
    assert harness.lead(office(more)) == []
    assert harness.violations() == []


# The other store


@pytest.fixture
def on_mongodb(tmp_path: Path, mongo_uri: str) -> Iterator[Led]:
    harness = Led(tmp_path, site(), mongo_uri)
    yield harness
    harness.close()


def test_a_context_that_grows_and_a_level_that_changes_on_mongodb(on_mongodb: Led) -> None:
    harness = on_mongodb
    harness.lead(site())
    again = ['AlertDaily@2026112200#2', 'SiteDaily@2026112200#2', 'SiteMonthly@2026110000#2']

    assert harness.lead(site('2026112216')) == sorted([*hours(16, 19), *again])
    assert [item.kind for item in harness.asked()] == [CommandKind.REPROCESS]
    assert harness.lead(site()) == []
    assert [item.kind for item in harness.asked()] == [CommandKind.REPROCESS, CommandKind.CONTEXT]
    assert harness.violations() == []

    days = ProcessName('OtherHourly')
    daily = [
        replace(node.process, qualifier=Qualifier.DAILY)
        if node.process.name == days
        else node.process
        for node in site()
    ]
    trees = {node.tree.name: node.tree for node in site(end='2026112306')}
    grown = harness.lead(build(daily, trees.values()))
    assert not [text for text in grown if text.startswith('Other')]
    assert 'SiteMonthly@2026110000#3' in grown
    assert harness.lead(site(end='2026112306')) == []
    assert harness.violations() == []


@pytest.mark.parametrize('last', range(3))
def test_a_leader_on_mongodb_that_dies_on_the_way_doubles_nothing(
    on_mongodb: Led, last: int
) -> None:
    harness = on_mongodb
    harness.lead(site())
    harness.hierarchy = site('2026112216')
    harness.started.clear()
    harness.tears_commits = True
    broken = Scheduler(
        Pipeline(hierarchy=harness.hierarchy, route_of=route_of),
        store=cast('SchedulerStore', Dying(harness.open_store(), last, 'torn')),
        broker=harness.open_broker(),
        clock=harness.clock,
        settings=loop_settings('settings'),
    )
    broken.step()
    harness.clock.advance(timedelta(seconds=30))

    harness.run(harness.begun())

    counts = Counter(harness.started)
    assert counts['SiteDaily@2026112200#2'] == 1
    assert max(counts.values()) == 1
    assert harness.violations() == []
