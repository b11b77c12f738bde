"""Why a job that may start has not: it is off, paused, or waits for its turn."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandKind, CommandState, counted
from synergy.core.lanes import CatchUp, Lane
from synergy.core.node import Node
from synergy.core.overrides import off_text
from synergy.core.records import Process
from synergy.core.request_options import RequestOptions, options_of
from synergy.core.starting import live_first
from synergy.core.timeperiod import JobKey
from synergy.view.cause import (
    Cause,
    CauseKind,
    resume,
    see_pool,
    switch_on,
)
from synergy.view.estimates import before
from synergy.view.pools import contended, short_pools, short_said
from synergy.view.question import Question
from synergy.view.why_started import without_leader
from synergy.view.words import at, span

#: Records of pauses that are looked through for who paused a request.
_RECORDS_MAX: Final = 200
_TURNS: Final = {
    Lane.LIVE: 'live ones',
    Lane.HISTORY: 'of history',
    Lane.RERUN: 'that are to run again',
}


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
    since = question.timetable.hierarchy.over_at(node, key.timeperiod.ordinal)
    paused, request = paused_cause(question, key), _request_of(question, key)
    options = None if request is None else options_of(request)
    if not process.is_on and (options is None or not options.is_even_if_off):
        causes = [off(key, node, f'is ready, but {off_text(process)}')]
        return [*causes, *without_leader(question, key)], []
    if paused is not None:
        return [paused, *without_leader(question, key)], []
    if request is not None and options is not None and (full := _full(question, request, options)):
        text = f'is ready, and waits for one of {full}'
        return [Cause(key=key, kind=CauseKind.FULL, text=text, since=since)], []
    first, expected_at = _first_come(question, node, key)
    running = sorted(
        job.key for job in question.timetable.open_jobs_of(process.name) if job.has_live_unit
    )
    if len(running) >= process.max_running:
        text = f'{full_text(process, len(running))}{first}'
        cause = Cause(key=key, kind=CauseKind.FULL, text=text, since=since, expected_at=expected_at)
        return [cause], running[:1]
    if process.demand.shares and (pool_causes := _short_of(question, node, key, first, since)):
        return pool_causes, []
    text = f'is ready{first}' if first else 'is ready; the Scheduler starts it at its next turn'
    cause = Cause(key=key, kind=CauseKind.READY, text=text, since=since, expected_at=expected_at)
    return [cause, *without_leader(question, key)], []


def _short_of(
    question: Question, node: Node, key: JobKey, first: str, since: datetime
) -> list[Cause]:
    """Return for which pools a job waits that may start otherwise, by who holds them."""
    now, shares, name = question.now, dict(node.process.demand.shares), node.process.name
    short = short_pools(question.pools, name)
    if not short and (pools := contended(question.pools, name)):
        text = (
            f'is ready, and waits for its turn of {", ".join(pools)}: others come first, or what '
            f'is free is kept for a run that takes more{first}'
        )
        see = see_pool(pools[0])
        return [Cause(key=key, kind=CauseKind.POOL, text=text, since=since, action=see)]
    return [
        Cause(
            key=key,
            kind=CauseKind.POOL,
            text=f'is ready, and waits for {short_said(view, shares[view.pool.name], now)}{first}',
            since=since,
            expected_at=view.next_at,
            action=see_pool(view.pool.name),
        )
        for view in short
    ]


def _request_of(question: Question, key: JobKey) -> Command | None:
    job = question.timetable.open_job(key)
    if job is None or job.request_id is None:
        return None
    request = question.store.command(job.request_id)
    is_open = request is not None and request.state in OPEN_COMMAND_STATES
    return request if is_open else None


def _full(question: Question, request: Command, options: RequestOptions) -> str | None:
    """Return which jobs of a request are under way, if no more of it may run now."""
    if options.max_running is None:
        return None
    count = sum(
        job.has_live_unit and job.request_id == request.id for job in question.timetable.open_jobs()
    )
    if count < options.max_running:
        return None
    what = f'{counted(count)} of its request {request.id} under way'
    return f'{what} (max_running {options.max_running} of that request) to end'


def full_text(process: Process, count: int) -> str:
    """Return that no place is free. count: of the jobs that take them, at least one."""
    which = 'the job' if count == 1 else f'one of {count} jobs'
    return (
        f'is ready, and waits for {which} of {process.name} under way '
        f'(max_running {process.max_running}) to end'
    )


def _first_come(question: Question, node: Node, key: JobKey) -> tuple[str, datetime | None]:
    """Return what comes before a job that is ready, in words, and when its turn may come."""
    found = before(question.timetable, node, key, question.now)
    if not found.total:
        return '', None
    parts = []
    if found.older:
        one = found.older == 1
        age = 'older' if _is_after_older(question, node, key) else 'newer'
        parts.append(
            f'an {age} one comes first'.replace('an newer', 'a newer')
            if one
            else f'{found.older:,} {age} ones come first'
        )
    if found.in_turn:
        told = ', '.join(f'{count:,} {_TURNS[lane]}' for lane, count in found.in_turn.items())
        parts.append(f'{told} take turns with them')
    text = f'; {" and ".join(parts)}'
    about = question.estimator.takes(node.process.name, found.total)
    if about is None:
        return text, None
    return f'{text}, about {span(about)}', question.now + about


def _is_after_older(question: Question, node: Node, key: JobKey) -> bool:
    """Tell whether the lane of a job goes from older to newer ones."""
    is_history = key.timeperiod.ordinal < live_first(question.timetable, node)
    return not (
        is_history
        and node.process.catch_up is CatchUp.NEWEST_FIRST
        and not question.timetable.is_rerun(key)
    )


def paused_cause(question: Question, key: JobKey) -> Cause | None:
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
        text=f'is not started, for its request {request.id} is paused{told}{by}',
        since=since,
        action=resume(request.id),
    )


def _pause_of(question: Question, request: Command) -> Command | None:
    records = question.store.commands((CommandState.DONE,), _RECORDS_MAX, (CommandKind.PAUSE,))
    return next((item for item in records if item.target == request.id), None)
