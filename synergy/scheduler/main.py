"""The Scheduler as a process: started by `process_starter.py Scheduler`, ended by SIGTERM."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from typing import Protocol

from synergy.conf.model import Context, FreerunEntry, Settings
from synergy.core.exit_codes import ExitCode
from synergy.core.freerun_record import base_of
from synergy.core.records import ProcessName, RetryPolicy, Route
from synergy.ports.clock import Clock
from synergy.ports.one_commit import StoreAndBroker
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.pipeline import Pipeline

logger = logging.getLogger(__name__)


class SchedulerRuntime(Protocol):
    """What the Scheduler is started with."""

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        ...

    @property
    def context(self) -> Context:
        """Return the context."""
        ...

    @property
    def clock(self) -> Clock:
        """Return the clock."""
        ...

    @property
    def tell_up(self) -> Callable[[], None]:
        """Return what is called once the Scheduler leads, or stands by."""
        ...

    def open_both(self) -> StoreAndBroker:
        """Return connections to store and broker, and what joins them."""
        ...


def start(runtime: SchedulerRuntime) -> int:
    """Run a Scheduler until SIGTERM or SIGINT; return the exit code."""
    settings, context = runtime.settings, runtime.context
    both = runtime.open_both()

    scheduler = Scheduler(
        pipeline_of(context, runtime.clock),
        store=both.store,
        broker=both.broker,
        one_commit=both.one_commit,
        clock=runtime.clock,
        settings=LoopSettings(
            owner=f'{settings.box_id}:{os.getpid()}',
            leader_lease=settings.leader_lease,
            sweep_period=settings.sweep_period,
            inbox_batch_max=settings.inbox_batch_max,
            uow_age_max=settings.uow_age_max,
            log_retention=settings.log_retention,
            journal_retention=settings.journal_retention,
            snapshot_retention=settings.snapshot_retention,
            uow_lease=settings.uow_lease,
            equal_failures_max=settings.equal_failures_max,
            metrics_processes_max=settings.metrics_processes_max,
        ),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: scheduler.stop())
    logger.info('Scheduler started on box %s', settings.box_id, extra={'event': 'started'})
    for end in context.calendar_ends(runtime.clock.now().date()):
        logger.warning('%s', end, extra={'event': 'calendar_ends'})
    runtime.tell_up()
    scheduler.run()
    logger.info('Scheduler stopped', extra={'event': 'stopped'})
    return ExitCode.OK


def pipeline_of(context: Context, clock: Clock) -> Pipeline:
    """Return the part of a context that a Scheduler needs."""
    entries = context.workers

    def route_of(process: ProcessName) -> Route:
        return entries[process].route

    def policy_of(process: ProcessName) -> RetryPolicy:
        # An entry made at run time is tried as often as the first one of its process.
        entry = entries.get(base_of(process))
        return entry.retry if isinstance(entry, FreerunEntry) else RetryPolicy(max_attempts=1)

    now = clock.now()
    return Pipeline(
        hierarchy=context.hierarchy,
        route_of=route_of,
        freeruns=[entry.freerun(now) for entry in context.freeruns.values()],
        freerun_processes=list(dict.fromkeys(entry.name for entry in context.freeruns.values())),
        policy_of=policy_of,
        takes_turns=bool(context.groups),
        freerun_start_timeouts=context.start_timeouts,
        hours=context.hours,
        closed=context.closed,
    )
