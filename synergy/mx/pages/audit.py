"""Who asked for what, newest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from werkzeug.wrappers import Response

from synergy.core.commands import Command, CommandKind, CommandState
from synergy.mx.pages.requests import MARKS
from synergy.mx.web.paging import LOOKED_AT_MAX, commands_page, older
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.web.sentences import KIND_NAMES


def audit(request: RequestContext) -> Response:
    """List who asked for what, newest first."""
    who, what = request.optional('who'), request.optional('what')
    kinds = tuple(kind.value for kind in CommandKind)
    known = None if what is None else [CommandKind(request.choice('what', kinds, what))]
    rows, cursor = audited(request, who, known)
    return page(
        request,
        'audit.html',
        rows=rows,
        marks=MARKS,
        who=who,
        what=what,
        kinds=KIND_NAMES,
        older=older(request, cursor),
        looked_at=LOOKED_AT_MAX,
    )


def audited(
    request: RequestContext, who: str | None, kinds: Collection[CommandKind] | None
) -> tuple[Sequence[Command], str | None]:
    """Return the page of the audit that is asked for, and the cursor of the next.

    who: part of the name or address of who asked.
    """
    if who is None:
        return commands_page(request, tuple(CommandState), kinds)
    part = who.lower()
    return commands_page(
        request, tuple(CommandState), kinds, lambda item: part in item.actor.lower()
    )
