"""Why a job that may start has not: it is off, paused, or waits for its turn."""

from __future__ import annotations

from typing import Final

from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandKind, CommandState
from synergy.core.hierarchy import Node
from synergy.core.overrides import off_text
from synergy.core.timeperiod import JobKey
from synergy.view.cause import (
    Cause,
    CauseKind,
    resume,
    switch_on,
)
from synergy.view.question import Question
from synergy.view.why_started import without_leader
from synergy.view.words import at

#: Records of pauses that are looked through for who paused a request.
_RECORDS_MAX: Final = 200


def off(key: JobKey, node: Node, text: str) -> Cause:
    """Return that the process of a job is switched off."""
    override = node.process.override
    return Cause(
        key=key,
        kind=CauseKind.OFF,
        text=text,
        since=None if override is None else override.is_on_at,
        action=switch_on(node.process.name),
    )


def ready(question: Question, node: Node, key: JobKey) -> tuple[list[Cause], list[JobKey]]:
    """Return why a job that may start has not, and the jobs that it waits for."""
    process = node.process
    running = sorted(
        job.key
        for job in question.timetable.open_jobs_of(process.name)
        if job.state.is_running and not job.is_held
    )
    since = question.timetable.hierarchy.over_at(node, key.timeperiod.ordinal)
    paused = _paused(question, key)
    if not process.is_on:
        causes = [off(key, node, f'is ready, but {off_text(process)}')]
    elif paused is not None:
        causes = [paused]
    elif len(running) >= process.max_running:
        text = (
            f'is ready, and waits for one of {len(running)} running jobs of {process.name} '
            f'(max_running {process.max_running}) to end'
        )
        return [Cause(key=key, kind=CauseKind.FULL, text=text, since=since)], running[:1]
    else:
        text = 'is ready; the Scheduler starts it at its next turn'
        causes = [Cause(key=key, kind=CauseKind.READY, text=text, since=since)]
    return [*causes, *without_leader(question, key)], []


def _paused(question: Question, key: JobKey) -> Cause | None:
    """Return that the request which has reset a job is paused, if it is."""
    job = question.timetable.open_job(key)
    if job is None or job.request_id is None:
        return None
    request = question.store.command(job.request_id)
    if request is None or not request.is_paused or request.state not in OPEN_COMMAND_STATES:
        return None
    pause = _pause_of(question, request)
    since = None if pause is None else pause.created_at
    by = '' if pause is None else f' by {pause.who}'
    told = '' if since is None else f' since {at(since, question.now)}'
    return Cause(
        key=key,
        kind=CauseKind.PAUSED,
        text=f'is ready, but its request {request.id} is paused{by}{told}',
        since=since,
        action=resume(request.id),
    )


def _pause_of(question: Question, request: Command) -> Command | None:
    records = question.store.commands((CommandState.DONE,), _RECORDS_MAX, (CommandKind.PAUSE,))
    return next((item for item in records if item.target == request.id), None)
