"""The part of the table of routes that speaks JSON; its description is made from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.users import Role
from synergy.mx import api, openapi
from synergy.mx.heatmap import ZOOMS
from synergy.mx.route import Parameter, Route

ROOT: Final = '/api/v1'
_LIMIT: Final = Parameter('limit', 'most items of one answer, 1 to 1000', 'integer')
_CURSOR: Final = Parameter('cursor', 'next_cursor of the answer before')
_REASON: Final = Parameter('reason', 'why, for the audit')
_PROCESS: Final = Parameter('process', 'name of a managed process')
_JOB_FIELDS: Final = (
    Parameter('kind', 'what to do to them', choices=api.JOB_KIND_WORDS),
    _PROCESS,
    Parameter('start', 'first timeperiod, YYYYMMDDHH'),
    Parameter('end', 'timeperiod after the last one; without it, start alone'),
    Parameter('only', 'which jobs of the range', choices=api.ONLY_WORDS),
    Parameter('with_children', 'reprocess what is nested below, too', 'boolean'),
)


def _read(rule: str, view: Callable[..., Response], *parameters: Parameter) -> Route:
    return Route(
        rule=ROOT + rule,
        method='GET',
        role=Role.VIEWER,
        view=view,
        is_api=True,
        parameters=parameters,
    )


def _ask(
    rule: str, view: Callable[..., Response], *fields: Parameter, required: tuple[str, ...] = ()
) -> Route:
    return Route(
        rule=ROOT + rule,
        method='POST',
        role=Role.OPERATOR,
        view=view,
        is_api=True,
        fields=(*fields, _REASON),
        required=required,
        status=202,
    )


API_ROUTES: Final[tuple[Route, ...]] = (
    _read('/status', api.api_status),
    _read('/overview', api.api_overview),
    _read(
        '/jobs',
        api.api_jobs,
        _PROCESS,
        Parameter('state', 'state of the job', choices=api.STATE_WORDS),
        Parameter('start', 'no earlier timeperiod'),
        Parameter('end', 'only earlier timeperiods'),
        _LIMIT,
        _CURSOR,
    ),
    _read('/jobs/<process>/<timeperiod>', api.api_job),
    _read('/jobs/<process>/<timeperiod>/why', api.api_why),
    _read('/units/<uow_id>/log', api.api_log, _LIMIT, _CURSOR),
    _read('/preview', api.api_preview, *_JOB_FIELDS),
    _read(
        '/requests',
        api.api_requests,
        Parameter('state', 'state of the request', choices=api.COMMAND_STATE_WORDS),
        Parameter('all', 'any text: everything that was asked for, not only about jobs'),
        _LIMIT,
        _CURSOR,
    ),
    _ask(
        '/requests',
        api.api_request_jobs,
        *_JOB_FIELDS,
        Parameter('plan_hash', 'of the preview: refused (409) when the set is another one by now'),
        required=('process', 'start'),
    ),
    _read('/requests/<request_id>', api.api_request),
    _ask('/requests/<request_id>/<action>', api.api_control_request),
    _read('/runs', api.api_runs, _LIMIT),
    _read('/processes', api.api_processes),
    _ask(
        '/processes/<name>/<action>',
        api.api_switch_process,
        Parameter('trigger', 'of the action trigger: every SECONDS, at HH:MM, or cron FIELDS'),
    ),
    _read('/freeruns', api.api_freeruns),
    _ask(
        '/freeruns',
        api.api_save_freerun,
        Parameter('name', 'Process::entry'),
        Parameter('trigger', 'every SECONDS, at HH:MM, or cron FIELDS'),
        Parameter('is_on', 'whether it fires', 'boolean'),
        Parameter('overlap', 'while one is under way', choices=('skip', 'queue', 'allow')),
        Parameter('misfire', 'of missed fires', choices=('once', 'all', 'skip')),
        Parameter('misfire_max', 'most missed fires to make up', 'integer'),
        Parameter('arguments', 'for the worker', 'object'),
        Parameter('description', 'for people'),
        required=('name',),
    ),
    _read('/freeruns/<name>', api.api_freerun),
    _ask('/freeruns/<name>/<action>', api.api_switch_freerun),
    _read('/boxes', api.api_boxes),
    _ask('/boxes/<box_id>/<process>/<action>', api.api_switch_box_process),
    _read('/dead', api.api_dead, _LIMIT),
    _ask('/dead/<uow_id>/<action>', api.api_settle_dead),
    _read(
        '/heatmaps/<name>',
        api.api_heatmap,
        Parameter('z', 'zoom', choices=ZOOMS),
        Parameter('at', 'a day within it, YYYYMMDD'),
    ),
    _read('/config', api.api_config),
    _read('/health', api.api_health),
    Route(
        rule=f'{ROOT}/openapi.json',
        method='GET',
        role=None,
        view=openapi.openapi_document,
        is_api=True,
    ),
    Route(rule=f'{ROOT}/', method='GET', role=None, view=openapi.openapi_page, is_api=False),
)
