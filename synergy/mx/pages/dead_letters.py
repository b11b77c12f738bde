"""Dead letters: units without an attempt left; try them again, or take them off the list."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from synergy.core.commands import Command
from synergy.core.dead_letters import LetterAction
from synergy.core.freerun_record import is_freerun
from synergy.core.letter_groups import is_said
from synergy.core.records import Unit
from synergy.mx.pages.confirm import Step, confirm, go_on
from synergy.mx.pages.letter_groups import groups_of
from synergy.mx.web.caller import caller_of
from synergy.mx.web.errors import wrong
from synergy.mx.web.paging import dead_page, older
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page, see
from synergy.operations.dead_letters import ACTIONS, check_retry, known_letter, settle_letter
from synergy.view.letter_groups import GroupView
from synergy.view.letters import LETTER_CONDITIONS, LetterFilter


def dead_letters(request: RequestContext) -> Response:
    """List them, newest first."""
    where = letter_filter(request)
    letters, cursor = dead_page(request, where)
    groups = _groups(request, where)
    return page(
        request,
        'dead_letters.html',
        letters=letters,
        where=where,
        conditions=LETTER_CONDITIONS,
        older=older(request, cursor),
        groups=groups,
        group_count=sum(view.group.count for view in groups),
    )


def _groups(request: RequestContext, where: LetterFilter) -> Sequence[GroupView]:
    """Return the groups that are shown above the first page of letters, if they are meant."""
    if where.interval is not None or request.optional('cursor') is not None:
        return []
    return [
        view
        for view in groups_of(request)
        if where.process in (None, view.group.process)
        and is_said(where.text or '', view.group.error)
    ]


def letter_filter(request: RequestContext) -> LetterFilter:
    """Return which letters are asked for."""
    interval = request.optional('interval')
    if interval is not None:
        interval = request.choice('interval', tuple(LETTER_CONDITIONS), interval)
    return LetterFilter(
        process=request.optional('process'), interval=interval, text=request.optional('text')
    )


def confirm_dead_letter_action(request: RequestContext, uow_id: str, action: str) -> Response:
    """Say what retrying or dropping a dead letter would do; a retried job has a whole cascade."""
    unit = known_letter(request.store, uow_id)
    if action not in ACTIONS:
        raise wrong(f'{action!r:.40} cannot be done to a dead letter', 'retry or drop it')
    if action == 'retry':
        check_retry(caller_of(request), unit)
    if action == 'retry' and not is_freerun(unit.process):
        return redirect(retry_address(unit), 302)
    says = ['It starts once more, now.', 'The dead letter goes off the list.']
    if action == 'drop':
        says = ['It goes off this list; nothing runs again. The run and its log stay.']
    step = Step(
        title=f'{action.capitalize()} the dead letter {unit.key}',
        button=action.capitalize(),
        says=says,
        back='/dead',
        back_text='dead letters',
    )
    return confirm(request, step)


def retry_address(unit: Unit) -> str:
    """Return the preview of everything that runs again when the job of a dead letter does."""
    place = urlencode({'process': unit.process, 'first': str(unit.timeperiod), 'dead': unit.id})
    return f'/change/reprocess?{place}'


def submit_dead_letter_action(request: RequestContext, uow_id: str, action: str) -> Response:
    """Retry a free run or drop a dead letter; the retry of a job is shown first."""
    unit = known_letter(request.store, uow_id)
    if action == 'retry' and not is_freerun(unit.process):
        check_retry(caller_of(request), unit)
        return see(retry_address(unit))
    command = settle(request, uow_id, action)
    return go_on(request, request.url('dead_letters'), command)


def settle(request: RequestContext, uow_id: str, action: str) -> Command:
    """Ask for what `action` says; return the command that does the work."""
    if action not in ACTIONS:
        raise wrong(f'{action!r:.40} cannot be done to a dead letter', 'retry or drop it')
    return settle_letter(caller_of(request), uow_id, LetterAction(action))
