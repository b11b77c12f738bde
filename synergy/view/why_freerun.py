"""Why a free run stands where it stands: its runs under way, or what keeps the next from starting.

In the same words as of jobs (`synergy.view.why`), but for what a free run has not: inputs, order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.conf.model import Context
from synergy.core.freerun_record import Freerun
from synergy.core.holds import Holds
from synergy.core.records import Unit
from synergy.core.retry import waits_since
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Qualifier, containing_utc
from synergy.core.timetable import Timetable
from synergy.ports.freezing import freezes_in
from synergy.ports.store import Reader
from synergy.view.cause import Cause, CauseKind, switch_freerun_on, thaw
from synergy.view.freeruns import next_fires
from synergy.view.no_worker import Boxes, no_worker
from synergy.view.pools import look_at_pools, short_pools, short_said
from synergy.view.why_held import KINDS
from synergy.view.why_started import overdue_text
from synergy.view.words import at

#: Runs under way of which is told.
_RUNS_MAX: Final = 20


class FreerunQuestion(Struct, frozen=True, kw_only=True):
    """What an answer is drawn from. start_timeout: how long a run may wait for a worker.

    worker: by what name workers run it. Hold the lock of the read model, if
    the timetable is its own.
    """

    timetable: Timetable
    store: Reader
    holds: Holds
    freerun: Freerun
    worker: str
    start_timeout: timedelta | None
    now: datetime
    vanished_after: timedelta


def question_of(
    context: Context,
    timetable: Timetable,
    store: Reader,
    freerun: Freerun,
    now: datetime,
    vanished_after: timedelta,
) -> FreerunQuestion:
    """Return what it takes to answer of one entry."""
    holds = context.holds()
    holds.freezes = freezes_in(store)
    return FreerunQuestion(
        timetable=timetable,
        store=store,
        holds=holds,
        freerun=freerun,
        worker=context.worker_of(freerun.name),
        start_timeout=context.start_timeouts.get(freerun.process),
        now=now,
        vanished_after=vanished_after,
    )


def explain_freerun(question: FreerunQuestion) -> Sequence[Cause]:
    """Return why its runs under way stand where they stand; or else why none starts."""
    freerun = question.freerun
    live = sorted(
        question.store.units(list(freerun.live)[:_RUNS_MAX]).values(), key=lambda unit: unit.run
    )
    causes = [cause for unit in live for cause in _of_run(question, unit)]
    if freerun.queued_at is not None or not live:
        causes += _not_started(question)
    return causes


def _of_run(question: FreerunQuestion, unit: Unit) -> Iterator[Cause]:
    now = question.now
    boxes = Boxes(
        store=question.store, now=now, vanished_after=question.vanished_after, told_of=unit.key
    )
    said = f'run {unit.run}'
    match unit.state:
        case UnitState.REQUESTED if unit.not_before is not None and unit.not_before > now:
            yield Cause(
                key=unit.key,
                kind=CauseKind.RETRY,
                text=f'{said} starts at {at(unit.not_before, now)}; the attempt before failed: '
                f'{unit.error}',
                since=unit.finished_at,
                expected_at=unit.not_before,
            )
        case UnitState.REQUESTED:
            since = waits_since(unit)
            overdue = overdue_text(question.start_timeout, now - since)
            text = f'{said} waits for a worker since {at(since, now)}{overdue}'
            yield Cause(key=unit.key, kind=CauseKind.WORKER, text=text, since=since)
            yield from no_worker(boxes, question.worker)
        case UnitState.IN_PROGRESS:
            began = 'an unknown time' if unit.started_at is None else at(unit.started_at, now)
            text = f'{said} is run by {unit.owner} since {began}'
            yield Cause(key=unit.key, kind=CauseKind.RUNNING, text=text, since=unit.started_at)
        case _:
            text = f'{said} has ended as {unit.state.value}; the Scheduler has yet to see it'
            yield Cause(key=unit.key, kind=CauseKind.REPORT, text=text, since=unit.finished_at)


def _not_started(question: FreerunQuestion) -> Iterator[Cause]:
    freerun, now = question.freerun, question.now
    key = JobKey(freerun.name, containing_utc(Qualifier.REAL_TIME, now))
    for hold in question.holds.over(freerun.name, now):
        yield Cause(
            key=key,
            kind=KINDS[hold.kind],
            text=f'{hold.text}; nothing of it starts until {at(hold.until, now)}',
            since=None if hold.freeze is None else hold.freeze.since,
            expected_at=hold.until,
            action=None if hold.freeze is None else thaw(hold.freeze.id),
        )
    if freerun.queued_at is not None:
        look = look_at_pools(question.timetable, question.store, now)
        shares = dict(look.demand(freerun.name).shares)
        short = [
            short_said(view, shares[view.pool.name], now)
            for view in short_pools(look, freerun.name)
        ]
        what = f' for {"; ".join(short)}' if short else ''
        yield Cause(
            key=key,
            kind=CauseKind.POOL if short else CauseKind.READY,
            text=f'a fire of {at(freerun.queued_at, now)} waits{what or " for its turn"}',
            since=freerun.queued_at,
        )
    elif not freerun.is_on:
        yield Cause(
            key=key,
            kind=CauseKind.OFF,
            text='is switched off: it does not fire by itself',
            action=switch_freerun_on(freerun.name),
        )
    else:
        [fire] = next_fires(freerun, now, 1)
        yield Cause(
            key=key,
            kind=CauseKind.RESTS,
            text=f'nothing of it is due; it fires next at {at(fire, now)}',
            expected_at=fire,
        )
