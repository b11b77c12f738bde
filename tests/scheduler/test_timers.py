"""Timers: a process is looked at when its trigger fires and when an interval may start."""

from __future__ import annotations

from datetime import datetime, timedelta

from synergy.core.node import Input, InputKind
from synergy.core.records import ProcessName
from synergy.core.trigger import Every, parse_trigger
from synergy.scheduler.timers import Timers
from tests.builders import instant, two_trees

SECOND = timedelta(seconds=1)


def fired(timers: Timers, now: datetime) -> set[str]:
    return {look.process for look in timers.fire(now)}


def test_an_interval_is_looked_at_the_moment_it_may_start() -> None:
    hierarchy = two_trees(SiteHourly={'trigger': Every(seconds=86400)})
    timers = Timers(hierarchy, instant('202611221030'))

    early = fired(timers, instant('202611221105') - SECOND)
    due = fired(timers, instant('202611221105'))

    assert 'SiteHourly' not in early
    assert 'SiteHourly' in due


def test_every_fires_between_intervals() -> None:
    hierarchy = two_trees(SiteHourly={'trigger': Every(seconds=60)})
    timers = Timers(hierarchy, instant('202611221030'))

    seen = [fired(timers, instant('202611221030') + second * SECOND) for second in range(1, 121)]

    assert sum('SiteHourly' in names for names in seen) == 2


def test_a_process_that_is_off_never_fires() -> None:
    hierarchy = two_trees(SiteHourly={'is_on': False})
    timers = Timers(hierarchy, instant('202611221030'))

    assert 'SiteHourly' not in fired(timers, instant('202712311030'))


def test_a_finished_tree_has_no_deadline() -> None:
    hierarchy = two_trees(end='2026112400')

    assert Timers(hierarchy, instant('2026112500')).next_at is None


def test_at_waits_for_its_hour() -> None:
    hierarchy = two_trees(SiteDaily={'trigger': parse_trigger('at 17:00')})
    timers = Timers(hierarchy, instant('202611230030'))

    assert 'SiteDaily' not in fired(timers, instant('202611231659'))
    assert 'SiteDaily' in fired(timers, instant('202611231700'))


def test_missed_deadlines_fire_once() -> None:
    hierarchy = two_trees(SiteHourly={'trigger': Every(seconds=60)})
    timers = Timers(hierarchy, instant('202611221030'))

    looks = timers.fire(instant('202611232030'))

    triggered = [look.process for look in looks if look.is_trigger]
    assert triggered.count(ProcessName('SiteHourly')) == 1


def test_a_process_is_looked_at_when_what_is_missing_is_given_up() -> None:
    source = Input(
        kind=InputKind.DEPENDENCY,
        process=ProcessName('SiteHourly'),
        at_least=22,
        give_up_after=timedelta(hours=7),
    )
    once_a_day = parse_trigger('at 05:00')
    hierarchy = two_trees(AlertDaily={'inputs': (source,), 'trigger': once_a_day})
    timers = Timers(hierarchy, instant('202611230630'))

    early = fired(timers, instant('2026112307') - SECOND)
    due = fired(timers, instant('2026112307'))

    assert 'AlertDaily' not in early
    assert 'AlertDaily' in due
    later = fired(timers, instant('2026112407'))
    assert 'AlertDaily' in later


def test_nothing_is_given_up_after_the_last_interval() -> None:
    source = Input(kind=InputKind.DEPENDENCY, process=ProcessName('SiteHourly'), at_least=22)
    hierarchy = two_trees(AlertDaily={'inputs': (source,)}, end='2026112400')

    assert Timers(hierarchy, instant('2026112500')).next_at is None
