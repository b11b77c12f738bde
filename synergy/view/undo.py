"""What cancelling a request would do, before anybody asks for it: a value, sentences, JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypedDict

from synergy.core.commands import Command, CommandKind, CommandState
from synergy.core.hierarchy import Hierarchy
from synergy.core.structs import Struct
from synergy.core.timetable import Timetable
from synergy.core.undo import Undo, can_be_undone, undo_of


class PutBackDocument(TypedDict):
    """Jobs of one process that get their former final state back."""

    process: str
    count: int
    first: str
    last: str


class UndoDocument(TypedDict):
    """What cancelling a request would do."""

    request: str
    put_back_count: Annotated[int, 'jobs that get the final state back that they had before']
    let_run_count: Annotated[int, 'jobs that have begun, or wait for such; they run']
    dropped_count: Annotated[int, 'jobs of its plan that it has not begun with']
    put_back: list[PutBackDocument]
    says: Annotated[list[str], 'the same in sentences']


class UndoPreview(Struct, frozen=True, kw_only=True):
    """What cancelling `request` would do."""

    request: Command
    undo: Undo

    def says(self) -> Sequence[str]:
        """Return it in sentences."""
        request, undo = self.request, self.undo
        if request.state is CommandState.REQUESTED:
            return ['The Scheduler has not begun it: it is withdrawn as a whole.']
        if request.kind is not CommandKind.REPROCESS:
            return ['What is not dealt with yet is left as it is; what was is not taken back.']
        found = [
            f'Puts back {_jobs(undo.put_back_count)}: not begun since they were reset, they get '
            'the final state back that they had before.'
        ]
        if undo.let_run_count:
            found.append(
                f'Lets {_jobs(undo.let_run_count)} run: begun or run since, or above one that '
                'has; what waits for them and was not reset yet runs again, too.'
            )
        if undo.dropped:
            found.append(
                f'{_jobs(undo.dropped)} of its plan that it has not begun with stay as they are, '
                'unless they wait for one that runs.'
            )
        return found


def undo_preview(timetable: Timetable, request: Command) -> UndoPreview:
    """Return what cancelling a request would do as things stand."""
    dropped = request.planned_count - request.applied_count
    found = Undo(put_back={}, dropped=dropped)
    if can_be_undone(request):
        found = undo_of(timetable, request)
    return UndoPreview(request=request, undo=found)


def encode_undo(found: UndoPreview, hierarchy: Hierarchy) -> UndoDocument:
    """Return it as JSON."""
    undo = found.undo
    return {
        'request': found.request.id,
        'put_back_count': undo.put_back_count,
        'let_run_count': undo.let_run_count,
        'dropped_count': undo.dropped,
        'put_back': [
            {
                'process': process,
                'count': undo.count_by_process[process],
                'first': str(hierarchy.timeperiod(hierarchy.nodes[process], runs[0][0])),
                'last': str(hierarchy.timeperiod(hierarchy.nodes[process], runs[-1][1] - 1)),
            }
            for process, runs in undo.put_back.items()
        ],
        'says': list(found.says()),
    }


def _jobs(count: int) -> str:
    return f'{count:,} job' if count == 1 else f'{count:,} jobs'
