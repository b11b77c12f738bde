"""Whether everything is well: one definition for the page, the API and whoever watches it.

Not well is what stops work or does not heal by itself: no Scheduler leads, one leads and can save
nothing, leaves a process out or starts nothing although work is due, a box has vanished, a process
does not stay up, the broker is away for longer than its restart takes (and, found before any page
is made, a store that is gone). What waits for a person, as jobs that failed for good, stops nothing
else: it is listed, and is not a fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from werkzeug.wrappers import Response

import synergy
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.core.changed_levels import left_out
from synergy.core.leader_standing import LeaderStanding
from synergy.core.records import BoxProcess, Leadership, is_led
from synergy.core.structs import Struct
from synergy.core.uri import without_password
from synergy.mx.live.broker_watch import BrokerTrouble
from synergy.mx.live.marks import Mark
from synergy.mx.pages.boxes import PRESENCES, load_of, process_row
from synergy.mx.web import formats
from synergy.mx.web.page_cache import LIVE_HEADER
from synergy.mx.web.redact import masked_text
from synergy.mx.web.request_context import LIMIT_MAX, RequestContext
from synergy.mx.web.responses import page
from synergy.mx.widgets.cells import Painter
from synergy.mx.widgets.tree_rows import process_standing
from synergy.view.boxes import (
    BoxView,
    Presence,
    SchedulerView,
    box_views,
    does_not_start,
    schedulers,
    start_advice,
)
from synergy.view.encode import encode_box_process, instant
from synergy.view.freeruns import failing
from synergy.view.leaderless import leaderless_advice
from synergy.view.self_paused import self_paused
from synergy.view.troubles import standing_of, troubles
from synergy.view.unwatched import unwatched

#: A broker that is away for longer needs somebody; until then it is a warning.
BROKER_PATIENCE: Final = timedelta(minutes=1)


class Need(Struct, frozen=True, kw_only=True):
    """Why it is not well. text: a sentence; advice: what helps; href: where that is done."""

    text: str
    advice: str
    href: str | None = None


class Waiting(Struct, frozen=True, kw_only=True):
    """A number of things that wait for a person. is_least: there may be more."""

    name: str
    count: int
    href: str
    is_least: bool = False


class Daemon(Struct, frozen=True, kw_only=True):
    """One process of the system's own. up_for, memory_bytes: None where nobody measures."""

    process: str
    box_id: str
    pid: int | None
    mark: Mark
    up_for: timedelta | None
    memory_bytes: int | None


class Health(Struct, frozen=True, kw_only=True):
    """How the system stands. store_seconds: a round trip. up, wanted: numbers of processes.

    warnings: what may go away by itself, and needs a person if it does not.
    """

    needs: Sequence[Need]
    standing: LeaderStanding
    warnings: Sequence[Need]
    broker: BrokerTrouble | None
    waits: Sequence[Waiting]
    leadership: Leadership | None
    is_led: bool
    schedulers: Sequence[SchedulerView]
    boxes: Sequence[BoxView]
    daemons: Sequence[Daemon]
    store_seconds: float
    processes_up: int
    processes_wanted: int

    @property
    def is_well(self) -> bool:
        """Tell whether nobody is needed for work to go on."""
        return not self.needs

    @property
    def ill(self) -> Sequence[BoxProcess]:
        """Return processes that do not stay up."""
        return [row for view in self.boxes for row in view.processes if view.is_ill(row)]


def health(request: RequestContext) -> Response:
    """Tell whether everything is well, and what is not: to whoever watches, by the status, too."""
    found = health_of(request)
    # A tab that reads the page again would take another status for a failure.
    is_ok = found.is_well or LIVE_HEADER in request.http.headers
    return page(
        request,
        'health.html',
        200 if is_ok else 503,
        health=found,
        version=synergy.__version__,
        store_uri=without_password(request.settings.store_uri),
        broker_uri=without_password(request.settings.broker_uri),
    )


