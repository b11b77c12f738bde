"""Small contexts drawn by chance, with every kind of input, and what their intervals wait for.

What is waited for is worked out twice: by the product, which is given processes and trees, and
here, slowly, as it is promised: by containment (the same interval; all that lie in mine; the one
that holds mine), then the offset, then the last so many, of a clock that is read every quarter of
an hour. Nothing of the product is asked but what an interval with a name is called inside.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from synergy.core.calendar import Calendar, UtcCalendar, ZoneCalendar
from synergy.core.hierarchy import HierarchyError, build
from synergy.core.node import Input, InputKind
from synergy.core.records import Process, ProcessName, RetryPolicy, Tree
from synergy.core.states import OnFailure
from synergy.core.timeperiod import JobKey, Qualifier, parse
from synergy.core.working import WorkingDays
from tests.core.engine_histories import Model, Wait

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUARTER = timedelta(minutes=15)
#: Days on which clocks change, forward and back, and one on which none does.
PLACES = [
    ('Europe/Berlin', date(2026, 3, 29)),
    ('Europe/Berlin', date(2026, 10, 25)),
    ('America/New_York', date(2026, 3, 8)),
    ('America/New_York', date(2026, 11, 1)),
    ('Asia/Kathmandu', date(2026, 6, 1)),
]
#: Fine to coarse: months, weeks from two days, days, hours, half and quarter hours.
FINE = (
    Qualifier.MINUTELY_30,
    Qualifier.HOURLY,
    Qualifier.HOURLY,
    Qualifier.DAILY,
    Qualifier.WEEKLY,
)
COARSE = (
    Qualifier.DAILY,
    Qualifier.DAILY,
    Qualifier.WEEKLY,
    Qualifier.WEEKLY_SUN,
    Qualifier.MONTHLY,
)
ORDER = [*COARSE[::-1], *FINE[2::-1]]
MINUTES = {Qualifier.HOURLY: 60, Qualifier.MINUTELY_30: 30}
ZONES = {'UTC', *(zone for zone, _ in PLACES)}
CALENDARS: dict[str, Calendar] = {
    zone: UtcCalendar() if zone == 'UTC' else ZoneCalendar(ZoneInfo(zone)) for zone in ZONES
}
RETRY = RetryPolicy(max_attempts=2, delay=timedelta(0))


@dataclass(frozen=True)
class Interval:
    """One of an endless row of intervals. day: the date on the clock when it begins."""

    name: str
    day: date
    begin: datetime
    end: datetime


@dataclass
class Drawn:
    """A process as it was drawn. works: the days that its calendar knows."""

    name: str
    level: Qualifier
    zone: str
    start: datetime
    end: datetime
    works: dict[date, bool] | None = None
    inputs: list[Input] = field(default_factory=list)
    #: The process whose tree it is in, one level finer than the one above it.
    parent: Drawn | None = None
    on_failure: OnFailure = OnFailure.SKIP

    @property
    def row(self) -> Sequence[Interval]:
        """Return intervals of its level, from long before it begins until long after its end."""
        return intervals(self.level, self.zone, self.start.date().replace(day=1))

    def place(self, item: Interval) -> int:
        """Return the place in the row of the interval of that name."""
        return places(self.level, self.zone, self.start.date().replace(day=1))[item.name]

    def is_own(self, item: Interval) -> bool:
        """Tell whether an interval is one of its tree."""
        return item.begin < self.end and item.end > self.start

    def key(self, item: Interval) -> JobKey:
        return JobKey(ProcessName(self.name), parse(self.level, item.name))

    def works_on(self, day: date) -> bool:
        return self.works is None or self.works.get(day, True)

    def is_left_out(self, item: Interval) -> bool:
        """Tell whether no day of an interval works; of a part of a day whether that does not."""
        if self.level in MINUTES:
            return not self.works_on(item.day)
        days = _dates(item.day, after(self.level, item.day))
        return not any(map(self.works_on, days))


@lru_cache(maxsize=64)
def intervals(level: Qualifier, zone: str, month: date) -> Sequence[Interval]:
    """Return the intervals of a level on the clock of a zone, for some months around one."""
    clock = ZoneInfo(zone)
    if level in MINUTES:
        return [*_by_the_clock(MINUTES[level], clock, month)]
    first = {
        Qualifier.DAILY: month - 70 * DAY,
        Qualifier.MONTHLY: date(month.year - 1, 1, 1),
        Qualifier.WEEKLY: date(2025, 1, 6),
        Qualifier.WEEKLY_SUN: date(2025, 1, 5),
    }[level]
    found = []
    while first < month + 120 * DAY:
        following = after(level, first)
        begin, end = (
            datetime(day.year, day.month, day.day, tzinfo=clock).astimezone(UTC)
            for day in (first, following)
        )
        name = f'{first:%Y%m}0000' if level is Qualifier.MONTHLY else f'{first:%Y%m%d}00'
        found.append(Interval(name, first, begin, end))
        first = following
    return found


@lru_cache(maxsize=64)
def places(level: Qualifier, zone: str, month: date) -> Mapping[str, int]:
    """Return the place of each of these intervals in their row, by its name."""
    return {item.name: at for at, item in enumerate(intervals(level, zone, month))}


def after(level: Qualifier, day: date) -> date:
    """Return the date that begins the interval after the one which a date begins."""
    if level is Qualifier.MONTHLY:
        return (day.replace(day=1) + 31 * DAY).replace(day=1)
    return day + (DAY if level is Qualifier.DAILY else 7 * DAY)


def _by_the_clock(minutes: int, clock: ZoneInfo, month: date) -> Iterator[Interval]:
    """Yield what begins whenever a clock reads full hours, or halves; by instants of UTC."""
    at = datetime(month.year, month.month, 1, tzinfo=UTC) - 8 * DAY
    begins = [
        moment
        for number in range(48 * 24 * 4)
        for moment in [at + number * QUARTER]
        if moment.astimezone(clock).minute % minutes == 0
    ]
    for begin, end in pairwise(begins):
        named = begin - timedelta(minutes=begin.minute % minutes)
        name = f'{named:%Y%m%d%H}' if minutes == 60 else f'{named:%Y%m%d%H%M}'
        yield Interval(name, begin.astimezone(clock).date(), begin, end)


def meant(own: Drawn, source: Input, other: Drawn, item: Interval) -> list[Interval]:
    """Return the intervals of another process that one interval waits for by an input."""
    item = _shifted(own, item, source.offset)
    row = other.row
    if own.level is other.level:
        found = [other.place(item)]
    elif ORDER.index(own.level) < ORDER.index(other.level):
        found = [number for number, one in enumerate(row) if _lies_in(other, one, own, item)]
    else:
        found = [number for number, one in enumerate(row) if _lies_in(own, item, other, one)]
    if source.last is not None and found:
        found = [*range(found[-1] + 1 - source.last, found[-1] + 1)]
    return [row[number] for number in found if other.is_own(row[number])]


def _lies_in(finer: Drawn, small: Interval, coarser: Drawn, large: Interval) -> bool:
    """Tell whether an interval lies in another: by dates, of parts of a day by when they begin."""
    if finer.level in MINUTES:
        return large.begin <= small.begin < large.end
    return large.day <= small.day < after(coarser.level, large.day)


def _shifted(own: Drawn, item: Interval, count: int) -> Interval:
    """Return the interval so many places away; days of a calendar count days that work."""
    row = own.row
    at, step = own.place(item), 1 if count > 0 else -1
    while count:
        at += step
        counts = own.level is not Qualifier.DAILY or own.works_on(row[at].day)
        count -= step if counts else 0
    return row[at]


def _dates(first: date, behind: date) -> list[date]:
    return [first + number * DAY for number in range((behind - first).days)]


# What is drawn.


def drawn(draw: random.Random) -> Model:
    """Return a context of a few processes as it was drawn, and all of its time."""
    while True:
        processes = [*_drawn(draw)]
        try:
            return model(processes)
        except HierarchyError:
            continue  # Such as a cycle that never begins.


def _drawn(draw: random.Random) -> Iterator[Drawn]:
    zone, day = draw.choice(PLACES)
    is_fine = draw.random() < 0.6
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    start, end = (
        (start - 30 * HOUR, start + 34 * HOUR) if is_fine else (start - 9 * DAY, start + 9 * DAY)
    )
    known: list[Drawn] = []
    for number in range(draw.randrange(3, 6)):
        one = Drawn(
            name=f'P{number}',
            level=draw.choice(FINE if is_fine else COARSE),
            zone=draw.choice([zone, zone, 'UTC', 'Asia/Kathmandu']),
            start=start + draw.choice([0, 0, 0, 5, 26]) * HOUR,
            end=end,
            on_failure=draw.choice([OnFailure.SKIP, OnFailure.SKIP, OnFailure.HOLD]),
        )
        if draw.random() < 0.3:
            dates = _dates(start.date() - 3 * DAY, end.date() - DAY)
            one.works = {day: draw.random() < 0.6 for day in dates}
        known.append(one)
    for one in known:
        earlier = known[: known.index(one)]
        for other in draw.sample(earlier, min(len(earlier), draw.choice([1, 1, 2]))):
            one.inputs += _inputs(draw, one, other)
        if draw.random() < 0.25:
            one.inputs.append(_input(one, offset=-1))
        for later in known[known.index(one) + 1 :]:
            if (one.level, one.zone) == (later.level, later.zone) and draw.random() < 0.3:
                one.inputs.append(_input(later, offset=-draw.randrange(1, 3)))
    if draw.random() < 0.5:
        _nest(draw, known)
    yield from known


def _inputs(draw: random.Random, own: Drawn, other: Drawn) -> Iterator[Input]:
    for offset in draw.choice([[0], [0], [0], [0, -1], [draw.choice([-2, -1, 1])]]):
        last = draw.choice([None, None, 2, 7])
        at_least = give_up = None
        if draw.random() < 0.5:
            source = _input(other, offset=offset, last=last)
            most = max(len(meant(own, source, other, item)) for item in own.row if own.is_own(item))
            at_least = draw.randrange(1, most + 1) if most else None
            give_up = draw.choice([0, 0, 2, 9]) * HOUR
        yield _input(
            other,
            offset=offset,
            last=last,
            at_least=at_least,
            give_up_after=give_up or timedelta(),
            is_late_ignored=at_least is not None and draw.random() < 0.25,
            is_order_only=draw.random() < 0.2,
        )


def _input(other: Drawn, **fields: object) -> Input:
    return Input(kind=InputKind.DEPENDENCY, process=ProcessName(other.name), **fields)  # type: ignore[arg-type]


def _nest(draw: random.Random, known: Sequence[Drawn]) -> None:
    """Put a process into the tree of a coarser one that comes later."""
    pairs = [
        (finer, coarser)
        for number, finer in enumerate(known)
        for coarser in known[number + 1 :]
        if ORDER.index(coarser.level) < ORDER.index(finer.level)
        and not finer.level.value.startswith('_weekly')
    ]
    if pairs:
        finer, coarser = draw.choice(pairs)
        finer.parent = coarser
        finer.zone, finer.start = coarser.zone, coarser.start


def model(processes: Sequence[Drawn]) -> Model:
    """Return the hierarchy that the product makes of processes, and all of their time."""
    by_name = {one.name: one for one in processes}
    hierarchy = build(
        [
            Process(
                name=ProcessName(one.name),
                qualifier=one.level,
                inputs=tuple(one.inputs),
                max_running=5000,
                retry=RETRY,
                on_failure=one.on_failure,
                working=_working(one),
            )
            for one in processes
        ],
        [
            Tree(
                name=f'of {one.name}',
                levels=tuple(
                    ProcessName(other.name) for other in processes if one in (other, other.parent)
                ),
                start=one.start,
                end=one.end,
                zone=one.zone,
            )
            for one in processes
            if one.parent is None
        ],
        CALENDARS,
    )
    waits, spans, left_out = {}, {}, set()
    for one in processes:
        for item in filter(one.is_own, one.row):
            key = one.key(item)
            spans[key] = max(item.begin, one.start), min(item.end, one.end)
            waits[key] = [*_waits(one, by_name, item)]
            if one.is_left_out(item):
                left_out.add(key)
    return Model(
        hierarchy=hierarchy, end=processes[0].end, spans=spans, waits=waits, left_out=left_out
    )


def _waits(own: Drawn, by_name: dict[str, Drawn], item: Interval) -> Iterator[Wait]:
    declared = [(source, by_name[source.process]) for source in own.inputs]
    for child in by_name.values():
        if child.parent is own:
            said = [one for one, other in declared if _is_plain(one) and other is child]
            declared = [pair for pair in declared if pair[0] not in said]
            declared.append((said[0] if said else _input(child), child))
    for source, other in declared:
        yield Wait(
            keys=tuple(map(other.key, meant(own, source, other, item))),
            is_nested=other.parent is own and _is_plain(source),
            at_least=source.at_least,
            give_up_after=source.give_up_after,
            is_late_ignored=source.is_late_ignored,
            is_order_only=source.is_order_only,
        )


def _is_plain(source: Input) -> bool:
    return not source.offset and source.last is None


def _working(one: Drawn) -> WorkingDays | None:
    if one.works is None:
        return None
    first = parse(Qualifier.DAILY, f'{min(one.works):%Y%m%d}00').ordinal
    return WorkingDays(
        name='drawn', first=first, days=bytes(map(one.works.__getitem__, sorted(one.works)))
    )
