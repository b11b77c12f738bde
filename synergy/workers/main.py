"""A worker as a process: runs the units of one process, or of a group, until it is told to stop."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from synergy.conf.model import GroupEntry, Settings, WorkerEntry
from synergy.core.calendar import Calendar
from synergy.core.exit_codes import ExitCode
from synergy.core.holds import Holds
from synergy.core.records import ProcessName
from synergy.ports.clock import Clock
from synergy.ports.errors import PortError
from synergy.ports.one_commit import StoreAndBroker
from synergy.ports.processes import Descendants
from synergy.ports.store import Store
from synergy.workers.calling import tear_down
from synergy.workers.code import Code, Codes
from synergy.workers.code_opener import CodeOpener
from synergy.workers.forks import free_children
from synergy.workers.gate import Gate
from synergy.workers.heartbeat import Heartbeat
from synergy.workers.isolated import Isolation
from synergy.workers.processes import RunProcesses, grace_of
from synergy.workers.recycling import Recycling
from synergy.workers.run_log import Recorder
from synergy.workers.runner import Runner, RunnerSettings
from synergy.workers.signals import SignalGuard
from synergy.workers.zones import Zones

logger = logging.getLogger(__name__)

#: A bell that is lost costs at most this long.
_WAIT_SECONDS: Final = 5.0
_RETRY_SECONDS_MIN: Final = 0.2
_RETRY_SECONDS_MAX: Final = 2.0
_TEARDOWN_LIMIT: Final = timedelta(seconds=5)


def run_worker(  # noqa: PLR0913 - the wiring of a process: everything it touches, once
    *,
    settings: Settings,
    entry: WorkerEntry | GroupEntry,
    served: Mapping[ProcessName, WorkerEntry],
    instance: int,
    open_both: Callable[[], StoreAndBroker],
    open_store: Callable[[], Store],
    clock: Clock,
    descendants: Descendants,
    recorder: Recorder,
    tell_up: Callable[[], None],
    calendars: Mapping[ProcessName, Calendar],
    holds: Holds,
    secret_of: Callable[[str], str],
) -> int:
    """Run units of `entry` until SIGTERM or SIGINT; return the exit code.

    served: whose units these are: of a group, many. open_store: opens a connection for another
    thread. instance: number of this process among those
    of the entry on this box, from 0. recorder: what brings the output of user code to the logs of
    its runs. tell_up: called once it takes work. calendars: as in `Zones`. holds: closed
    hours of the context. secret_of: as in `RunnerSettings`.
    """
    processes = RunProcesses(descendants, grace_of(settings.uow_lease))
    is_group = isinstance(entry, GroupEntry)
    opened = CodeOpener(served)
    codes = Codes(served, opened.load_and_set_up)
    if not is_group:
        opened.load(entry.name)
    both = open_both()
    consumer = both.broker.consumer(entry.route)
    guard = SignalGuard(clock, settings.stop_grace, consumer.wake)
    recycling = Recycling(runs_max=entry.recycle_after, memory_mb_max=entry.memory_mb_max)
    heartbeat = Heartbeat(
        open_store, clock, settings.uow_lease, guard.lose, processes, guard.overdue
    )
    owner = f'{settings.box_id}:{entry.name}:{instance}:{os.getpid()}'

    def settle(code: Code) -> None:
        processes.settle(keeps=code.handler.keeps_processes)
        recorder.settle()
        guard.settle()

    opened.settle, opened.undo = settle, lambda code: tear_down(code.handler, guard, None)
    runner = Runner(
        codes,
        store=both.store,
        broker=both.broker,
        one_commit=both.one_commit,
        consumer=consumer,
        clock=clock,
        guard=guard,
        heartbeat=heartbeat,
        capture=recorder,
        settings=RunnerSettings(
            name=entry.name,
            owner=owner,
            lease=settings.uow_lease,
            log_lines_max=settings.run_log_lines_max,
            zones=Zones(calendars, both.store),
            secret_of=secret_of,
        ),
        processes=processes,
        recycling=recycling,
        isolation=Isolation(guard, processes, heartbeat.still),
        gate=Gate(holds, both.store, clock),
    )
    # Last of all: what others do in a forked child comes before it may be reached by a signal.
    free_children(guard.forget)
    heartbeat.start()
    logger.info('%s started', owner, extra={'event': 'started'})
    try:
        if is_group:
            recorder.settle()
            guard.settle()
        else:
            codes.load(entry.name)
        tell_up()
        _loop(runner, lambda: consumer.wait(_WAIT_SECONDS), guard, clock)
    finally:
        heartbeat.stop()
        consumer.close()
        is_restarting = processes.is_spent and not guard.is_stopping()
        # What setup has made was ended under its hands; there is nobody to end it should it hang.
        for code in codes.loaded:
            tear_down(code.handler, guard, _TEARDOWN_LIMIT if is_restarting else None)
        processes.close()
        opened.close()
    return _said(owner, None if guard.is_stopping() else recycling, is_spent=is_restarting)


def _loop(runner: Runner, wait: Callable[[], object], guard: SignalGuard, clock: Clock) -> None:
    pause = _RETRY_SECONDS_MIN
    while not guard.is_stopping() and not runner.is_spent:
        try:
            if not runner.step():
                wait()
            pause = _RETRY_SECONDS_MIN
        except PortError as error:
            logger.warning('%s; trying again in %.1f s', error, pause, extra={'event': 'port_down'})
            clock.sleep(pause)
            pause = min(pause * 2, _RETRY_SECONDS_MAX)


def _said(owner: str, recycling: Recycling | None, *, is_spent: bool) -> int:
    """Say how a worker ends; return its exit code. recycling: None: it was told to stop."""
    if is_spent:
        logger.warning(
            '%s ends to be restarted: a run was interrupted, and with its processes those ended '
            'that the worker keeps',
            owner,
            extra={'event': 'worker_spent'},
        )
        return ExitCode.RESTART
    if recycling is not None and recycling.is_due:
        logger.info(
            '%s ends to be restarted: %s', owner, recycling.reason, extra={'event': 'recycled'}
        )
        return ExitCode.RESTART
    logger.info('%s stopped', owner, extra={'event': 'stopped'})
    return ExitCode.OK
