"""Deadlines, against an oracle that watches the clock minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synergy.core.deadline import (
    ByClock,
    Deadline,
    Within,
    late_at,
    late_end,
    least,
    of_tree,
    parse,
)
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import Measure, Qualifier, Timeperiod
from synergy.core.zones import calendar_named
from tests.builders import process, tree
from tests.depth import deep

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
#: Zones, and days on which their clocks are changed: both ways, at and over midnight, a whole day.
CHANGES = (
    ('UTC', datetime(2026, 11, 29, tzinfo=UTC)),
    ('Europe/Berlin', datetime(2026, 3, 29, tzinfo=UTC)),
    ('Europe/Berlin', datetime(2026, 10, 25, tzinfo=UTC)),
    ('Australia/Lord_Howe', datetime(2026, 4, 4, 12, tzinfo=UTC)),
    ('America/Sao_Paulo', datetime(2018, 11, 4, tzinfo=UTC)),
    ('America/Sao_Paulo', datetime(2018, 2, 18, tzinfo=UTC)),
    ('Africa/Cairo', datetime(2023, 4, 28, tzinfo=UTC)),
    ('America/Havana', datetime(2026, 11, 1, tzinfo=UTC)),
    ('America/St_Johns', datetime(2006, 10, 29, tzinfo=UTC)),
    ('Asia/Kathmandu', datetime(2026, 1, 4, tzinfo=UTC)),
    ('Pacific/Apia', datetime(2011, 12, 30, tzinfo=UTC)),
    ('Pacific/Kwajalein', datetime(1993, 8, 21, tzinfo=UTC)),
)
BY_CLOCK = st.builds(
    ByClock,
    minute=st.sampled_from((0, 1, 15, 30, 59)).flatmap(
        lambda minute: st.integers(0, 23).map(lambda hour: hour * 60 + minute)
    ),
    days=st.sampled_from((0, 0, 1, 2, 7)),
    is_of_day=st.booleans(),
)
DEADLINES = BY_CLOCK | st.builds(
    Within, length=st.integers(0, 5000).map(lambda minutes: timedelta(minutes=minutes))
)


def local(zone: tzinfo, instant: datetime) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def seen_late_at(deadline: ByClock, zone: tzinfo, end: datetime) -> datetime:
    """Watch a clock from long before `end` until it has read the time of the deadline's day."""
    first = end - 2 * DAY
    day = local(zone, first).replace(hour=0, minute=0)
    wanted = day + deadline.minute * MINUTE
    at = first
    read_at: list[datetime] = []
    days_left: int | None = None
    while True:
        while local(zone, at) >= wanted:
            # The clock reads it, or more, for the first time.
            read_at.append(at)
            wanted += DAY
            if days_left is None and at > end:
                days_left = deadline.days
            elif days_left is not None:
                days_left -= 1
            if days_left == 0:
                return read_at[-1]
        at += MINUTE


@settings(max_examples=deep(25), deadline=None)
@given(
    change=st.sampled_from(CHANGES),
    deadline=BY_CLOCK.filter(lambda item: item.days < 2),
    minutes=st.integers(-36 * 4, 36 * 4).map(lambda quarter: quarter * 15),
)
def test_a_deadline_is_when_somebody_sees_it_who_watches_the_clock(
    change: tuple[str, datetime], deadline: ByClock, minutes: int
) -> None:
    calendar = calendar_named(change[0])
    interval = calendar.containing(Qualifier.MINUTELY_15, change[1] + minutes * MINUTE)
    counted = calendar.parent(interval, Qualifier.DAILY) if deadline.is_of_day else interval

    found = late_at(deadline, calendar, interval)

    assert found == seen_late_at(deadline, calendar.zone, calendar.end(counted))


