"""The engine on weeks, minutes and days of 23 and 25 hours, against names read as people do.

Random histories, and a model so naive that one can see it is right: when an interval begins and
ends is worked out from its name and the clock of its zone, and what it waits for by looking at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from synergy.core import calendar, inputs
from synergy.core.calendar import Calendar, UtcCalendar, ZoneCalendar
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import Process, ProcessName, RetryPolicy, Tree
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Measure, Qualifier, Timeperiod
from tests.builders import instant
from tests.core.engine_histories import LAG, History, Model, Wait, is_broken

BERLIN, NEW_YORK = ZoneInfo('Europe/Berlin'), ZoneInfo('America/New_York')
#: From the midnight in Berlin that begins a weekend in which clocks change, and to a Monday's noon.
WEEKENDS = {'spring': ('2026032723', '2026033010'), 'autumn': ('2026102322', '2026102611')}
RETRY = RetryPolicy(max_attempts=2, delay=timedelta(0))
ZONE_BY_PROCESS = {'Site': BERLIN, 'America': NEW_YORK, 'Feed': UTC, 'Report': UTC}
LEVEL_BY_ENDING = {
    'Hourly': Qualifier.HOURLY,
    'Halves': Qualifier.MINUTELY_30,
    'Daily': Qualifier.DAILY,
    'Weekly': Qualifier.WEEKLY,
    'Monthly': Qualifier.MONTHLY,
}
#: What each waits for: all that lie in it, or, with `=`, the one that is called the same.
WAITS = {
    'SiteHourly': [],
    'SiteDaily': ['SiteHourly'],
    'SiteWeekly': ['SiteDaily'],
    'SiteMonthly': ['SiteDaily'],
    'AmericaDaily': ['=SiteDaily'],
    'FeedHalves': [],
    'FeedHourly': ['FeedHalves'],
    # Its tree depends on one of hours alone: of a level that has no equal there.
    'ReportDaily': ['FeedHourly'],
    'ReportMonthly': ['ReportDaily'],
}
SEEDS = 6
#: A mutant must be found within so many histories of each weekend.
SEEDS_FOR_MUTANTS = 4


def hierarchy(weekend: str) -> Hierarchy:
    """Return trees of three zones, over one weekend."""
    start, end = map(instant, WEEKENDS[weekend])
    calendars: dict[str, Calendar] = {
        'UTC': UtcCalendar(),
        str(BERLIN): ZoneCalendar(BERLIN),
        str(NEW_YORK): ZoneCalendar(NEW_YORK),
    }
    waits_for = {'America': ('Site',), 'Report': ('Feed',)}
    return build(
        [
            Process(
                name=ProcessName(name),
                qualifier=next(
                    level for ending, level in LEVEL_BY_ENDING.items() if name.endswith(ending)
                ),
                max_running=1000,
                retry=RETRY,
            )
            for name in WAITS
        ],
        [
            Tree(
                name=tree,
                levels=tuple(ProcessName(name) for name in WAITS if name.startswith(tree)),
                dependent_on=waits_for.get(tree, ()),
                start=start,
                end=end,
                zone=str(zone),
            )
            for tree, zone in ZONE_BY_PROCESS.items()
        ],
        calendars,
    )


def zone_of(process: str) -> tzinfo:
    return next(zone for tree, zone in ZONE_BY_PROCESS.items() if process.startswith(tree))


def period(key: JobKey) -> tuple[datetime, datetime]:
    """Return when an interval begins and ends, by its name and the clock of its zone."""
    text, level = str(key.timeperiod), key.timeperiod.qualifier
    if level.measure > Measure.DAY:
        return instant(text), instant(text) + timedelta(minutes=level.minutes or 60)
    first = date(int(text[:4]), int(text[4:6]), int(text[6:8]) or 1)
    after = {
        Measure.DAY: first + timedelta(days=1),
        Measure.WEEK: first + timedelta(days=7),
        Measure.MONTH: (first + timedelta(days=31)).replace(day=1),
    }[level.measure]
    zone = zone_of(key.process)
    begin, end = (
        datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        for day in (first, after)
    )
    return begin, end


def model(weekend: str) -> Model:
    """Return all of a weekend."""
    of, (_, end) = hierarchy(weekend), map(instant, WEEKENDS[weekend])
    whole = {
        key: period(key)
        for node in of
        for ordinal in range(node.first, node.until or 0)
        for key in [JobKey(node.process.name, of.timeperiod(node, ordinal))]
    }
    waits = {key: [*_waits(key, whole)] for key in whole}
    spans = {key: (start, min(stop, end)) for key, (start, stop) in whole.items()}
    return Model(hierarchy=of, end=end, spans=spans, waits=waits)


def _waits(key: JobKey, spans: Mapping[JobKey, tuple[datetime, datetime]]) -> Iterator[Wait]:
    start, end = spans[key]
    for wanted in WAITS[key.process]:
        name = wanted.removeprefix('=')
        found = [
            other
            for other, (begin, _) in spans.items()
            if other.process == name
            and (
                start <= begin < end
                if wanted == name
                else str(other.timeperiod) == str(key.timeperiod)
            )
        ]
        is_nested = any(
            key.process.startswith(tree) and name.startswith(tree) for tree in ZONE_BY_PROCESS
        )
        yield Wait(keys=tuple(found), is_nested=is_nested)


def weekend_of(weekend: str, seed: int = 0) -> History:
    """Return one engine with its model, at the beginning of a weekend."""
    begin = instant(WEEKENDS[weekend][0]) + timedelta(hours=20)
    return History(model(weekend), begin, random.Random(f'{weekend} {seed}'))


@pytest.mark.parametrize('weekend', WEEKENDS)
def test_the_model_reads_names_as_the_calendar_does(weekend: str) -> None:
    history = weekend_of(weekend)
    found = history.harness.timetable.hierarchy

    for key in history.spans:
        start, end = period(key)
        of = found.nodes[key.process].calendar
        assert (start, end) == (of.start(key.timeperiod), of.end(key.timeperiod)), key
    hours = {'spring': [24, 23, 12], 'autumn': [24, 25, 12]}[weekend]
    days = [key for key in history.spans if key.process == 'SiteDaily']
    assert [len(history.inputs[day]) for day in days] == hours
    assert {len(history.inputs[key]) for key in history.spans if key.process == 'FeedHourly'} == {2}
    # A day lies in a week and in a month.
    of_sunday = [key for key, wanted in history.inputs.items() if days[1] in wanted]
    assert {key.process for key in of_sunday} == {'SiteWeekly', 'SiteMonthly', 'AmericaDaily'}


@pytest.mark.parametrize('weekend', WEEKENDS)
@pytest.mark.parametrize('seed', range(SEEDS))
def test_every_history_goes_as_the_model_says(weekend: str, seed: int) -> None:
    weekend_of(weekend, seed).play()


def test_a_day_that_depends_on_hours_alone_waits_for_its_24_hours() -> None:
    history = weekend_of('spring')
    harness = history.harness
    harness.now = instant('2026032912')
    harness.look()
    harness.look()
    day = next(key for key in history.spans if str(key) == 'ReportDaily@2026032800')

    hours = history.inputs[day]
    assert [str(key.timeperiod) for key in hours] == [f'20260328{hour:02}' for hour in range(24)]
    for hour in hours:
        assert harness.state(day) is JobState.EMBRYO
        while not history.state(hour).is_final:
            wanted = [
                unit
                for unit in harness.live()
                if unit.key == hour or unit.key in history.inputs[hour]
            ]
            harness.work(wanted[0])
    assert harness.state(day) is JobState.IN_PROGRESS


def test_what_a_week_or_a_month_resets_is_below_both() -> None:
    """With what lies below it, a week resets its days; and so the month in which they lie."""
    history = weekend_of('autumn', 1)
    harness = history.harness
    harness.now = history.end + timedelta(hours=30)
    harness.look()
    harness.work_all()
    week = next(key for key in history.spans if key.process == 'SiteWeekly')

    harness.command(
        Command(
            id=CommandId('r'), kind=CommandKind.REPROCESS, process=week.process,
            start=week.timeperiod, end=week.timeperiod.shift(1), with_children=True,
            actor='anna', created_at=harness.now,
        )
    )  # fmt: skip

    again = {job.process for job in harness.jobs.values() if job.request_id == 'r'}
    assert again == {'SiteHourly', 'SiteDaily', 'SiteWeekly', 'SiteMonthly', 'AmericaDaily'}
    harness.work_all()
    assert all(history.state(key).is_final for key in history.spans)


@pytest.mark.parametrize('weekend', WEEKENDS)
def test_an_interval_is_late_once_the_next_one_may_start(weekend: str) -> None:
    found = hierarchy(weekend)
    for node in found:
        for ordinal in range(node.first, (node.until or 0) - 1):
            late = found.late_at(node, ordinal)
            assert late == min(period(_key(node.process, ordinal + 1))[1], node.tree.end) + LAG  # type: ignore[type-var,operator]
            assert found.late_until(node, late - timedelta(seconds=1)) <= ordinal
            if node.tree.end is not None and late < node.tree.end:
                assert found.late_until(node, late) == ordinal + 1


def _key(process: Process, ordinal: int) -> JobKey:
    return JobKey(process.name, Timeperiod(process.qualifier, ordinal))


def inverse_is_off_by_one(patch: pytest.MonkeyPatch) -> None:
    """Count the last hour of a day in which clocks change to the next day, on the way up only."""
    right = calendar.enclosing

    def wrong(of: Calendar, at: Timeperiod, other: Calendar, level: Qualifier) -> Timeperiod:
        found = right(of, at, other, level)
        hours = (of.end(found) - of.start(found)) // timedelta(hours=1)
        is_last = of.end(at) == of.end(found) and hours in {23, 25}
        return found.shift(1) if is_last and level is Qualifier.DAILY else found

    patch.setattr(inputs, 'enclosing', wrong)


def days_have_24_hours(patch: pytest.MonkeyPatch) -> None:
    """Let a day have as many hours as most days have."""
    right = ZoneCalendar.children

    def wrong(self: ZoneCalendar, at: Timeperiod, level: Qualifier) -> range:
        found = right(self, at, level)
        is_day = (at.qualifier, level) == (Qualifier.DAILY, Qualifier.HOURLY)
        return range(found.start, found.start + 24) if is_day else found

    patch.setattr(ZoneCalendar, 'children', wrong)


def weeks_begin_a_day_late(patch: pytest.MonkeyPatch) -> None:
    """Count the days of a week from its second day."""
    right = ZoneCalendar.children

    def wrong(self: ZoneCalendar, at: Timeperiod, level: Qualifier) -> range:
        found = right(self, at, level)
        is_week = at.qualifier is Qualifier.WEEKLY
        return range(found.start + 1, found.stop + 1) if is_week else found

    patch.setattr(ZoneCalendar, 'children', wrong)


def levels_without_an_equal_wait_for_nothing(patch: pytest.MonkeyPatch) -> None:
    """Find a counterpart of the equal level only."""
    patch.setattr(
        'synergy.core.hierarchy.counterpart',
        lambda level, _, others: level if level in others else None,
    )


@pytest.mark.parametrize(
    'mutate',
    [
        inverse_is_off_by_one,
        days_have_24_hours,
        weeks_begin_a_day_late,
        levels_without_an_equal_wait_for_nothing,
    ],
)
def test_a_mutant_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)

    histories = [
        partial(weekend_of, weekend, seed)
        for seed in range(SEEDS_FOR_MUTANTS)
        for weekend in WEEKENDS
    ]
    assert any(is_broken(history) for history in histories)
