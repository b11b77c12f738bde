"""Runs as the journal tells of them: which begin, which are over, and how they went.

What a line does not say, when a run began, how many attempts it took, with which error it ended, is
read from the row of its unit. How it ended is the line's to say, as far as it does: rows go on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum

from synergy.core.journal import Happened, Line
from synergy.core.records import Unit, UowId
from synergy.core.states import JobState, UnitState
from synergy.core.structs import Struct


class RunEnd(StrEnum):
    """How a run ended. FAILED: no attempt is left. CANCELED: it was given up on purpose."""

    PROCESSED = 'processed'
    NOOP = 'noop'
    FAILED = 'failed'
    CANCELED = 'canceled'


class RunTold(Struct, frozen=True, kw_only=True):
    """What a line says of one run. end: None: it begins. unit: None: its row is gone."""

    line: Line
    uow_id: UowId
    unit: Unit | None
    end: RunEnd | None = None

    @property
    def request(self) -> str | None:
        """Return the request that it was made for."""
        return self.line.request if self.unit is None else self.unit.request_id

    @property
    def run(self) -> int:
        """Return its number within its job."""
        if self.unit is not None:
            return self.unit.run
        return (0 if self.end is None else self.line.ended_run) or self.line.run

    @property
    def error(self) -> str | None:
        """Return why it failed, or was cancelled."""
        if self.end not in (RunEnd.FAILED, RunEnd.CANCELED):
            return None
        return (None if self.unit is None else self.unit.error) or self.line.reason


def units_named(lines: Iterable[Line]) -> Collection[UowId]:
    """Return the units of which lines tell that they begin or are over, each once."""
    return {uow_id for line in lines for uow_id in (*line.units_begun, *line.units_ended)}


def runs_told(lines: Iterable[Line], units: Mapping[UowId, Unit]) -> Iterator[RunTold]:
    """Yield what lines say of runs, in their order. units: the rows of those that are named."""
    for line in lines:
        for uow_id in line.units_ended:
            unit = units.get(uow_id)
            yield RunTold(line=line, uow_id=uow_id, unit=unit, end=_end_of(line, unit))
        for uow_id in line.units_begun:
            yield RunTold(line=line, uow_id=uow_id, unit=units.get(uow_id))


def _end_of(line: Line, unit: Unit | None) -> RunEnd:
    match line.what:
        case Happened.GAVE_UP | Happened.HELD:
            return RunEnd.FAILED
        case Happened.ENDED | Happened.RESTED if line.count is not None:
            return RunEnd.PROCESSED
        case Happened.ENDED if line.to_state is JobState.NOOP:
            return RunEnd.NOOP
    if unit is None:
        return RunEnd.CANCELED
    match unit.state:
        case UnitState.PROCESSED:
            return RunEnd.PROCESSED
        case UnitState.NOOP:
            return RunEnd.NOOP
        case UnitState.DEAD:
            return RunEnd.FAILED
        case _ if _has_failed(line, unit):
            return RunEnd.FAILED
        case _:
            return RunEnd.CANCELED


def _has_failed(line: Line, unit: Unit) -> bool:
    """Tell whether a cancelled unit was a dead letter that has been settled since."""
    return line.what is Happened.RESTED and line.failures + line.lost >= unit.attempt
