"""The part of the table of routes that speaks JSON; its description is made from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

from werkzeug.wrappers import Response

from synergy.core.users import Role
from synergy.mx.api import documents, looking, openapi, views
from synergy.mx.api.boxes import ACTIONS as BOX_ACTIONS
from synergy.mx.pages import accounts
from synergy.mx.pages.boxes import GRAVE_ACTIONS as GRAVE_BOX_ACTIONS
from synergy.mx.pages.boxes import SWITCH_ACTIONS
from synergy.mx.pages.dead_letters import ACTIONS as DEAD_ACTIONS
from synergy.mx.pages.dead_letters import GRAVE_ACTIONS as GRAVE_DEAD_ACTIONS
from synergy.mx.pages.freeruns import ACTIONS as FREERUN_ACTIONS
from synergy.mx.pages.freeruns import GRAVE_ACTIONS as GRAVE_FREERUN_ACTIONS
from synergy.mx.pages.freeruns import RUN_ENTRIES, RUN_STATES
from synergy.mx.pages.heatmap import ZOOMS
from synergy.mx.pages.processes import ACTIONS as PROCESS_ACTIONS
from synergy.mx.pages.requests import ACTIONS as REQUEST_ACTIONS
from synergy.mx.pages.requests import GRAVE_ACTIONS as GRAVE_REQUEST_ACTIONS
from synergy.mx.web.route import Parameter, Route
from synergy.view import documents as shapes

View: TypeAlias = Callable[..., Response]

ROOT: Final = '/api/v1'
_LIMIT: Final = Parameter('limit', 'most items of one answer, 1 to 1000', 'integer')
_CURSOR: Final = Parameter('cursor', 'next_cursor of the answer before')
_REASON: Final = Parameter('reason', 'why, for the audit')
_PROCESS: Final = Parameter('process', 'name of a managed process')
_ROLE: Final = Parameter('role', 'what one may do', choices=accounts.ROLE_WORDS)
_PASSWORD: Final = Parameter('password', 'at least 10 characters')
_JOB_FIELDS: Final = (
    Parameter('kind', 'what to do to them', choices=views.JOB_KIND_WORDS),
    _PROCESS,
    Parameter('start', 'first timeperiod, YYYYMMDDHH'),
    Parameter('end', 'timeperiod after the last one; without it, start alone'),
    Parameter('only', 'which jobs of the range', choices=views.ONLY_WORDS),
    Parameter('with_children', 'reprocess what is nested below, too', 'boolean'),
)

#: Shapes of the answers: of lists, of one item.
_ANSWERS: Final[Mapping[View, type[Any]]] = {
    views.api_status: shapes.StatusDocument,
    looking.api_overview: documents.OverviewDocument,
    views.api_jobs: shapes.JobDocument,
    views.api_job: shapes.JobPageDocument,
    views.api_why: documents.WhyDocument,
    views.api_log: shapes.LineDocument,
    views.api_preview: shapes.PreviewDocument,
    views.api_requests: shapes.CommandDocument,
    views.api_request_jobs: documents.AcceptedDocument,
    views.api_request: documents.RequestDocument,
    views.api_control_request: documents.AcceptedDocument,
    views.api_runs: shapes.DeadDocument,
    views.api_processes: shapes.ProcessDocument,
    views.api_switch_process: documents.AcceptedDocument,
    views.api_freeruns: documents.FreerunRowDocument,
    views.api_freerun_runs: shapes.DeadDocument,
    views.api_save_freerun: documents.AcceptedDocument,
    views.api_freerun: documents.FreerunPageDocument,
    views.api_switch_freerun: documents.AcceptedDocument,
    views.api_boxes: shapes.BoxViewDocument,
    views.api_change_box: shapes.BoxViewDocument,
    views.api_switch_box_process: shapes.BoxProcessDocument,
    views.api_dead: shapes.DeadDocument,
    views.api_settle_dead: documents.AcceptedDocument,
    looking.api_heatmap: documents.HeatMapDocument,
    looking.api_durations: documents.DurationsDocument,
    looking.api_graph: documents.GraphDocument,
    looking.api_search: documents.FoundDocument,
    looking.api_audit: shapes.CommandDocument,
    looking.api_logs: documents.LogFileDocument,
    looking.api_log_file: documents.LogTailDocument,
    accounts.api_users: documents.UserDocument,
    accounts.api_add_user: documents.DoneDocument,
    accounts.api_change_user: documents.DoneDocument,
    accounts.api_tokens: documents.TokenDocument,
    accounts.api_add_token: documents.DoneDocument,
    accounts.api_revoke_token: documents.DoneDocument,
    looking.api_config: documents.ConfigDocument,
    looking.api_health: documents.HealthDocument,
}


def _read(rule: str, view: View, *parameters: Parameter, role: Role = Role.VIEWER) -> Route:
    return Route(
        rule=ROOT + rule,
        method='GET',
        role=role,
        view=view,
        is_api=True,
        parameters=parameters,
        answer=_ANSWERS[view],
    )


def _list(rule: str, view: View, *parameters: Parameter, role: Role = Role.VIEWER) -> Route:
    return replace(_read(rule, view, *parameters, role=role), is_list=True)


def _request(rule: str, view: View, *fields: Parameter, required: tuple[str, ...] = ()) -> Route:
    return Route(
        rule=ROOT + rule,
        method='POST',
        role=Role.OPERATOR,
        view=view,
        is_api=True,
        fields=(*fields, _REASON),
        required=required,
        status=202,
        answer=_ANSWERS[view],
    )


def _act(
    rule: str,
    view: View,
    actions: Iterable[str],
    *fields: Parameter,
    grave: tuple[str, ...] = (),
) -> Route:
    found = replace(_request(rule, view, *fields), actions=tuple(actions))
    grave = tuple(action for action in found.actions if action in grave)
    if not grave:
        return found
    reason = replace(_REASON, text=f'{_REASON.text}; to {" or ".join(grave)}: required')
    return replace(found, grave=grave, fields=(*fields, reason))


def _at_once(route: Route) -> Route:
    """Return a change that is done when it is answered."""
    return replace(route, status=200)


def _admin(route: Route) -> Route:
    return _at_once(replace(route, role=Role.ADMIN))


API_ROUTES: Final[tuple[Route, ...]] = (
    _read('/status', views.api_status),
    _read('/overview', looking.api_overview),
    _list(
        '/jobs',
        views.api_jobs,
        _PROCESS,
        Parameter('state', 'its state, or how else it stands', choices=views.STATE_WORDS),
        Parameter('start', 'only intervals that start then or later: YYYY to YYYYMMDDHH'),
        Parameter('end', 'only intervals that start before: YYYY to YYYYMMDDHH'),
        _LIMIT,
        _CURSOR,
    ),
    _read('/jobs/<process>/<timeperiod>', views.api_job),
    _read('/jobs/<process>/<timeperiod>/why', views.api_why),
    _list('/units/<uow_id>/log', views.api_log, _LIMIT, _CURSOR),
    _read('/preview', views.api_preview, *_JOB_FIELDS),
    _list(
        '/requests',
        views.api_requests,
        Parameter('state', 'state of the request', choices=views.COMMAND_STATE_WORDS),
        Parameter('all', 'everything that was asked for, not only about jobs', 'boolean'),
        _LIMIT,
        _CURSOR,
    ),
    _request(
        '/requests',
        views.api_request_jobs,
        *_JOB_FIELDS,
        Parameter('plan_hash', 'of the preview: refused (409) when the set is another one by now'),
        required=('process', 'start', 'reason'),
    ),
    _read('/requests/<request_id>', views.api_request),
    _act(
        '/requests/<request_id>/<action>',
        views.api_control_request,
        REQUEST_ACTIONS,
        grave=GRAVE_REQUEST_ACTIONS,
    ),
    _list('/runs', views.api_runs, _LIMIT, _CURSOR),
    _list('/processes', views.api_processes),
    _act(
        '/processes/<name>/<action>',
        views.api_switch_process,
        PROCESS_ACTIONS,
        Parameter(
            'trigger', 'of the action trigger: every SECONDS, at HH:MM, cron FIELDS, or default'
        ),
    ),
    _read(
        '/processes/<name>/durations',
        looking.api_durations,
        Parameter('around', 'a timeperiod of the process, YYYYMMDDHH'),
    ),
    _list('/freeruns', views.api_freeruns, _LIMIT, _CURSOR),
    _request(
        '/freeruns',
        views.api_save_freerun,
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
        '/freeruns/runs',
        views.api_freerun_runs,
        Parameter('hours', 'how far back, 1 to 720', 'integer'),
        Parameter(
            'state', 'how they stand; may be given again', choices=RUN_STATES, is_repeated=True
        ),
        Parameter('entries', 'of entries that are on, off, or all', choices=RUN_ENTRIES),
        Parameter('q', 'only entries whose name holds this text'),
        _LIMIT,
        _CURSOR,
    ),
    _read('/freeruns/<name>', views.api_freerun),
    _act(
        '/freeruns/<name>/<action>',
        views.api_switch_freerun,
        FREERUN_ACTIONS,
        Parameter('uow', 'of the action cancel: only this run'),
        grave=GRAVE_FREERUN_ACTIONS,
    ),
    _list('/boxes', views.api_boxes, _LIMIT, _CURSOR),
    _at_once(
        _act('/boxes/<box_id>/<action>', views.api_change_box, BOX_ACTIONS, grave=GRAVE_BOX_ACTIONS)
    ),
    _at_once(
        _act(
            '/boxes/<box_id>/<process>/<action>',
            views.api_switch_box_process,
            SWITCH_ACTIONS,
            grave=GRAVE_BOX_ACTIONS,
        )
    ),
    _list('/dead', views.api_dead, _LIMIT, _CURSOR),
    _act('/dead/<uow_id>/<action>', views.api_settle_dead, DEAD_ACTIONS, grave=GRAVE_DEAD_ACTIONS),
    _read(
        '/heatmaps/<name>',
        looking.api_heatmap,
        Parameter('z', 'zoom', choices=ZOOMS),
        Parameter('at', 'a day within it, YYYYMMDD'),
    ),
    _read('/graph', looking.api_graph, Parameter('at', 'an instant, YYYYMMDDHH')),
    _list(
        '/search',
        looking.api_search,
        Parameter('q', 'process:site* state:failed since:3d box:w2, or a process and a timeperiod'),
        _LIMIT,
        _CURSOR,
    ),
    _list(
        '/audit',
        looking.api_audit,
        Parameter('who', 'part of the name or address of who asked'),
        Parameter('what', 'what was asked for', choices=looking.KIND_WORDS),
        _LIMIT,
        _CURSOR,
    ),
    _list('/logs', looking.api_logs, role=Role.OPERATOR),
    _read(
        '/logs/<file>',
        looking.api_log_file,
        Parameter('q', 'only lines that hold this text'),
        role=Role.OPERATOR,
    ),
    _list('/users', accounts.api_users, _LIMIT, _CURSOR, role=Role.ADMIN),
    _admin(
        _request(
            '/users',
            accounts.api_add_user,
            Parameter('name', 'of the user'),
            _ROLE,
            _PASSWORD,
            required=('name', 'password'),
        )
    ),
    _admin(
        _act(
            '/users/<name>/<action>',
            accounts.api_change_user,
            accounts.ACTIONS,
            _ROLE,
            _PASSWORD,
            grave=accounts.GRAVE_ACTIONS,
        )
    ),
    _list('/tokens', accounts.api_tokens, _LIMIT, _CURSOR, role=Role.ADMIN),
    _admin(
        _request(
            '/tokens',
            accounts.api_add_token,
            Parameter('user', 'for whom'),
            _ROLE,
            Parameter('label', 'what it is for'),
            Parameter('days', 'after how many it ends; 0: never', 'integer'),
            required=('user',),
        )
    ),
    _admin(
        _act(
            '/tokens/<token_id>/<action>',
            accounts.api_revoke_token,
            ('revoke',),
            grave=accounts.GRAVE_ACTIONS,
        )
    ),
    _read('/config', looking.api_config),
    replace(_read('/health', looking.api_health), status_bad=503),
    Route(
        rule=f'{ROOT}/openapi.json',
        method='GET',
        role=None,
        view=openapi.openapi_document,
        is_api=True,
    ),
    Route(rule=f'{ROOT}/', method='GET', role=None, view=openapi.openapi_page, is_api=False),
)