def built(zone: str, deadline: Deadline, start: datetime, end: datetime | None) -> Hierarchy:
    """Return a tree from the year to five minutes, all with a deadline."""
    levels = ['Yearly', 'Monthly', 'Daily', 'Hourly']
    processes = [process(f'A{level}', deadline=deadline) for level in levels]
    processes.append(replace(processes[-1], name=ProcessName('AMin'), qualifier=_FIVE))
    if isinstance(deadline, ByClock) and deadline.is_of_day:
        processes = [
            replace(item, deadline=of_tree(deadline, item.qualifier)) for item in processes
        ]
    names = [item.name for item in processes]
    spanned = replace(tree('a', names), start=start, end=end, zone=zone)
    return build(processes, [spanned], {zone: calendar_named(zone)})


_FIVE = Qualifier.MINUTELY_5


@settings(max_examples=deep(40), deadline=None)
@given(
    change=st.sampled_from(CHANGES),
    deadline=DEADLINES,
    is_ended=st.booleans(),
    minutes=st.integers(-2 * 1440, 9 * 1440),
    seconds=st.sampled_from((0, 0, 1, 59)),
)
def test_late_are_those_of_which_the_deadline_has_passed(
    change: tuple[str, datetime], deadline: Deadline, is_ended: bool, minutes: int, seconds: int
) -> None:
    zone, around = change
    end = around + timedelta(hours=15) if is_ended else None
    hierarchy = built(zone, deadline, around - 2 * DAY, end)
    now = around + minutes * MINUTE + timedelta(seconds=seconds)
    for node in hierarchy:
        until = hierarchy.late_until(node, now)
        near = range(max(until - 4, node.first), until + 4)
        for ordinal in (node.first, *near):
            if node.until is None or ordinal < node.until:
                is_late = hierarchy.late_at(node, ordinal) <= now
                assert is_late == (ordinal < until), (node.process.name, ordinal, until)


@settings(max_examples=deep(40), deadline=None)
@given(
    change=st.sampled_from(CHANGES), deadline=DEADLINES, minutes=st.integers(-3 * 1440, 3 * 1440)
)
def test_a_later_interval_has_no_earlier_deadline(
    change: tuple[str, datetime], deadline: Deadline, minutes: int
) -> None:
    calendar = calendar_named(change[0])
    first = calendar.containing(Qualifier.MINUTELY_15, change[1] + minutes * MINUTE)
    instants = [late_at(deadline, calendar, first.shift(count)) for count in range(12)]

    assert instants == sorted(instants)
    assert all(
        calendar.end(first.shift(count)) <= instant - _length(deadline)
        for count, instant in enumerate(instants)
    )


def _length(deadline: Deadline) -> timedelta:
    return deadline.length if isinstance(deadline, Within) else timedelta()


def hour(text: str) -> datetime:
    return datetime.strptime(text, '%Y-%m-%d %H:%M').replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ('zone', 'text', 'level', 'begins', 'expected'),
    [
        # The day of the 22nd, and the month, until six on the next day, or the one after that.
        ('UTC', '06:00', Qualifier.DAILY, '2026-11-22 00:00', '2026-11-23 06:00'),
        ('UTC', '06:00 +1d', Qualifier.DAILY, '2026-11-22 00:00', '2026-11-24 06:00'),
        ('UTC', '06:00', Qualifier.MONTHLY, '2026-11-22 00:00', '2026-12-01 06:00'),
        ('UTC', '00:00', Qualifier.DAILY, '2026-11-22 00:00', '2026-11-24 00:00'),
        # An hour that ends then has a day.
        ('UTC', '06:00', Qualifier.HOURLY, '2026-11-22 04:00', '2026-11-22 06:00'),
        ('UTC', '06:00', Qualifier.HOURLY, '2026-11-22 05:00', '2026-11-23 06:00'),
        # By the clock of the zone, in winter and in summer.
        ('Europe/Berlin', '06:00', Qualifier.DAILY, '2026-01-22 12:00', '2026-01-23 05:00'),
        ('Europe/Berlin', '06:00', Qualifier.DAILY, '2026-07-22 12:00', '2026-07-23 04:00'),
        # In the gap at its end, of a time that comes twice the first.
        ('Europe/Berlin', '02:30', Qualifier.DAILY, '2026-03-28 12:00', '2026-03-29 01:00'),
        ('Europe/Berlin', '02:30', Qualifier.DAILY, '2026-10-24 12:00', '2026-10-25 00:30'),
        ('Europe/Berlin', '02:30', Qualifier.HOURLY, '2026-10-25 00:00', '2026-10-26 01:30'),
        ('Europe/Berlin', '02:30 +1d', Qualifier.DAILY, '2026-10-23 12:00', '2026-10-25 00:30'),
        # A day that a zone has skipped ends as it begins: so has the one before.
        ('Pacific/Apia', '06:00', Qualifier.DAILY, '2011-12-29 12:00', '2011-12-30 16:00'),
    ],
)
def test_what_people_would_say(
    zone: str, text: str, level: Qualifier, begins: str, expected: str
) -> None:
    calendar = calendar_named(zone)
    deadline = parse(text)
    interval = calendar.containing(level, hour(begins))

    found = late_at(deadline, calendar, interval)

    assert found == hour(expected)
    assert late_end(deadline, calendar, found) >= calendar.end(interval)
    assert late_end(deadline, calendar, found - MINUTE) < calendar.end(interval)
    assert str(parse(str(deadline))) == str(deadline)


