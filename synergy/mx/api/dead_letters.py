"""Dead letters as JSON: each, or by what is wrong; retry or drop one, or all of a kind."""

from __future__ import annotations

from werkzeug.wrappers import Response

from synergy.mx.api.answers import accepted, groups_listed, listed, need_key
from synergy.mx.pages import letter_groups
from synergy.mx.pages.dead_letters import letter_filter, settle
from synergy.mx.pages.job_actions import estimate_of
from synergy.mx.web.paging import dead_page
from synergy.mx.web.redact import masked
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import json_answer
from synergy.view.group_encode import encode_group
from synergy.view.letters import encode_letter
from synergy.view.preview_encode import encode_preview


def api_dead(request: RequestContext) -> Response:
    """List dead letters, newest first, with how their intervals stand now."""
    letters, cursor = dead_page(request, letter_filter(request))
    return listed(request, [masked(encode_letter(letter)) for letter in letters], cursor)


def api_submit_dead_letter_action(request: RequestContext, uow_id: str, action: str) -> Response:
    """Retry a dead letter, or drop it."""
    need_key(request)
    return accepted(request, settle(request, uow_id, action))


def api_dead_groups(request: RequestContext) -> Response:
    """List dead letters by process and kind of error, the largest groups first."""
    return groups_listed(request, letter_groups.groups_of(request))


def api_plan_group(request: RequestContext, action: str) -> Response:
    """Show what retrying or dropping all dead letters of a kind would do."""
    plan = letter_groups.plan_of(request, action)
    shown = plan.preview
    answer = {
        'group': masked(encode_group(plan.view)),
        'action': action,
        'says': list(plan.says),
        'preview': None if shown is None else encode_preview(shown, estimate_of(request, shown)),
    }
    return json_answer(request.http, answer)


def api_settle_group(request: RequestContext, action: str) -> Response:
    """Retry or drop all dead letters of a process and a kind of error, as one request."""
    need_key(request)
    return accepted(request, letter_groups.settle(request, letter_groups.plan_of(request, action)))
