"""Runs of all free runs: those under way, and those that ended last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.freerun_record import is_freerun
from synergy.core.records import Unit
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.mx.web.errors import wrong
from synergy.mx.web.paging import ended_at, ended_cursor, micros_of, micros_read, older
from synergy.mx.web.request_context import LIMIT_MAX, RequestContext
from synergy.mx.web.responses import page
from synergy.view.conditions import BY_UNIT, SOUGHT_RUNS, condition_of_unit

RUNS_SHOWN: Final = 200
#: Ended runs looked through for one page of runs.
LOOKED_AT_MAX: Final = 5_000
HOURS_MAX: Final = 720
#: What cursors in the runs under way begin with.
_LIVE: Final = 'live.'
RUN_STATES, RUN_ENTRIES = tuple(SOUGHT_RUNS), ('all', 'on', 'off')


class Runs(Struct, frozen=True, kw_only=True):
    """Runs of all entries, and the filters that left them. cursor: where more of them begin."""

    units: Sequence[Unit]
    cursor: str | None
    hours: int
    entries: str
    states: Sequence[str]
    text: str


def freerun_runs(request: RequestContext) -> Response:
    """List runs of all entries: those under way, then those that ended last."""
    runs = runs_of(request)
    shown = [(unit, condition_of_unit(unit, request.now)) for unit in runs.units]
    return page(
        request,
        'freerun_runs.html',
        runs=runs,
        shown=shown,
        conditions=SOUGHT_RUNS,
        words=' or '.join(SOUGHT_RUNS[name].word for name in runs.states),
        older=older(request, runs.cursor),
    )


def runs_of(request: RequestContext) -> Runs:
    """Return the runs that the filters of the address leave."""
    limit = request.number('limit', RUNS_SHOWN, 1, LIMIT_MAX)
    hours = request.number('hours', 24, 1, HOURS_MAX)
    entries = request.choice('entries', RUN_ENTRIES, 'all')
    words = request.http.args.getlist('state')
    for word in words:
        if word not in RUN_STATES:
            raise wrong(f'state is {word!r:.40}', f'one of {", ".join(RUN_STATES)}')
    text = (request.optional('q') or '').lower()
    wanted = {SOUGHT_RUNS[word] for word in words or RUN_STATES}
    is_on = {item.name: item.is_on for item in request.store.freeruns()}

    def is_meant(unit: Unit) -> bool:
        is_kept = entries == 'all' or is_on.get(unit.process, False) is (entries == 'on')
        stands_so = condition_of_unit(unit, request.now) in wanted
        return stands_so and is_kept and text in unit.process.lower()

    ended = [state for state in UnitState if not state.is_live and BY_UNIT[state] in wanted]
    since = request.now - timedelta(hours=hours)
    live, after = _live(request)
    found = request.store.ended_freerun_units(since, ended, LOOKED_AT_MAX, after) if ended else []
    units = [unit for unit in (*live, *found) if is_meant(unit)]
    cursor = None
    if len(units) > limit:
        cursor = _cursor_of(units[limit - 1])
    elif len(found) == LOOKED_AT_MAX:
        cursor = _cursor_of(found[-1])
    return Runs(
        units=units[:limit],
        cursor=cursor,
        hours=hours,
        entries=entries,
        states=words,
        text=text,
    )


def _live(request: RequestContext) -> tuple[Sequence[Unit], Unit | None]:
    """Return the runs under way, oldest first, and the ended one after which the list goes on."""
    cursor = request.optional('cursor')
    if cursor is not None and not cursor.startswith(_LIVE):
        return (), ended_at(request)
    live = sorted(
        (unit for unit in request.store.live_units() if is_freerun(unit.process)), key=_begun
    )
    if cursor is None:
        return live, None
    micros, _, uow_id = cursor.removeprefix(_LIVE).partition('.')
    place = micros_read(cursor, micros), uow_id
    return [unit for unit in live if _begun(unit) > place], None


def _begun(unit: Unit) -> tuple[int, str]:
    return micros_of(unit.created_at), unit.id


def _cursor_of(unit: Unit) -> str | None:
    if not unit.state.is_live:
        return ended_cursor(unit)
    micros, uow_id = _begun(unit)
    return f'{_LIVE}{micros}.{uow_id}'
