"""The Scheduler as a process: started by `process_starter.py Scheduler`, ended by SIGTERM."""

from __future__ import annotations

import logging
import os
import signal
from typing import Protocol

from synergy.conf.model import Context, Settings
from synergy.core.records import ProcessName, Route
from synergy.ports.broker import Broker
from synergy.ports.clock import Clock
from synergy.ports.store import Store
from synergy.scheduler.loop import LoopSettings, Scheduler

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

    def open_store(self) -> Store:
        """Return a connection to the store."""
        ...

    def open_broker(self) -> Broker:
        """Return a connection to the broker."""
        ...


def start(runtime: SchedulerRuntime) -> int:
    """Run a Scheduler until SIGTERM or SIGINT; return the exit code."""
    settings, context = runtime.settings, runtime.context

    def route_of(process: ProcessName) -> Route:
        return context.managed[process].route

    scheduler = Scheduler(
        context.hierarchy,
        route_of,
        store=runtime.open_store(),
        broker=runtime.open_broker(),
        clock=runtime.clock,
        settings=LoopSettings(
            owner=f'{settings.box_id}:{os.getpid()}',
            leader_lease=settings.leader_lease,
            sweep_period=settings.sweep_period,
            inbox_batch_max=settings.inbox_batch_max,
        ),
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: scheduler.stop())
    logger.info('Scheduler started on box %s', settings.box_id, extra={'event': 'started'})
    scheduler.run()
    logger.info('Scheduler stopped', extra={'event': 'stopped'})
    return 0
