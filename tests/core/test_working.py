"""Working calendars: what they leave out is final, has no row, and may be asked for anyway."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from synergy.core.calendar import UtcCalendar, ZoneCalendar
from synergy.core.closure import PlanRefused, plan, unreset
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.hierarchy import build
from synergy.core.index_pages import IndexCopy, IndexStretch
from synergy.core.node import Input, InputKind
from synergy.core.records import Process, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import Qualifier, Timeperiod, parse
from synergy.core.timetable import Timetable
from synergy.core.working import WorkingDays, left_out
from tests.builders import instant, key, process, tree
from tests.core.engine_harness import EngineHarness

FIRST = parse(Qualifier.DAILY, '2026110200').ordinal  # A Monday.
WEEK = bytes([1, 1, 1, 1, 1, 0, 0])
HOLIDAY = bytes([1, 1, 0, 1, 1, 0, 0])
#: Monday to Friday, but for Wednesday, 25 November.
OFFICE = WorkingDays(
    name='office', first=FIRST, days=WEEK * 3 + bytes([1, 1, 0, 1, 1, 0, 0]) + WEEK
)


def day(text: str) -> int:
    return parse(Qualifier.DAILY, text).ordinal


@pytest.mark.parametrize(
    ('begin', 'count', 'end'),
    [
        ('2026112400', -1, '2026112300'),
        ('2026112300', -1, '2026112000'),
        ('2026112600', -1, '2026112400'),
        ('2026112400', 1, '2026112600'),
        ('2026112400', 0, '2026112400'),
        # From a day that does not work.
        ('2026112500', -1, '2026112400'),
        ('2026112500', 1, '2026112600'),
        ('2026112200', 1, '2026112300'),
        ('2026112000', 3, '2026112600'),
        # Days before and after all that are known work.
        ('2026120300', -1, '2026120200'),
        ('2026120900', -2, '2026120700'),
        ('2026120900', -3, '2026120400'),
        ('2026110100', 1, '2026110200'),
        ('2026103000', -2, '2026102800'),
        ('2026103000', 4, '2026110300'),
    ],
)
def test_places_count_working_days(begin: str, count: int, end: str) -> None:
    assert OFFICE.shifted(day(begin), count) == day(end)


def test_what_is_not_known_is_taken_for_working() -> None:
    assert OFFICE.works(FIRST - 1)
    assert OFFICE.works(OFFICE.until)
    assert not OFFICE.works(OFFICE.until - 1)
    assert OFFICE.shifted(OFFICE.until - 3, 1) == OFFICE.until


@pytest.mark.parametrize('zone', ['UTC', 'Europe/Berlin', 'Australia/Lord_Howe'])
@pytest.mark.parametrize(
    'level',
    [Qualifier.DAILY, Qualifier.HOURLY, Qualifier.MINUTELY_30, Qualifier.WEEKLY, Qualifier.MONTHLY],
)
def test_left_out_is_what_has_no_working_day(zone: str, level: Qualifier) -> None:
    """Against the definition, interval by interval."""
    calendar = UtcCalendar() if zone == 'UTC' else ZoneCalendar(ZoneInfo(zone))
    chance = random.Random(7)
    first = parse(Qualifier.DAILY, '2026032000').ordinal
    days = WorkingDays(name='x', first=first, days=bytes(chance.random() < 0.3 for _ in range(60)))
    start = calendar.containing(level, datetime(2026, 3, 21, tzinfo=UTC)).ordinal
    stop = calendar.containing(level, datetime(2026, 4, 20, tzinfo=UTC)).ordinal + 1

    found = left_out(calendar, days, level, range(start, stop))

    for place, ordinal in enumerate(range(start, stop)):
        item = Timeperiod(level, ordinal)
        if level.measure > Qualifier.DAILY.measure:
            inside = [calendar.parent(item, Qualifier.DAILY).ordinal]
        elif level is Qualifier.DAILY:
            inside = [ordinal]
        else:
            inside = [*calendar.children(item, Qualifier.DAILY)]
        assert found[place] == (not any(map(days.works, inside))), item


def office(**fields: object) -> EngineHarness:
    """Return a daily process of the office, and a daily one that waits for it, each day over."""
    hierarchy = build(
        [
            process('OfficeDaily', working=OFFICE, max_running=9, **fields),
            process('ReportDaily', max_running=9),
        ],
        [
            tree('office', ['OfficeDaily'], start='2026112300'),
            tree('report', ['ReportDaily'], start='2026112300', dependent_on=['office']),
        ],
    )
    return EngineHarness(hierarchy, instant('2026113004'))


def test_what_is_left_out_is_final_without_a_row_and_keeps_nobody_waiting() -> None:
    harness = office()
    harness.look()
    harness.work_all()

    offices = [text for text in harness.started if text.startswith('Office')]
    assert offices == [f'OfficeDaily@202611{at}00#1' for at in (23, 24, 26, 27)]
    assert len([text for text in harness.started if text.startswith('Report')]) == 7
    for text in ('2026112500', '2026112800', '2026112900'):
        assert harness.state(key(f'OfficeDaily@{text}')) is JobState.NOOP
        assert harness.timetable.is_left_out(key(f'OfficeDaily@{text}'))
        assert key(f'OfficeDaily@{text}') not in harness.jobs


def test_what_is_left_out_does_not_follow_what_runs_again() -> None:
    hierarchy = build(
        [process('SiteDaily'), process('OfficeDaily', working=OFFICE, is_on=False)],
        [
            tree('site', ['SiteDaily'], start='2026112300'),
            tree('office', ['OfficeDaily'], start='2026112300', dependent_on=['site']),
        ],
    )
    harness = EngineHarness(hierarchy, instant('2026113004'))
    harness.look()
    harness.work_all()
    first, last = key('SiteDaily@2026112400'), key('SiteDaily@2026112900')
    asked = Command(
        id=CommandId('r'),
        kind=CommandKind.REPROCESS,
        process=first.process,
        start=first.timeperiod,
        end=last.timeperiod,
        actor='anna',
        created_at=harness.now,
    )

    waiting = unreset(harness.timetable, plan(harness.timetable, asked))

    found = [at for run in waiting[ProcessName('OfficeDaily')] for at in range(*run)]
    assert found == [day('2026112400'), day('2026112600'), day('2026112700')]


def test_the_day_before_is_the_working_day_before() -> None:
    yesterday = Input(kind=InputKind.DEPENDENCY, process=ProcessName('OfficeDaily'), offset=-1)
    harness = office(inputs=(yesterday,))
    node = harness.timetable.hierarchy.nodes[ProcessName('OfficeDaily')]

    found = harness.timetable.hierarchy.input_range(node, node.inputs[0], day('2026112600'))

    assert list(found) == [day('2026112400')]
    assert list(harness.timetable.hierarchy.affected(node, node.inputs[0], found)) == [
        day('2026112500'), day('2026112600'),
    ]  # fmt: skip
    harness.look()
    harness.work_all()
    assert harness.started[0] == 'OfficeDaily@2026112300#1'
    assert 'OfficeDaily@2026112700#1' in harness.started


def reprocess(text: str, **details: bool) -> Command:
    job = key(text)
    return Command(
        id=CommandId('r'),
        kind=CommandKind.REPROCESS,
        process=job.process,
        start=job.timeperiod,
        end=job.timeperiod.shift(1),
        details=dict(details),
        actor='anna',
        created_at=instant('2026113004'),
    )


def test_a_reprocess_of_what_is_left_out_is_refused_unless_anyway() -> None:
    harness = office()
    harness.look()
    harness.work_all()
    wanted = 'OfficeDaily@2026112500'

    with pytest.raises(PlanRefused, match=r'left out by the calendar office, .*--anyway'):
        plan(harness.timetable, reprocess(wanted))

    harness.command(reprocess(wanted, anyway=True))
    harness.work_all()
    assert harness.started[-2:] == [f'{wanted}#1', 'ReportDaily@2026112500#2']
    assert harness.state(key(wanted)) is JobState.PROCESSED
    assert not harness.timetable.is_left_out(key(wanted))


def test_rows_win_over_the_calendar_and_copies_do_not_know_it() -> None:
    harness = office()
    harness.look()
    harness.work_all()
    harness.timetable.pages()
    other = Process(name=ProcessName('OfficeDaily'), qualifier=Qualifier.DAILY)
    assert other.working is None
    rows = [IndexStretch.of(*job.key, job.state) for job in harness.jobs.values()]
    # Nothing works any more: what has run stays as it was, what has not is left out.
    idle = WorkingDays(name='idle', first=FIRST, days=bytes(60))
    hierarchy = build(
        [process('OfficeDaily', working=idle), process('ReportDaily')],
        [
            tree('office', ['OfficeDaily'], start='2026112300'),
            tree('report', ['ReportDaily'], start='2026112300', dependent_on=['office']),
        ],
    )
    for copy in (None, IndexCopy(as_of=harness.now, pages=tuple(Timetable(hierarchy).pages()))):
        timetable = Timetable(hierarchy)
        timetable.extend(harness.now + timedelta(days=2))
        timetable.load(lambda _: rows, [], copy)

        states = [timetable.state(key(f'OfficeDaily@202611{at}00')) for at in (23, 25)]
        assert states == [JobState.PROCESSED, JobState.NOOP]
        assert timetable.is_left_out(key('OfficeDaily@2026113000'))
        assert all(page.codes.count(8) == 0 for page in timetable.pages())
