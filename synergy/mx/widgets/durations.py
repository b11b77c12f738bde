"""How long the hours of one day took: bars under a row of the heat map, and the usual time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from synergy.core.node import Node
from synergy.core.records import Unit
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.mx.web import formats
from synergy.mx.web.request_context import RequestContext

#: Units of the drawing: the tallest bar, and the least that can still be seen.
HEIGHT: Final = 32.0
_LEAST: Final = 1.5
#: Rows that get bars; each costs two questions to the store.
ROWS_MAX: Final = 6
_SHORT_MILLISECONDS: Final = 1000
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0


class Bar(Struct, frozen=True, kw_only=True):
    """One hour. height: of HEIGHT. css: `hi` failed, `re` still running, '' otherwise."""

    height: float
    short: str
    text: str
    css: str


class DurationBars(Struct, frozen=True, kw_only=True):
    """A row of bars; None where nothing has run. tick: height of the usual time."""

    bars: Sequence[Bar | None]
    p50: timedelta | None
    tick: float | None


def duration_bars_of(
    request: RequestContext, node: Node, ordinals: Sequence[int | None]
) -> DurationBars | None:
    """Return how long these intervals of `node` took; None where none has run."""
    qualifier, name = node.process.qualifier, node.process.name
    keys = [
        None if item is None else JobKey(name, Timeperiod(qualifier, item)) for item in ordinals
    ]
    jobs = request.store.jobs([key for key in keys if key is not None])
    units = request.store.units([job.uow_id for job in jobs.values() if job.uow_id is not None])
    lengths = {unit.key: length for unit in units.values() if (length := _length(request, unit))}
    if not lengths:
        return None
    p50 = request.model.usual(request.store, name).p50
    whole = max(max(lengths.values()), p50 or timedelta(0), timedelta(milliseconds=1))
    unit_by_key = {unit.key: unit for unit in units.values()}
    return DurationBars(
        bars=[
            None if key not in lengths else _bar(unit_by_key[key], lengths[key], whole)
            for key in keys
        ],
        p50=p50,
        tick=None if p50 is None else round(HEIGHT * (p50 / whole), 1),
    )


def _length(request: RequestContext, unit: Unit) -> timedelta | None:
    if unit.started_at is None or (unit.finished_at is None and not unit.state.is_live):
        return None
    end = unit.finished_at or request.now
    return max(end - unit.started_at, timedelta(0))


def _bar(unit: Unit, length: timedelta, whole: timedelta) -> Bar:
    css = 're' if unit.finished_at is None else '' if unit.error is None else 'hi'
    said = {'re': 'runs for', 'hi': 'failed after'}.get(css, 'took')
    return Bar(
        height=max(round(HEIGHT * (length / whole), 1), _LEAST),
        short=short(length),
        text=f'{unit.process} {unit.timeperiod} {said} {formats.span(length)}',
        css=css,
    )


def short(length: timedelta) -> str:
    """Return a length as it fits above a bar: `40 ms`, `21 s`, `3 min`, `2 h`."""
    seconds = length.total_seconds()
    if seconds >= _HOUR:
        return f'{seconds / _HOUR:.0f} h'
    if seconds >= _MINUTE * 2:
        return f'{seconds / _MINUTE:.0f} min'
    milliseconds = round(seconds * 1000)
    if milliseconds < 1:
        return '<1 ms'
    return f'{milliseconds} ms' if milliseconds < _SHORT_MILLISECONDS else f'{seconds:.0f} s'
