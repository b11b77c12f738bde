"""Requests: what operators have asked for, how far it is, and pause, resume, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from werkzeug.wrappers import Response

from synergy.core.commands import (
    JOB_KINDS,
    OPEN_COMMAND_STATES,
    Command,
    CommandId,
    CommandKind,
    CommandState,
)
from synergy.core.states import JobState
from synergy.mx.ask import LIMIT_DEFAULT, LIMIT_MAX, Ask
from synergy.mx.confirm import Step, confirm, go_on, need_reason
from synergy.mx.errors import unknown, wrong
from synergy.mx.marks import BY_STATE, Mark
from synergy.mx.orders import order, reason_of
from synergy.mx.render import page

MARKS: Final = {
    CommandState.REQUESTED: Mark('due', 'requested'),
    CommandState.APPLYING: Mark('run', 'applying'),
    CommandState.RUNNING: Mark('final', 'running'),
    CommandState.DONE: Mark('ok', 'done'),
    CommandState.REFUSED: Mark('fail', 'refused'),
    CommandState.CANCELLED: Mark('skip', 'cancelled'),
}
ACTIONS: Final = {
    'pause': CommandKind.PAUSE,
    'resume': CommandKind.RESUME,
    'cancel': CommandKind.ABANDON,
}
#: Not done without a reason.
GRAVE_ACTIONS: Final = ('cancel',)
_WIDTH: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a progress bar. start, width: of 100."""

    mark: Mark
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    """One request. done: jobs that are final again. left: not yet. until: when it may end."""

    command: Command
    mark: Mark
    parts: tuple[Part, ...]
    done: int
    left: int
    rate: float | None
    rest: timedelta | None

    @property
    def is_open(self) -> bool:
        """Tell whether the Scheduler still has to do with it."""
        return self.command.state in OPEN_COMMAND_STATES


def requests(ask: Ask) -> Response:
    """Return the newest requests about jobs."""
    limit = ask.number('limit', LIMIT_DEFAULT, 1, LIMIT_MAX)
    found = ask.store.commands(tuple(CommandState), limit, JOB_KINDS)
    rows = [request_row(ask, command) for command in found]
    return page(ask, 'requests.html', rows=rows)


def request(ask: Ask, request_id: str) -> Response:
    """Return one request with its progress."""
    row = request_row(ask, known_request(ask, request_id))
    progress = ask.store.request_progress(row.command.id)
    return page(ask, 'request.html', row=row, progress=progress, marks=BY_STATE)


def confirm_control(ask: Ask, request_id: str, action: str) -> Response:
    """Say what pausing, resuming or cancelling a request would do."""
    target = known_request(ask, request_id)
    if action not in ACTIONS:
        raise wrong(f'{action!r:.40} is nothing to do to a request', 'pause, resume or cancel it')
    says = {
        'pause': 'What runs goes on; nothing more of the request is started until it is resumed.',
        'resume': 'It goes on where it was paused.',
        'cancel': 'What is not dealt with yet is left as it is. What was reset already runs.',
    }
    step = Step(
        title=f'{action.capitalize()} the request about {target.process}',
        button='Cancel the rest' if action == 'cancel' else action.capitalize(),
        says=[f'{target.kind.value.capitalize()} {target.process} by {target.who}.', says[action]],
        back=ask.url('request', request_id=target.id),
        back_text=f'request {target.id[:6]}',
        needs_reason=action in GRAVE_ACTIONS,
    )
    return confirm(ask, step)


def control_request(ask: Ask, request_id: str, action: str) -> Response:
    """Pause, resume or cancel a request."""
    target = known_request(ask, request_id)
    if action not in ACTIONS:
        raise wrong(f'{action!r:.40} is nothing to do to a request', 'pause, resume or cancel it')
    if action in GRAVE_ACTIONS:
        need_reason(ask)
    asked = order(ask, ACTIONS[action], target.process, target=target.id, reason=reason_of(ask))
    return go_on(ask, ask.url('request', request_id=target.id), asked)


def known_request(ask: Ask, request_id: str) -> Command:
    """Return a command; raise Refused when there is none of that id."""
    command = ask.store.command(CommandId(request_id))
    if command is None:
        raise unknown(
            f'there is no request {request_id!r:.80}', 'choose one from the list of requests'
        )
    return command


def request_row(ask: Ask, command: Command) -> RequestRow:
    """Return how far a request is."""
    progress = ask.store.request_progress(command.id) if command.kind in JOB_KINDS else {}
    done = _done(command, progress)
    left = max(command.planned_count - done, 0)
    elapsed = ((command.finished_at or ask.now) - command.created_at).total_seconds()
    rate = done / elapsed if done and elapsed > 0 else None
    is_open = command.state in OPEN_COMMAND_STATES and not command.is_paused
    return RequestRow(
        command=command,
        mark=Mark('due', 'paused') if command.is_paused else MARKS[command.state],
        parts=_parts(command, progress),
        done=done,
        left=left if command.state in OPEN_COMMAND_STATES else 0,
        rate=rate,
        rest=timedelta(seconds=left / rate) if rate and left and is_open else None,
    )


def _done(command: Command, progress: Mapping[JobState, int]) -> int:
    if command.state is CommandState.DONE:
        return command.planned_count
    if command.kind is not CommandKind.REPROCESS:
        return command.applied_count
    return sum(count for state, count in progress.items() if state.is_final)


def _parts(command: Command, progress: Mapping[JobState, int]) -> tuple[Part, ...]:
    total = max(command.planned_count, sum(progress.values()), 1)
    parts: list[Part] = []
    at = 0.0
    for state in (
        JobState.PROCESSED,
        JobState.NOOP,
        JobState.SKIPPED,
        JobState.FINAL_RUN,
        JobState.IN_PROGRESS,
    ):
        if count := progress.get(state, 0):
            width = _WIDTH * count / total
            parts.append(
                Part(mark=BY_STATE[state], count=count, start=round(at, 2), width=round(width, 2))
            )
            at += width
    return tuple(parts)
