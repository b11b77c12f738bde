"""Working calendars that run out are told of in time, with who goes on for longer."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from synergy.core.calendar_ends import CalendarEnd, calendar_ends
from synergy.core.closed import ClosedHours, parse
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.leaving_out import left_out_by
from synergy.core.records import Process, ProcessName, Tree
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, of_date
from synergy.core.working import Source, WorkingDays
from synergy.core.zones import calendar_named

TODAY = date(2026, 11, 29)
LAST = date(2026, 12, 31)


def _days(source: Source | None, count: int = 1000) -> WorkingDays:
    first = of_date(Qualifier.DAILY, date(2026, 1, 1)).ordinal
    return WorkingDays(name='ours', first=first, days=b'\1' * count, source=source)


def _source(last: date = LAST, *, is_list: bool = True) -> Source:
    told = 'its list' if is_list else 'exchange_calendars 4.13.2 of XBOM'
    return Source(told=told, until=of_date(Qualifier.DAILY, last).ordinal + 1, is_list=is_list)


def _hierarchy(
    working: WorkingDays | None, end: datetime | None = None, closed: tuple[ClosedHours, ...] = ()
) -> Hierarchy:
    daily = Process(
        name=ProcessName('ReportDaily'),
        qualifier=Qualifier.DAILY,
        working=working,
        closed=closed,
    )
    zone = 'America/New_York'
    start = datetime(2026, 1, 1, 5, tzinfo=UTC)
    tree = Tree(name='t', levels=(daily.name,), start=start, end=end, zone=zone)
    return build([daily], [tree], {zone: calendar_named(zone)})


def _ends(working: WorkingDays, today: date = TODAY, end: datetime | None = None) -> list[str]:
    return [item.text for item in calendar_ends(_hierarchy(working, end), (), today)]


def test_what_ends_soon_is_told_with_what_follows() -> None:
    assert _ends(_days(_source())) == [
        'calendar ours ends on 2026-12-31, the last date of its list: each later day of '
        'ReportDaily is left out'
    ]
    assert _ends(_days(_source(is_list=False))) == [
        'calendar ours ends on 2026-12-31, the last day that exchange_calendars 4.13.2 of XBOM '
        'knows: each later day of ReportDaily counts as working'
    ]


@pytest.mark.parametrize(
    ('today', 'told'),
    [
        (date(2026, 11, 1), None),  # 61 days before it is used up.
        (date(2026, 11, 2), 'ends'),
        (LAST, 'ends'),
        (date(2027, 1, 1), 'ended'),
        (date(2040, 1, 1), 'ended'),
    ],
)
def test_it_is_told_from_so_many_days_before_on(today: date, told: str | None) -> None:
    found = _ends(_days(_source()), today)

    assert [text.split()[2] for text in found] == ([] if told is None else [told])


def test_a_tree_that_ends_before_is_content() -> None:
    midnight = datetime(2027, 1, 1, tzinfo=ZoneInfo('America/New_York'))

    assert _ends(_days(_source()), end=midnight) == []
    assert len(_ends(_days(_source()), end=midnight.replace(minute=1))) == 1


def test_years_that_nobody_has_asked_for_are_an_end_too() -> None:
    known = _days(None, count=(LAST - date(2026, 1, 1)).days + 1)

    (end,) = calendar_ends(_hierarchy(known), (), TODAY)

    assert end.text.startswith('calendar ours was read for the days until 2026-12-31 alone')
    assert 'Restart the Scheduler' in end.advice


@pytest.mark.parametrize(
    ('text', 'is_list', 'today', 'expected'),
    [
        # Planned days that are still to come end with the plan.
        ('the calendar ours', True, TODAY, None),
        ('the calendar ours', True, date(2027, 1, 1), 'no later day is closed by'),
        ('outside the calendar ours', True, TODAY, 'each later day is closed by'),
        ('the calendar ours', False, TODAY, 'each later day is closed by'),
        ('outside the calendar ours', False, TODAY, 'no later day is closed by'),
    ],
)
def test_closed_hours_end_with_their_calendar(
    text: str, is_list: bool, today: date, expected: str | None
) -> None:
    working = _days(_source(is_list=is_list))
    # After the last date of a list no day works.
    known = working.days[: working.told_until - working.first]
    working = replace(working, days=known.ljust(1000, b'\0' if is_list else b'\1'))
    hours = replace(parse(text, UTC), working=working, place='of pool db')

    of_process = calendar_ends(_hierarchy(None, closed=(hours,)), (), today)
    of_freerun = calendar_ends(_hierarchy(None), [hours], today)

    assert of_process == of_freerun
    told = [end.text.partition(': ')[2] for end in of_process]
    assert told == ([] if expected is None else [f'{expected} {text} (of pool db)'])
    if expected is not None:
        later = datetime(2027, 3, 1, 12, tzinfo=UTC)
        assert (hours.until(later) is not None) is expected.startswith('each')


def test_who_uses_it_is_named_up_to_a_few() -> None:
    end = CalendarEnd(
        calendar=_days(_source()), last=LAST, today=TODAY,
        processes=[ProcessName(f'P{number}') for number in range(7)],
    )  # fmt: skip

    assert 'P0, P1, P2, P3, P4 and 2 more is left out' in end.text.replace('each later day of ', '')
    assert str(end).startswith(f'{end.text}. Add later dates to its list, ')


def test_what_a_list_leaves_out_because_it_has_ended_says_so() -> None:
    hierarchy = _hierarchy(_days(_source()))
    (node,) = hierarchy

    def said(day: date) -> str:
        return left_out_by(hierarchy, node, of_date(Qualifier.DAILY, day).ordinal)

    assert said(LAST) == 'by the calendar ours'
    assert said(date(2027, 1, 1)) == 'by the calendar ours, whose last date is 2026-12-31'
