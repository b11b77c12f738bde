"""Reprocess, skip and cancel: the whole cascade first, then the reason, then the request.

The page shows what would be touched and carries the hash of that set. If by the time of the
confirmation the set is another one, nothing is done and the new plan is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import chain, islice
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.closure import PlanRefused, is_left_out, plan
from synergy.core.commands import JOB_KINDS, OPEN_COMMAND_STATES, Command, CommandKind, Only
from synergy.core.leaving_out import can_leave_out
from synergy.core.letter_groups import ERROR
from synergy.core.records import ProcessName
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.mx.live.marks import Mark
from synergy.mx.pages.search_totals import found_command
from synergy.mx.web.caller import caller_of, fresh_form_id
from synergy.mx.web.errors import refused_by, wrong
from synergy.mx.web.request_context import RequestContext
from synergy.mx.web.request_options import options_given
from synergy.mx.web.responses import page, see
from synergy.mx.widgets.cells import Painter
from synergy.mx.widgets.estimating import estimator_of
from synergy.mx.widgets.graph_layout import Layout, columns_of, layout
from synergy.mx.widgets.selection import range_address
from synergy.operations import jobs as operations
from synergy.operations.dead_letters import naming_letter
from synergy.operations.failures import about_error
from synergy.operations.processes import change_process
from synergy.operations.refusal import OperationRefused
from synergy.operations.request_options import with_options
from synergy.operations.submission import asked_before
from synergy.view.estimates import PlanEstimate, ahead_of, plan_estimate
from synergy.view.preview import Preview, PreviewRow, WaitingRow

#: Intervals that one request may select.
SELECTED_MAX: Final = 200_000
#: Jobs of one process of a plan whose present state is counted one by one; it is said of more.
STATES_MAX: Final = 50_000
#: Of the form: switch the chosen process on, too.
SWITCH_ON: Final = 'switch_on'
_KINDS: Final = {kind.value: kind for kind in JOB_KINDS}


class StepRow(Struct, frozen=True, kw_only=True):
    """One process of a plan. step: from 1; about: how long its runs may take together."""

    step: int
    process: ProcessName
    count: int
    first: Timeperiod
    last: Timeperiod
    running: Sequence[JobKey]
    states: Sequence[tuple[Mark, int]]
    about: timedelta | None
    is_chosen: bool


class OpenRow(Struct, frozen=True, kw_only=True):
    """One process of what waits for the plan and needs no reset. states: of the first ones."""

    step: int
    row: WaitingRow
    states: Sequence[tuple[Mark, int]]


class DoomedRow(Struct, frozen=True, kw_only=True):
    """One process of what is skipped in consequence. states: as the jobs stand now."""

    step: int
    process: ProcessName
    keys: Sequence[JobKey]
    states: Sequence[tuple[Mark, int]]


class Change(Struct, frozen=True, kw_only=True):
    """What a request would do, as the page shows it. others: open requests about the same.

    waiting: what follows without a reset, for it has not run yet. doomed: what is skipped in
    consequence. layout: of all of them. may_be_left_out: by a calendar or catch_up.
    """

    command: Command
    shown: Preview
    may_be_left_out: bool
    rows: Sequence[StepRow]
    waiting: Sequence[OpenRow]
    doomed: Sequence[DoomedRow]
    layout: Layout
    count_by_process: Mapping[ProcessName, int]
    others: Sequence[Command]
    about: timedelta | None

    @property
    def count(self) -> int:
        """Return the number of jobs touched, those that are skipped in consequence among them."""
        return self.shown.plan.count + len(self.shown.doomed)

    @property
    def process_count(self) -> int:
        """Return the number of processes of which something is touched."""
        return len(self.count_by_process) - len(self.only_waiting)

    @property
    def only_waiting(self) -> Collection[ProcessName]:
        """Return the processes of which nothing is touched."""
        return {open_.row.process for open_ in self.waiting} - {row.process for row in self.rows}


def confirm_job_action(request: RequestContext, kind: str) -> Response:
    """Show what would be done."""
    status = 200 if request.problem is None else request.problem.status
    return _page(request, command_of(request, kind), status)


def submit_job_action(request: RequestContext, kind: str) -> Response:
    """Ask for it, if it still is what was shown."""
    caller = caller_of(request)
    command = naming_letter(caller, command_of(request, kind), request.optional('dead'))
    if asked_before(caller, command) is None:
        planned = _preview_of(request, command)
        if planned.plan.hash != request.text('plan_hash'):
            return _page(request, command, 409)
        operations.change_jobs(caller, command, lambda _: planned)
        if request.optional(SWITCH_ON) is not None:
            change_process(caller, request.node(command.process), 'on')
    return see(request.url('request', request_id=command.id))


def command_of(request: RequestContext, kind: str) -> Command:
    """Return the command that an address or a form describes, and how its jobs are to run."""
    return with_options(caller_of(request), _about(request, kind), options_given(request))


def _about(request: RequestContext, kind: str) -> Command:
    """Return which intervals an address or a form is about; first and last are both included.

    With `q` it is about all of the process that this search finds; with `error`, about those that
    failed with that kind of error.
    """
    if kind not in _KINDS:
        raise wrong(f'{kind!r:.40} cannot be done to jobs', 'reprocess, skip or cancel them')
    node = request.node(request.text('process'))
    if (text := request.optional('q')) is not None:
        error = request.given(ERROR)
        found = found_command(request, _KINDS[kind], node.process.name, text, error)
        return replace(found, plan_hash=request.optional('plan_hash'))
    first = request.timeperiod(node, request.text('first'))
    last = request.timeperiod(node, request.text('last', str(first)))
    return command_about_range(
        request,
        _KINDS[kind],
        node.process.name,
        (first, last.shift(1)),
        only=Only(request.choice('only', tuple(item.value for item in Only), Only.ALL.value)),
        with_children=request.optional('with_children') is not None,
        is_anyway=request.optional('anyway') is not None,
    )


def command_about_range(  # noqa: PLR0913 - all that can be said of a range of intervals
    request: RequestContext,
    kind: CommandKind,
    process: ProcessName,
    span: tuple[Timeperiod, Timeperiod],
    *,
    only: Only,
    with_children: bool,
    is_anyway: bool = False,
) -> Command:
    """Return a command about the intervals [start, end); raise Refused when that is none."""
    start, end = span
    count = end.ordinal - start.ordinal
    if count < 1:
        raise wrong(
            f'the range from {start} to {end.shift(-1)} is upside down', 'swap its two ends'
        )
    if count > SELECTED_MAX:
        raise wrong(
            f'the range holds {count:,} intervals',
            f'ask for at most {SELECTED_MAX:,} at once, or for their parents',
        )
    command = operations.job_command(
        caller_of(request),
        kind,
        JobKey(process, start),
        end,
        only=only,
        with_children=with_children,
        is_anyway=is_anyway,
    )
    error = request.given(ERROR) if only is Only.FAILED else None
    if error is not None:
        command = about_error(caller_of(request), command, error)
    return replace(command, plan_hash=request.optional('plan_hash'))


def preview_of(request: RequestContext, command: Command) -> Preview:
    """Return what a command would do; raise OperationRefused when it touches nothing."""
    request.look()
    with request.model.lock:
        try:
            return operations.preview_change(caller_of(request), request.model.timetable, command)
        finally:
            # A preview of a skip drafts the skipped jobs.
            request.model.timetable.rollback()


def touches_any(request: RequestContext, kind: CommandKind, key: JobKey) -> bool:
    """Tell whether a request about one interval alone has anything to do; hold the lock."""
    span = (key.timeperiod, key.timeperiod.shift(1))
    command = command_about_range(
        request, kind, key.process, span, only=Only.ALL, with_children=False
    )
    try:
        plan(request.model.timetable, command)
    except PlanRefused:
        return False
    return True


def _preview_of(request: RequestContext, command: Command) -> Preview:
    """Return what a command would do; what pages say of a range includes both of its ends."""
    try:
        return preview_of(request, command)
    except OperationRefused as error:
        said = command.said
        refused = refused_by(error)
        refused.detail = error.what.replace(f'from {command.start} to {command.end}', said)
        refused.back = _place_of(command), f'{command.process} {said}'
        if is_left_out(request.model.timetable, command):
            asked = f'/change/reprocess?process={command.process}&first={command.start}'
            refused.back = f'{asked}&last={command.end.shift(-1)}&anyway=on', 'run it anyway'
        raise refused from error


def _place_of(command: Command) -> str:
    """Return the address of what a command is about."""
    process, first, last = command.process, command.start, command.end.shift(-1)
    if first == last:
        return f'/i/{process}/{first}'
    return range_address(process, first, last)


def _page(request: RequestContext, command: Command, status: int = 200) -> Response:
    shown = _preview_of(request, command)
    found = _change(request, command, shown)
    return page(
        request,
        'job_action.html',
        status,
        change=found,
        form_id=fresh_form_id(),
        is_changed=status == 409,
        states_max=STATES_MAX,
    )


def _change(request: RequestContext, command: Command, shown: Preview) -> Change:
    hierarchy = request.model.hierarchy
    planned = {row.process: row.count for row in shown.rows}
    doomed = _by_process(shown.doomed)
    touched = Counter(planned) + Counter({name: len(keys) for name, keys in doomed.items()})
    drawn = {row.process: row.count for row in shown.waiting} | touched
    steps = columns_of(hierarchy, drawn)
    about = estimate_of(request, shown)
    with request.model.lock:
        painter = Painter(request)
        states = {row.process: _states(painter, request, row) for row in shown.rows}
        waiting = [
            OpenRow(step=steps[row.process], row=row, states=_states(painter, request, row))
            for row in shown.waiting
        ]
        doomed_rows = [
            DoomedRow(
                step=steps[process],
                process=process,
                keys=keys,
                states=_counted(
                    painter, request, process, [key.timeperiod.ordinal for key in keys]
                ),
            )
            for process, keys in doomed.items()
        ]
    rows = [
        StepRow(
            step=steps[row.process],
            process=row.process,
            count=row.count,
            first=row.first,
            last=row.last,
            running=row.running,
            states=states[row.process],
            about=about.by_process.get(row.process),
            is_chosen=row.process == command.process,
        )
        for row in shown.rows
    ]
    others = request.store.commands(OPEN_COMMAND_STATES, 20, JOB_KINDS)
    return Change(
        command=command,
        shown=shown,
        may_be_left_out=can_leave_out(hierarchy.nodes[command.process]),
        rows=sorted(rows, key=lambda row: row.step),
        waiting=sorted(waiting, key=lambda row: row.step),
        doomed=doomed_rows,
        layout=layout(hierarchy, drawn),
        count_by_process=drawn,
        others=[item for item in others if item.id != command.id],
        about=about.whole,
    )


def _by_process(keys: Sequence[JobKey]) -> Mapping[ProcessName, Sequence[JobKey]]:
    found: dict[ProcessName, list[JobKey]] = {}
    for key in keys:
        found.setdefault(key.process, []).append(key)
    return found


def _states(
    painter: Painter, request: RequestContext, row: PreviewRow | WaitingRow
) -> Sequence[tuple[Mark, int]]:
    """Return how the jobs of a row stand now, counted over the first of them."""
    return _counted(
        painter, request, row.process, chain.from_iterable(range(*run) for run in row.ranges)
    )


def _counted(
    painter: Painter, request: RequestContext, process: ProcessName, ordinals: Iterable[int]
) -> Sequence[tuple[Mark, int]]:
    node = request.model.hierarchy.nodes[process]
    first = islice(ordinals, STATES_MAX)
    return list(Counter(painter.mark(node, request.model.key(node, at)) for at in first).items())


def estimate_of(request: RequestContext, shown: Preview) -> PlanEstimate:
    """Return how long a plan takes with the workers that there are; do not hold the lock."""
    with request.model.lock:
        ahead = ahead_of(request.model.timetable, shown)
    return plan_estimate(estimator_of(request, ahead), shown)


def address_of(kind: str, first: JobKey, last: JobKey | None = None) -> str:
    """Return the address of the preview for a range of one process."""
    until = '' if last is None else f'&last={last.timeperiod}'
    return f'/change/{kind}?process={first.process}&first={first.timeperiod}{until}'
