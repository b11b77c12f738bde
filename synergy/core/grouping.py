"""Time grouping: every 3 hours, every 10 days, quarterly; one job does the work of its group.

A group ends at each multiple of the grouping within the enclosing day, month or year, and at the
last interval of it; the job at the group's end covers the whole group, the others end as noop.
Hour 00 belongs to the first group of its day. Source: recorded answers of Synergy 2.x (hours
00-03 with grouping 3 are one group of four), except that no day is covered twice after a month of
31 days.
"""

from __future__ import annotations

from typing import Final

from synergy.core.calendar import Calendar
from synergy.core.timeperiod import Qualifier, Timeperiod

#: Largest grouping of each qualifier. Source: Synergy 2.x.
GROUPING_MAX: Final = {
    Qualifier.HOURLY: 23,
    Qualifier.DAILY: 28,
    Qualifier.MONTHLY: 12,
    Qualifier.YEARLY: 1,
}
_ENCLOSING: Final = {
    Qualifier.HOURLY: Qualifier.DAILY,
    Qualifier.DAILY: Qualifier.MONTHLY,
    Qualifier.MONTHLY: Qualifier.YEARLY,
}
#: What an interval is called within its enclosing one: hours count from 0, days and months from 1.
_FIRST_NUMBER: Final = {Qualifier.HOURLY: 0, Qualifier.DAILY: 1, Qualifier.MONTHLY: 1}


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
        groups_before * grouping + 1 if groups_before > 0 else _FIRST_NUMBER[timeperiod.qualifier]
    )
    return range(timeperiod.ordinal - number + first_number, timeperiod.ordinal + 1)


def _place(calendar: Calendar, timeperiod: Timeperiod) -> tuple[range, int]:
    """Return the siblings' ordinals, and the number of `timeperiod` among them."""
    enclosing = calendar.parent(timeperiod, _ENCLOSING[timeperiod.qualifier])
    siblings = calendar.children(enclosing, timeperiod.qualifier)
    return siblings, timeperiod.ordinal - siblings.start + _FIRST_NUMBER[timeperiod.qualifier]
