"""The attempts of a run: a unit keeps its newest; history and log tell of those before."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from synergy.core.records import JobEvent, LogLine, Unit
from synergy.core.states import UnitState
from synergy.core.structs import Struct

#: As `synergy.core.engine` says that another attempt follows; older histories lack the last part.
_FAILED: Final = re.compile(
    r'run (?P<run>\d+) attempt (?P<attempt>\d+) of \d+ '
    r'(?:failed|(?P<lost>lost its worker) \(\d+ of \d+\)): (?P<error>.*?)'
    r'; next attempt at (?P<next>[\d: -]+\d)'
    r'(?: \(it was on (?P<owner>\S+) under fence (?P<fence>\d+) since (?P<since>[\d: -]+)\))?',
    re.DOTALL,
)


_TIME: Final = '%Y-%m-%d %H:%M:%S'


class Attempt(Struct, frozen=True, kw_only=True):
    """One try of a unit. state: of the unit, or INVALID for those before its newest.

    is_lost: its worker fell silent, so that it counts apart from those that failed; as far as the
    history tells. None is not known. started_at, ended_at: of those before, as near as their logs
    tell.
    """

    unit: Unit
    number: int
    state: UnitState
    owner: str | None = None
    fence: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None
    is_lost: bool = False


def attempts_of(
    unit: Unit, lines: Sequence[LogLine], events: Sequence[JobEvent]
) -> Sequence[Attempt]:
    """Return the attempts of `unit`, newest first. lines: its log; events: of its job."""
    failures = _failures(unit, events)
    before = [
        _earlier(unit, number, [line for line in lines if line.attempt == number], failures)
        for number in range(unit.attempt - 1, 0, -1)
    ]
    lost_before = sum(attempt.is_lost for attempt in before)
    is_lost = unit.state is UnitState.DEAD and unit.lost_count > lost_before
    return [_newest(unit, is_lost=is_lost), *before]


def next_attempt_at(text: str) -> datetime | None:
    """Return when the next attempt may begin, as the history of a job says; None: it does not."""
    found = _FAILED.fullmatch(text)
    if found is None:
        return None
    try:
        return datetime.strptime(found['next'], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _newest(unit: Unit, *, is_lost: bool) -> Attempt:
    if unit.state is UnitState.REQUESTED:
        # What the unit has of a start and an end is of the attempt before.
        return Attempt(unit=unit, number=unit.attempt, state=unit.state)
    return Attempt(
        unit=unit,
        number=unit.attempt,
        state=unit.state,
        owner=unit.owner,
        fence=unit.fence,
        started_at=unit.started_at,
        ended_at=unit.finished_at,
        error=unit.error,
        is_lost=is_lost,
    )


def _earlier(
    unit: Unit,
    number: int,
    lines: Sequence[LogLine],
    failures: Mapping[int, tuple[datetime, re.Match[str]]],
) -> Attempt:
    failed_at, said = failures.get(number, (None, None))
    since = None if said is None else said['since']
    is_kept = unit.state is UnitState.REQUESTED and number == unit.attempt - 1
    started_at = unit.started_at if is_kept else None
    if since is not None:
        started_at = datetime.strptime(since, _TIME).replace(tzinfo=UTC)
    return Attempt(
        unit=unit,
        number=number,
        state=UnitState.INVALID,
        owner=None if said is None else said['owner'],
        fence=None if said is None or said['fence'] is None else int(said['fence']),
        started_at=started_at or (lines[0].at if lines else None),
        ended_at=failed_at or (lines[-1].at if lines else None),
        error=said['error'] if said else (unit.error if is_kept else _last_error(lines)),
        is_lost=_are_all_lost(unit) if said is None else said['lost'] is not None,
    )


def _are_all_lost(unit: Unit) -> bool:
    """Tell whether every attempt before the newest has lost its worker, by the count alone."""
    return unit.state is not UnitState.DEAD and unit.lost_count >= unit.attempt - 1


def _failures(
    unit: Unit, events: Sequence[JobEvent]
) -> Mapping[int, tuple[datetime, re.Match[str]]]:
    """Return when each attempt of a unit failed and how, by number, as the history has it."""
    found: dict[int, tuple[datetime, re.Match[str]]] = {}
    for event in events:
        said = _FAILED.fullmatch(event.text)
        if said is not None and int(said['run']) == unit.run:
            found.setdefault(int(said['attempt']), (event.at, said))
    return found


def _last_error(lines: Sequence[LogLine]) -> str | None:
    return next((line.text for line in reversed(lines) if line.level == 'ERROR'), None)
