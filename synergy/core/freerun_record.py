"""The record of a free run: what an operator defined, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from synergy.core.records import Json, ProcessName, UowId
from synergy.core.structs import Struct, field, replace
from synergy.core.trigger import Trigger


class Overlap(StrEnum):
    """What becomes of a fire while an earlier run is under way."""

    SKIP = 'skip'
    QUEUE = 'queue'
    ALLOW = 'allow'


class Misfire(StrEnum):
    """What becomes of fires that were missed: run once, run all up to a bound, run none."""

    ONCE = 'once'
    ALL = 'all'
    SKIP = 'skip'


class Freerun(Struct, frozen=True, kw_only=True):
    """One entry. name: `Process::entry`.

    definition: hash of the entry in context.py from which it stems; None for one made at run time.
    last_fire: the planned instant that was handled last. last_run: number of its newest unit. live:
    units under way. queued_at: the fire that waits for the end of the run before.
    """

    name: ProcessName
    trigger: Trigger
    is_on: bool = True
    overlap: Overlap = Overlap.SKIP
    misfire: Misfire = Misfire.ONCE
    misfire_max: int = 10
    arguments: Mapping[str, Json] = field(default_factory=dict)
    description: str | None = None
    definition: str | None = None
    rev: int = 0
    last_fire: datetime | None = None
    last_run: int = 0
    live: tuple[UowId, ...] = ()
    queued_at: datetime | None = None
    changed_at: datetime

    @property
    def process(self) -> ProcessName:
        """Return the process whose workers run it."""
        return base_of(self.name)

    @property
    def entry(self) -> str:
        """Return the name of the entry within its process."""
        return self.name.partition('::')[2]


def base_of(name: ProcessName) -> ProcessName:
    """Return the process of a free run's name; any other name is its own."""
    return ProcessName(name.partition('::')[0])


def is_freerun(name: ProcessName) -> bool:
    """Tell whether a name is that of a free run, `Process::entry`."""
    return '::' in name


def redefined(before: Freerun, defined: Freerun, now: datetime) -> Freerun:
    """Return an entry under another definition: what is under way goes on."""
    return replace(
        defined,
        rev=before.rev,
        last_fire=now,
        last_run=before.last_run,
        live=before.live,
        queued_at=before.queued_at if defined.is_on else None,
    )
