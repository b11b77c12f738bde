"""The part of the table of routes that speaks JSON; its description is made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from werkzeug.wrappers import Response

from synergy.core.users import Role
from synergy.mx.api import (
    audit,
    boxes,
    config,
    dead_letters,
    documents,
    freeruns,
    graph,
    health,
    heatmap,
    jobs,
    logs,
    openapi,
    overview,
    processes,
    requests,
    runs,
    search,
    users,
)
from synergy.mx.pages import accounts
from synergy.mx.pages.freeruns import RUN_ENTRIES, RUN_STATES
from synergy.mx.web.route import Parameter, Route
from synergy.mx.widgets.heatmap_grids import ZOOMS
from synergy.operations.boxes import ACTIONS as BOX_ACTIONS
from synergy.operations.boxes import SWITCH_ACTIONS
from synergy.operations.dead_letters import ACTIONS as DEAD_ACTIONS
from synergy.operations.freeruns import ACTIONS as FREERUN_ACTIONS
from synergy.operations.processes import ACTIONS as PROCESS_ACTIONS
from synergy.operations.requests import KIND_BY_ACTION
from synergy.view import documents as shapes

View: TypeAlias = Callable[..., Response]

ROOT: Final = '/api/v1'
_LIMIT: Final = Parameter('limit', 'most items of one answer, 1 to 1000', 'integer')
_CURSOR: Final = Parameter('cursor', 'next_cursor of the answer before')
_REASON: Final = Parameter('reason', 'why, for the audit')
_PROCESS: Final = Parameter('process', 'name of a managed process')
_ROLE: Final = Parameter('role', 'what one may do', choices=accounts.ROLE_WORDS)
#: What is not done without a reason, by subject; the pages go by it, too.
NEEDS_REASON: Final[Mapping[str, tuple[str, ...]]] = {
    'requests': ('cancel',),
    'freeruns': ('remove', 'cancel'),
    'boxes': ('drain', 'stop'),
    'dead': ('drop',),
    'users': ('remove',),
    'tokens': ('revoke',),
}
_PASSWORD: Final = Parameter('password', 'at least 10 characters')
_JOB_FIELDS: Final = (
    Parameter('kind', 'what to do to them', choices=requests.JOB_KIND_WORDS),
    _PROCESS,
    Parameter('start', 'first timeperiod, YYYYMMDDHH'),
    Parameter('end', 'timeperiod after the last one; without it, start alone'),
    Parameter('only', 'which jobs of the range', choices=requests.ONLY_WORDS),
    Parameter('with_children', 'reprocess what is nested below, too', 'boolean'),
)

#: Shapes of the answers: of lists, of one item.
_ANSWERS: Final[Mapping[View, type[Any]]] = {
    overview.api_status: shapes.StatusDocument,
    overview.api_overview: documents.OverviewDocument,
    jobs.api_jobs: shapes.JobDocument,
    jobs.api_job: shapes.JobPageDocument,
    jobs.api_why: documents.WhyDocument,
    runs.api_log: shapes.LineDocument,
    requests.api_preview: shapes.PreviewDocument,
    requests.api_requests: shapes.CommandDocument,
    requests.api_submit_change: documents.AcceptedDocument,
    requests.api_request: documents.RequestDocument,
    requests.api_submit_request_action: documents.AcceptedDocument,
    runs.api_runs: shapes.DeadDocument,
    processes.api_processes: shapes.ProcessDocument,
    processes.api_submit_process_action: documents.AcceptedDocument,
    freeruns.api_freeruns: documents.FreerunRowDocument,
    freeruns.api_freerun_runs: shapes.DeadDocument,
    freeruns.api_submit_freerun: documents.AcceptedDocument,
    freeruns.api_freerun: documents.FreerunPageDocument,
    freeruns.api_submit_freerun_action: documents.AcceptedDocument,
    boxes.api_boxes: shapes.BoxViewDocument,
    boxes.api_submit_box_action: shapes.BoxViewDocument,
    boxes.api_submit_box_process_action: shapes.BoxProcessDocument,
    dead_letters.api_dead: shapes.DeadDocument,
    dead_letters.api_submit_dead_letter_action: documents.AcceptedDocument,
    heatmap.api_heatmap: documents.HeatMapDocument,
    processes.api_durations: documents.DurationsDocument,
    graph.api_graph: documents.GraphDocument,
    search.api_search: documents.FoundDocument,
    audit.api_audit: shapes.CommandDocument,
    logs.api_logs: documents.LogFileDocument,
    logs.api_log_file: documents.LogTailDocument,
    users.api_users: documents.UserDocument,
    users.api_submit_user: documents.DoneDocument,
    users.api_submit_user_action: documents.DoneDocument,
    users.api_tokens: documents.TokenDocument,
    users.api_submit_token: documents.DoneDocument,
    users.api_submit_token_action: documents.DoneDocument,
    config.api_config: documents.ConfigDocument,
    health.api_health: documents.HealthDocument,
}


def _read(
    endpoint: str, rule: str, view: View, *parameters: Parameter, role: Role = Role.VIEWER
) -> Route:
    return Route(
        endpoint=endpoint,
        rule=ROOT + rule,
        method='GET',
        role=role,
        view=view,
        is_api=True,
        parameters=parameters,
        answer=_ANSWERS[view],
    )


def _list(
    endpoint: str, rule: str, view: View, *parameters: Parameter, role: Role = Role.VIEWER
) -> Route:
    return replace(_read(endpoint, rule, view, *parameters, role=role), is_list=True)


def _request(
    endpoint: str,
    rule: str,
    view: View,
    *fields: Parameter,
    required: tuple[str, ...] = (),
    needs_reason: bool = False,
) -> Route:
    return Route(
        endpoint=endpoint,
        rule=ROOT + rule,
        method='POST',
        role=Role.OPERATOR,
        view=view,
        is_api=True,
        fields=(*fields, _REASON),
        required=required,
        needs_reason=needs_reason,
        status=202,
        answer=_ANSWERS[view],
    )


def _act(
    endpoint: str,
    rule: str,
    view: View,
    actions: Iterable[str],
    *fields: Parameter,
    needs_reason: tuple[str, ...] = (),
) -> Route:
    found = replace(_request(endpoint, rule, view, *fields), actions=tuple(actions))
    needs_reason = tuple(action for action in found.actions if action in needs_reason)
    if not needs_reason:
        return found
    reason = replace(_REASON, text=f'{_REASON.text}; to {" or ".join(needs_reason)}: required')
    return replace(found, needs_reason=needs_reason, fields=(*fields, reason))


def _at_once(route: Route) -> Route:
    """Return a change that is done when it is answered."""
    return replace(route, status=200)


def _admin(route: Route) -> Route:
    return _at_once(replace(route, role=Role.ADMIN))


API_ROUTES: Final[tuple[Route, ...]] = (
    _read('api_status', '/status', overview.api_status),
    _read('api_overview', '/overview', overview.api_overview),
    _list(
        'api_jobs',
        '/jobs',
        jobs.api_jobs,
        _PROCESS,
        Parameter('state', 'its state, or how else it stands', choices=jobs.STATE_WORDS),
        Parameter('start', 'only intervals that start then or later: YYYY to YYYYMMDDHH'),
        Parameter('end', 'only intervals that start before: YYYY to YYYYMMDDHH'),
        _LIMIT,
        _CURSOR,
    ),
    _read('api_job', '/jobs/<process>/<timeperiod>', jobs.api_job),
    _read('api_why', '/jobs/<process>/<timeperiod>/why', jobs.api_why),
    _list('api_log', '/units/<uow_id>/log', runs.api_log, _LIMIT, _CURSOR),
    _read('api_preview', '/preview', requests.api_preview, *_JOB_FIELDS),
    _list(
        'api_requests',
        '/requests',
        requests.api_requests,
        Parameter('state', 'state of the request', choices=requests.COMMAND_STATE_WORDS),
        Parameter('all', 'everything that was asked for, not only about jobs', 'boolean'),
        _LIMIT,
        _CURSOR,
    ),
    _request(
        'api_request_jobs',
        '/requests',
        requests.api_submit_change,
        *_JOB_FIELDS,
        Parameter('plan_hash', 'of the preview: refused (409) when the set is another one by now'),
        required=('process', 'start', 'reason'),
        needs_reason=True,
    ),
    _read('api_request', '/requests/<request_id>', requests.api_request),
    _act(
        'api_control_request',
        '/requests/<request_id>/<action>',
        requests.api_submit_request_action,
        tuple(KIND_BY_ACTION),
        needs_reason=NEEDS_REASON['requests'],
    ),
    _list('api_runs', '/runs', runs.api_runs, _LIMIT, _CURSOR),
    _list('api_processes', '/processes', processes.api_processes),
    _act(
        'api_switch_process',
        '/processes/<name>/<action>',
        processes.api_submit_process_action,
        PROCESS_ACTIONS,
        Parameter(
            'trigger', 'of the action trigger: every SECONDS, at HH:MM, cron FIELDS, or default'
        ),
    ),
    _read(
        'api_durations',
        '/processes/<name>/durations',
        processes.api_durations,
        Parameter('around', 'a timeperiod of the process, YYYYMMDDHH'),
    ),
    _list('api_freeruns', '/freeruns', freeruns.api_freeruns, _LIMIT, _CURSOR),
    _request(
        'api_save_freerun',
        '/freeruns',
        freeruns.api_submit_freerun,
        Parameter('name', 'Process::entry'),
        Parameter('trigger', 'every SECONDS, at HH:MM, or cron FIELDS'),
        Parameter('is_on', 'whether it fires', 'boolean'),
        Parameter('overlap', 'while one is under way', choices=('skip', 'queue', 'allow')),
        Parameter('misfire', 'of missed fires', choices=('once', 'all', 'skip')),
        Parameter('misfire_max', 'most missed fires to make up', 'integer'),
        Parameter(
            'arguments', 'for the worker; where they are code, an admin alone writes them', 'object'
        ),
        Parameter('description', 'for people'),
        Parameter('is_new', 'true: refused if there is such an entry already', 'boolean'),
        required=('name',),
    ),
    _list(
        'api_freerun_runs',
        '/freeruns/runs',
        freeruns.api_freerun_runs,
        Parameter('hours', 'how far back, 1 to 720', 'integer'),
        Parameter(
            'state', 'how they stand; may be given again', choices=RUN_STATES, is_repeated=True
        ),
        Parameter('entries', 'of entries that are on, off, or all', choices=RUN_ENTRIES),
        Parameter('q', 'only entries whose name holds this text'),
        _LIMIT,
        _CURSOR,
    ),
    _read('api_freerun', '/freeruns/<name>', freeruns.api_freerun),
    _act(
        'api_switch_freerun',
        '/freeruns/<name>/<action>',
        freeruns.api_submit_freerun_action,
        FREERUN_ACTIONS,
        Parameter('uow', 'of the action cancel: only this run'),
        needs_reason=NEEDS_REASON['freeruns'],
    ),
    _list('api_boxes', '/boxes', boxes.api_boxes, _LIMIT, _CURSOR),
    _at_once(
        _act(
            'api_change_box',
            '/boxes/<box_id>/<action>',
            boxes.api_submit_box_action,
            BOX_ACTIONS,
            needs_reason=NEEDS_REASON['boxes'],
        )
    ),
    _at_once(
        _act(
            'api_switch_box_process',
            '/boxes/<box_id>/<process>/<action>',
            boxes.api_submit_box_process_action,
            SWITCH_ACTIONS,
            needs_reason=NEEDS_REASON['boxes'],
        )
    ),
    _list('api_dead', '/dead', dead_letters.api_dead, _LIMIT, _CURSOR),
    _act(
        'api_settle_dead',
        '/dead/<uow_id>/<action>',
        dead_letters.api_submit_dead_letter_action,
        DEAD_ACTIONS,
        needs_reason=NEEDS_REASON['dead'],
    ),
    _read(
        'api_heatmap',
        '/heatmaps/<name>',
        heatmap.api_heatmap,
        Parameter('z', 'zoom', choices=ZOOMS),
        Parameter('at', 'a day within it, YYYYMMDD'),
    ),
    _read('api_graph', '/graph', graph.api_graph, Parameter('at', 'an instant, YYYYMMDDHH')),
    _list(
        'api_search',
        '/search',
        search.api_search,
        Parameter('q', 'process:site* state:failed since:3d box:w2, or a process and a timeperiod'),
        _LIMIT,
        _CURSOR,
    ),
    _list(
        'api_audit',
        '/audit',
        audit.api_audit,
        Parameter('who', 'part of the name or address of who asked'),
        Parameter('what', 'what was asked for', choices=audit.KIND_WORDS),
        _LIMIT,
        _CURSOR,
    ),
    _list('api_logs', '/logs', logs.api_logs, role=Role.OPERATOR),
    _read(
        'api_log_file',
        '/logs/<file>',
        logs.api_log_file,
        Parameter('q', 'only lines that hold this text'),
        role=Role.OPERATOR,
    ),
    _list('api_users', '/users', users.api_users, _LIMIT, _CURSOR, role=Role.ADMIN),
    _admin(
        _request(
            'api_add_user',
            '/users',
            users.api_submit_user,
            Parameter('name', 'of the user'),
            _ROLE,
            _PASSWORD,
            required=('name', 'password'),
        )
    ),
    _admin(
        _act(
            'api_change_user',
            '/users/<name>/<action>',
            users.api_submit_user_action,
            accounts.ACTIONS,
            _ROLE,
            _PASSWORD,
            needs_reason=NEEDS_REASON['users'],
        )
    ),
    _list('api_tokens', '/tokens', users.api_tokens, _LIMIT, _CURSOR, role=Role.ADMIN),
    _admin(
        _request(
            'api_add_token',
            '/tokens',
            users.api_submit_token,
            Parameter('user', 'for whom'),
            _ROLE,
            Parameter('label', 'what it is for'),
            Parameter('days', 'after how many it ends; 0: never', 'integer'),
            required=('user',),
        )
    ),
    _admin(
        _act(
            'api_revoke_token',
            '/tokens/<token_id>/<action>',
            users.api_submit_token_action,
            ('revoke',),
            needs_reason=NEEDS_REASON['tokens'],
        )
    ),
    _read('api_config', '/config', config.api_config),
    replace(_read('api_health', '/health', health.api_health), status_bad=503),
    Route(
        endpoint='openapi_document',
        rule=f'{ROOT}/openapi.json',
        method='GET',
        role=None,
        view=openapi.openapi_document,
        is_api=True,
    ),
    Route(
        endpoint='openapi_page',
        rule=f'{ROOT}/',
        method='GET',
        role=None,
        view=openapi.openapi_page,
        is_api=False,
    ),
)
