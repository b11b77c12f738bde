"""A process whose level changes under its old name: left out by name, and all else goes on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.freerun_record import Freerun
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.invariants import JobLevel, other_levels
from synergy.core.records import Job, Process, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier
from synergy.core.trigger import Every
from synergy.scheduler.loop import Scheduler
from synergy.scheduler.pipeline import Pipeline
from synergy.view.whole import all_jobs
from tests.builders import key, process, tree
from tests.scheduler.scheduler_harness import route_of
from tests.scheduler.test_grown_contexts import Led, forget

SITE = ProcessName('Site')
TICK = ProcessName('Cleaner::tick')


def context(qualifier: Qualifier, end: str = '2026112400') -> Hierarchy:
    """Return a tree whose lowest level is Site, one that depends on it, and one that does not."""
    site = Process(name=SITE, qualifier=qualifier)
    return build(
        [site, process('SiteMonthly'), process('OtherDaily'), process('AlertMonthly')],
        [
            tree('site', [SITE, 'SiteMonthly'], start='2026112122', end=end),
            tree('alert', ['AlertMonthly'], dependent_on=['site'], start='2026112122', end=end),
            tree('other', ['OtherDaily'], start='2026112200'),
        ],
    )


@pytest.fixture
def harness(tmp_path: Path) -> Led:
    return Led(tmp_path, context(Qualifier.HOURLY))


def copied(scheduler: Scheduler) -> None:
    """Save a copy of the index, as at the end of a Scheduler."""
    if scheduler._index is not None:
        scheduler._copies.at_end(scheduler._index.engine, scheduler._clock.now())


def rows(harness: Led) -> Sequence[Job]:
    return [job for job in all_jobs(harness.store) if job.process == SITE]


@pytest.mark.parametrize('is_remembered', [True, False])
@pytest.mark.parametrize(
    ('before', 'after'),
    [
        (Qualifier.HOURLY, Qualifier.DAILY),
        (Qualifier.DAILY, Qualifier.HOURLY),
    ],
)
def test_a_changed_level_is_left_out_and_everything_else_goes_on(
    harness: Led,
    before: Qualifier,
    after: Qualifier,
    is_remembered: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    harness.lead(context(before, end='2026112300'))
    known = rows(harness)
    if not is_remembered:
        forget(harness)
    harness.clock.advance(timedelta(days=1))

    with caplog.at_level(logging.ERROR):
        ran = harness.lead(context(after))

    assert 'OtherDaily@2026112400#1' in ran
    assert not [text for text in ran if text.startswith(('Site@', 'SiteMonthly', 'Alert'))]
    assert rows(harness) == known
    (error,) = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert f'Site is {after.word} in context.py, but its history is {before.word}' in error
    assert 'give the' in error
    assert harness.violations() == []


def test_what_is_changed_back_is_as_it_was(harness: Led) -> None:
    harness.lead(context(Qualifier.HOURLY))
    harness.clock.advance(timedelta(days=1))
    harness.lead(context(Qualifier.DAILY))
    harness.lead(context(Qualifier.DAILY))

    ran = harness.lead(context(Qualifier.HOURLY))

    assert ran == []
    assert harness.asked() == []
    assert harness.violations() == []


def test_a_run_under_way_when_its_level_changes_is_taken_up_when_it_is_back(harness: Led) -> None:
    scheduler = harness.begun()
    scheduler.step()
    (uow_id,) = [
        item for item in harness.take() if harness.store.units([item])[item].process == SITE
    ]
    scheduler.close()
    harness.hierarchy = context(Qualifier.DAILY)
    other = harness.begun()
    for _ in range(20):
        other.step()
        harness.clock.advance(timedelta(seconds=10))
    other.close()
    assert harness.store.units([uow_id])[uow_id].state.is_live

    ran = harness.lead(context(Qualifier.HOURLY))

    assert 'Site@2026112122#1' in ran
    assert harness.violations() == []


def test_what_has_grown_meanwhile_runs_again_once_it_is_back(harness: Led) -> None:
    harness.lead(context(Qualifier.HOURLY, end='2026112300'))
    harness.lead(context(Qualifier.DAILY, end='2026112400'))

    ran = harness.lead(context(Qualifier.HOURLY, end='2026112400'))

    assert 'Site@2026112323#1' in ran
    assert 'SiteMonthly@2026110000#2' in ran
    assert 'AlertMonthly@2026110000#2' in ran
    assert harness.violations() == []


def test_requests_about_what_is_left_out_are_refused_with_the_reason(harness: Led) -> None:
    harness.lead(context(Qualifier.HOURLY))
    for number, kind in enumerate((CommandKind.REPROCESS, CommandKind.SKIP)):
        harness.store.insert_command(
            Command(
                id=CommandId(f'c{number}'),
                kind=kind,
                process=SITE,
                start=key('OtherDaily@2026112200').timeperiod,
                end=key('OtherDaily@2026112300').timeperiod,
                actor='ann',
                created_at=harness.clock.now(),
            )
        )
    known = rows(harness)

    harness.lead(context(Qualifier.DAILY))

    for number in range(2):
        command = harness.store.command(CommandId(f'c{number}'))
        assert command is not None
        assert command.state is CommandState.REFUSED
        assert command.outcome is not None
        assert 'its history is hourly' in command.outcome
    assert rows(harness) == known


def test_a_skip_of_the_parent_leaves_rows_of_another_level_alone(harness: Led) -> None:
    harness.lead(context(Qualifier.HOURLY, end='2026112300'))
    harness.store.insert_command(
        Command(
            id=CommandId('c'),
            kind=CommandKind.SKIP,
            process=ProcessName('SiteMonthly'),
            start=key('SiteMonthly@2026110000').timeperiod,
            end=key('SiteMonthly@2026120000').timeperiod,
            actor='ann',
            created_at=harness.clock.now(),
        )
    )
    known = rows(harness)

    harness.lead(context(Qualifier.DAILY))

    assert rows(harness) == known
    assert harness.violations() == []


def test_free_runs_go_on(harness: Led) -> None:
    harness.lead(context(Qualifier.HOURLY))
    tick = Freerun(
        name=TICK, trigger=Every(seconds=60), definition='d', changed_at=harness.clock.now()
    )
    pipeline = Pipeline(hierarchy=context(Qualifier.DAILY), route_of=route_of, freeruns=[tick])
    scheduler: Scheduler = harness.scheduler('free', pipeline)

    for _ in range(24):
        scheduler.step()
        harness.clock.advance(timedelta(seconds=5))
    scheduler.close()

    assert len(harness.store.freerun_units(TICK, 10)) == 1


def test_a_level_without_history_changes_and_runs(harness: Led) -> None:
    later = build(
        [Process(name=SITE, qualifier=Qualifier.HOURLY)],
        [tree('site', [SITE], start='2026120100')],
    )
    harness.lead(later)

    ran = harness.lead(context(Qualifier.DAILY))

    assert 'Site@2026112200#1' in ran
    assert 'SiteMonthly@2026110000#1' in ran
    assert harness.state(key('SiteMonthly@2026110000')) is JobState.PROCESSED


def test_rows_of_another_level_are_counted_and_not_judged(harness: Led) -> None:
    harness.lead(context(Qualifier.HOURLY))
    harness.hierarchy = context(Qualifier.DAILY)
    counts: dict[JobLevel, int] = {}

    list(other_levels(harness.hierarchy, all_jobs(harness.store), counts))

    assert counts == {JobLevel(SITE, Qualifier.HOURLY): 50}
    assert harness.violations() == []


def test_what_changed_after_the_last_copy_of_the_index_is_known_when_a_process_is_back(
    harness: Led, caplog: pytest.LogCaptureFixture
) -> None:
    """Copies that are made meanwhile are newer than what they have of it."""
    without = build([process('OtherDaily')], [tree('other', ['OtherDaily'], start='2026112200')])
    for other in (context(Qualifier.DAILY), without):
        harness.hierarchy = context(Qualifier.HOURLY)
        first = harness.begun()
        first.step()
        copied(first)
        harness.run(first)
        first.close()
        harness.hierarchy = other
        second = harness.begun()
        harness.run(second)
        harness.clock.advance(timedelta(hours=3))
        harness.run(second)
        copied(second)
        second.close()

        assert harness.lead(context(Qualifier.HOURLY)) == []
        assert not [item for item in caplog.records if 'reloading' in item.message]
        assert harness.violations() == []
