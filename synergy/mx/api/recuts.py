"""The recut of a process as JSON: what it would do, and asking for it."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.api.answers import accepted, need_key
from synergy.mx.pages.recuts import command_of, tree_commands_of
from synergy.mx.web.caller import caller_of
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.operations import recut as operations
from synergy.operations import recut_tree
from synergy.view.encode import encode_command
from synergy.view.recut import encode_recut, encode_tree_recut


def api_preview_recut(request: RequestContext, name: str) -> Response:
    """Tell what a recut would do: what is archived, what begins, and what runs again."""
    found = operations.preview(caller_of(request), command_of(request, name))
    return json_answer(request.http, masked(encode_recut(found)))


def api_recut(request: RequestContext, name: str) -> Response:
    """Let a process whose level, time zone or week start has changed begin by its definition."""
    need_key(request)
    caller = caller_of(request)
    command = command_of(request, name)
    asked = operations.recut(caller, command, lambda item: operations.preview(caller, item))
    return accepted(request, asked)


def api_preview_tree_recut(request: RequestContext, name: str) -> Response:
    """Tell what recuts of all processes of a tree that need one would do, together."""
    commands = tree_commands_of(request, name)
    found = recut_tree.preview_tree(caller_of(request), name, commands)
    return json_answer(request.http, masked(encode_tree_recut(found)))


def api_recut_tree(request: RequestContext, name: str) -> Response:
    """Let all processes of a tree that are left out begin by their definitions: a request each."""
    need_key(request)
    commands = tree_commands_of(request, name)
    asked = recut_tree.recut_tree(caller_of(request), name, commands)
    body = {'requests': [masked(encode_command(command)) for command in asked]}
    return json_answer(request.http, body, 202)
