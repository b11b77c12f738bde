"""Working calendars that run out: of later days nobody has told, and they are taken for something.

After the last date of a list no day works, so everything is left out; after the last day that a
library knows every day does. Neither fails, so it is said in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

from synergy.core.closed import ClosedHours
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import Qualifier, date_of, of_date
from synergy.core.working import WorkingDays

#: How long before a calendar runs out it is said.
SOON: Final = timedelta(days=60)
_INSTANT: Final = timedelta(microseconds=1)
#: Names that are written out.
_NAMED_MAX: Final = 5


class CalendarEnd(Struct, frozen=True, kw_only=True):
    """A calendar that has run out, or does soon, and what goes on for longer.

    last: the last day of which it tells. processes: whose intervals it leaves out. closed, open:
    hours that name it, with their places, by which each later day is closed, or none is.
    """

    calendar: WorkingDays
    last: date
    today: date
    processes: Sequence[ProcessName]
    closed: Sequence[str] = ()
    open: Sequence[str] = ()

    @property
    def is_over(self) -> bool:
        """Tell whether days of which it tells nothing have come."""
        return self.last < self.today

    @property
    def text(self) -> str:
        """Return what ends when, and what that does, as a sentence without its stop."""
        source = self.calendar.source
        name, verb = self.calendar.name, 'ended' if self.is_over else 'ends'
        used = ', '.join(self.processes[:_NAMED_MAX]) + _more(self.processes)
        if source is None:
            what = f'calendar {name} was read for the days until {self.last} alone'
        elif source.is_list:
            what = f'calendar {name} {verb} on {self.last}, the last date of {source.told}'
        else:
            what = f'calendar {name} {verb} on {self.last}, the last day that {source.told} knows'
        is_list = source is not None and source.is_list
        effects = []
        if used:
            effect = 'is left out' if is_list else 'counts as working'
            effects.append(f'each later day of {used} {effect}')
        for hours, which in ((self.closed, 'each'), (self.open, 'no')):
            if hours:
                told = ', '.join(hours[:_NAMED_MAX]) + _more(hours)
                effects.append(f'{which} later day is closed by {told}')
        return f'{what}: {"; ".join(effects)}'

    @property
    def advice(self) -> str:
        """Return what helps, as a sentence without its stop."""
        source = self.calendar.source
        restart = 'then restart the Scheduler (./launch.py restart Scheduler)'
        if source is None:
            return 'Restart the Scheduler and the dashboard, which read it for the years to come'
        if source.is_list:
            return (
                f'Add later dates to {source.told}, {restart}; if there are none, end the tree '
                'there (end_timeperiod) or take the calendar away'
            )
        library = source.told.partition(' ')[0]
        return (
            f'python -m pip install --upgrade {library}, {restart}; if it knows no more yet, give '
            'the days as a list or with dates_from'
        )

    def __str__(self) -> str:
        """Return both."""
        return f'{self.text}. {self.advice}.'


def calendar_ends(
    hierarchy: Hierarchy, hours: Iterable[ClosedHours], today: date
) -> Sequence[CalendarEnd]:
    """Return the calendars that have run out by a day soon after `today`, the earliest first.

    hours: closed hours beside those of the managed processes and their pools. Trees that end
    before their calendar does are content with it. A list of days that are closed tells what is
    planned: it is told of once it has run out.
    """
    soon = _ordinal(today + SOON)
    processes: dict[WorkingDays, list[ProcessName]] = {}
    closed: dict[WorkingDays, dict[str, bool]] = {}
    # Processes of one tree share what they are closed by.
    seen: dict[int, Sequence[ClosedHours]] = {}
    for node in hierarchy:
        working, end = node.process.working, node.tree.end
        seen[id(node.process.closed)] = node.process.closed
        if working is None or working.told_until > soon:
            continue
        zone = node.calendar.zone
        if end is None or _ordinal((end - _INSTANT).astimezone(zone).date()) >= working.told_until:
            processes.setdefault(working, []).append(node.process.name)
    pools = hierarchy.pools.sizes.values()
    for item in (
        *(item for items in seen.values() for item in items),
        *(item for pool in pools for item in pool.closed),
        *hours,
    ):
        working = item.working
        if working is None or working.told_until > soon:
            continue
        source = working.source
        is_plan = not item.is_outside and source is not None and source.is_list
        if not is_plan or working.told_until <= _ordinal(today):
            is_closed = source is not None and source.is_list is item.is_outside
            closed.setdefault(working, {})[str(item)] = is_closed
    found = [
        CalendarEnd(
            calendar=working,
            last=date_of(working.told_until - 1),
            today=today,
            processes=processes.get(working, []),
            closed=[text for text, is_closed in closed.get(working, {}).items() if is_closed],
            open=[text for text, is_closed in closed.get(working, {}).items() if not is_closed],
        )
        for working in {**processes, **closed}
    ]
    return sorted(found, key=lambda end: (end.last, end.calendar.name))


def _more(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_MAX
    return f' and {more:,} more' if more > 0 else ''


def _ordinal(day: date) -> int:
    return of_date(Qualifier.DAILY, day).ordinal
