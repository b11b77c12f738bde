"""Dead letters by what is wrong: all of one process and one kind of error at once, as one request.

A retry is a reprocess of the failed intervals whose dead letter says that error; the free run of
such letters runs once, and they all go off the list. To drop them is one command, too. Which
letters are meant is found out again when the Scheduler carries it out.
"""

from __future__ import annotations

from collections.abc import Sequence

from synergy.core.commands import Command, CommandKind, Only, counted
from synergy.core.dead_letters import LETTER, LetterAction
from synergy.core.error_kinds import ErrorKind, folded
from synergy.core.letter_groups import ERROR
from synergy.core.records import ProcessName
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.operations.caller import Caller
from synergy.operations.dead_letters import check_process
from synergy.operations.jobs import change_jobs, job_command, preview_change
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.operations.submission import asked_before, command_for, submit
from synergy.view.letter_groups import GroupView, letter_groups
from synergy.view.preview import Preview


class SettlePlan(Struct, frozen=True, kw_only=True):
    """What settling one group comes to. preview: of a reprocess; None: nothing else runs."""

    view: GroupView
    action: LetterAction
    command: Command
    preview: Preview | None

    @property
    def says(self) -> Sequence[str]:
        """Return what happens then, in sentences."""
        group = self.view.group
        letters = counted(group.count, 'dead letter')
        if self.action is LetterAction.DROP:
            return [
                f'{letters} of {group.process} go off the list; nothing runs again.',
                'The runs and their logs stay.',
            ]
        if self.preview is None:
            return [f'{group.process} runs once, now, and {letters} go off the list.']
        rows = ', '.join(f'{row.count:,} {row.process}' for row in self.preview.rows)
        says = [f'runs again: {rows}']
        if self.preview.waiting:
            after = ', '.join(f'{row.count:,} {row.process}' for row in self.preview.waiting)
            says.append(f'follows by itself: {after}')
        says += [f'{row.text}; nothing of it runs until it is on' for row in self.preview.off]
        return says


def known_group(caller: Caller, timetable: Timetable, process: str, error: str) -> GroupView:
    """Return the group of a process and an error, as it was said or folded.

    Raises OperationRefused when there is none.
    """
    kind = ErrorKind(ProcessName(process), folded(error))
    found = letter_groups(timetable, caller.store, kind.process)
    view = next((view for view in found if view.group.kind == kind), None)
    if view is None:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'there is no dead letter of {process!r:.80} with the error {error!r:.80}',
            'they were dealt with; see the list',
            in_terminal=f'there is no dead letter of {process!r:.80} with the error {error!r:.80}; '
            './launch.py dead lists them',
            listed_at='/dead',
        )
    return view


def plan_group(
    caller: Caller, timetable: Timetable, view: GroupView, action: LetterAction
) -> SettlePlan:
    """Return what settling a group comes to; raise OperationRefused when it cannot be.

    Drafts `timetable`: roll it back.
    """
    command = group_command(caller, view, action)
    shown = None
    if command.kind is CommandKind.REPROCESS:
        shown = preview_change(caller, timetable, command)
    return SettlePlan(view=view, action=action, command=command, preview=shown)


def settle_group(caller: Caller, settle: SettlePlan) -> Command:
    """Ask for what was planned: one request, and one row of the audit."""
    command = settle.command
    if (known := asked_before(caller, command)) is not None:
        return known
    if settle.preview is not None:
        shown = settle.preview
        return change_jobs(caller, command, lambda _: shown)
    return submit(caller, command)


def group_command(caller: Caller, view: GroupView, action: LetterAction) -> Command:
    """Return the command that settles a group; raise OperationRefused when it cannot run again."""
    group = view.group
    details = {ERROR: group.kind.error}
    reason = caller.reason or f'{action.value} of {counted(group.count, "dead letter")}'
    if action is LetterAction.RETRY:
        check_process(caller, group.process)
        if group.is_freerun:
            command = command_for(caller, CommandKind.FREERUN_RUN, group.process)
            details |= {LETTER: group.newest}
            return replace(command, details=details, reason=reason)
    kind = CommandKind.REPROCESS if action is LetterAction.RETRY else CommandKind.DROP
    key, end = JobKey(group.process, group.first), group.last.shift(1)
    only = Only.FAILED if action is LetterAction.RETRY else Only.ALL
    command = job_command(caller, kind, key, end, only=only)
    thing = f'{group.process} {group.first} {end} {group.kind.error}'
    return replace(command, id=caller.id_of(kind, thing), details=details, reason=reason)
