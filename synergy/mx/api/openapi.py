"""The description of the API (OpenAPI 3.1), made from the table of routes, and as a page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from werkzeug.wrappers import Response

import synergy
from synergy.mx.api.schemas import Schemas
from synergy.mx.web.access import FORM_TOKEN_HEADER
from synergy.mx.web.caller import KEY_HEADER
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer, page
from synergy.mx.web.route import Parameter, Route, routes_in

_ARGUMENT: Final = re.compile(r'<(\w+)>')
_PROBLEM_CONTENT: Final = {
    'application/problem+json': {'schema': {'$ref': '#/components/schemas/Problem'}}
}
#: What stands in an address, by its name there.
_PATH_TEXTS: Final = {
    'action': 'what to do',
    'box_id': 'a box, as /boxes lists them',
    'file': 'a log file, as /logs lists them',
    'name': 'the name, as the list gives it',
    'process': 'name of a process',
    'freeze_id': 'id of a freeze, or the beginning of it',
    'request_id': 'id of a request',
    'timeperiod': 'an interval of the process, as in 2026112307, 2026-W48 or yesterday',
    'token_id': 'id of a token',
    'uow_id': 'id of a unit, as a job lists those of its runs',
}
_IF_NONE_MATCH: Final = {
    'name': 'If-None-Match',
    'in': 'header',
    'description': 'the ETag of the answer before',
    'schema': {'type': 'string'},
}
_KEY: Final = {
    'name': KEY_HEADER,
    'in': 'header',
    'required': True,
    'description': 'a text of your own; the same one again asks for the same only once',
    'schema': {'type': 'string', 'minLength': 1, 'maxLength': 200},
}
_FORM_TOKEN: Final = {
    'name': FORM_TOKEN_HEADER,
    'in': 'header',
    'description': 'of a page of the session, where a session asks; not with a token of the API',
    'schema': {'type': 'string'},
}
_PROBLEM: Final = {'$ref': '#/components/responses/Problem'}


def openapi_document(request: RequestContext) -> Response:
    """Return the description."""
    return json_answer(request.http, document(routes_in(request.urls)))


def openapi_page(request: RequestContext) -> Response:
    """Return the description for people."""
    return page(request, 'openapi.html', document=document(routes_in(request.urls)))


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the description of every route of the API."""
    paths: dict[str, Any] = {}
    schemas = Schemas()
    for route in routes:
        if route.is_api:
            path = _ARGUMENT.sub(r'{\1}', route.rule)
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        'openapi': '3.1.0',
        'info': {
            'title': 'Synergy Scheduler',
            'version': synergy.__version__,
            'description': 'Everything that the dashboard shows and does. Errors are problem '
            'documents (RFC 9457) with an advice. Lists are paged by next_cursor. Changes '
            f'need the header {KEY_HEADER}; the same one again asks for the same only once. '
            'What is read has an ETag; with it as If-None-Match, 304 means that nothing changed.',
            'license': {'name': 'BSD 3-Clause', 'identifier': 'BSD-3-Clause'},
        },
        'servers': [{'url': '/'}],
        'paths': paths,
        'components': {
            'securitySchemes': {'token': {'type': 'http', 'scheme': 'bearer'}},
            'schemas': {'Problem': _problem_schema(), **schemas.by_name},
            'responses': {
                'Problem': {
                    'description': 'What happened, to what, and what to do',
                    'content': _PROBLEM_CONTENT,
                }
            },
        },
    }


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    text = (route.view.__doc__ or '').strip()
    success: dict[str, Any] = {
        'description': text,
        'content': _content(route, schemas),
    }
    responses: dict[str, Any] = {'200': success, '4XX': _PROBLEM, '503': _PROBLEM}
    if route.status_bad is not None:
        content = {**success['content'], **_PROBLEM_CONTENT}
        responses[str(route.status_bad)] = {**success, 'content': content}
    parameters = [
        {
            'name': name,
            'in': 'path',
            'required': True,
            'description': _PATH_TEXTS[name],
            'schema': _path_schema(route, name),
        }
        for name in _ARGUMENT.findall(route.rule)
    ]
    parameters += [
        {'name': item.name, 'in': 'query', 'description': item.text, 'schema': _schema(item)}
        for item in route.parameters
    ]
    found: dict[str, Any] = {
        'operationId': route.endpoint,
        'summary': text.splitlines()[0],
        'x-role': None if route.role is None else route.role.value,
    }
    if route.role is not None:
        found['security'] = [{'token': []}, {}]
    if route.method == 'GET':
        parameters.append(_IF_NONE_MATCH)
        responses['304'] = {'description': 'Nothing has changed since the answer with that ETag.'}
    if route.method == 'POST':
        parameters += [_KEY, _FORM_TOKEN]
        found['requestBody'] = {
            'required': bool(route.required),
            'content': {'application/json': {'schema': _body(route)}},
        }
        responses |= _changes(route, success)
    found['parameters'] = parameters
    found['responses'] = responses
    return found


