"""A timeline by worker: what each has run lately, and what it runs now. Its right edge is now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.freerun_record import is_freerun
from synergy.core.records import Unit
from synergy.core.structs import Struct
from synergy.mx.web import formats
from synergy.mx.web.request_context import RequestContext
from synergy.mx.widgets.cells import href_of
from synergy.view.conditions import condition_of_unit

WIDTH: Final = 1000
LANE_HEIGHT: Final = 34
LANES_MAX: Final = 24
PROCESSES_MAX: Final = 12
#: Newest units of one process that are looked at.
UNITS_MAX: Final = 80
LENGTH_MIN: Final = timedelta(minutes=2)
_FOOT: Final = 18
_TICKS: Final = 4


class LaneBar(Struct, frozen=True, kw_only=True):
    """One run. x, width: of WIDTH."""

    x: float
    width: float
    css: str
    href: str
    text: str


class Lane(Struct, frozen=True, kw_only=True):
    """The runs of one worker."""

    owner: str
    y: int
    bars: Sequence[LaneBar]


class Timeline(Struct, frozen=True, kw_only=True):
    """All lanes. ticks: where, and the instant."""

    lanes: Sequence[Lane]
    ticks: Sequence[tuple[float, str]]
    length: timedelta
    height: int


def timeline_of(request: RequestContext, running: Sequence[Unit]) -> Timeline | None:
    """Return the timeline of the workers that run something; None when none does."""
    owners = sorted({unit.owner for unit in running if unit.owner is not None})[:LANES_MAX]
    if not owners:
        return None
    longest = max(request.now - unit.started_at for unit in running if unit.started_at is not None)
    length = max(longest * 1.25, LENGTH_MIN)
    since = request.now - length
    units = {unit.id: unit for unit in running}
    for process in list(dict.fromkeys(unit.process for unit in running))[:PROCESSES_MAX]:
        for unit in request.store.freerun_units(process, UNITS_MAX):
            units.setdefault(unit.id, unit)
    lanes = [
        Lane(
            owner=owner,
            y=number * LANE_HEIGHT,
            bars=[
                _bar(unit, since, request.now)
                for unit in units.values()
                if unit.owner == owner
                and unit.started_at is not None
                and _end(unit, request) > since
            ],
        )
        for number, owner in enumerate(owners)
    ]
    return Timeline(
        lanes=lanes,
        ticks=[
            (WIDTH * part / _TICKS, f'{since + length * part / _TICKS:%H:%M:%S}')
            for part in range(_TICKS + 1)
        ],
        length=length,
        height=len(lanes) * LANE_HEIGHT + _FOOT,
    )


def _end(unit: Unit, request: RequestContext) -> datetime:
    return unit.finished_at or request.now


def _bar(unit: Unit, since: datetime, now: datetime) -> LaneBar:
    assert unit.started_at is not None, 'it has been started'
    end = unit.finished_at or now
    begin = max(unit.started_at, since)
    mark = condition_of_unit(unit, now)
    scale = WIDTH / (now - since).total_seconds()
    x = (begin - since).total_seconds() * scale
    width = max((end - begin).total_seconds() * scale, 2.0)
    spent = formats.span(end - unit.started_at)
    return LaneBar(
        x=round(min(x, WIDTH - 2.0), 1),
        width=round(width, 1),
        css=mark.css,
        href=f'/freeruns/{unit.process}' if is_freerun(unit.process) else href_of(unit.key),
        text=f'{unit.process} {unit.timeperiod}, {mark.word}, {spent}',
    )
