"""The engine on weeks, minutes and days of 23 and 25 hours, against names read as people do.

Random histories, and a model so naive that one can see it is right: when an interval begins and
ends is worked out from its name and the clock of its zone, and what it waits for by looking at all.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from synergy.core import calendar, inputs
from synergy.core.calendar import Calendar, UtcCalendar, ZoneCalendar
from synergy.core.closure import PlanRefused
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.invariants import check
from synergy.core.records import Outcome, Process, ProcessName, RetryPolicy, Tree
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Measure, Qualifier, Timeperiod
from tests.builders import instant
from tests.core.engine_harness import EngineHarness
from tests.core.invariants_one_by_one import check_one_by_one

BERLIN, NEW_YORK = ZoneInfo('Europe/Berlin'), ZoneInfo('America/New_York')
#: From the midnight in Berlin that begins a weekend in which clocks change, and to a Monday's noon.
WEEKENDS = {'spring': ('2026032723', '2026033010'), 'autumn': ('2026102322', '2026102611')}
LAG = timedelta(minutes=5)
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
STEPS = 60


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


class Broken(AssertionError):
    """What a history has found."""


class History:
    """One engine with its model, through a weekend."""

    def __init__(self, weekend: str, seed: int) -> None:
        self.draw = random.Random(f'{weekend} {seed}')
        start, self.end = map(instant, WEEKENDS[weekend])
        self.harness = EngineHarness(hierarchy(weekend), start + timedelta(hours=20))
        found = self.harness.timetable.hierarchy
        self.spans = {
            key: period(key)
            for node in found
            for ordinal in range(node.first, node.until or 0)
            for key in [JobKey(node.process.name, found.timeperiod(node, ordinal))]
        }
        self.inputs = {key: [*self._inputs(key)] for key in self.spans}
        self.runs: dict[JobKey, int] = {}
        self.commands = 0

    def _inputs(self, key: JobKey) -> Iterator[JobKey]:
        start, end = self.spans[key]
        for wanted in WAITS[key.process]:
            name = wanted.removeprefix('=')
            for other, (begin, _) in self.spans.items():
                is_same = str(other.timeperiod) == str(key.timeperiod)
                if other.process == name and (is_same if wanted != name else start <= begin < end):
                    yield other

    def play(self) -> None:
        """Let things happen by chance, then everything end; raise Broken."""
        self.harness.look()
        self._look_around()
        for _ in range(STEPS):
            self.draw.choices([self._pass, self._work, self._ask], [2, 8, 1])[0]()
            self._look_around()
        self.harness.now = self.end + timedelta(hours=30)
        self.harness.look()
        while live := self.harness.live():
            self.harness.work(live[0])
        self._look_around()
        left = [key for key in self.spans if not self._state(key).is_final]
        if left:
            raise Broken(f'{left[0]} never ended')
        self._check_inputs()
        self._check_inverse()
        self._check_invariants()

    def _check_inputs(self) -> None:
        """Compare what each waits for."""
        found = self.harness.timetable.hierarchy
        for key, wanted in self.inputs.items():
            node = found.nodes[key.process]
            waited_for = {
                JobKey(source.process, found.timeperiod(found.nodes[source.process], at))
                for source in node.inputs
                for at in found.input_range(node, source, key.timeperiod.ordinal)
            }
            if waited_for != {*wanted}:
                raise Broken(f'{key} waits for {sorted(waited_for ^ {*wanted})[0]}, or not')

    def _check_inverse(self) -> None:
        """Compare who is told of an end with who waits for it."""
        found = self.harness.timetable.hierarchy
        waiting: dict[JobKey, set[JobKey]] = {key: set() for key in self.spans}
        for key, wanted in self.inputs.items():
            for other in wanted:
                waiting[other].add(key)
        for other, told in waiting.items():
            ordinal = other.timeperiod.ordinal
            affected = {
                JobKey(name, found.timeperiod(node, at))
                for name in found.nodes[other.process].outputs
                for node in [found.nodes[name]]
                for source in node.inputs
                if source.process == other.process
                for at in found.affected(node, source, range(ordinal, ordinal + 1))
            }
            if affected != told:
                raise Broken(f'{other} is waited for by {sorted(affected ^ told)[0]}, or not')

    def _pass(self) -> None:
        self.harness.advance(timedelta(minutes=self.draw.randrange(1, 300)))
        self.harness.look()

    def _work(self) -> None:
        for _ in range(self.draw.choice([1, 5, 60])):
            if live := self.harness.live():
                outcomes = [Outcome.processed(1), Outcome.processed(1), Outcome.noop()]
                outcomes += [Outcome.failed('chance'), Outcome.cancelled('chance')]
                weights = [9, 9, 3, 1, 1]
                self.harness.work(self.draw.choice(live), self.draw.choices(outcomes, weights)[0])

    def _ask(self) -> None:
        """Ask for some intervals again; whoever had begun and waits for them must be reset."""
        key = self.draw.choice([*self.spans])
        before = {other: self._state(other) for other in self.spans}
        self.commands += 1
        command = Command(
            id=CommandId(f'c{self.commands}'),
            kind=self.draw.choice([CommandKind.REPROCESS, CommandKind.REPROCESS, CommandKind.SKIP]),
            process=key.process,
            start=key.timeperiod,
            end=key.timeperiod.shift(self.draw.randrange(1, 4)),
            with_children=self.draw.random() < 0.5,
            actor='chance',
            created_at=self.harness.now,
        )
        try:
            self.harness.command(command)
        except PlanRefused:
            return
        if command.kind is CommandKind.REPROCESS:
            self._check_reset(command, before)

    def _check_reset(self, command: Command, before: dict[JobKey, JobState]) -> None:
        ordinals = range(command.start.ordinal, command.end.ordinal)
        reset = {
            key
            for key in self.spans
            if key.process == command.process and key.timeperiod.ordinal in ordinals
        }
        if command.with_children:
            reset |= {*self._below(reset)}
        grown = True
        while grown:
            above = {key for key in self.spans if not reset.isdisjoint(self.inputs[key])}
            grown = not above <= reset
            reset |= above
        for key in reset:
            if before[key] is not JobState.EMBRYO:
                job = self.harness.jobs[key]
                if job.request_id != command.id:
                    raise Broken(f'{key} was not reset by the request for {command.process}')

    def _below(self, keys: set[JobKey]) -> Iterator[JobKey]:
        tree = [name for name in ZONE_BY_PROCESS if next(iter(keys)).process.startswith(name)]
        todo = [*keys]
        while todo:
            for other in self.inputs[todo.pop()]:
                if other.process.startswith(tree[0]):
                    yield other
                    todo.append(other)

    def _state(self, key: JobKey) -> JobState:
        job = self.harness.jobs.get(key)
        return JobState.EMBRYO if job is None else job.state

    def _is_over(self, key: JobKey) -> bool:
        return min(self.spans[key][1], self.end) + LAG <= self.harness.now

    def _look_around(self) -> None:
        for key, job in self.harness.jobs.items():
            if job.run > self.runs.get(key, 0):
                self.runs[key] = job.run
                pending = [item for item in self.inputs[key] if not self._state(item).is_final]
                if job.state.is_running and pending:
                    raise Broken(f'{key} runs before {pending[0]}')
                if not self._is_over(key):
                    raise Broken(f'{key} runs before it is over')
        for key in self.spans:
            is_waiting = self._state(key) is JobState.EMBRYO and self._is_over(key)
            if is_waiting and all(self._state(other).is_final for other in self.inputs[key]):
                raise Broken(f'{key} is ready, and nothing starts it')

    def _check_invariants(self) -> None:
        jobs = sorted(
            self.harness.jobs.values(), key=lambda job: (job.process, str(job.timeperiod))
        )
        units = sorted(
            self.harness.units.values(),
            key=lambda unit: (unit.process, str(unit.timeperiod), unit.run),
        )
        of = self.harness.timetable.hierarchy
        found = sorted(map(str, check(of, jobs, units, self.harness.now)))
        one_by_one = sorted(map(str, check_one_by_one(of, jobs, units, self.harness.now)))
        if found != one_by_one:
            raise Broken(f'{found} together, {one_by_one} one by one')
        # What was never claimed through a store has no fence.
        if serious := [text for text in found if 'I2' in text or 'I1' in text]:
            raise Broken(serious[0])


@pytest.mark.parametrize('weekend', WEEKENDS)
def test_the_model_reads_names_as_the_calendar_does(weekend: str) -> None:
    history = History(weekend, 0)
    found = history.harness.timetable.hierarchy

    for key, (start, end) in history.spans.items():
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
    History(weekend, seed).play()


def test_a_day_that_depends_on_hours_alone_waits_for_its_24_hours() -> None:
    history = History('spring', 0)
    harness = history.harness
    harness.now = instant('2026032912')
    harness.look()
    harness.look()
    day = next(key for key in history.spans if str(key) == 'ReportDaily@2026032800')

    hours = history.inputs[day]
    assert [str(key.timeperiod) for key in hours] == [f'20260328{hour:02}' for hour in range(24)]
    for hour in hours:
        assert harness.state(day) is JobState.EMBRYO
        while not history._state(hour).is_final:
            wanted = [
                unit
                for unit in harness.live()
                if unit.key == hour or unit.key in history.inputs[hour]
            ]
            harness.work(wanted[0])
    assert harness.state(day) is JobState.IN_PROGRESS


def test_what_a_week_or_a_month_resets_is_below_both() -> None:
    """With what lies below it, a week resets its days; and so the month in which they lie."""
    history = History('autumn', 1)
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
    assert all(history._state(key).is_final for key in history.spans)


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
        partial(History, weekend, seed) for seed in range(SEEDS_FOR_MUTANTS) for weekend in WEEKENDS
    ]
    assert any(_is_broken(history) for history in histories)


def _is_broken(history: Callable[[], History]) -> bool:
    try:
        history().play()
    except Broken:
        return True
    return False
