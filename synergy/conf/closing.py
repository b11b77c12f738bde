"""Closed hours of a context: those of the installation, of trees, entries and pools, put together.

Each process is given all that hold for it but those of its pools, which stay with these; their
calendars are asked here, and hours that together never open are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Final

from synergy.conf.calendars import CalendarProblem, Calendars
from synergy.conf.model import FreerunEntry, ManagedEntry
from synergy.conf.tree_reader import TreeReader
from synergy.core.closed import ClosedHours, in_zone, is_ever_open, parse
from synergy.core.pool_record import SharedPools
from synergy.core.records import ProcessName, Tree
from synergy.core.structs import replace
from synergy.core.zones import zone_named

#: Of what closed hours are said that are in the settings.
EVERYWHERE: Final = 'of the installation'


class Closing:
    """Closes the entries of one context."""

    def __init__(
        self,
        everywhere: Sequence[str],
        calendars: Calendars,
        today: date,
        file: str,
        problems: list[str],
    ) -> None:
        """Find the calendars of the installation's own hours. problems: what is wrong is added."""
        self._calendars = calendars
        self._now = datetime(today.year, today.month, today.day, tzinfo=UTC)
        self._file = file
        self._problems = problems
        self._told: set[tuple[str, ...]] = set()
        #: Those of the whole installation.
        self.everywhere = self._known((parse(text, UTC) for text in everywhere), EVERYWHERE)
        self._check(self.everywhere)

    def close(
        self,
        trees: Iterable[tuple[TreeReader, Tree]],
        managed: dict[ProcessName, ManagedEntry],
        freeruns: dict[tuple[ProcessName, str], FreerunEntry],
    ) -> None:
        """Give each entry all the hours that hold for it."""
        for reader, tree in trees:
            zone = zone_named(tree.zone)
            own = self._known(reader.closed(zone), f'of tree {tree.name}')
            of_tree = (*self.everywhere, *own)
            for name in tree.levels:
                if (entry := managed.get(name)) is None:
                    continue
                process = entry.process
                closed = of_tree
                if process.closed:
                    here = (in_zone(item, zone) for item in process.closed)
                    closed = (*of_tree, *self._known(here, f'of {name}'))
                if closed:
                    self._check(closed)
                    managed[name] = replace(entry, process=replace(process, closed=closed))
        for key, freerun in freeruns.items():
            own = self._known(freerun.closed, f'of {freerun.full_name}')
            if closed := (*self.everywhere, *own):
                self._check(closed)
                freeruns[key] = replace(freerun, closed=closed)

    def close_pools(
        self,
        pools: SharedPools,
        managed: Iterable[ManagedEntry],
        freeruns: Iterable[FreerunEntry],
    ) -> SharedPools:
        """Return pools whose hours are known; entries have been given their own before."""
        sizes, open_ones = {}, {}
        for name, pool in pools.sizes.items():
            closed = self._known(pool.closed, f'of pool {name}')
            sizes[name] = replace(pool, closed=closed)
            # What never opens is told of the pool, and not of all who take of it as well.
            if closed and self._check((*self.everywhere, *closed)):
                open_ones[name] = closed
        if not open_ones:
            return replace(pools, sizes=sizes)
        given = [(entry.process.closed, entry.process.demand) for entry in managed]
        given += [(entry.closed, entry.demand) for entry in freeruns]
        for own, demand in given:
            hours = [item for name, _ in demand.shares for item in open_ones.get(name, ())]
            if hours and tuple(map(str, own)) not in self._told:
                self._check((*own, *hours))
        return replace(pools, sizes=sizes)

    def quiet_hours(self, hours: Iterable[ClosedHours], alert: str) -> tuple[ClosedHours, ...]:
        """Return the quiet hours of an alert; they close nothing."""
        known = self._known(hours, f'of alert {alert}', 'quiet_hours')
        if not is_ever_open(known, self._now):
            self._problems.append(
                f'quiet_hours = {", ".join(item.text for item in known)} of alert {alert} in '
                f'{self._file} never end: nobody would be told of anything within a year; leave '
                'hours in which messages may be sent, or the alert out'
            )
        return known

    def _known(
        self, hours: Iterable[ClosedHours], place: str, field: str = 'closed'
    ) -> tuple[ClosedHours, ...]:
        """Return hours with the days of the calendars that they name."""
        found = []
        for item in hours:
            closed = replace(item, place=place)
            if item.calendar is not None:
                try:
                    closed = replace(closed, working=self._calendars.of(item.calendar))
                except CalendarProblem as error:
                    self._problems.append(
                        f'{field} = {item.text!r} {place} in {self._file}: {error}'
                    )
                    continue
            found.append(closed)
        return tuple(found)

    def _check(self, hours: tuple[ClosedHours, ...]) -> bool:
        """Tell whether some hours ever open; note it once when they do not."""
        said = tuple(map(str, hours))
        if said in self._told:
            return False
        if is_ever_open(hours, self._now):
            return True
        self._told.add(said)
        self._problems.append(
            f'closed = {", ".join(said)} in {self._file}: nothing would start within a year; '
            'leave hours open, or switch off what is never to start (is_on=False)'
        )
        return False
