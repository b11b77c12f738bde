"""Signals: when they interrupt user code, and when they wait for it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from synergy.adapters.os.clocks import SystemClock
from synergy.workers.signals import Cause, Interrupted, SignalGuard

PATIENCE_SECONDS = 5.0


@pytest.fixture
def guard() -> Iterator[SignalGuard]:
    numbers = (
        signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT,
    )  # fmt: skip
    before = {number: signal.getsignal(number) for number in numbers}
    yield SignalGuard(SystemClock(), timedelta(seconds=0.1), lambda: None)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupted(guard: SignalGuard, timeout: timedelta | None) -> Cause | None:
    """Run user code that takes long; return why it was interrupted."""
    until = time.monotonic() + PATIENCE_SECONDS
    try:
        try:
            guard.enter(timeout)
            while time.monotonic() < until:
                signal.sigtimedwait([], 0.05)
        finally:
            guard.leave()
    except Interrupted as found:
        return found.cause
    return None


@pytest.mark.parametrize('timeout', [None, timedelta(minutes=1)])
def test_a_run_that_begins_after_a_stop_was_asked_for_has_its_grace_and_no_more(
    guard: SignalGuard, timeout: timedelta | None
) -> None:
    # Between taking a message and running its unit.
    signal.raise_signal(signal.SIGTERM)

    assert interrupted(guard, timeout) is Cause.STOP


def test_a_time_out_before_the_end_of_the_grace_is_a_time_out(guard: SignalGuard) -> None:
    signal.raise_signal(signal.SIGTERM)

    assert interrupted(guard, timedelta(seconds=0.05)) is Cause.TIMEOUT


@pytest.mark.parametrize('number', [signal.SIGCHLD, signal.SIGPIPE, signal.SIGHUP, signal.SIGTERM])
def test_the_next_run_finds_signals_as_they_were(
    guard: SignalGuard, number: signal.Signals
) -> None:
    before = (signal.getsignal(number), signal.pthread_sigmask(signal.SIG_BLOCK, []))
    guard.enter(None)
    signal.signal(number, signal.SIG_IGN if before[0] is signal.SIG_DFL else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    guard.leave()

    assert (signal.getsignal(number), signal.pthread_sigmask(signal.SIG_BLOCK, [])) == before
    # It would last for ever if its signal were still blocked.
    assert interrupted(guard, timedelta(seconds=0.1)) is Cause.TIMEOUT


def test_what_setup_has_chosen_for_other_signals_stays(guard: SignalGuard) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        guard.settle()
        guard.enter(None)
        guard.leave()

        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        # But the worker itself must be reached.
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_time_out_interrupts(guard: SignalGuard) -> None:
    assert interrupted(guard, timedelta(seconds=0.1)) is Cause.TIMEOUT
