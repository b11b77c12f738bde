"""Dead letters by what is wrong: the groups, and doing something about a whole one."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from synergy.core.commands import Command
from synergy.core.dead_letters import LetterAction
from synergy.core.letter_groups import ERROR, LetterGroup
from synergy.mx.pages.confirm import Step, confirm, go_on
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import wrong
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import see
from synergy.operations import letter_groups as operations
from synergy.operations.dead_letters import ACTIONS
from synergy.operations.letter_groups import SettlePlan
from synergy.view.letter_groups import GroupView, letter_groups


def groups_of(request: RequestContext) -> Sequence[GroupView]:
    """Return the groups of dead letters that still matter, the largest first."""
    request.look()
    with request.model.lock:
        return letter_groups(request.model.timetable, request.store)


def group_address(group: LetterGroup, action: str) -> str:
    """Return where a group is settled: of jobs, the preview of everything that runs again."""
    if action == LetterAction.RETRY.value and not group.is_freerun:
        place = {
            'process': group.process,
            'first': str(group.first),
            'last': str(group.last),
            'only': 'failed',
            ERROR: group.kind.error,
        }
        return f'/change/reprocess?{urlencode(place)}'
    return f'/dead/groups/{action}?{urlencode(_place(group))}'


def confirm_group_action(request: RequestContext, action: str) -> Response:
    """Say what retrying or dropping a group would do."""
    plan = plan_of(request, action)
    group = plan.view.group
    if plan.preview is not None:
        return redirect(group_address(group, action), 302)
    step = Step(
        title=f'{action.capitalize()} {group.count:,} dead letters of {group.process}',
        button=action.capitalize(),
        says=[*plan.says, f'Their error: {group.error:.300}'],
        back='/dead',
        back_text='dead letters',
        hidden=list(_place(group).items()),
    )
    return confirm(request, step)


def submit_group_action(request: RequestContext, action: str) -> Response:
    """Settle a group; the retry of jobs is shown first."""
    plan = plan_of(request, action)
    if plan.preview is not None:
        return see(group_address(plan.view.group, action))
    return go_on(request, request.url('dead_letters'), settle(request, plan))


def plan_of(request: RequestContext, action: str) -> SettlePlan:
    """Return what `action` on the group that a request names comes to."""
    if action not in ACTIONS:
        raise wrong(f'{action!r:.40} cannot be done to dead letters', 'retry or drop them')
    caller = caller_of(request)
    request.look()
    with request.model.lock:
        timetable = request.model.timetable
        try:
            view = operations.known_group(
                caller, timetable, request.text('process'), request.text(ERROR, '')
            )
            return operations.plan_group(caller, timetable, view, LetterAction(action))
        finally:
            timetable.rollback()


def settle(request: RequestContext, plan: SettlePlan) -> Command:
    """Ask for what was planned."""
    return operations.settle_group(caller_of(request), plan)


def _place(group: LetterGroup) -> dict[str, str]:
    return {'process': group.process, ERROR: group.kind.error}
