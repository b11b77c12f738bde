"""By which calendar the intervals of units are told to user code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from synergy.core.calendar import Calendar
from synergy.core.freerun_record import Freerun, is_freerun
from synergy.core.records import ProcessName, Unit
from synergy.core.trigger import Every
from synergy.core.zones import UTC_CALENDAR, calendar_named, name_of
from synergy.ports.store import FreerunReader

_NONE: Final[Mapping[ProcessName, Calendar]] = MappingProxyType({})


class Zones:
    """The calendars of one worker: of its process, or of each of its free runs."""

    def __init__(
        self,
        calendars: Mapping[ProcessName, Calendar] = _NONE,
        freeruns: FreerunReader | None = None,
    ) -> None:
        """Know what the context says.

        calendars: of the managed process, or of each free run, that is not in UTC. freeruns: where
        it stands what operators have made of free runs since; None: they have made nothing.
        """
        self._calendars = calendars
        self._freeruns = freeruns
        self._stored: dict[ProcessName, Calendar] = {}

    def look(self, units: Iterable[Unit]) -> None:
        """Ask the store by which clock the free runs of some units go; jobs have that of a tree."""
        if self._freeruns is None:
            return
        names = {unit.process for unit in units if is_freerun(unit.process)}
        found = {name: self._freeruns.freerun(name) for name in names}
        self._stored = {
            name: calendar
            for name, freerun in found.items()
            if freerun is not None and (calendar := _calendar_of(freerun)) is not None
        }

    def of(self, process: ProcessName) -> Calendar:
        """Return the calendar of a job or a free run that was looked at."""
        return self._stored.get(process) or self._calendars.get(process, UTC_CALENDAR)


def _calendar_of(freerun: Freerun) -> Calendar | None:
    """Return the calendar of the clock that its trigger follows; None where it follows none."""
    trigger = freerun.trigger
    if isinstance(trigger, Every):
        return None
    return UTC_CALENDAR if trigger.zone is None else calendar_named(name_of(trigger.zone))