def _changes(route: Route, success: dict[str, Any]) -> dict[str, Any]:
    """Return the answers to a change: done at once, or written down for the Scheduler."""
    if route.status == 200:
        return {'200': {**success, 'description': 'Done.'}}
    headers = {
        'Location': {'description': 'where to follow it', 'schema': {'type': 'string'}},
    }
    written = {'description': 'Written down; the Scheduler does it.', 'headers': headers}
    ended = {'description': 'Asked for before, and ended.', 'headers': headers}
    return {'200': {**success, **ended}, '202': {**success, **written}}


def _content(route: Route, schemas: Schemas) -> dict[str, Any]:
    if route.is_stream:
        return {'text/event-stream': {'schema': {'type': 'string'}}}
    return {'application/json': {'schema': _answer(route, schemas)}}


def _answer(route: Route, schemas: Schemas) -> dict[str, Any]:
    item = {'type': 'object'} if route.answer is None else schemas.of(route.answer)
    if not route.is_list:
        return item
    totals = {}
    if route.total is not None:
        totals = {'totals': {'type': 'array', 'items': schemas.of(route.total)}}
    return {
        'type': 'object',
        'required': ['items', 'next_cursor', *totals],
        'properties': {
            'items': {'type': 'array', 'items': item},
            **totals,
            'unreadable': {
                'type': 'array',
                'description': 'Rows of the store that somebody made illegal and that are missing '
                'here; absent when there are none.',
                'items': {
                    'type': 'object',
                    'required': ['table', 'row', 'problem'],
                    'properties': {
                        name: {'type': 'string'} for name in ('table', 'row', 'problem')
                    },
                },
            },
            'unreadable_count': {
                'type': 'integer',
                'description': 'How many there are; a few of them are named.',
            },
            'next_cursor': {
                'type': ['string', 'null'],
                'description': 'ask again with cursor= this; null: there is no more',
            },
        },
    }


def _path_schema(route: Route, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {'type': 'string', 'minLength': 1}
    if name == 'action' and route.actions:
        found['enum'] = list(route.actions)
    return found


def _body(route: Route) -> dict[str, Any]:
    schema: dict[str, Any] = {
        'type': 'object',
        'additionalProperties': False,
        'properties': {
            item.name: {**_schema(item), 'description': item.text} for item in route.fields
        },
    }
    if route.required:
        schema['required'] = list(route.required)
    return schema


def _schema(item: Parameter) -> dict[str, Any]:
    found: dict[str, Any] = {'type': item.schema}
    if item.choices:
        found['enum'] = list(item.choices)
    return {'type': 'array', 'items': found} if item.is_repeated else found


def _problem_schema() -> dict[str, Any]:
    return {
        'type': 'object',
        'required': ['title', 'status', 'detail', 'advice'],
        'properties': {
            'type': {'type': 'string'},
            'title': {'type': 'string'},
            'status': {'type': 'integer'},
            'detail': {'type': 'string'},
            'instance': {'type': 'string'},
            'advice': {'type': 'string', 'description': 'what to do next'},
        },
    }
