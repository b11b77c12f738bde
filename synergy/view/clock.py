"""Instants as the clock of a zone reads them, with UTC beside: said in one place, for all.

A process's own clock is that of its tree. Where that is UTC nothing is said twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo

from synergy.core import zones
from synergy.core.calendar import Calendar
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Measure, Qualifier, Timeperiod, start_utc
from synergy.core.zones import UTC_ZONE


class Reading(Struct, frozen=True, kw_only=True):
    """An interval as the clock reads its beginning. label: short, and no two beside are equal.

    hint: all that is to be said of it.
    """

    timeperiod: Timeperiod
    label: str
    hint: str


def is_utc(node: Node) -> bool:
    """Tell whether the clock of a process is that of UTC, so that nothing is to be said of it."""
    return node.tree.zone == UTC_ZONE


def abbreviation(instant: datetime, zone: tzinfo) -> str:
    """Return what the time of a zone is called at an instant: `CEST`, `+0530`, `UTC`."""
    return f'{instant.astimezone(zone):%Z}' or f'{instant.astimezone(zone):%z}'


def on_clock(instant: datetime, zone: tzinfo, form: str = '%d %b %Y %H:%M') -> str:
    """Return what the clock of a zone reads, and which: `29 Mar 2026 03:00 CEST`."""
    return f'{instant.astimezone(zone).strftime(form)} {abbreviation(instant, zone)}'


def with_utc(instant: datetime, zone: tzinfo, form: str = '%Y-%m-%d %H:%M:%S') -> str:
    """Return an instant on the clock of a zone and on that of UTC, once where both are the same.

    As in `2026-03-29 03:00:00 CEST, 01:00:00 UTC`: with the day only where it is another one.
    """
    if zone is UTC:
        return on_clock(instant, UTC, form)
    read, utc = instant.astimezone(zone), instant.astimezone(UTC)
    beside = form if read.date() != utc.date() or '%H' not in form else form[form.index('%H') :]
    return f'{on_clock(instant, zone, form)}, {on_clock(instant, UTC, beside)}'


def local(instant: datetime, node: Node) -> str:
    """Return an instant for programs as the clock of a process reads it: ISO 8601."""
    return instant.astimezone(node.calendar.zone).isoformat()


def title(timeperiod: Timeperiod, calendar: Calendar) -> str:
    """Return an interval as people say it: `Tue 15 October 2013, 09:00`.

    Days and coarser intervals are called by their dates, the others by what the clock reads.
    """
    qualifier = timeperiod.qualifier
    is_dated = qualifier.measure <= Measure.DAY
    instant = start_utc(timeperiod) if is_dated else calendar.start(timeperiod)
    at = instant if is_dated else instant.astimezone(calendar.zone)
    day = f'{at:%a} {at.day} {at:%B %Y}'
    match qualifier.measure:
        case Measure.YEAR:
            return f'{at:%Y}'
        case Measure.MONTH:
            return f'{at:%B %Y}'
        case Measure.WEEK:
            return f'week of {day}'
        case Measure.DAY:
            return day
        case Measure.HOUR | Measure.MINUTE:
            zone = '' if calendar.zone is UTC else f' {abbreviation(instant, calendar.zone)}'
            return f'{day}, {at:%H:%M}{zone}'
        case Measure.SECOND:
            return f'{at:%Y-%m-%d %H:%M:%S}'


def read_of(key: JobKey, nodes: Mapping[ProcessName, Node]) -> str:
    """Return what the clock of its tree reads where a job's interval begins; '' where that is said.

    Its name says it of all trees of UTC, and of days and what is longer.
    """
    node = nodes.get(key.process)
    timeperiod = key.timeperiod
    if node is None or is_utc(node) or timeperiod.qualifier is not node.process.qualifier:
        return ''
    if timeperiod.qualifier.measure <= Measure.DAY:
        return ''
    return on_clock(node.calendar.start(timeperiod), node.calendar.zone)


def read_range(
    process: ProcessName, first: Timeperiod, end: Timeperiod, nodes: Mapping[ProcessName, Node]
) -> str:
    """Return what the clock reads at the intervals of a request, [first, end)."""
    begins = read_of(JobKey(process, first), nodes)
    last = end.shift(-1)
    if not begins or last <= first:
        return begins
    return f'{begins} – {read_of(JobKey(process, last), nodes)}'


def readings(calendar: Calendar, around: Timeperiod, qualifier: Qualifier) -> Sequence[Reading]:
    """Return the intervals of a level that lie in a day or an hour as its clock reads them.

    Where the clock is set back it reads some hours twice: `02`, then `02b`.
    """
    found = [Timeperiod(qualifier, ordinal) for ordinal in calendar.children(around, qualifier)]
    starts = [calendar.start(item) for item in found]
    read = [start.astimezone(calendar.zone) for start in starts]
    is_of_hours = qualifier.measure is Measure.HOUR
    is_whole = is_of_hours and all(not (item.minute or item.second) for item in read)
    form = '%H' if is_whole else '%H:%M' if is_of_hours else ':%M'
    labels = [f'{item:{form}}' for item in read]
    return [
        Reading(
            timeperiod=item,
            label=labels[at] + 'b' * labels[:at].count(labels[at]),
            hint=''
            if calendar.zone is UTC
            else _hint(item, start, calendar, _others(found, labels, at)),
        )
        for at, (item, start) in enumerate(zip(found, starts, strict=True))
    ]


def _others(found: Sequence[Timeperiod], labels: Sequence[str], at: int) -> Sequence[Timeperiod]:
    return [item for item, label in zip(found, labels, strict=True) if label == labels[at]]


def _hint(item: Timeperiod, start: datetime, calendar: Calendar, same: Sequence[Timeperiod]) -> str:
    told = f'{on_clock(start, calendar.zone, "%H:%M")}, {item} in UTC'
    if len(same) == 1:
        return told
    return f'{told}; the clock reads this twice: {" and ".join(map(str, same))} in UTC'


def changes(calendar: Calendar, start: datetime, end: datetime) -> Iterator[str]:
    """Yield how the clock is changed within [start, end), to the minute, as people say it.

    As in `at 02:00 the clock is put forward to 03:00`.
    """
    zone = calendar.zone
    for instant in zones.changes(zone, start, end):
        before = (instant - timedelta(microseconds=1)).astimezone(zone)
        was = before + timedelta(microseconds=1)
        now = instant.astimezone(zone)
        way = 'forward' if now.replace(tzinfo=None) > was.replace(tzinfo=None) else 'back'
        yield f'at {was:%H:%M} the clock is put {way} to {now:%H:%M}'


def changed(node: Node, start: datetime, end: datetime) -> str:
    """Return how the clock of a process is changed in its interval of a day or less; else ''."""
    if is_utc(node) or node.process.qualifier.measure < Measure.DAY:
        return ''
    return ' and '.join(changes(node.calendar, start, end))
