"""The hours ahead as a drawing: a row by process, in it when each interval is likely to run.

Pure: what is expected goes in, bars and bands come out. In one lane of a row nothing lies over
anything else, and all of it lies within the frame. Where more is expected at once than there are
lanes, or more than anybody could tell apart, one bar stands for several intervals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from math import ceil
from typing import Final

from synergy.core.structs import Struct, replace

#: The width of a drawing, and how high a lane of it is. It is stretched to the page's width.
WIDTH: Final = 1000.0
LANE: Final = 14.0
LANES_MAX: Final = 4
#: More intervals that touch each other are one bar.
_APART_MAX: Final = 24
#: So wide is the shortest bar, and so far are two in a lane apart.
_WIDTH_MIN: Final = 5.0
_GAP: Final = 1.5
#: Hours between two lines of the grid, and how many parts there may be.
_STEPS: Final = (1, 3, 6, 12, 24)
_PARTS_MAX: Final = 9


class Tick(Struct, frozen=True, kw_only=True):
    """Where a part of the frame begins. day: where another one begins, or the frame does."""

    x: float
    text: str
    day: str


class Frame(Struct, frozen=True, kw_only=True):
    """From when to when is drawn."""

    begin: datetime
    end: datetime
    now: datetime
    ticks: Sequence[Tick] = ()

    def x(self, at: datetime) -> float:
        """Return where an instant lies; what is outside, at the edge."""
        share = (at - self.begin) / (self.end - self.begin)
        return round(min(max(share, 0.0), 1.0) * WIDTH, 1)


class Expected(Struct, frozen=True, kw_only=True):
    """One interval. start: None: it does not start by itself; then its deadline alone is drawn.

    end: its likely one; None: it is left to an operator in half of all courses.
    low, high: the band of its end. late_at: its deadline. is_deciding: when a deadline at risk is
    met depends on it. text: all of it in words.
    """

    timeperiod: str
    start: datetime | None
    end: datetime | None
    low: datetime | None
    high: datetime | None
    late_at: datetime | None = None
    is_running: bool = False
    is_at_risk: bool = False
    is_deciding: bool = False
    text: str = ''


class Bar(Struct, frozen=True, kw_only=True):
    """One interval, or several of them. band: from where to where its end is likely to lie.

    is_open: the end is not known. first, last: which intervals. count: of them.
    """

    x: float
    width: float
    band: tuple[float, float] | None
    lane: int
    count: int
    is_running: bool
    is_at_risk: bool
    is_deciding: bool
    is_open: bool
    first: str
    last: str
    text: str

    @property
    def extent(self) -> tuple[float, float]:
        """Return from where to where it takes room in its lane."""
        low, high = self.band or (self.x, self.x)
        return min(self.x, low), max(self.x + self.width, high)

    @property
    def css(self) -> str:
        """Return how it looks."""
        kinds = {'run': self.is_running, 'risk': self.is_at_risk, 'open': self.is_open}
        looks = ' '.join(name for name, holds in kinds.items() if holds) or 'plan'
        return f'{looks} path' if self.is_deciding else looks

    @property
    def y(self) -> float:
        """Return where its upper edge is."""
        return self.lane * LANE + 3

    @property
    def middle(self) -> float:
        """Return the height of its band."""
        return self.lane * LANE + LANE / 2 + 1


class Mark(Struct, frozen=True, kw_only=True):
    """A deadline, or several that lie at the same place."""

    x: float
    is_at_risk: bool
    text: str


class Shade(Struct, frozen=True, kw_only=True):
    """When nothing of a process starts. text: why, and until when."""

    x: float
    width: float
    text: str


class Lanes(Struct, frozen=True, kw_only=True):
    """What is drawn of one process. count: lanes; left_out: intervals beyond the frame."""

    count: int
    bars: Sequence[Bar]
    marks: Sequence[Mark]
    left_out: int

    @property
    def height(self) -> float:
        """Return how high the drawing is."""
        return self.count * LANE + 2


def frame_of(now: datetime, until: datetime, zone: tzinfo) -> Frame:
    """Return what shows the time from now until then, in parts of whole hours on a zone's clock."""
    local = now.astimezone(zone)
    for step in _STEPS:
        since = timedelta(
            hours=local.hour % step,
            minutes=local.minute,
            seconds=local.second,
            microseconds=local.microsecond,
        )
        begin, length = now - since, timedelta(hours=step)
        parts = max(ceil((until - begin) / length), 1)
        if parts <= _PARTS_MAX or step == _STEPS[-1]:
            break
    instants = [begin + length * number for number in range(parts)]
    ticks = []
    day = ''
    for number, at in enumerate(instants):
        read = at.astimezone(zone)
        today = f'{read:%a} {read.day} {read:%b}'
        ticks.append(
            Tick(
                x=round(WIDTH * number / parts, 1),
                text=f'{read:%H:%M}',
                day='' if today == day else today,
            )
        )
        day = today
    return Frame(begin=begin, end=begin + length * parts, now=now, ticks=ticks)


def lanes_of(frame: Frame, expected: Iterable[Expected]) -> Lanes:
    """Return what is drawn of one process."""
    items = list(expected)
    inside = [
        (item, span)
        for item in items
        if (span := _span(item)) is not None and span[0] < frame.end and span[1] > frame.begin
    ]
    single = sorted(
        (_bar(frame, item, *span) for item, span in inside),
        key=lambda bar: (bar.extent, bar.first),
    )
    bars = [bar for cluster in _clusters(single) for bar in _placed(cluster)]
    return Lanes(
        count=max((bar.lane for bar in bars), default=0) + 1,
        bars=bars,
        marks=_marks(frame, items),
        left_out=len(items) - len(inside),
    )


