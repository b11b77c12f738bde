"""Requests as JSON: reprocess, skip and cancel with their preview; pause, resume, cancel."""

from __future__ import annotations

from functools import partial
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.chosen import read_intervals
from synergy.core.commands import (
    JOB_KINDS,
    Command,
    CommandKind,
    CommandState,
    Only,
)
from synergy.core.letter_groups import ERROR
from synergy.core.structs import replace
from synergy.mx.api.answers import accepted, listed, need_key
from synergy.mx.pages.job_actions import command_about_range, estimate_of, preview_of
from synergy.mx.pages.requests import request_row, undo_of
from synergy.mx.pages.search_totals import found_command
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import unknown, wrong
from synergy.mx.web.paging import commands_page
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.request_options import options_given
from synergy.mx.web.responses import json_answer
from synergy.operations.jobs import change_jobs, chosen_command
from synergy.operations.request_options import with_options
from synergy.operations.requests import KIND_BY_ACTION, control_request, known_request
from synergy.view.encode import (
    encode_command,
    encode_progress,
)
from synergy.view.preview_encode import encode_preview
from synergy.view.undo import encode_undo

JOB_KIND_WORDS: Final = tuple(kind.value for kind in CommandKind if kind in JOB_KINDS)
ONLY_WORDS: Final = tuple(item.value for item in Only)
COMMAND_STATE_WORDS: Final = tuple(state.value for state in CommandState)


def api_preview(request: RequestContext) -> Response:
    """Show what a request would touch, in which order, with the hash of that set."""
    command = _wanted_command(request)
    shown = preview_of(request, command)
    return json_answer(request.http, encode_preview(shown, estimate_of(request, shown)))


def api_submit_job_action(request: RequestContext) -> Response:
    """Ask for a reprocess, skip or cancel; follow it at the address that is returned."""
    need_key(request)
    command = _wanted_command(request)
    previewed = partial(preview_of, request)
    return accepted(request, change_jobs(caller_of(request), command, previewed))


def api_requests(request: RequestContext) -> Response:
    """List what was asked for, newest first; with all=true the whole audit."""
    word = request.optional('state')
    states = tuple(CommandState)
    if word is not None:
        states = (CommandState(request.choice('state', COMMAND_STATE_WORDS, word)),)
    kinds = None if request.switch('all') else JOB_KINDS
    found, cursor = commands_page(request, states, kinds)
    return listed(request, [masked(encode_command(item)) for item in found], cursor)


def api_request(request: RequestContext, request_id: str) -> Response:
    """Return one request with its progress."""
    command = known_request(request.store, request_id)
    row = request_row(request, command)
    return json_answer(
        request.http,
        {
            **masked(encode_command(command)),
            **encode_progress(request.store.request_progress(command.id), row.progress, row.rest),
            'done_count': row.done,
            'left_count': row.left,
        },
    )


def api_preview_cancel(request: RequestContext, request_id: str) -> Response:
    """Show what cancelling a request would put back, and what it would let run."""
    found = undo_of(request, request_id)
    return json_answer(request.http, encode_undo(found, request.model.hierarchy))


def api_submit_request_action(request: RequestContext, request_id: str, action: str) -> Response:
    """Pause, resume or cancel a request."""
    need_key(request)
    if action not in KIND_BY_ACTION:
        raise unknown(f'{action!r:.40} cannot be done to a request', 'pause, resume or cancel')
    return accepted(request, control_request(caller_of(request), request_id, action))


def _wanted_command(request: RequestContext) -> Command:
    return with_options(caller_of(request), _about(request), options_given(request))


def _about(request: RequestContext) -> Command:
    kind = CommandKind(request.choice('kind', JOB_KIND_WORDS, 'reprocess'))
    node = request.node(request.text('process'))
    if (spelled := request.optional('intervals')) is not None:
        _alone(request, 'intervals')
        try:
            runs = read_intervals(spelled, node.process.qualifier)
        except ValueError as error:
            raise wrong(
                f'intervals cannot be read: {error}', 'as in 2026112200-2026112205'
            ) from error
        return _hashed(request, chosen_command(caller_of(request), kind, node, runs))
    if (text := request.optional('q')) is not None:
        _alone(request, 'q', 'error')
        said = request.given(ERROR)
        return _hashed(request, found_command(request, kind, node.process.name, text, said))
    text = request.optional('end')
    start = request.timeperiod(node, request.text('start'), is_range=text is not None)
    end = start.shift(1) if text is None else request.end(node, text)
    return command_about_range(
        request,
        kind,
        node.process.name,
        (start, end),
        only=_only(request),
        with_children=request.switch('with_children'),
        is_anyway=request.switch('anyway'),
    )


def _only(request: RequestContext) -> Only:
    """Return which jobs of a range are meant: an error is one of failed ones."""
    is_of_error = request.given(ERROR) is not None
    unless_said = Only.FAILED if is_of_error else Only.ALL
    only = Only(request.choice('only', ONLY_WORDS, unless_said.value))
    if is_of_error and only is not Only.FAILED:
        raise wrong(
            f'error and only={only.value} are given', 'an error means failed jobs: leave only out'
        )
    return only


def _alone(request: RequestContext, *names: str) -> None:
    """Refuse what would say in another way which intervals are meant. names: what may be given."""
    name = names[0]
    for other in ('intervals', 'q', 'start', 'end', 'only', 'with_children', 'anyway', ERROR):
        if other not in names and request.given(other):
            raise wrong(f'{name} and {other} are given', f'leave one out: {name} says which')


def _hashed(request: RequestContext, command: Command) -> Command:
    return replace(command, plan_hash=request.optional('plan_hash'))
