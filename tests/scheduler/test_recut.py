"""A recut: the history of a changed process is archived, and it begins by its new definition."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from synergy.conf.model import Context
from synergy.core.changed_levels import left_out
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.effects import SaveCommand
from synergy.core.hierarchy import CALENDARS, Hierarchy, build
from synergy.core.overrides import applied
from synergy.core.records import Outcome, Process, UnitEnd
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, parse
from synergy.core.zones import calendar_named
from synergy.operations.caller import Caller
from synergy.operations.recut_tree import preview_tree, recut_tree, tree_commands
from synergy.ports.store import SchedulerStore
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.pipeline import Pipeline
from tests.builders import process, tree
from tests.scheduler.scheduler_harness import loop_settings, route_of
from tests.scheduler.test_changed_levels import SITE, context, rows
from tests.scheduler.test_grown_contexts import Dying, Led

HOURLY, DAILY = Qualifier.HOURLY, Qualifier.DAILY


@pytest.fixture
def harness(tmp_path: Path) -> Led:
    return Led(tmp_path, context(HOURLY))


def ask(
    harness: Led, start: str, level: Qualifier = DAILY, name: str = 'cut', zone: str = 'UTC'
) -> None:
    timeperiod = parse(level, start)
    harness.store.insert_command(
        Command(
            id=CommandId(name),
            kind=CommandKind.RECUT,
            process=SITE,
            start=timeperiod,
            end=timeperiod.shift(1),
            details={'zone': zone},
            actor='ann',
            reason='days will do',
            created_at=harness.clock.now(),
        )
    )


def asked(harness: Led, name: str = 'cut') -> Command:
    command = harness.store.command(CommandId(name))
    assert command is not None
    return command


def test_old_rows_are_archived_and_new_intervals_begin_at_the_start(harness: Led) -> None:
    harness.lead(context(HOURLY))
    hours = len(rows(harness))
    ask(harness, '2026112200')

    ran = harness.lead(context(DAILY))

    assert [text for text in ran if text.startswith('Site@')] == [
        'Site@2026112200#1',
        'Site@2026112300#1',
    ]
    command = asked(harness)
    assert command.state is CommandState.DONE
    assert command.outcome == f'{hours} jobs archived, intervals begin at 2026112200'
    assert {job.timeperiod.qualifier for job in rows(harness)} == {DAILY}
    (kept,) = harness.store.archived(SITE)
    assert (kept.request, kept.qualifier, kept.count, kept.first) == (
        'cut',
        HOURLY,
        hours,
        '2026112122',
    )
    assert harness.violations() == []
    # Ids of runs are not used twice, whatever level the process is of next.
    override = next(iter(harness.store.overrides()))
    again = applied(context(HOURLY), [override]).nodes[SITE]
    assert (again.process.runs_before, again.first) == (1, context(HOURLY).nodes[SITE].first)
    assert applied(context(DAILY), [override]).nodes[SITE].process.runs_before == 0


def test_what_waits_for_new_intervals_runs_again_and_what_lies_before_stays(harness: Led) -> None:
    harness.lead(context(HOURLY))
    ask(harness, '2026112200')

    ran = harness.lead(context(DAILY))

    # November holds new days; so it runs again, once, after them, and what depends on it.
    assert [text for text in ran if 'Monthly' in text] == [
        'AlertMonthly@2026110000#2',
        'SiteMonthly@2026110000#2',
    ]
    assert harness.started.index('SiteMonthly@2026110000#2') > harness.started.index(
        'Site@2026112300#1'
    )


def test_without_it_nothing_is_archived_and_going_back_goes_on_as_before(harness: Led) -> None:
    harness.lead(context(HOURLY))
    known = rows(harness)
    harness.lead(context(DAILY))

    assert harness.lead(context(HOURLY)) == []
    assert rows(harness) == known
    assert harness.store.archived(SITE) == []


def test_the_start_holds_for_later_leaders_and_after_changes_of_the_switch(harness: Led) -> None:
    harness.lead(context(HOURLY))
    ask(harness, '2026112300')
    harness.lead(context(DAILY))
    for number, is_on in enumerate((False, None)):
        harness.store.insert_command(
            Command(
                id=CommandId(f'switch{number}'),
                kind=CommandKind.PROCESS_SAVE,
                process=SITE,
                start=parse(Qualifier.REAL_TIME, '20261124010000'),
                end=parse(Qualifier.REAL_TIME, '20261124010001'),
                details={'is_on': is_on},
                actor='ann',
                created_at=harness.clock.now(),
            )
        )
    harness.lead(context(DAILY))
    harness.lead(context(HOURLY))

    assert harness.lead(context(DAILY)) == []
    assert [str(job.timeperiod) for job in rows(harness)] == ['2026112300']
    assert harness.violations() == []


def zoned(zone: str) -> Hierarchy:
    calendars = {**CALENDARS, zone: calendar_named(zone)}
    return build(
        [Process(name=SITE, qualifier=DAILY), process('OtherDaily')],
        [
            replace(tree('site', [SITE], start='2026112000', end='2026112400'), zone=zone),
            replace(
                tree('other', ['OtherDaily'], dependent_on=['site'], end='2026112400'), zone=zone
            ),
        ],
        calendars,
    )


def test_days_of_another_zone_count_their_runs_on_so_that_no_late_report_counts(
    tmp_path: Path,
) -> None:
    harness = Led(tmp_path, zoned('UTC'))
    scheduler = harness.begun()
    scheduler.step()
    (uow_id, *_) = [
        item for item in harness.take() if harness.store.units([item])[item].process == SITE
    ]
    (unit,) = harness.store.claim([uow_id], 'a worker', timedelta(seconds=60))
    scheduler.close()
    ask(harness, '2026112100', zone='Europe/Berlin')

    ran = harness.lead(zoned('Europe/Berlin'))

    assert [text for text in ran if text.startswith('Site@')] == [
        f'Site@202611{day}00#2' for day in (21, 22, 23, 24)
    ]
    late = UnitEnd(uow_id=uow_id, fence=unit.fence, outcome=Outcome(state=UnitState.PROCESSED))
    assert harness.store.finish([late]) == [uow_id]
    assert harness.violations() == []


@pytest.mark.parametrize('how', ['lost', 'unheard', 'torn'])
@pytest.mark.parametrize('last', range(1, 6))
def test_whoever_dies_on_the_way_leaves_the_next_leader_the_rest(
    harness: Led, how: str, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it starts before all is archived, and nothing of it twice."""
    monkeypatch.setattr('synergy.core.recut.ROWS_PER_BATCH_MAX', 20)
    harness.lead(context(HOURLY))
    hours = len(rows(harness))
    ask(harness, '2026112200')
    harness.hierarchy = context(DAILY)
    harness.started.clear()
    broken = Scheduler(
        Pipeline(hierarchy=harness.hierarchy, route_of=route_of),
        store=cast('SchedulerStore', Dying(harness.open_store(), last, how)),
        broker=harness.open_broker(),
        clock=harness.clock,
        settings=loop_settings('settings'),
    )
    for _ in range(8):
        broken.step()
    assert harness.violations() == []
    harness.clock.advance(timedelta(seconds=30))

    harness.run(harness.begun())
    harness.clock.advance(timedelta(seconds=6))
    harness.run(harness.begun())

    assert sorted(text for text in harness.started if text.startswith('Site@')) == [
        'Site@2026112200#1',
        'Site@2026112300#1',
    ]
    assert asked(harness).state is CommandState.DONE
    (kept,) = harness.store.archived(SITE)
    assert kept.count == hours
    assert harness.violations() == []


