"""Time grouping: every 3 hours, every 10 days, quarterly; one job does the work of its group.

A group ends at each multiple of the grouping within the enclosing hour, day, month or year, and at
the last interval of it; the job at the group's end covers the whole group, the others end as noop.
Hour 00 belongs to the first group of its day. Source: recorded answers of Synergy 2.x (hours
00-03 with grouping 3 are one group of four), except that no day is covered twice after a month of
31 days.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.core.calendar import Calendar
from synergy.core.timeperiod import LEVELS, Measure, Qualifier, Timeperiod

_MAX_BY_MEASURE: Final = {Measure.HOUR: 23, Measure.DAY: 28, Measure.MONTH: 12}
#: Largest grouping of each level: as many as an enclosing interval always has, at most; weeks lie
#: in nothing. Source: Synergy 2.x, which has no weeks and minutes.
GROUPING_MAX: Final[Mapping[Qualifier, int]] = {
    level: 60 // level.minutes - 1
    if level.measure is Measure.MINUTE
    else _MAX_BY_MEASURE.get(level.measure, 1)
    for level in LEVELS
}
_ENCLOSING: Final = {
    Measure.MINUTE: Qualifier.HOURLY,
    Measure.HOUR: Qualifier.DAILY,
    Measure.DAY: Qualifier.MONTHLY,
    Measure.MONTH: Qualifier.YEARLY,
}
#: What an interval is called within its enclosing one: hours count from 0. Source: Synergy 2.x.
_FIRST_NUMBER: Final = {Measure.MINUTE: 1, Measure.HOUR: 0, Measure.DAY: 1, Measure.MONTH: 1}


def group_end(calendar: Calendar, grouping: int, timeperiod: Timeperiod) -> Timeperiod:
    """Return the interval whose job does the work of `timeperiod`'s group."""
    if grouping == 1:
        return timeperiod
    siblings, number = _place(calendar, timeperiod)
    last = siblings.stop - 1
    end_number = max(-(-number // grouping), 1) * grouping
    return Timeperiod(timeperiod.qualifier, min(timeperiod.ordinal + end_number - number, last))


def covered(calendar: Calendar, grouping: int, timeperiod: Timeperiod) -> range:
    """Return the ordinals whose work the job of `timeperiod` does: empty unless it ends a group."""
    if grouping == 1:
        return range(timeperiod.ordinal, timeperiod.ordinal + 1)
    if group_end(calendar, grouping, timeperiod) != timeperiod:
        return range(0)
    _, number = _place(calendar, timeperiod)
    groups_before = (number - 1) // grouping
    first_number = (
        groups_before * grouping + 1
        if groups_before > 0
        else _FIRST_NUMBER[timeperiod.qualifier.measure]
    )
    return range(timeperiod.ordinal - number + first_number, timeperiod.ordinal + 1)


def _place(calendar: Calendar, timeperiod: Timeperiod) -> tuple[range, int]:
    """Return the siblings' ordinals, and the number of `timeperiod` among them."""
    enclosing = calendar.parent(timeperiod, _ENCLOSING[timeperiod.qualifier.measure])
    siblings = calendar.children(enclosing, timeperiod.qualifier)
    return siblings, timeperiod.ordinal - siblings.start + _FIRST_NUMBER[
        timeperiod.qualifier.measure
    ]