def health_of(request: RequestContext) -> Health:
    """Return how leader, boxes and processes stand, and what waits for a person."""
    clock = request.site.clock
    before = clock.monotonic()
    leadership = request.store.leadership()
    store_now = request.store.store_now()
    seconds = clock.monotonic() - before
    has_leader = is_led(leadership, store_now)
    views = box_views(request.store, request.settings.box_vanished)
    rows = [(view, row) for view in views for row in view.processes]
    trouble = request.site.broker.trouble
    of_broker = [] if trouble is None else [_broker_need(trouble)]
    standing = standing_of(request.store, leadership, store_now)
    needs = [
        *_needs(views, leadership, store_now),
        *_unwatched(request, views, store_now),
        *_troubles(request, standing),
    ]
    waits = _waits(request)
    if has_leader and leadership is not None and standing.stuck_since is None:
        needs += _idle(request, standing, leadership)
    is_away_long = trouble is not None and request.now - trouble.since > BROKER_PATIENCE
    return Health(
        needs=[*needs, *_level_needs(request), *(of_broker if is_away_long else [])],
        standing=standing,
        warnings=[*([] if is_away_long else of_broker), *_calendar_ends(request)],
        broker=trouble,
        waits=waits,
        leadership=leadership,
        is_led=has_leader,
        schedulers=schedulers(views, leadership, is_led=has_leader),
        boxes=views,
        daemons=[daemon for view in views for daemon in _daemons(request, view)],
        store_seconds=seconds,
        processes_up=sum(view.is_wanted(row) and view.is_up(row) for view, row in rows),
        processes_wanted=sum(view.is_wanted(row) for view, row in rows),
    )


def encode_health(request: RequestContext, found: Health) -> dict[str, Any]:
    """Return it as JSON."""
    count_by_name = {item.name: item.count for item in found.waits}
    return {
        'version': synergy.__version__,
        'is_well': found.is_well,
        'needs': [masked_text(f'{need.text} {need.advice}') for need in found.needs],
        'warnings': [masked_text(f'{need.text} {need.advice}') for need in found.warnings],
        'isolated': [
            {
                'kind': item.subject.kind.value,
                'name': item.subject.name,
                'reason': masked_text(item.reason),
                'since': instant(item.since),
                'next_at': instant(item.next_at),
            }
            for item in found.standing.isolated
        ],
        'stuck_since': instant(found.standing.stuck_since),
        'broker_away_since': None if found.broker is None else instant(found.broker.since),
        'waits': count_by_name,
        'is_led': found.is_led,
        'leader': None if found.leadership is None else found.leadership.owner,
        'term': None if found.leadership is None else found.leadership.term,
        'standbys': [item.owner for item in found.schedulers if not item.is_leading],
        'store_seconds': found.store_seconds,
        'store_uri': without_password(request.settings.store_uri),
        'broker_uri': without_password(request.settings.broker_uri),
        'home': str(request.settings.home),
        'box_id': request.settings.box_id,
        'processes_up': found.processes_up,
        'processes_wanted': found.processes_wanted,
        'vanished': [view.box.box_id for view in found.boxes if view.presence is Presence.VANISHED],
        'ill': [encode_box_process(row) for row in found.ill],
        'daemons': [
            {
                'process': item.process,
                'box_id': item.box_id,
                'pid': item.pid,
                'state': item.mark.word,
                'up_seconds': None if item.up_for is None else round(item.up_for.total_seconds()),
                'memory_bytes': item.memory_bytes,
            }
            for item in found.daemons
        ],
        'dead_count': count_by_name['dead letters'],
        'late_count': count_by_name['late intervals'],
    }


def _needs(
    views: Sequence[BoxView], leadership: Leadership | None, store_now: datetime
) -> list[Need]:
    needs: list[Need] = []
    if leadership is None or leadership.until <= store_now:
        since = '' if leadership is None else f' since {formats.instant(leadership.until)}'
        needs.append(
            Need(
                text=f'No Scheduler leads{since}: nothing is started.',
                advice=leaderless_advice(views),
            )
        )
    for view in views:
        if view.presence is Presence.VANISHED:
            needs.append(
                Need(
                    text=f'Box {view.box.box_id} ({view.box.host}) has vanished: its Supervisor '
                    f'was last heard of {formats.span(view.silent_for or timedelta())} ago.',
                    advice='Start its Supervisor again; gone for good: ./launch.py super --forget '
                    f'{view.box.box_id}.',
                    href='/boxes',
                )
            )
        needs += [
            Need(
                text=f'{masked_text(does_not_start(row))}.',
                advice=f'{start_advice(row)}.',
                href='/boxes',
            )
            for row in view.processes
            if view.is_ill(row)
        ]
    return needs


