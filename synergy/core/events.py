"""What the engine and the free runs are told: one fact each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias, assert_never

from synergy.core.commands import Command
from synergy.core.freerun_record import is_freerun
from synergy.core.records import Job, ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey


class Look(Struct, frozen=True):
    """See what `process` can start: time passed or, `is_trigger`, its trigger fired."""

    process: ProcessName
    is_trigger: bool = False


class Reported(Struct, frozen=True):
    """A unit as the store has it now: a worker reported, or a sweep found it."""

    unit: Unit


class Processed(Struct, frozen=True):
    """A unit that was PROCESSED, and as much of it as the job needs that waits for it.

    key, run: of that job, whose own unit it is. processed_count: number of things processed.
    seconds: how long it took; None: not known.
    """

    id: UowId
    key: JobKey
    run: int
    processed_count: int
    seconds: float | None = None

    @property
    def state(self) -> UnitState:
        """Return the state that units of this kind are in."""
        return UnitState.PROCESSED

    @property
    def error(self) -> None:
        """Return what went wrong: nothing."""
        return


class Expired(Struct, frozen=True):
    """A unit whose lease has run out by the store's clock."""

    unit: Unit


class TooOld(Struct, frozen=True):
    """A unit whose attempt failed or fell silent after more than the settings allow, and why."""

    unit: Unit
    why: str


class Vanished(Struct, frozen=True):
    """A running job whose unit is not in the store."""

    key: JobKey


class Commanded(Struct, frozen=True, kw_only=True):
    """The next batch of a planned command, and the rows that exist among its jobs."""

    command: Command
    keys: Sequence[JobKey]
    rows: Mapping[JobKey, Job]
    is_last: bool


Event: TypeAlias = Look | Processed | Reported | Expired | TooOld | Vanished | Commanded


def process_of(item: Event) -> ProcessName | None:
    """Return the process or free run that an input is about; None: it is about a command."""
    match item:
        case Look(process):
            return process
        case Processed(key=key) | Vanished(key):
            return key.process
        case Reported(unit) | Expired(unit) | TooOld(unit):
            return unit.process
        case Commanded():
            return None
        case _:
            assert_never(item)


def one_about_each_unit(events: Sequence[Event]) -> list[Event]:
    """Keep the last event about each unit: what a sweep read is newer than what a report read.

    A unit decided on twice in one batch would be moved twice from the same state, and the commit
    refused, again at every turn.
    """
    last: dict[object, Event] = {}
    for item in events:
        match item:
            case Reported(unit) | Expired(unit) | TooOld(unit):
                last[unit.id] = item
            case Processed(uow_id):
                last[uow_id] = item
            case _:
                last[id(item)] = item
    return list(last.values())


def is_of_freerun(item: Event) -> bool:
    """Tell whether an input is about a unit of a free run."""
    match item:
        case Reported(unit) | Expired(unit) | TooOld(unit):
            return is_freerun(unit.process)
        case _:
            return False
