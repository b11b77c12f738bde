"""Interrupting user code: when its time is up, when it is told to stop, when its lease is lost.

User code runs on the main thread, where signal handlers run too: a handler raises `Interrupted`
out of it. SIGALRM ends a run at its time-out or at the end of the grace; SIGUSR1, sent by the
heartbeat thread, ends one whose lease is lost; SIGTERM and SIGINT ask for a stop; SIGUSR2 asks
to drain: to stop once the run under way has ended by itself, however long that takes.
`Interrupted` is a BaseException, so that a broad `except Exception` in user code lets it pass.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from types import FrameType
from typing import Protocol

from synergy.ports.clock import Clock


class Cause(Enum):
    """Why a run was interrupted."""

    TIMEOUT = 'timed out'
    STOP = 'the worker was stopped'
    LOST = 'the lease was lost'


class Interrupted(BaseException):
    """Raised out of user code; `cause` says why."""

    def __init__(self, cause: Cause) -> None:
        """Keep the cause."""
        super().__init__(cause.value)
        self.cause = cause


class Guard(Protocol):
    """What the runner needs around user code."""

    def enter(self, timeout: timedelta | None) -> None:
        """User code begins: from now on it may be interrupted, at the latest after `timeout`."""
        ...

    def leave(self) -> None:
        """User code has ended: nothing is raised from now on."""
        ...

    def is_stopping(self) -> bool:
        """Tell whether this worker was asked to stop."""
        ...


class SignalGuard:
    """A guard made of signals; lives on the main thread."""

    def __init__(self, clock: Clock, grace: timedelta, on_stop: Callable[[], None]) -> None:
        """Install the handlers. on_stop: called in a handler when a stop is asked for."""
        self._clock = clock
        self._grace = grace.total_seconds()
        self._on_stop = on_stop
        self._is_stopping = False
        self._is_draining = False
        self._is_inside = False
        self._is_lost = False
        self._timeout_at: float | None = None
        signal.signal(signal.SIGALRM, self._on_alarm)
        signal.signal(signal.SIGUSR1, self._on_lost)
        signal.signal(signal.SIGUSR2, self._on_drain_asked)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop_asked)

    def enter(self, timeout: timedelta | None) -> None:
        """User code begins."""
        self._is_lost = False
        if timeout is not None:
            self._timeout_at = self._clock.monotonic() + timeout.total_seconds()
            signal.setitimer(signal.ITIMER_REAL, timeout.total_seconds())
        self._is_inside = True
        if self._is_stopping:
            # Asked for since the unit was taken: the handler found nothing to set a limit to.
            self._limit_to_grace()

    def leave(self) -> None:
        """User code has ended."""
        self._is_inside = False
        if self._timeout_at is not None or self._is_stopping:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._timeout_at = None

    def is_stopping(self) -> bool:
        """Tell whether SIGTERM, SIGINT or SIGUSR2 has come."""
        return self._is_stopping or self._is_draining

    def lose(self) -> None:
        """Interrupt the run under way: its lease is lost. Called by the heartbeat thread."""
        self._is_lost = True
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def _on_alarm(self, _number: int, _frame: FrameType | None) -> None:
        is_over = self._timeout_at is not None and self._clock.monotonic() >= self._timeout_at
        self._interrupt(Cause.TIMEOUT if is_over else Cause.STOP)

    def _on_lost(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_lost:
            self._interrupt(Cause.LOST)

    def _on_drain_asked(self, _number: int, _frame: FrameType | None) -> None:
        self._is_draining = True
        self._on_stop()

    def _on_stop_asked(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_stopping:  # The second time: at once.
            self._interrupt(Cause.STOP)
            return
        self._is_stopping = True
        self._on_stop()
        if self._is_inside:
            self._limit_to_grace()

    def _limit_to_grace(self) -> None:
        left = self._grace
        if self._timeout_at is not None:
            left = min(left, self._timeout_at - self._clock.monotonic())
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))

    def _interrupt(self, cause: Cause) -> None:
        if self._is_inside:
            self._is_inside = False
            raise Interrupted(cause)
