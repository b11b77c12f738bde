"""Interrupting user code: when its time is up, when it is told to stop, when its lease is lost.

User code runs on the main thread, where signal handlers run too: a handler raises `Interrupted`
out of it. SIGALRM ends a run at its time-out or at the end of the grace; SIGUSR1, sent by the
heartbeat thread, ends one whose lease is lost; SIGTERM and SIGINT ask for a stop; SIGUSR2 asks
to drain: to stop once the run under way has ended by itself, however long that takes.
`Interrupted` is a BaseException, so that a broad `except Exception` in user code lets it pass.

Code that runs in an event loop is cancelled instead, for a loop may swallow what a handler raises;
it gets `Interrupted` when it has not ended soon.
"""

from __future__ import annotations

import signal
import threading

# Twenty times quicker than that of signal, which looks for the name of each number.
from _signal import getsignal, pthread_sigmask  # type: ignore[import-not-found]  # Not in the stubs.
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import Enum
from types import FrameType
from typing import Final, Protocol

from synergy.ports.clock import Clock

#: How long an interrupted run may take to leave user code before its processes are ended from
#: outside: it may be waiting for them, as a pool does at the end of its block.
UNWIND_SECONDS: Final = 4.0
#: The same when its lease is lost: somebody else may have begun the next attempt.
UNWIND_SECONDS_LOST: Final = 0.5
#: How long code that was cancelled may take to end by itself, in both cases.
CANCEL_SECONDS: Final = 2.0
CANCEL_SECONDS_LOST: Final = 0.25


#: What else a run may have changed that matters to the next: with SIGCHLD ignored, for one, every
#: command that fails looks as if it had succeeded.
_OTHERS: Final = (signal.SIGCHLD, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT)


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


class Cancelling:
    """How the code under way is cancelled, of this process; signals are of the process, too."""

    def __init__(self) -> None:
        """Nothing is under way that can be cancelled."""
        self._cancel: Callable[[Cause], None] | None = None

    @contextmanager
    def by(self, cancel: Callable[[Cause], None]) -> Iterator[None]:
        """Cancel with `cancel` what runs in the block; it is called in a signal handler.

        Not on another thread than the main one: no handler runs there.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._cancel = cancel
        try:
            yield
        finally:
            self._cancel = None

    def cancel(self, cause: Cause) -> bool:
        """Cancel what is under way; tell whether there was anything that can be cancelled."""
        if self._cancel is None:
            return False
        self._cancel(cause)
        return True


#: The one of this process.
CANCELLING: Final = Cancelling()


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
        self._interrupted: tuple[Cause, float] | None = None
        self._handlers = {
            signal.SIGALRM: self._on_alarm,
            signal.SIGUSR1: self._on_lost,
            signal.SIGUSR2: self._on_drain_asked,
            signal.SIGTERM: self._on_stop_asked,
            signal.SIGINT: self._on_stop_asked,
        }
        self._before = {number: signal.getsignal(number) for number in self._handlers}
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self.settle()

    def settle(self) -> None:
        """Take signals as they stand now, between runs; `setup` may have changed the others."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, self._handlers)
        self._mask = pthread_sigmask(signal.SIG_BLOCK, ())
        others = {number: getsignal(number) for number in _OTHERS}
        standing = self._handlers | {
            number: handler for number, handler in others.items() if handler is not None
        }
        self._standing = [(int(number), handler) for number, handler in standing.items()]

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
        """User code has ended; handlers that it has set end with it, and signals are let in."""
        self._is_inside = False
        if self._interrupted is not None:
            self._interrupted = None
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._standing:
            if getsignal(number) is not handler:
                signal.signal(number, handler)
        if pthread_sigmask(signal.SIG_BLOCK, ()) != self._mask:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if self._timeout_at is not None or self._is_stopping:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._timeout_at = None

    def is_stopping(self) -> bool:
        """Tell whether SIGTERM, SIGINT or SIGUSR2 has come."""
        return self._is_stopping or self._is_draining

    def overdue(self) -> Cause | None:
        """Return why a run was interrupted that has not left user code in time since."""
        interrupted = self._interrupted
        if interrupted is None:
            return None
        cause, at = interrupted
        allowed = UNWIND_SECONDS_LOST if cause is Cause.LOST else UNWIND_SECONDS
        return cause if self._clock.monotonic() - at >= allowed else None

    def forget(self) -> None:
        """Give the signals back to whom they belonged: this is a forked child."""
        self._is_inside = False
        for number, handler in self._handlers.items():
            if signal.getsignal(number) == handler:
                signal.signal(number, self._before[number])

    def stand_in_child(self) -> None:
        """Be the guard of the process of one run: SIGTERM interrupts it, SIGUSR2 tells of a stop.

        Both come from the worker, which alone knows why. SIGINT is the worker's: a terminal sends
        it to both.
        """
        self._is_inside = True
        signal.signal(signal.SIGTERM, self._on_child_ended)
        signal.signal(signal.SIGUSR2, self._on_child_told)
        # Not ignored: what user code starts would ignore it, too.
        signal.signal(signal.SIGINT, _do_nothing)

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

    def _on_child_ended(self, _number: int, _frame: FrameType | None) -> None:
        self._interrupt(Cause.STOP)

    def _on_child_told(self, _number: int, _frame: FrameType | None) -> None:
        self._is_draining = True

    def _limit_to_grace(self) -> None:
        left = self._grace
        if self._timeout_at is not None:
            left = min(left, self._timeout_at - self._clock.monotonic())
        signal.setitimer(signal.ITIMER_REAL, max(left, 0.001))

    def _interrupt(self, cause: Cause) -> None:
        if not self._is_inside:
            return
        if self._interrupted is None:
            self._interrupted = (cause, self._clock.monotonic())
            if CANCELLING.cancel(cause):
                # In the process of one run there may be no handler yet.
                signal.signal(signal.SIGALRM, self._handlers[signal.SIGALRM])
                is_lost = cause is Cause.LOST
                seconds = CANCEL_SECONDS_LOST if is_lost else CANCEL_SECONDS
                signal.setitimer(signal.ITIMER_REAL, seconds)
                return
        self._is_inside = False
        raise Interrupted(self._interrupted[0])


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    pass
