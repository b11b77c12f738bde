"""The part of the table of routes that speaks JSON; its description is made from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.core.request_options import ORDERS
from synergy.core.structs import replace
from synergy.core.users import Role
from synergy.mx.api import (
    audit,
    boxes,
    config,
    documents,
    freeruns,
    graph,
    health,
    heatmap,
    jobs,
    logs,
    openapi,
    overview,
    requests,
    runs,
    search,
    users,
)
from synergy.mx.api.alerts import ALERT_ROUTES
from synergy.mx.api.dead_routes import DEAD_ROUTES, NEEDS_REASON_DEAD
from synergy.mx.api.forecast import FORECAST_ROUTES
from synergy.mx.api.freeze_routes import FREEZE_ROUTES
from synergy.mx.api.journal import JOURNAL_ROUTES
from synergy.mx.api.pasts import with_pasts
from synergy.mx.api.pools import POOL_ROUTES
from synergy.mx.api.process_routes import PROCESS_ROUTES
from synergy.mx.api.route_kinds import ROOT, action, at_once, by_admins, change, listing, reading
from synergy.mx.pages.freerun_runs import RUN_ENTRIES, RUN_STATES
from synergy.mx.pages.users import ACTIONS as USER_ACTIONS
from synergy.mx.pages.users import ROLE_WORDS
from synergy.mx.web.route import Parameter, Route
from synergy.mx.widgets.focus import ZOOMS
from synergy.operations.boxes import ACTIONS as BOX_ACTIONS
from synergy.operations.boxes import SWITCH_ACTIONS
from synergy.operations.freeruns import ACTIONS as FREERUN_ACTIONS
from synergy.operations.requests import KIND_BY_ACTION
from synergy.view import documents as shapes
from synergy.view.box_work import BoxWorkDocument
from synergy.view.group_documents import LetterGroupDocument
from synergy.view.inputs import InputsDocument
from synergy.view.undo import UndoDocument

#: Of a list that is read page by page.
_PAGE: Final = (
    Parameter('limit', 'most items of one answer, 1 to 1000', 'integer'),
    Parameter('cursor', 'next_cursor of the answer before'),
)
_PROCESS: Final = Parameter('process', 'name of a managed process')
_TIMEPERIOD: Final = 'as in 2026112307, 2026-11-23T07, 2026-11, yesterday'
_JOB: Final = '/jobs/<process>/<timeperiod>'
_ROLE: Final = Parameter('role', 'what one may do', choices=ROLE_WORDS)
#: What is not done without a reason, by subject; the pages go by it, too.
NEEDS_REASON: Final[Mapping[str, tuple[str, ...]]] = {
    'requests': ('cancel',),
    'freeruns': ('remove', 'cancel'),
    'boxes': ('drain', 'stop'),
    'dead': NEEDS_REASON_DEAD,
    'users': ('remove',),
    'tokens': ('revoke',),
}
_PASSWORD: Final = Parameter('password', 'at least 10 characters')
_JOB_FIELDS: Final = (
    Parameter('kind', 'what to do to them', choices=requests.JOB_KIND_WORDS),
    _PROCESS,
    Parameter(
        'start',
        f'first timeperiod, {_TIMEPERIOD} (with end of any length); or give intervals, or q',
    ),
    Parameter(
        'intervals', 'these and no others: 2026112200-2026112205,2026112309, both ends included'
    ),
    Parameter('q', 'all of the process that this search finds, see /search'),
    Parameter('end', 'timeperiod after the last one, of any length; without it, start alone'),
    Parameter('only', 'which jobs of the range', choices=requests.ONLY_WORDS),
    Parameter(
        'error',
        'only what failed with this error, or with the one that this is a part of; digits '
        'and ids do not matter',
    ),
    Parameter('with_children', 'reprocess what is nested below, too', 'boolean'),
    Parameter('anyway', 'reprocess what its calendar or catch_up leaves out, too', 'boolean'),
    Parameter('max_running', 'at most so many of its jobs at the same time', 'integer'),
    Parameter('order', 'which of them run first', choices=ORDERS),
    Parameter('arguments', 'JSON, over those of the process, for these runs alone'),
    Parameter('even_if_off', 'run them although a process of them is switched off', 'boolean'),
)
_JOB_FILTERS: Final = (
    _PROCESS,
    Parameter('state', 'its state, or how else it stands', choices=jobs.STATE_WORDS),
    Parameter('start', f'only intervals that start then or later, {_TIMEPERIOD}'),
    Parameter('end', f'only intervals that start before, {_TIMEPERIOD}'),
)
_SEARCH: Final = Parameter(
    'q', 'process:site* state:failed since:3d box:w2, or a process and a timeperiod'
)


_ROUTES: Final[tuple[Route, ...]] = (
    reading('api_status', '/status', overview.api_status, shapes.StatusDocument),
    reading('api_overview', '/overview', overview.api_overview, documents.OverviewDocument),
    listing(
        'api_jobs',
        '/jobs',
        jobs.api_jobs,
        shapes.JobDocument,
        *_JOB_FILTERS,
        Parameter('order', 'which of a process come first; oldest without', choices=jobs.ORDERS),
        *_PAGE,
    ),
    listing(
        'api_job_groups',
        '/jobs/groups',
        jobs.api_job_groups,
        LetterGroupDocument,
        *_JOB_FILTERS,
        *_PAGE,
    ),
    reading('api_job', '/jobs/<process>/<timeperiod>', jobs.api_job, shapes.JobPageDocument),
    reading('api_why', '/jobs/<process>/<timeperiod>/why', jobs.api_why, documents.WhyDocument),
    reading('api_inputs', f'{_JOB}/inputs', jobs.api_inputs, InputsDocument),
    listing('api_log', '/units/<uow_id>/log', runs.api_log, shapes.LineDocument, *_PAGE),
    reading('api_preview', '/preview', requests.api_preview, shapes.PreviewDocument, *_JOB_FIELDS),
    listing(
        'api_requests',
        '/requests',
        requests.api_requests,
        shapes.CommandDocument,
        Parameter('state', 'state of the request', choices=requests.COMMAND_STATE_WORDS),
        Parameter('all', 'everything that was asked for, not only about jobs', 'boolean'),
        *_PAGE,
    ),
    change(
        'api_request_jobs',
        '/requests',
        requests.api_submit_job_action,
        documents.AcceptedDocument,
        *_JOB_FIELDS,
        Parameter('plan_hash', 'of the preview: refused (409) when the set is another one by now'),
        required=('process', 'reason'),
        needs_reason=True,
    ),
    reading(
        'api_request', '/requests/<request_id>', requests.api_request, documents.RequestDocument
    ),
    reading(
        'api_preview_cancel',
        '/requests/<request_id>/undo',
        requests.api_preview_cancel,
        UndoDocument,
    ),
    action(
        'api_control_request',
        '/requests/<request_id>/<action>',
        requests.api_submit_request_action,
        documents.AcceptedDocument,
        tuple(KIND_BY_ACTION),
        needs_reason=NEEDS_REASON['requests'],
    ),
    listing('api_runs', '/runs', runs.api_runs, shapes.DeadDocument, *_PAGE),
    *PROCESS_ROUTES,
    listing(
        'api_freeruns', '/freeruns', freeruns.api_freeruns, documents.FreerunRowDocument, *_PAGE
    ),
    change(
        'api_save_freerun',
        '/freeruns',
        freeruns.api_submit_freerun,
        documents.AcceptedDocument,
        Parameter('name', 'Process::entry'),
        Parameter('trigger', 'every 15 min, at Mon,Tue-07:30, or cron FIELDS; UTC'),
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
    listing(
        'api_freerun_runs',
        '/freeruns/runs',
        freeruns.api_freerun_runs,
        shapes.DeadDocument,
        Parameter('hours', 'how far back, 1 to 720', 'integer'),
        Parameter(
            'state', 'how they stand; may be given again', choices=RUN_STATES, is_repeated=True
        ),
        Parameter('entries', 'of entries that are on, off, or all', choices=RUN_ENTRIES),
        Parameter('q', 'only entries whose name holds this text'),
        *_PAGE,
    ),
    reading(
        'api_why_freerun', '/freeruns/<name>/why', freeruns.api_why_freerun, documents.WhyDocument
    ),
    reading(
        'api_freerun',
        '/freeruns/<name>',
        freeruns.api_freerun,
        documents.FreerunPageDocument,
        Parameter('limit', 'how many of the newest runs, 1 to 1000; 50 unless said', 'integer'),
    ),
    action(
        'api_switch_freerun',
        '/freeruns/<name>/<action>',
        freeruns.api_submit_freerun_action,
        documents.AcceptedDocument,
        FREERUN_ACTIONS,
        Parameter('uow', 'of the action cancel: only this run'),
        needs_reason=NEEDS_REASON['freeruns'],
    ),
    *FREEZE_ROUTES,
    *ALERT_ROUTES,
    listing('api_boxes', '/boxes', boxes.api_boxes, BoxWorkDocument, *_PAGE),
    at_once(
        action(
            'api_change_box',
            '/boxes/<box_id>/<action>',
            boxes.api_submit_box_action,
            shapes.BoxViewDocument,
            BOX_ACTIONS,
            needs_reason=NEEDS_REASON['boxes'],
        )
    ),
    at_once(
        action(
            'api_switch_box_process',
            '/boxes/<box_id>/<process>/<action>',
            boxes.api_submit_box_process_action,
            shapes.BoxProcessDocument,
            SWITCH_ACTIONS,
            needs_reason=NEEDS_REASON['boxes'],
        )
    ),
    *DEAD_ROUTES,
    *POOL_ROUTES,
    *JOURNAL_ROUTES,
    *FORECAST_ROUTES,
    reading(
        'api_heatmap',
        '/heatmaps/<name>',
        heatmap.api_heatmap,
        documents.HeatMapDocument,
        Parameter('z', 'zoom; week and hour where a tree has such intervals', choices=ZOOMS),
        Parameter('at', f'a day or an hour within it, {_TIMEPERIOD}; today without'),
    ),
    reading(
        'api_graph',
        '/graph',
        graph.api_graph,
        documents.GraphDocument,
        Parameter(
            'at', f'an instant, {_TIMEPERIOD}; without, the last interval of each that was due'
        ),
    ),
    replace(
        listing(
            'api_search',
            '/search',
            search.api_search,
            documents.FoundDocument,
            _SEARCH,
            *_PAGE,
        ),
        total=documents.TotalDocument,
    ),
    listing(
        'api_search_groups',
        '/search/groups',
        search.api_search_groups,
        LetterGroupDocument,
        _SEARCH,
        *_PAGE,
    ),
    listing(
        'api_audit',
        '/audit',
        audit.api_audit,
        shapes.CommandDocument,
        Parameter('who', 'part of the name or address of who asked'),
        Parameter('what', 'what was asked for', choices=audit.KIND_WORDS),
        *_PAGE,
    ),
    listing(
        'api_logs',
        '/logs',
        logs.api_logs,
        documents.LogFileDocument,
        *_PAGE,
        role=Role.OPERATOR,
    ),
    reading(
        'api_log_file',
        '/logs/<file>',
        logs.api_log_file,
        documents.LogTailDocument,
        Parameter('q', 'only lines that hold this text'),
        role=Role.OPERATOR,
    ),
    listing(
        'api_users',
        '/users',
        users.api_users,
        documents.UserDocument,
        *_PAGE,
        role=Role.ADMIN,
    ),
    by_admins(
        change(
            'api_add_user',
            '/users',
            users.api_submit_user,
            documents.DoneDocument,
            Parameter('name', 'of the user'),
            _ROLE,
            _PASSWORD,
            required=('name', 'password'),
        )
    ),
    by_admins(
        action(
            'api_change_user',
            '/users/<name>/<action>',
            users.api_submit_user_action,
            documents.DoneDocument,
            USER_ACTIONS,
            _ROLE,
            _PASSWORD,
            needs_reason=NEEDS_REASON['users'],
        )
    ),
    listing(
        'api_tokens',
        '/tokens',
        users.api_tokens,
        documents.TokenDocument,
        *_PAGE,
        role=Role.ADMIN,
    ),
    by_admins(
        change(
            'api_add_token',
            '/tokens',
            users.api_submit_token,
            documents.DoneDocument,
            Parameter('user', 'for whom'),
            _ROLE,
            Parameter('label', 'what it is for'),
            Parameter('days', 'after how many it ends; 0: never', 'integer'),
            required=('user',),
        )
    ),
    by_admins(
        action(
            'api_revoke_token',
            '/tokens/<token_id>/<action>',
            users.api_submit_token_action,
            documents.DoneDocument,
            ('revoke',),
            needs_reason=NEEDS_REASON['tokens'],
        )
    ),
    reading('api_config', '/config', config.api_config, documents.ConfigDocument),
    replace(
        reading('api_health', '/health', health.api_health, documents.HealthDocument),
        status_bad=503,
    ),
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

API_ROUTES: Final = with_pasts(_ROUTES)
