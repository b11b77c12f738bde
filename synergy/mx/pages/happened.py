"""What happened: the journal as a story, of a process or of all, from an instant on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import JOB_KINDS, CommandId
from synergy.core.hierarchy import Hierarchy
from synergy.core.journal import Line
from synergy.core.redaction import redacted_text
from synergy.core.timeperiod import JobKey
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.responses import page
from synergy.mx.web.sentences import sentence
from synergy.operations import journal
from synergy.operations.journal import INSTANT, JournalWanted
from synergy.ports.store import CommandReader
from synergy.view.journal import Wanted, newest_lines
from synergy.view.lateness import late_now
from synergy.view.story import Asked, LateAt, ids_of, in_order, still_late, story

#: Told without a beginning: since so long.
_LENGTH: Final = timedelta(hours=24)
#: Lines of one story, the newest; and commands that it names by what they ask.
_LINES_MAX: Final = 20_000
_COMMANDS_MAX: Final = 200
_PARAGRAPHS_MAX: Final = 200
#: Characters of who has asked, and why; what was asked for follows.
_WHO_MAX: Final = 160


def happened(request: RequestContext) -> Response:
    """Tell what happened, in sentences, the newest first."""
    process = request.optional('process')
    since, until = request.optional('from'), request.optional('until')
    names = [*request.context.managed, *(item.name for item in request.store.freeruns())]
    asked = JournalWanted(process=process, since=since, until=until)
    wanted = journal.wanted_of(request.store, names, asked, request.now)
    if wanted.since is None:
        end = wanted.until or request.now
        wanted = Wanted(process=wanted.process, since=end - _LENGTH, until=wanted.until)
    found = newest_lines(request.store, _LINES_MAX, wanted)
    told = story(
        found.lines, asked_of(request.store, found.lines), _late_at(request.model.hierarchy)
    )
    if _is_over_now(wanted, request.now):
        with request.model.lock:
            late = [*late_now(request.model.timetable, request.now, process)]
        told = in_order([*told, *still_late(late, request.now)])
    return page(
        request,
        'happened.html',
        paragraphs=told[:_PARAGRAPHS_MAX],
        more=max(len(told) - _PARAGRAPHS_MAX, 0),
        process=process,
        since=since,
        until=until,
        begin=wanted.since,
        first=found.lines[0].at if found.has_older else None,
        unreadable=found.unreadable,
        names=names,
        instant_said=INSTANT,
    )


def _is_over_now(wanted: Wanted, now: datetime) -> bool:
    """Tell whether the time that is told of has the present in it."""
    since, until = wanted.since or now, wanted.until
    return since <= now and (until is None or now < until)


def asked_of(store: CommandReader, lines: Iterable[Line]) -> Mapping[str, Asked]:
    """Return in words what the commands ask that lines name, as far as they are known."""
    found = {}
    for name in [*ids_of(lines)][:_COMMANDS_MAX]:
        command = store.command(CommandId(name))
        if command is not None:
            what = redacted_text(sentence(command))
            is_request = command.kind in JOB_KINDS
            who = redacted_text(command.who)
            if len(who) > _WHO_MAX:
                who = f'{who[: _WHO_MAX - 1]}…'
            found[name] = Asked(who=who, what=what, is_request=is_request)
    return found


def _late_at(hierarchy: Hierarchy) -> LateAt:
    """Return since when a job of the present context is late."""

    def late_at(key: JobKey) -> datetime | None:
        node = hierarchy.nodes.get(key.process)
        if node is None or node.process.deadline is None:
            return None
        if node.process.qualifier is not key.timeperiod.qualifier:
            return None
        return hierarchy.late_at(node, key.timeperiod.ordinal)

    return late_at