def test_a_context_that_is_changed_back_half_way_leaves_the_process_out_until_it_is_right(
    harness: Led, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('synergy.core.recut.ROWS_PER_BATCH_MAX', 20)
    harness.lead(context(HOURLY))
    ask(harness, '2026112200')
    harness.hierarchy = context(DAILY)
    scheduler = harness.begun()
    scheduler.step()
    scheduler.step()
    scheduler.close()
    assert 0 < len(rows(harness)) < 50

    ran = harness.lead(context(HOURLY))
    left = rows(harness)

    assert not [text for text in ran if text.startswith('Site')]
    refused = left_out(context(HOURLY), harness.store.led_context())[SITE]
    assert 'is being recut by request cut' in str(refused)
    assert harness.violations() == []
    assert rows(harness) == left

    ran = harness.lead(context(DAILY))
    assert 'Site@2026112300#1' in ran
    assert harness.violations() == []


def test_one_that_was_ended_half_way_is_gone_on_with_by_another(
    harness: Led, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr('synergy.core.recut.ROWS_PER_BATCH_MAX', 20)
    harness.lead(context(HOURLY))
    ask(harness, '2026112200')
    harness.hierarchy = context(DAILY)
    scheduler = harness.begun()
    scheduler.step()
    scheduler.step()
    scheduler.close()
    leadership = harness.store.lead('somebody', timedelta(seconds=5))
    assert leadership is not None
    ask(harness, '2026112300', name='early')
    harness.store.commit(
        leadership, [SaveCommand(replace(asked(harness), state=CommandState.REFUSED))]
    )
    harness.store.resign(leadership)

    ran = harness.lead(context(DAILY))

    assert [text for text in ran if text.startswith('Site@')] == ['Site@2026112300#1']
    assert asked(harness, 'early').state is CommandState.DONE
    assert {item.request for item in harness.store.archived(SITE)} == {'cut', 'early'}
    assert harness.violations() == []


def test_two_at_once_are_one(harness: Led) -> None:
    harness.lead(context(HOURLY))
    ask(harness, '2026112200')
    ask(harness, '2026112300', name='second')

    harness.lead(context(DAILY))

    assert asked(harness).state is CommandState.DONE
    assert asked(harness, 'second').state is CommandState.REFUSED
    assert 'by request cut' in (asked(harness, 'second').outcome or '')


@pytest.mark.parametrize(
    ('start', 'level', 'zone', 'why'),
    [
        ('2026112000', DAILY, 'UTC', 'cannot begin at 2026112000'),
        ('2026112500', DAILY, 'UTC', 'give one of these'),
        ('2026112200', HOURLY, 'UTC', 'was meant as hourly of UTC'),
        ('2026112200', DAILY, 'Europe/Berlin', 'was meant as daily of Europe/Berlin'),
    ],
)
def test_what_cannot_begin_is_refused_and_nothing_is_archived(
    harness: Led, start: str, level: Qualifier, zone: str, why: str
) -> None:
    harness.lead(context(HOURLY))
    ask(harness, start, level, zone=zone)
    known = rows(harness)

    harness.lead(context(DAILY))

    command = asked(harness)
    assert command.state is CommandState.REFUSED
    assert why in (command.outcome or '')
    assert rows(harness) == known


def test_a_process_that_has_not_changed_is_not_recut(harness: Led) -> None:
    harness.lead(context(HOURLY))
    ask(harness, '2026112200', HOURLY)

    harness.lead(context(HOURLY))

    assert 'there is nothing to recut' in (asked(harness).outcome or '')
    assert harness.store.archived(SITE) == []


@pytest.mark.parametrize('last', [2, 4])
def test_it_holds_on_a_server_whose_commits_take_effect_in_stages(
    tmp_path: Path, empty_mongo_uri: str, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Led(tmp_path, context(HOURLY), empty_mongo_uri)
    try:
        test_whoever_dies_on_the_way_leaves_the_next_leader_the_rest(
            harness, 'torn', last, monkeypatch
        )
    finally:
        harness.close()


def clocked(zone: str) -> Hierarchy:
    return build(
        [Process(name=SITE, qualifier=DAILY), process('SiteHourly')],
        [
            replace(
                tree('site', [SITE, 'SiteHourly'], start='2026112200', end='2026112223'), zone=zone
            )
        ],
        {**CALENDARS, zone: calendar_named(zone)},
    )


def test_all_processes_of_a_tree_begin_by_its_new_clock(tmp_path: Path) -> None:
    harness = Led(tmp_path, clocked('UTC'))
    harness.lead(clocked('UTC'))
    moved = clocked('Europe/Berlin')
    out = left_out(moved, harness.store.led_context())
    assert set(out) == {SITE, 'SiteHourly'}
    assert all('recut --tree site TIMEPERIOD' in str(item) for item in out.values())
    harness.hierarchy = moved
    caller = caller_of(harness)
    commands = tree_commands(caller, 'site', '2026-11-22')
    shown = preview_tree(caller, 'site', commands)
    recut_tree(caller, 'site', commands)

    ran = harness.lead(moved)

    # That day has begun at 23:00, an hour before the tree does.
    assert [str(command.start) for command in commands] == ['2026112200', '2026112200']
    assert [part.due for part in shown.parts] == [1, 23]
    assert len([text for text in ran if text.startswith('SiteHourly@')]) == 23
    assert [text for text in ran if text.startswith('Site@')] == ['Site@2026112200#2']
    assert left_out(moved, harness.store.led_context()) == {}
    assert harness.violations() == []


def caller_of(harness: Led) -> Caller:
    context = Context(daemons={}, managed={}, freeruns={}, queues=(), hierarchy=harness.hierarchy)
    return Caller(
        store=harness.store,
        context=context,
        actor='ann',
        now=harness.clock.now(),
        ring=lambda _: None,
        reason='one clock',
    )
