"""The hours ahead: a drawing by process, deadlines with their chances, what decides and helps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from typing import Final, cast
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from synergy.core.holds import Holds
from synergy.core.node import Node
from synergy.core.pool_record import PoolName
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.mx.live.forecasts import ForecastFailed
from synergy.mx.web.formats import counted
from synergy.mx.web.page_cache import LIVE_HEADER
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.foreseen import (
    Clock,
    Foreseen,
    Step,
    TreeLine,
    capitalized,
    expected_of,
    foreseen_of,
    place_of,
    read,
    step_of,
    tree_line,
    waits_said,
)
from synergy.mx.widgets.gantt import Bar, Frame, Lanes, Shade, frame_of, lanes_of, shades_of
from synergy.operations.foreseen import Asked, check
from synergy.ports.freezing import freezes_in
from synergy.view.closed import held_spans
from synergy.view.forecast import AT_RISK, ForecastDocument, TreeForecastDocument, action_said
from synergy.view.forecast_stuck import StuckDocument

#: How far one may look, in hours; the API takes any length.
HOURS: Final = ('6', '24', '72')
_HOURS_SAID: Final = {'6': '6 hours', '24': '24 hours', '72': '3 days'}
ZONES: Final = ('tree', 'utc')
#: How long a page that is opened waits for its first forecast: small ones are made within.
_PATIENCE_SECONDS: Final = 1.0
#: After so long, a page that waits for its first forecast is read again where no script does it.
_AGAIN_SECONDS: Final = 2
_ROWS_MAX: Final = 30
_DEADLINES_MAX: Final = 25
_ITEMS_MAX: Final = 200
_STUCK_MAX: Final = 20
_PATH_MAX: Final = 12


class Row(Struct, frozen=True, kw_only=True):
    """One process as it is drawn. at_risk: its deadlines at risk; chance: of the worst of them.

    late: jobs whose deadlines have passed. stuck: jobs that do not start by themselves.
    """

    process: str
    lanes: Lanes
    shades: Sequence[Shade]
    at_risk: int
    chance: str
    late: int
    stuck: int
    said: str

    def href(self, bar: Bar) -> str:
        """Return where a bar leads to."""
        if bar.count == 1:
            return f'/i/{self.process}/{bar.first}'
        return f'/t/{self.process}?at={bar.first}'


class Explained(Struct, frozen=True, kw_only=True):
    """A deadline at risk with what decides it. links: the last runs of the path, with why.

    left_out: earlier runs of it. helps, step: the one action, in words, and where it is done.
    gain: by how much likelier the deadline holds then; is_enough: it is no longer at risk.
    """

    item: Foreseen
    links: Sequence[Linked]
    left_out: int
    helps: str | None
    step: Step | None
    gain: float
    is_enough: bool


class Linked(Struct, frozen=True, kw_only=True):
    """One run of a critical path. why: it begins no earlier."""

    process: str
    timeperiod: str
    start: datetime | None
    end: datetime | None
    why: str
    is_running: bool
    is_closed: bool


class StuckRow(Struct, frozen=True, kw_only=True):
    """Jobs that do not start by themselves. until: when what stands in the way ends, if it does."""

    item: StuckDocument
    step: Step
    is_root: bool

    @property
    def href(self) -> str:
        """Return where they are."""
        if self.item['jobs'] == 1:
            return f'/i/{self.item["process"]}/{self.item["timeperiod"]}'
        return f'/t/{self.item["process"]}?at={self.item["timeperiod"]}'


class Shown(Struct, frozen=True, kw_only=True):
    """All that the page shows of a forecast. more_rows: processes that are not drawn.

    more_items: jobs that the table leaves out. best: what is explained that is helped most. stuck:
    stretches of what does not start by itself; more_stuck: further jobs of these.
    """

    document: ForecastDocument
    made_at: datetime
    until: datetime
    clock: Clock
    frame: Frame
    rows: Sequence[Row]
    more_rows: Sequence[str]
    deadlines: Sequence[Foreseen]
    more_deadlines: int
    explained: Sequence[Explained]
    best: Explained | None
    stuck: Sequence[StuckRow]
    more_stuck: int
    items: Sequence[Foreseen]
    more_items: int
    due: tuple[datetime | None, datetime | None, datetime | None]


def forecast(request: RequestContext) -> Response:
    """Return the page."""
    hours = request.choice('hours', HOURS, '24')
    zone_kind = request.choice('z', ZONES, 'tree')
    tree, process = request.optional('tree'), request.optional('process')
    by = None if hours == '24' else f'+{hours} hours'
    asked = Asked(by=by, tree=None if process else tree, process=process)
    check(asked, request.model.hierarchy, request.now)
    patience = 0.0 if LIVE_HEADER in request.http.headers else _PATIENCE_SECONDS
    problem, found = None, None
    try:
        found = cast('ForecastDocument | None', request.site.forecasts.of(asked, patience))
    except ForecastFailed as error:
        problem = str(error)
    zone = _zone(request, asked)
    shown_zone = UTC if zone_kind == 'utc' else zone
    chosen = {'hours': hours, 'tree': asked.tree, 'process': process, 'z': zone_kind}

    def address(**changes: str | None) -> str:
        plain = {'hours': '24', 'z': 'tree'}
        values = {**chosen, **changes}
        given = {
            name: value
            for name, value in values.items()
            if value is not None and plain.get(name) != value
        }
        return f'/forecast?{urlencode(given)}' if given else '/forecast'

    response = page(
        request,
        'forecast.html',
        shown=None if found is None else _shown(request, found, shown_zone),
        problem=problem,
        hours=hours,
        horizons=_HOURS_SAID,
        tree=asked.tree,
        process=process,
        trees=sorted({node.tree.name for node in request.model.hierarchy}),
        names=list(request.model.hierarchy.nodes),
        zone=None if zone is UTC else zone,
        zone_kind=zone_kind,
        address=address,
    )
    if found is None and problem is None:
        response.headers['Refresh'] = str(_AGAIN_SECONDS)
    return response


def _zone(request: RequestContext, asked: Asked) -> tzinfo:
    """Return the zone of what is shown; UTC where trees of several are."""
    zones = {
        node.tree.zone: node.calendar.zone
        for node in request.model.hierarchy
        if asked.tree in (None, node.tree.name) and asked.process in (None, node.process.name)
    }
    return next(iter(zones.values())) if len(zones) == 1 else UTC


def _shown(request: RequestContext, found: ForecastDocument, zone: tzinfo) -> Shown:
    made_at, until = read(found['at']) or request.now, read(found['until']) or request.now
    clock = Clock(now=request.now, zone=zone)
    frame = frame_of(made_at, until, zone)
    items = [foreseen_of(item, made_at) for item in found['items']]
    deadlines = [foreseen_of(item, made_at) for item in found['deadlines']]
    by_process: dict[str, list[Foreseen]] = {}
    for item in (*items, *(item for item in deadlines if item.root is not None)):
        by_process.setdefault(item.process, []).append(item)
    stuck_jobs: Counter[str] = Counter()
    for stretch in found['stuck']:
        stuck_jobs[stretch['process']] += stretch['jobs']
    names = by_process.keys() | stuck_jobs.keys()
    ordered = [name for name in _in_tree_order(request) if name in names]
    holds = Holds(request.model.hierarchy, freezes=freezes_in(request.store))
    explained = [_explained(request, item) for item in deadlines if item.path or item.action]
    deciding = {(link['process'], link['timeperiod']) for item in deadlines for link in item.path}
    helped = [item for item in explained if item.helps is not None]
    stuck = [_stuck(item) for item in found['stuck'][:_STUCK_MAX]]
    due = found['due']
    return Shown(
        document=found,
        made_at=made_at,
        until=until,
        clock=clock,
        frame=frame,
        rows=[
            _row(name, by_process.get(name, ()), stuck_jobs[name], frame, clock, holds, deciding)
            for name in ordered[:_ROWS_MAX]
        ],
        more_rows=ordered[_ROWS_MAX:],
        deadlines=deadlines[:_DEADLINES_MAX],
        more_deadlines=max(len(deadlines) - _DEADLINES_MAX, 0),
        explained=explained,
        best=max(helped, key=lambda item: item.gain, default=None),
        stuck=stuck,
        more_stuck=found['stuck_jobs'] - sum(item.item['jobs'] for item in stuck),
        items=items[:_ITEMS_MAX],
        more_items=found['jobs'] - len(items[:_ITEMS_MAX]),
        due=(read(due['end']), read(due['low']), read(due['high'])),
    )


def _in_tree_order(request: RequestContext) -> Sequence[str]:
    trees = {node.tree.name: node.tree for node in request.model.hierarchy}
    return [level for tree in trees.values() for level in tree.levels]


def _row(  # noqa: PLR0913 - all that is known of a process
    process: str,
    items: Sequence[Foreseen],
    stuck: int,
    frame: Frame,
    clock: Clock,
    holds: Holds,
    deciding: Collection[tuple[str, str]],
) -> Row:
    lanes = lanes_of(frame, [expected_of(item, clock, deciding) for item in items])
    at_risk = [item for item in items if item.is_at_risk]
    late = sum(item.is_late for item in items)
    ends = [item.end for item in items if item.end is not None]
    parts = [f'{counted(len(ends), "interval")} expected to end']
    if ends:
        parts.append(f'the last likely by {clock.at(max(ends))}')
    parts += [f'{len(at_risk)} at risk'] if at_risk else []
    parts += [f'{late} late'] if late else []
    parts += [f'{stuck} that do not start by themselves'] if stuck else []
    held = held_spans(holds, process, frame.begin, frame.end) if holds.is_used else ()
    return Row(
        process=process,
        lanes=lanes,
        shades=shades_of(frame, held),
        at_risk=len(at_risk),
        chance=min((item.chance for item in at_risk), key=_share, default=''),
        late=late,
        stuck=stuck,
        said=f'{process}: {", ".join(parts)}',
    )


def _share(chance: str) -> float:
    return float(chance.strip('<> %')) - chance.startswith('<')


def _explained(request: RequestContext, item: Foreseen) -> Explained:
    links = item.path[-_PATH_MAX:]
    action, pools = item.action, request.model.hierarchy.pools.sizes
    after = None if action is None else action['holds']
    return Explained(
        item=item,
        links=[
            Linked(
                process=link['process'],
                timeperiod=link['timeperiod'],
                start=read(link['start']),
                end=read(link['end']),
                why=waits_said(link),
                is_running=link['waits'] == 'running',
                is_closed=link['waits'] == 'closed',
            )
            for link in links
        ],
        left_out=len(item.path) - len(links),
        helps=None if action is None else capitalized(action_said(action)),
        step=None if action is None else step_of(action, pools.get(PoolName(action['of']))),
        gain=0.0 if after is None else after - _share(item.chance) / 100,
        is_enough=after is None or after >= AT_RISK,
    )


def _stuck(item: StuckDocument) -> StuckRow:
    root = item['root']
    is_root = (root['process'], root['timeperiod']) == (item['process'], item['timeperiod'])
    return StuckRow(item=item, step=place_of(root), is_root=is_root)


class OverviewForecast(Struct, frozen=True, kw_only=True):
    """What the overview says of trees. made_at: when it was so; None: there is no forecast yet."""

    by_tree: Mapping[str, Sequence[TreeForecastDocument]]
    nodes: Mapping[ProcessName, Node]
    now: datetime
    made_at: datetime | None

    def of(self, tree: str) -> Sequence[TreeLine]:
        """Return what is said of a tree; of what is known here alone."""
        return [
            tree_line(item, node, self.now)
            for item in self.by_tree.get(tree, ())
            if (node := self.nodes.get(ProcessName(item['likely']['process']))) is not None
        ]


def overview_forecast(request: RequestContext) -> OverviewForecast:
    """Return what owners of trees ask, by the newest forecast; it is waited for by nobody."""
    found = None
    if request.past is None:
        with suppress(ForecastFailed):
            found = cast('ForecastDocument | None', request.site.forecasts.of(Asked()))
    by_tree: dict[str, list[TreeForecastDocument]] = {}
    for item in () if found is None else found['trees']:
        by_tree.setdefault(item['tree'], []).append(item)
    return OverviewForecast(
        by_tree=by_tree,
        nodes=request.model.hierarchy.nodes,
        now=request.now,
        made_at=None if found is None else read(found['at']),
    )