def _unwatched(
    request: RequestContext, views: Sequence[BoxView], store_now: datetime
) -> list[Need]:
    found = unwatched(request.context, request.store, views, store_now)
    if found is None:
        return []
    since = '' if found.since is None else f' since {formats.instant(found.since)} UTC'
    return [Need(text=f'{_capital(found.text)}{since}.', advice=f'{found.advice}.', href='/alerts')]


def _level_needs(request: RequestContext) -> list[Need]:
    """Return what the Scheduler leaves out, for its level has changed under its old name."""
    found = left_out(request.context.hierarchy, request.store.led_context())
    return [
        Need(
            text=f'{item.process} is being recut by request {item.recut}: its rows go to '
            'the archive.',
            advice='It is left out until that is done, which needs a Scheduler that leads with the '
            'context for which it was asked.',
            href=f'/requests/{item.recut}',
        )
        if item.recut is not None
        else Need(
            text=f'{item.process} is {item.change} in context.py: nothing of it runs, and what '
            'waits for it waits.',
            advice=f'Recut it, which archives its history: {item.command}; or give the '
            f'{item.now.word} process another name; or make {item.process} {item.back} again; '
            'then restart the Scheduler.',
            href=f'/processes/{item.process}/recut',
        )
        for item in found.values()
    ]


def _calendar_ends(request: RequestContext) -> list[Need]:
    ends = request.context.calendar_ends(request.now.date())
    return [Need(text=f'{_capital(end.text)}.', advice=f'{end.advice}.') for end in ends]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _troubles(request: RequestContext, standing: LeaderStanding) -> list[Need]:
    return [
        Need(text=masked_text(item.text), advice=item.advice, href=item.address)
        for item in [
            *troubles(standing, request.now),
            *self_paused(
                request.model.hierarchy, request.store, request.now, request.store.freeruns()
            ),
        ]
    ]


def _idle(request: RequestContext, standing: LeaderStanding, leadership: Leadership) -> list[Need]:
    return [
        Need(
            text=f'{item.key} may start since {formats.instant(item.since)} UTC or longer, but '
            f'{leadership.owner}, which leads, does not start it.',
            advice='Its log says what it does instead; starting that Scheduler again makes it look '
            'at everything. Is its context that of this dashboard?',
            href=f'/i/{item.key.process}/{item.key.timeperiod}',
        )
        for item in request.site.idle.idle(
            request.model, request.store, leadership.term, request.now
        )
        if standing.of(item.key.process) is None
    ]


def _broker_need(trouble: BrokerTrouble) -> Need:
    return Need(
        text=f'The broker cannot be used from here since {formats.instant(trouble.since)} UTC: '
        'until it is back, no unit is handed to a worker. What runs goes on, and nothing is lost.',
        advice=f'{masked_text(trouble.text)}. ./launch.py mq ls tells how it stands.',
    )


def _daemons(request: RequestContext, view: BoxView) -> list[Daemon]:
    load = load_of(view)
    own = [] if load is None else [x for x in load.processes if x.process == PROCESS_SUPERVISOR]
    found = [
        Daemon(
            process=PROCESS_SUPERVISOR,
            box_id=view.box.box_id,
            pid=view.box.pid,
            mark=PRESENCES[view.presence],
            up_for=request.now - own[0].started_at if own else None,
            memory_bytes=own[0].memory_bytes if own else None,
        )
    ]
    rows = [process_row(request, view, row) for row in view.processes]
    return found + [
        Daemon(
            process=row.process.process,
            box_id=row.process.box_id,
            pid=next(iter(row.process.pids), None),
            mark=row.mark,
            up_for=row.up_for,
            memory_bytes=row.memory_bytes,
        )
        for row in rows
        if row.process.process in request.context.daemons
    ]


def _waits(request: RequestContext) -> list[Waiting]:
    request.look()
    letters = request.store.dead_units(LIMIT_MAX)
    dead = len(letters)
    with request.model.lock:
        painter = Painter(request)
        late = sum(
            process_standing(request, painter, node).late for node in request.model.hierarchy
        )
        failed = request.model.failed_count
    return [
        Waiting(name='failed intervals', count=failed, href='/search?q=state:failed'),
        Waiting(name='late intervals', count=late, href='/search?q=state:late'),
        Waiting(
            name='failing free runs',
            count=len(failing(request.store, letters)),
            href='/freeruns?only=failing',
        ),
        Waiting(name='dead letters', count=dead, href='/dead', is_least=dead == LIMIT_MAX),
    ]
