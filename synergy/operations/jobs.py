"""Reprocess, skip and cancel jobs: what that would touch, and asking for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from synergy.core.chosen import STRETCHES_MAX, chosen_details
from synergy.core.closure import PlanRefused
from synergy.core.commands import Command, CommandKind, Only
from synergy.core.node import Node
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.core.timetable import Timetable
from synergy.operations.caller import Caller
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.operations.submission import asked_before, submit
from synergy.view.preview import Preview, preview


def job_command(  # noqa: PLR0913 - all that can be said of a range of intervals
    caller: Caller,
    kind: CommandKind,
    first: JobKey,
    end: Timeperiod,
    *,
    only: Only = Only.ALL,
    with_children: bool = False,
    is_anyway: bool = False,
) -> Command:
    """Return the command that changes the intervals from `first` until before `end`.

    is_anyway: reprocess what its calendar or catch_up leaves out, too.
    """
    start = first.timeperiod
    return Command(
        id=caller.id_of(kind, f'{first.process} {start} {end}'),
        kind=kind,
        process=first.process,
        start=start,
        end=end,
        only=only,
        with_children=with_children and kind is CommandKind.REPROCESS,
        details={'anyway': True} if is_anyway and kind is CommandKind.REPROCESS else {},
        actor=caller.actor,
        reason=caller.reason,
        created_at=caller.now,
    )


def chosen_command(
    caller: Caller, kind: CommandKind, node: Node, runs: Sequence[range], only: Only = Only.ALL
) -> Command:
    """Return the command that changes intervals of one process that were chosen one by one.

    runs: their ordinals, in order and apart. Raises OperationRefused for none, and for too many
    that lie apart from each other.
    """
    name, qualifier = node.process.name, node.process.qualifier
    if not runs:
        raise OperationRefused(
            RefusalKind.NOTHING,
            f'no interval of {name} is chosen',
            'choose others; nothing was changed',
        )
    first, end = Timeperiod(qualifier, runs[0].start), Timeperiod(qualifier, runs[-1].stop)
    command = job_command(caller, kind, JobKey(name, first), end, only=only)
    if len(runs) == 1:
        return command
    if len(runs) > STRETCHES_MAX:
        raise malformed(
            f'the {sum(map(len, runs)):,} intervals of {name} lie in {len(runs):,} places apart',
            f'ask for at most {STRETCHES_MAX:,} of these at once, or for the whole range',
        )
    return replace(command, details={**command.details, **chosen_details(qualifier, runs)})


def preview_change(caller: Caller, timetable: Timetable, command: Command) -> Preview:
    """Return what a command would do; raise OperationRefused when it touches nothing.

    Drafts `timetable`: use it no more, or roll it back.
    """
    try:
        return preview(timetable, caller.store, command, caller.now)
    except PlanRefused as error:
        # Its message ends with what to do.
        what, _, advice = str(error).rpartition('; ')
        raise OperationRefused(
            RefusalKind.NOTHING,
            what or advice,
            f'{advice}; nothing was changed',
            in_terminal=str(error),
        ) from error


def change_jobs(
    caller: Caller, command: Command, previewed: Callable[[Command], Preview]
) -> Command:
    """Ask for a reprocess, skip or cancel, if it still touches what its plan_hash says.

    previewed: returns what it would do, see `preview_change`.
    """
    if (known := asked_before(caller, command)) is not None:
        return known
    if command.kind is CommandKind.MARK_DONE and not (command.reason or '').strip():
        raise malformed(
            'nobody says why these are done',
            'give the reason, as in "loaded by hand from the backup"; nothing was changed',
        )
    planned = previewed(command).plan.hash
    if command.plan_hash not in (None, planned):
        raise OperationRefused(
            RefusalKind.CONFLICT,
            f'the request would touch another set now, {planned}',
            'look at the preview again and send its plan_hash; nothing was done',
            title='The plan has changed',
        )
    return submit(caller, command)
