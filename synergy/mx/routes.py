"""The one table of what there is: address, method, who may, and the view that answers.

Access control, the permission tests and the API's description are all made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.mx.api.routes import API_ROUTES, NEEDS_REASON
from synergy.mx.pages import (
    acknowledge,
    alerts,
    audit,
    boxes,
    config,
    dead_letters,
    events,
    forecast,
    freerun_runs,
    freeruns,
    freezes,
    graph,
    happened,
    health,
    heatmap,
    interval,
    job_actions,
    legacy,
    letter_groups,
    live,
    login,
    logs,
    metrics,
    overview,
    pools,
    processes,
    recuts,
    requests,
    search_page,
    users,
)
from synergy.mx.web.route import Route
from synergy.mx.web.static_files import static
from synergy.operations.alerts import ACTIONS as ALERT_ACTIONS
from synergy.operations.boxes import SWITCH_ACTIONS
from synergy.operations.freeruns import ACTIONS as FREERUN_ACTIONS
from synergy.operations.pools import ACTIONS as POOL_ACTIONS
from synergy.operations.requests import KIND_BY_ACTION
from synergy.view.alert_links import PATH as LINK_PATH


def _page(
    endpoint: str, rule: str, view: Callable[..., Response], role: Role | None = Role.VIEWER
) -> Route:
    return Route(endpoint=endpoint, rule=rule, method='GET', role=role, view=view)


def _shared(
    endpoint: str, rule: str, view: Callable[..., Response], role: Role = Role.VIEWER
) -> Route:
    return replace(_page(endpoint, rule, view, role), is_shared=True)


def _confirm(
    endpoint: str,
    rule: str,
    view: Callable[..., Response],
    actions: tuple[str, ...],
    role: Role = Role.OPERATOR,
) -> Route:
    """Return the step before a change, at the address that the change itself is sent to."""
    return replace(_page(endpoint, rule, view, role), actions=actions)


def _submit(
    endpoint: str,
    rule: str,
    view: Callable[..., Response],
    role: Role | None = Role.OPERATOR,
    *,
    needs_reason: bool | tuple[str, ...] = False,
) -> Route:
    return Route(
        endpoint=endpoint,
        rule=rule,
        method='POST',
        role=role,
        view=view,
        needs_reason=needs_reason,
    )


def _section(address: str, *routes: Route) -> Iterable[Route]:
    """Return routes as pages under one entry of the navigation."""
    return [replace(route, section=address) for route in routes]


_PAGES: Final[Sequence[Route]] = (
    *_section('/', _shared('overview', '/', overview.overview)),
    *_section(
        '/t/',
        _shared('heatmaps', '/t/', heatmap.heatmaps),
        _shared('heatmap', '/t/<name>', heatmap.heatmap),
        _shared('interval', '/i/<process>/<timeperiod>', interval.interval),
    ),
    *_section(
        '/requests',
        _page('confirm_job_action', '/change/<kind>', job_actions.confirm_job_action),
        _submit(
            'submit_job_action', '/change/<kind>', job_actions.submit_job_action, needs_reason=True
        ),
        _shared('requests', '/requests', requests.requests),
        _shared('request', '/requests/<request_id>', requests.request),
        _confirm(
            'confirm_request_action',
            '/requests/<request_id>/<action>',
            requests.confirm_request_action,
            tuple(KIND_BY_ACTION),
        ),
        _submit(
            'submit_request_action',
            '/requests/<request_id>/<action>',
            requests.submit_request_action,
            needs_reason=NEEDS_REASON['requests'],
        ),
    ),
    *_section('/forecast', _shared('forecast', '/forecast', forecast.forecast)),
    *_section('/runs', _shared('live', '/runs', live.live)),
    *_section('/graph', _shared('graph', '/graph', graph.graph)),
    *_section(
        '/processes',
        _page('processes', '/processes', processes.processes),
        _page('confirm_recut', '/processes/<name>/recut', recuts.confirm_recut, Role.OPERATOR),
        _submit('submit_recut', '/processes/<name>/recut', recuts.submit_recut, needs_reason=True),
        _page(
            'confirm_tree_recut',
            '/trees/<name>/recut',
            recuts.confirm_tree_recut,
            Role.OPERATOR,
        ),
        _submit(
            'submit_tree_recut',
            '/trees/<name>/recut',
            recuts.submit_tree_recut,
            needs_reason=True,
        ),
        _confirm(
            'confirm_process_action',
            '/processes/<name>/<action>',
            processes.confirm_process_action,
            ('run', 'on', 'off', 'restart'),
        ),
        _submit(
            'submit_process_action', '/processes/<name>/<action>', processes.submit_process_action
        ),
    ),
    *_section(
        '/pools',
        _shared('pools', '/pools', pools.pools),
        _confirm(
            'confirm_pool_action',
            '/pools/<name>/<action>',
            pools.confirm_pool_action,
            POOL_ACTIONS,
        ),
        _submit('submit_pool_action', '/pools/<name>/<action>', pools.submit_pool_action),
    ),
    *_section(
        '/freeruns',
        _shared('freerun_list', '/freeruns', freeruns.freerun_list),
        _page('freerun_form', '/freeruns/edit', freeruns.freerun_form, Role.OPERATOR),
        _submit('submit_freerun', '/freeruns/edit', freeruns.submit_freerun),
        _submit('show_fires', '/freeruns/fires', freeruns.show_fires),
        _shared('freerun_runs', '/freeruns/runs', freerun_runs.freerun_runs),
        _shared('freerun', '/freeruns/<name>', freeruns.freerun),
        _confirm(
            'confirm_freerun_action',
            '/freeruns/<name>/<action>',
            freeruns.confirm_freerun_action,
            FREERUN_ACTIONS,
        ),
        _submit(
            'submit_freerun_action',
            '/freeruns/<name>/<action>',
            freeruns.submit_freerun_action,
            needs_reason=NEEDS_REASON['freeruns'],
        ),
    ),
    *_section(
        '/boxes',
        _shared('boxes', '/boxes', boxes.boxes),
        _confirm(
            'confirm_box_action',
            '/boxes/<box_id>/<action>',
            boxes.confirm_box_action,
            boxes.BOX_ACTIONS,
        ),
        _submit(
            'submit_box_action',
            '/boxes/<box_id>/<action>',
            boxes.submit_box_action,
            needs_reason=NEEDS_REASON['boxes'],
        ),
        _confirm(
            'confirm_box_process_action',
            '/boxes/<box_id>/<process>/<action>',
            boxes.confirm_box_process_action,
            SWITCH_ACTIONS,
        ),
        _submit(
            'submit_box_process_action',
            '/boxes/<box_id>/<process>/<action>',
            boxes.submit_box_process_action,
            needs_reason=NEEDS_REASON['boxes'],
        ),
    ),
    *_section(
        '/dead',
        _shared('dead_letters', '/dead', dead_letters.dead_letters),
        _confirm(
            'confirm_group_action',
            '/dead/groups/<action>',
            letter_groups.confirm_group_action,
            ('drop', 'retry'),
        ),
        _submit(
            'submit_group_action',
            '/dead/groups/<action>',
            letter_groups.submit_group_action,
            needs_reason=NEEDS_REASON['dead'],
        ),
        _confirm(
            'confirm_dead_letter_action',
            '/dead/<uow_id>/<action>',
            dead_letters.confirm_dead_letter_action,
            ('drop', 'retry'),
        ),
        _submit(
            'submit_dead_letter_action',
            '/dead/<uow_id>/<action>',
            dead_letters.submit_dead_letter_action,
            needs_reason=NEEDS_REASON['dead'],
        ),
    ),
    *_section(
        '/freezes',
        _page('freezes', '/freezes', freezes.freezes),
        _page('confirm_freeze', '/freezes/add', freezes.confirm_freeze, Role.OPERATOR),
        _submit('submit_freeze', '/freezes/add', freezes.submit_freeze, needs_reason=True),
        _confirm(
            'confirm_thaw',
            '/freezes/<freeze_id>/<action>',
            freezes.confirm_thaw,
            freezes.ACTIONS,
        ),
        _submit('submit_thaw', '/freezes/<freeze_id>/<action>', freezes.submit_thaw),
    ),
    *_section(
        '/alerts',
        _shared('alerts', '/alerts', alerts.alerts),
        _confirm(
            'confirm_alert_action',
            '/alerts/<action>',
            alerts.confirm_alert_action,
            ALERT_ACTIONS,
        ),
        _submit('submit_alert_action', '/alerts/<action>', alerts.submit_alert_action),
    ),
    _page('acknowledge', f'{LINK_PATH}<token>', acknowledge.acknowledge, None),
    _submit('submit_acknowledge', f'{LINK_PATH}<token>', acknowledge.submit_acknowledge, None),
    *_section('/happened', _shared('happened', '/happened', happened.happened)),
    *_section('/audit', _shared('audit', '/audit', audit.audit)),
    *_section('/config', _page('config', '/config', config.config)),
    *_section('/logs', _shared('logs', '/logs', logs.logs, Role.OPERATOR)),
    *_section('/health', _shared('health', '/health', health.health)),
    replace(_page('metrics', '/metrics', metrics.metrics), is_scraped=True),
    _page('search', '/search', search_page.search_page),
    _shared('tree_page', '/p/<name>', overview.tree_page),
    _page('legacy_scheduler', '/scheduler/<path:rest>', legacy.legacy_scheduler, None),
    _page('legacy_supervisor', '/supervisor/<path:rest>', legacy.legacy_supervisor, None),
    _page('legacy_flow', '/flow/<path:rest>', legacy.legacy_flow, None),
    _page('users', '/users', users.users, Role.ADMIN),
    _page('confirm_user', '/users/add', users.confirm_user, Role.ADMIN),
    _submit('submit_user', '/users/add', users.submit_user, Role.ADMIN),
    _confirm(
        'confirm_user_action',
        '/users/<name>/<action>',
        users.confirm_user_action,
        users.USER_ACTIONS,
        Role.ADMIN,
    ),
    _submit(
        'submit_user_action',
        '/users/<name>/<action>',
        users.submit_user_action,
        Role.ADMIN,
        needs_reason=NEEDS_REASON['users'],
    ),
    _confirm(
        'confirm_token_action',
        '/tokens/<token_id>/<action>',
        users.confirm_token_action,
        users.TOKEN_ACTIONS,
        Role.ADMIN,
    ),
    _submit(
        'submit_token_action',
        '/tokens/<token_id>/<action>',
        users.submit_token_action,
        Role.ADMIN,
        needs_reason=NEEDS_REASON['tokens'],
    ),
    _page('login', '/login', login.login, None),
    _submit('submit_login', '/login', login.submit_login, None),
    _submit('submit_logout', '/logout', login.submit_logout, None),
    _submit('submit_theme', '/theme', login.submit_theme, None),
    _page('events', '/events', events.events),
    Route(
        endpoint='static',
        rule='/static/<path:name>',
        method='GET',
        role=None,
        view=static,
        needs_store=False,
    ),
)

#: Of these it is written down how they stood; of the heat map and the graph, `at` is a place.
_OF_THEN: Final = frozenset(
    {
        'overview', 'heatmaps', 'heatmap', 'interval', 'live', 'graph', 'processes', 'happened',
        'search', 'tree_page',
    }
)  # fmt: skip
_WITH_PLACES: Final = frozenset({'heatmaps', 'heatmap', 'graph'})

ROUTES: Final = (
    *(
        replace(
            route,
            has_past=route.endpoint in _OF_THEN,
            has_own_at=route.endpoint in _WITH_PLACES,
        )
        for route in _PAGES
    ),
    *API_ROUTES,
)
