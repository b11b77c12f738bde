"""The one table of what there is: address, method, who may, and the view that answers.

The gate, the permission tests and the API's description are all made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.users import Role
from synergy.mx.api.routes import API_ROUTES
from synergy.mx.pages import (
    audit,
    boxes,
    config,
    dead_letters,
    freeruns,
    graph,
    health,
    heatmap,
    interval,
    job_changes,
    legacy,
    live,
    login,
    logs,
    overview,
    processes,
    requests,
    search,
    users,
)
from synergy.mx.pages.accounts import GRAVE_ACTIONS
from synergy.mx.web import access
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.route import Route
from synergy.mx.web.static_files import static
from synergy.mx.web.throttle import address_of_place
from synergy.mx.web.viewers import PlacedStream


def events(request: RequestContext) -> Response:
    """Return the stream that a live page follows."""
    if request.http.method == 'HEAD':
        return Response(mimetype='text/event-stream')
    # Of waitress; another server may not have it, and then finds out at the next frame.
    is_gone = request.http.environ.get('waitress.client_disconnected', lambda: False)
    has_ticks = request.switch('ticks')
    user = None if request.visitor.via == 'open' else request.visitor.name
    place = request.site.places.take(user, address_of_place(request.http.remote_addr))
    followed = request.site.feed.follow(
        is_gone,
        lambda: access.is_still_welcome(request.site, request.http, Role.VIEWER),
        has_ticks=has_ticks,
    )
    frames = PlacedStream(place, followed)
    response = Response(frames, mimetype='text/event-stream')
    response.headers['X-Accel-Buffering'] = 'no'
    return response


def _page(rule: str, view: Callable[..., Response], role: Role | None = Role.VIEWER) -> Route:
    return Route(rule=rule, method='GET', role=role, view=view)


def _shared(rule: str, view: Callable[..., Response], role: Role = Role.VIEWER) -> Route:
    return Route(rule=rule, method='GET', role=role, view=view, is_shared=True)


def _change(rule: str, view: Callable[..., Response], role: Role | None = Role.OPERATOR) -> Route:
    return Route(rule=rule, method='POST', role=role, view=view)


def _confirm(rule: str, view: Callable[..., Response], actions: tuple[str, ...]) -> Route:
    """Return the step before a change, at the address that the change itself is sent to."""
    return Route(rule=rule, method='GET', role=Role.OPERATOR, view=view, actions=actions)


def _admin(rule: str, view: Callable[..., Response], actions: tuple[str, ...]) -> Route:
    return replace(_confirm(rule, view, actions), role=Role.ADMIN)


def _reasoned(rule: str, view: Callable[..., Response]) -> Route:
    return replace(_change(rule, view, Role.ADMIN), grave=GRAVE_ACTIONS)


_PAGES: Final[Sequence[Route]] = (
    _shared('/', overview.overview),
    _shared('/t/', heatmap.heatmaps),
    _shared('/t/<name>', heatmap.heatmap),
    _shared('/i/<process>/<timeperiod>', interval.interval),
    _page('/change/<kind>', job_changes.change),
    _change('/change/<kind>', job_changes.confirm_change),
    _shared('/requests', requests.requests),
    _shared('/requests/<request_id>', requests.request),
    _confirm('/requests/<request_id>/<action>', requests.confirm_control, tuple(requests.ACTIONS)),
    _change('/requests/<request_id>/<action>', requests.control_request),
    _shared('/runs', live.live),
    _shared('/graph', graph.graph),
    _page('/processes', processes.processes),
    _confirm('/processes/<name>/<action>', processes.confirm_process, ('run', 'on', 'off')),
    _change('/processes/<name>/<action>', processes.switch_process),
    _shared('/freeruns', freeruns.freerun_list),
    _page('/freeruns/edit', freeruns.freerun_form, Role.OPERATOR),
    _change('/freeruns/edit', freeruns.save_freerun),
    _change('/freeruns/fires', freeruns.show_fires),
    _shared('/freeruns/runs', freeruns.freerun_runs),
    _shared('/freeruns/<name>', freeruns.freerun),
    _confirm('/freeruns/<name>/<action>', freeruns.confirm_freerun, freeruns.ACTIONS),
    _change('/freeruns/<name>/<action>', freeruns.switch_freerun),
    _shared('/boxes', boxes.boxes),
    _confirm('/boxes/<box_id>/<action>', boxes.confirm_drain, boxes.DRAIN_ACTIONS),
    _change('/boxes/<box_id>/<action>', boxes.drain_box),
    _confirm('/boxes/<box_id>/<process>/<action>', boxes.confirm_box_process, boxes.SWITCH_ACTIONS),
    _change('/boxes/<box_id>/<process>/<action>', boxes.switch_box_process),
    _shared('/dead', dead_letters.dead_letters),
    _confirm('/dead/<uow_id>/<action>', dead_letters.confirm_dead_letter, ('drop', 'retry')),
    _change('/dead/<uow_id>/<action>', dead_letters.settle_dead_letter),
    _shared('/audit', audit.audit),
    _page('/config', config.config),
    _shared('/logs', logs.logs, Role.OPERATOR),
    _shared('/health', health.health),
    _page('/search', search.search),
    _shared('/p/<name>', overview.tree_page),
    _page('/scheduler/<path:rest>', legacy.old_scheduler, None),
    _page('/supervisor/<path:rest>', legacy.old_supervisor, None),
    _page('/flow/<path:rest>', legacy.old_flow, None),
    _page('/users', users.users, Role.ADMIN),
    _page('/users/add', users.ask_user, Role.ADMIN),
    _change('/users/add', users.make_user, Role.ADMIN),
    _admin('/users/<name>/<action>', users.ask_account, users.USER_ACTIONS),
    _reasoned('/users/<name>/<action>', users.change_account),
    _admin('/tokens/<token_id>/<action>', users.ask_revoke, users.TOKEN_ACTIONS),
    _reasoned('/tokens/<token_id>/<action>', users.revoke),
    _page('/login', login.login, None),
    _change('/login', login.log_in, None),
    _change('/logout', login.log_out, None),
    _change('/theme', login.theme, None),
    _page('/events', events),
    Route(rule='/static/<path:name>', method='GET', role=None, view=static, needs_store=False),
)

ROUTES: Final = (*_PAGES, *API_ROUTES)
