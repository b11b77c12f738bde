"""A changed context whose inputs, zones or weeks have changed: what runs again, and what stays."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from synergy.core.calendar import Calendar, UtcCalendar, ZoneCalendar
from synergy.core.changed_levels import RowsByLevel, left_out, refused_levels
from synergy.core.context_change import ContextChange, Surroundings, compare
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.led_context import LedContext
from synergy.core.node import Input, InputKind, Node
from synergy.core.records import Job, Process, ProcessName, Tree
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, Timeperiod
from synergy.core.timetable import Timetable
from tests.builders import instant

NOW = instant('2026112500')
BERLIN = 'Europe/Berlin'
CALENDARS: dict[str, Calendar] = {'UTC': UtcCalendar(), BERLIN: ZoneCalendar(ZoneInfo(BERLIN))}
HOURS, DAYS = ProcessName('Hours'), ProcessName('Days')
#: What 22 to 24 November are called.
ALL = ['2026112200', '2026112300', '2026112400']


def wait_for(process: str = HOURS, **fields: object) -> Input:
    return Input(kind=InputKind.DEPENDENCY, process=ProcessName(process), **fields)  # type: ignore[arg-type]


def built(
    *inputs: Input,
    level: Qualifier = Qualifier.DAILY,
    zone: str = 'UTC',
    zone_of_hours: str = 'UTC',
    start: str = '2026112200',
) -> Hierarchy:
    """Return days that wait for hours, each in a tree of its own."""
    return build(
        [
            Process(name=HOURS, qualifier=Qualifier.HOURLY),
            Process(name=DAYS, qualifier=level, inputs=inputs),
        ],
        [
            Tree(name='hours', levels=(HOURS,), start=instant('2026112200'), zone=zone_of_hours),
            Tree(name='days', levels=(DAYS,), start=instant(start), zone=zone),
        ],
        CALENDARS,
    )


def finished(hierarchy: Hierarchy, but: int = 0) -> Timetable:
    """Return a timetable in which all is finished but for some hours of the first day."""
    timetable = Timetable(hierarchy)
    timetable.extend(NOW)
    for node in hierarchy:
        first = node.first + (but if node.process.name == HOURS else 0)
        for ordinal in range(first, hierarchy.over_until(node, NOW + timedelta(minutes=5))):
            put(timetable, node, ordinal)
    timetable.settle()
    return timetable


def put(timetable: Timetable, node: Node, ordinal: int) -> None:
    timeperiod = Timeperiod(node.process.qualifier, ordinal)
    timetable.put(
        Job(
            process=node.process.name, timeperiod=timeperiod, state=JobState.PROCESSED,
            rev=1, run=1, changed_at=NOW,
        )
    )  # fmt: skip


def led_with(hierarchy: Hierarchy) -> LedContext:
    timetable = Timetable(hierarchy)
    timetable.extend(NOW)
    return compare(None, timetable, Surroundings()).context


def changed(before: Hierarchy, now: Hierarchy, but: int = 0) -> ContextChange:
    return compare(led_with(before), finished(now, but), Surroundings())


def days_of(ranges: object, now: Hierarchy) -> list[str]:
    runs = ranges.get(DAYS, ())  # type: ignore[attr-defined]
    level = now.nodes[DAYS].process.qualifier
    return [str(Timeperiod(level, ordinal)) for run in runs for ordinal in range(*run)]


def test_the_same_inputs_change_nothing() -> None:
    inputs = wait_for(at_least=22), wait_for(offset=-1), wait_for(DAYS, offset=-1)

    change = changed(built(*inputs), built(*inputs))

    assert not change.is_changed
    assert not change.stale


@pytest.mark.parametrize(
    ('before', 'now', 'stale', 'kept', 'fact'),
    [
        ([wait_for()], [wait_for(offset=-1)], ALL[1:], [], 'Days waits for Hours (offset -1), too'),
        ([wait_for(offset=-1)], [wait_for()], ALL, [], 'Days waits for Hours, too'),
        ([wait_for()], [wait_for(), wait_for(last=30)], ALL, [], 'Hours (last 30), too'),
        (
            [wait_for(), wait_for(offset=-1)], [wait_for()],
            [], ALL, 'Days waits no more for Hours (offset -1)',
        ),
        ([wait_for(last=24)], [wait_for(last=48)], ALL, [], 'Days waits for Hours (last 48), too'),
        # What it waits for now was among what it waited for.
        ([wait_for(last=48)], [wait_for(last=24)], [], ALL, 'no more for Hours (last 48)'),
        ([], [wait_for(DAYS, offset=-1)], ALL[1:], [], 'Days waits for Days (offset -1), too'),
        ([wait_for(is_order_only=True)], [wait_for()], ALL, [], 'runs again from now on when'),
        ([wait_for()], [wait_for(is_order_only=True)], [], [], None),
        ([wait_for()], [wait_for(at_least=22)], [], [], None),
        ([wait_for(at_least=22)], [wait_for(at_least=22, is_late_ignored=True)], [], [], None),
    ],
)  # fmt: skip
def test_changed_inputs_run_again_what_waits_for_more(
    before: list[Input], now: list[Input], stale: list[str], kept: list[str], fact: str | None
) -> None:
    change = changed(built(*before), built(*now))

    assert days_of(change.stale, built(*now)) == stale
    assert set(days_of(change.kept, built(*now))) >= set(kept)
    assert change.is_changed
    facts = ', '.join([*change.grown_facts, *change.shrunk_facts])
    assert (fact or '') in facts
    assert fact or not facts


@pytest.mark.parametrize(
    ('at_least', 'stale'), [(20, []), (22, []), (23, ALL[:1]), (None, ALL[:1])]
)
def test_days_that_ran_on_too_small_a_part_run_again(
    at_least: int | None, stale: list[str]
) -> None:
    # Two hours of the first day have not run.
    change = changed(built(wait_for(at_least=22)), built(wait_for(at_least=at_least)), but=2)

    assert days_of(change.stale, built()) == stale


def test_what_ran_on_a_part_is_not_taken_for_grown_where_nothing_is_remembered() -> None:
    now = built(wait_for(at_least=22))

    assert not compare(None, finished(now, but=2), Surroundings()).stale
    assert compare(None, finished(now, but=3), Surroundings()).stale


ROWS: RowsByLevel = {DAYS: {Qualifier.DAILY: 3}, HOURS: {Qualifier.HOURLY: 72}}


def test_a_process_of_another_zone_is_left_out_by_name_and_the_rest_goes_on() -> None:
    led = led_with(built(wait_for()))
    now = built(wait_for(), zone=BERLIN)

    change = compare(led, finished(now), Surroundings(rows_by_level=ROWS))

    assert list(change.refused) == list(left_out(now, change.context)) == [DAYS]
    assert str(change.refused[DAYS]) == (
        'Days follows the clock of Europe/Berlin in context.py, but its history that of UTC '
        '(3 rows): it is left out, and what waits for it waits; ./launch.py recut Days TIMEPERIOD '
        'archives its history and begins there, or give the process of Europe/Berlin another '
        "name, or its tree time_zone='UTC' again"
    )
    assert not change.stale
    assert change.context.processes[DAYS].zone == 'UTC'
    back = compare(change.context, finished(built(wait_for())), Surroundings(rows_by_level=ROWS))
    assert not back.refused
    assert not back.stale


def test_a_process_without_history_may_have_any_zone() -> None:
    led = led_with(built())

    assert not refused_levels(built(zone=BERLIN), led, {})
    change = compare(led, Timetable(built(zone=BERLIN)), Surroundings())
    assert change.context.processes[DAYS].zone == BERLIN


def test_days_that_wait_for_hours_of_another_zone_now_run_again() -> None:
    change = changed(built(wait_for()), built(wait_for(), zone_of_hours=BERLIN))

    assert days_of(change.stale, built()) == ALL
    assert change.grown_facts == ('Hours, for which Days waits, has another time zone',)


def test_weeks_that_begin_on_another_day_are_another_level() -> None:
    before, now = (
        built(level=level, start='2026110100') for level in (Qualifier.WEEKLY, Qualifier.WEEKLY_SUN)
    )
    rows: RowsByLevel = {DAYS: {Qualifier.WEEKLY: 3}}

    refused = refused_levels(now, led_with(before), rows)

    assert 'is weekly (from Sunday) in context.py, but its history is weekly' in str(refused[DAYS])
    assert not refused_levels(before, led_with(before), rows)
