"""What runs right now, against how long it usually takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from synergy.core.freerun_record import is_freerun
from synergy.core.records import LogLine, Unit
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.mx.live.marks import Mark
from synergy.mx.live.read_model import Usual
from synergy.mx.web.request_context import LIMIT_DEFAULT, LIMIT_MAX, RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.cells import href_of
from synergy.mx.widgets.timeline import timeline_of
from synergy.view.conditions import condition_of_unit

#: Processes whose usual times are looked up for one page.
USUAL_MAX: Final = 20
TAILS_MAX: Final = 8
TAIL_LINES: Final = 20
_SCALE_WIDTH: Final = 160


class LiveRow(Struct, frozen=True, kw_only=True):
    """One unit under way. bar: where elapsed, p50 and p95 lie on a scale of 160; None unknown."""

    unit: Unit
    mark: Mark
    href: str
    elapsed: timedelta | None
    usual: Usual
    bar: tuple[float, float, float] | None

    @property
    def is_slow(self) -> bool:
        """Tell whether it takes longer than 95 of 100 of its kind."""
        return (
            self.elapsed is not None
            and self.usual.p95 is not None
            and self.elapsed > self.usual.p95
        )


class Tail(Struct, frozen=True):
    """The end of a run's log, opened on the page. skipped: lines before these."""

    lines: Sequence[LogLine]
    skipped: int


class Worker(Struct, frozen=True):
    """One worker and the units that it holds."""

    owner: str
    rows: Sequence[LiveRow]


def live(request: RequestContext) -> Response:
    """Return the page of live runs, by worker."""
    units = request.store.live_units(request.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX))
    rows = live_rows(request, units)
    running = [row for row in rows if row.unit.state is UnitState.IN_PROGRESS]
    owners = sorted({row.unit.owner or '' for row in running})
    workers = [
        Worker(owner, [row for row in running if row.unit.owner == owner]) for owner in owners
    ]
    opened = request.http.args.getlist('tail')[:TAILS_MAX]
    tails = {row.unit.id: _tail(request, row.unit) for row in running if row.unit.id in opened}
    waiting = [row for row in rows if row.unit.state is not UnitState.IN_PROGRESS]
    return page(
        request,
        'live.html',
        workers=workers,
        running=running,
        waiting=waiting,
        tails=tails,
        tail_href=lambda uow_id: _tail_href(list(tails), uow_id),
        timeline=timeline_of(request, [row.unit for row in running]),
    )


def _tail(request: RequestContext, unit: Unit) -> Tail:
    lines = request.store.log(unit.id)
    skipped = max(len(lines) - TAIL_LINES, 0)
    return Tail(lines[skipped:], skipped)


def _tail_href(opened: Sequence[str], uow_id: str) -> str:
    """Return the address of this page with one log more opened, or closed when it is open."""
    left = [item for item in opened if item != uow_id]
    names = left if uow_id in opened else [*left, uow_id][-TAILS_MAX:]
    return f'/runs?{urlencode([("tail", name) for name in names])}#u-{uow_id}'


def live_rows(request: RequestContext, units: Sequence[Unit]) -> Sequence[LiveRow]:
    """Return units under way as they are shown."""
    processes = list(dict.fromkeys(unit.process for unit in units))[:USUAL_MAX]
    usual = {process: request.model.usual(request.store, process) for process in processes}
    return [_row(request, unit, usual.get(unit.process, Usual(None, None))) for unit in units]


def _row(request: RequestContext, unit: Unit, usual: Usual) -> LiveRow:
    is_running = unit.state is UnitState.IN_PROGRESS and unit.started_at is not None
    elapsed = request.now - unit.started_at if is_running and unit.started_at else None
    return LiveRow(
        unit=unit,
        mark=condition_of_unit(unit, request.now),
        href=f'/freeruns/{unit.process}' if is_freerun(unit.process) else href_of(unit.key),
        elapsed=elapsed,
        usual=usual,
        bar=_bar(elapsed, usual),
    )


def _bar(elapsed: timedelta | None, usual: Usual) -> tuple[float, float, float] | None:
    if elapsed is None or usual.p50 is None or usual.p95 is None:
        return None
    whole = max(elapsed, usual.p95 * 1.5, timedelta(milliseconds=1))
    return (
        round(_SCALE_WIDTH * (elapsed / whole), 1),
        round(_SCALE_WIDTH * (usual.p50 / whole), 1),
        round(_SCALE_WIDTH * (usual.p95 / whole), 1),
    )