def test_hours_of_a_day_may_have_until_the_morning_after_it() -> None:
    calendar = calendar_named('Europe/Berlin')
    deadline = of_tree(parse('06:00'), Qualifier.HOURLY)
    day = calendar.containing(Qualifier.DAILY, hour('2026-03-29 12:00'))
    hours = calendar.children(day, Qualifier.HOURLY)

    found = {late_at(deadline, calendar, Timeperiod(Qualifier.HOURLY, item)) for item in hours}

    assert len(hours) == 23
    assert found == {late_at(deadline, calendar, day)} == {hour('2026-03-30 04:00')}
    assert str(deadline) == '06:00 after its day'
    # Where the tree ends at noon, its last day does.
    noon = hour('2026-03-29 10:00')
    evening = replace(deadline, minute=18 * 60)
    first = Timeperiod(Qualifier.HOURLY, hours[0])
    assert late_at(evening, calendar, first, noon) == hour('2026-03-29 16:00')
    assert late_end(evening, calendar, hour('2026-03-29 16:00'), noon) >= noon


@pytest.mark.parametrize(
    ('text', 'complaint'),
    [
        ('', "as in '06:00'"), ('6', "as in '06:00'"), ('06:00 Europe/Berlin', 'clock of its tree'),
        ('24:00', 'not a time of day'), ('06:60', 'not a time of day'), ('-06:00', "'06:00 +1d'"),
        ('06:00 -1d', "'06:00 +1d'"), ('06:00 +1h', "'06:00 +1d'"), ('06:00 1d', "'06:00 +1d'"),
        ('06:00 +367d', 'at most +366d'), ('06:00 +99999d', "'06:00 +1d'"),
        ('٠٦:00', "as in '06:00'"), ('06:00:00', "as in '06:00'"),
    ],
)  # fmt: skip
def test_nonsense_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=r'.') as refused:
        parse(text)
    assert complaint in str(refused.value)


@pytest.mark.parametrize('text', ['6:00+1d', ' 06:00 + 1 day', '06:00 +01d', '06:00 +1days'])
def test_days_may_be_written_as_people_do(text: str) -> None:
    assert str(parse(text)) == '06:00 +1d'


@given(deadline=BY_CLOCK, level=st.sampled_from(Qualifier), number=st.integers(300_000, 500_000))
def test_at_least_so_long_is_left_wherever_clocks_are_not_changed(
    deadline: ByClock, level: Qualifier, number: int
) -> None:
    if level.measure is Measure.SECOND:
        return
    if deadline.is_of_day:
        deadline = of_tree(deadline, level)
    calendar = calendar_named('UTC')
    interval = calendar.containing(level, datetime(2000, 1, 1, tzinfo=UTC) + number * 7 * MINUTE)
    end = calendar.end(
        calendar.parent(interval, Qualifier.DAILY) if deadline.is_of_day else interval
    )
    assert late_at(deadline, calendar, interval) - end >= least(deadline, level)