def _span(item: Expected) -> tuple[datetime, datetime] | None:
    if item.start is None:
        return None
    return item.start, item.end or item.low or item.start + timedelta(seconds=1)


def _bar(frame: Frame, item: Expected, start: datetime, end: datetime) -> Bar:
    left, right = frame.x(start), frame.x(end)
    width = max(right - left, _WIDTH_MIN)
    x = min(left, WIDTH - width)
    band = None
    if item.low is not None:
        low, high = frame.x(item.low), frame.x(item.high or frame.end)
        # One that is narrower than its own bar's edge says nothing.
        if high - low > 1 and high > x:
            band = (max(low, 0.0), high)
    return Bar(
        x=round(x, 1),
        width=round(width, 1),
        band=band,
        lane=0,
        count=1,
        is_running=item.is_running,
        is_at_risk=item.is_at_risk,
        is_deciding=item.is_deciding,
        is_open=item.end is None,
        first=item.timeperiod,
        last=item.timeperiod,
        text=item.text,
    )


def _clusters(bars: Sequence[Bar]) -> Iterator[Sequence[Bar]]:
    """Yield bars whose extents touch, directly or by others between them."""
    cluster: list[Bar] = []
    until = 0.0
    for bar in bars:
        begin, end = bar.extent
        if cluster and begin >= until + _GAP:
            yield cluster
            cluster = []
        until = max(until, end) if cluster else end
        cluster.append(bar)
    if cluster:
        yield cluster


def _placed(cluster: Sequence[Bar]) -> Sequence[Bar]:
    """Return the bars of a cluster in lanes: with their bands, without, or as one."""
    if len(cluster) <= _APART_MAX:
        if (found := _in_lanes(cluster)) is not None:
            return found
        last = max(cluster, key=lambda bar: (bar.extent[1], bar.x + bar.width, bar.first))
        bare = sorted(
            (_with_end(bar) if bar is last else replace(bar, band=None) for bar in cluster),
            key=lambda bar: (bar.extent, bar.first),
        )
        if (found := _in_lanes(bare)) is not None:
            return found
    return [_as_one(cluster)]


def _with_end(bar: Bar) -> Bar:
    """Return a bar with what of its band lies behind it: there, nothing else is."""
    end = bar.x + bar.width
    if bar.band is None or bar.band[1] - end < 1:
        return replace(bar, band=None)
    return replace(bar, band=(end, bar.band[1]))


def _in_lanes(bars: Sequence[Bar]) -> Sequence[Bar] | None:
    """Return bars, each in the first lane with room for it; None: there are too few lanes."""
    free: list[float] = []
    found = []
    for bar in bars:
        begin, end = bar.extent
        lane = next((lane for lane, until in enumerate(free) if until + _GAP <= begin), len(free))
        if lane == LANES_MAX:
            return None
        free[lane : lane + 1] = [end]
        found.append(replace(bar, lane=lane))
    return found


def _as_one(cluster: Sequence[Bar]) -> Bar:
    first = min(cluster, key=lambda bar: bar.first)
    last = max(cluster, key=lambda bar: (bar.x + bar.width, bar.first))
    x, end = min(bar.x for bar in cluster), last.x + last.width
    # Of all of them, the last end and how much later it may be.
    late = max(bar.extent[1] for bar in cluster)
    newest = max(bar.last for bar in cluster)
    at_risk = sum(bar.is_at_risk for bar in cluster)
    text = f'{len(cluster)} intervals, {first.first} to {newest}'
    return Bar(
        x=x,
        width=round(end - x, 1),
        band=(round(end, 1), late) if late - end > 1 else None,
        lane=0,
        count=len(cluster),
        is_running=any(bar.is_running for bar in cluster),
        is_at_risk=at_risk > 0,
        is_deciding=any(bar.is_deciding for bar in cluster),
        is_open=any(bar.is_open for bar in cluster),
        first=first.first,
        last=newest,
        text=f'{text}, {at_risk} at risk' if at_risk else text,
    )


def _marks(frame: Frame, items: Iterable[Expected]) -> Sequence[Mark]:
    """Return the deadlines within the frame; of several at one place, one."""
    found: dict[float, Mark] = {}
    for item in items:
        if item.late_at is None or not frame.begin <= item.late_at <= frame.end:
            continue
        x = frame.x(item.late_at)
        said = f'deadline of {item.timeperiod}'
        known = found.get(x)
        found[x] = Mark(
            x=x,
            is_at_risk=item.is_at_risk or (known is not None and known.is_at_risk),
            text=said if known is None else f'{known.text}, {item.timeperiod}',
        )
    return [found[x] for x in sorted(found)]


def shades_of(frame: Frame, held: Iterable[tuple[datetime, datetime, str]]) -> Sequence[Shade]:
    """Return when nothing starts, as it is drawn. held: from when, until when, and why."""
    found = []
    for since, until, text in held:
        x, end = frame.x(since), frame.x(until)
        if end > x:
            found.append(Shade(x=x, width=round(end - x, 1), text=text))
    return found
