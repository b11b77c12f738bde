"""A run in a process of its own: real forks, limits of the kernel, and what is left of it."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import psutil
import pytest

from synergy.adapters.os.descendants import OsDescendants
from synergy.core.records import Outcome
from synergy.core.states import UnitState
from synergy.workers import isolated
from synergy.workers.code import Bounds
from synergy.workers.isolated import Isolation
from synergy.workers.processes import RunProcesses
from synergy.workers.signals import UNWIND_SECONDS, Cause, Interrupted

MB = 1 << 20
FREE = Bounds()


class ChildGuard:
    """A guard as a child has it: SIGTERM interrupts, SIGUSR2 tells of a stop."""

    is_told = False

    def is_stopping(self) -> bool:
        return self.is_told

    def stand_in_child(self) -> None:
        def interrupt(*_: object) -> None:
            raise Interrupted(Cause.STOP)

        def tell(*_: object) -> None:
            self.is_told = True

        signal.signal(signal.SIGTERM, interrupt)
        signal.signal(signal.SIGUSR2, tell)


@pytest.fixture
def guard() -> ChildGuard:
    return ChildGuard()


@pytest.fixture
def call(guard: ChildGuard) -> Callable[..., Outcome]:
    """Return what runs work in a child, and leaves none behind."""
    processes = RunProcesses(OsDescendants(), timedelta(seconds=0.5))

    def call(work: Callable[[], Any], bounds: Bounds = FREE) -> Outcome:
        before = processes.standing()
        try:
            return Isolation(guard, processes, nullcontext).call(work, bounds)
        finally:
            assert processes.standing() == before

    return call


def test_its_outcome_comes_back_and_what_it_changed_does_not(call: Callable[..., Outcome]) -> None:
    changed: list[int] = []

    def work() -> Outcome:
        changed.append(os.getpid())
        return Outcome(state=UnitState.INVALID, count=3, error='ä\udcff' + 'x' * 200_000)

    outcome = call(work)

    assert (outcome.state, outcome.count) == (UnitState.INVALID, 3)
    assert outcome.error is not None
    assert outcome.error.startswith('ä\\udcffxxx')
    assert changed == []


@pytest.mark.parametrize(
    ('end', 'said'),
    [
        (lambda: os._exit(7), 'the process of the run ended with exit code 7 before the run did'),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), 'was killed by signal 9 (SIGKILL): somebod'),
        (lambda: os.kill(os.getpid(), signal.SIGUSR1), 'was killed by signal 10 (SIGUSR1)'),
    ],
)
def test_whatever_ends_it_fails_the_attempt_and_says_so(
    call: Callable[..., Outcome], end: Callable[[], object], said: str
) -> None:
    outcome = call(end)

    assert outcome.state is UnitState.INVALID
    assert said in (outcome.error or '')


def test_one_that_takes_too_much_processor_time_is_ended_with_the_reason(
    call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As the kernel ends it: without burning a second of everybody's time.
    limits: list[tuple[int, int, int]] = []
    monkeypatch.setattr(isolated, '_limit', lambda *given: limits.append(given))

    def burn() -> Outcome:
        kind, soft, hard = limits[0]
        assert (kind, soft, hard) == (resource.RLIMIT_CPU, 1, 6)
        while time.process_time() < 0.52:
            pass
        os.kill(os.getpid(), signal.SIGXCPU)
        return Outcome.processed()

    outcome = call(burn, Bounds(cpu_seconds_max=1))

    assert 's of processor time, its limit is 1 s (cpu_seconds_max)' in (outcome.error or '')


@pytest.mark.skipif(sys.platform != 'linux', reason='the memory of others is read from /proc')
def test_one_that_holds_too_much_is_ended_with_all_it_has_started(
    call: Callable[..., Outcome],
) -> None:
    text = f'import time; held = bytearray(b"x" * {80 * MB}); print(flush=True); time.sleep(60)'

    def hold() -> Outcome:
        with subprocess.Popen([sys.executable, '-c', text], stdout=subprocess.PIPE) as other:
            assert other.stdout is not None
            other.stdout.readline()
            held = bytearray(b'x' * (60 * MB))
            time.sleep(60)
            return Outcome.processed(len(held))

    outcome = call(hold, Bounds(memory_mb_max=100))

    assert 'MB, more than 100 (memory_mb_max)' in (outcome.error or '')


@pytest.mark.skipif(sys.platform != 'linux', reason='there RLIMIT_DATA bounds no mappings')
def test_what_asks_for_far_too_much_at_once_is_refused_it(call: Callable[..., Outcome]) -> None:
    def ask() -> Outcome:
        try:
            return Outcome.processed(len(bytearray(10_000 * MB)))
        except MemoryError:
            return Outcome.failed('refused')

    assert call(ask, Bounds(memory_mb_max=50)).error == 'refused'


def test_what_an_isolated_run_leaves_is_ended_and_what_ran_before_is_not(
    call: Callable[..., Outcome],
) -> None:
    def leave() -> Outcome:
        left = subprocess.Popen(['sleep', '60'], start_new_session=True)
        return Outcome.processed(left.pid)

    with subprocess.Popen(['sleep', '60']) as kept:
        outcome = call(leave)

        assert not psutil.pid_exists(outcome.count)
        assert kept.poll() is None
        kept.terminate()


def test_an_interruption_of_the_worker_reaches_the_run_and_its_end_is_waited_for(
    call: Callable[..., Outcome],
) -> None:
    reading, writing = os.pipe()

    def work() -> Outcome:
        os.write(writing, b'began\n')
        try:
            time.sleep(60)
        finally:
            os.write(writing, b'tidied up\n')
        return Outcome.processed()

    def time_out(*_: object) -> None:
        raise Interrupted(Cause.TIMEOUT)

    before = signal.signal(signal.SIGALRM, time_out)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(Interrupted) as interrupted:
            call(work)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    os.close(writing)

    assert interrupted.value.cause is Cause.TIMEOUT
    with os.fdopen(reading, 'rb') as told:
        assert told.read() == b'began\ntidied up\n'
    assert RunProcesses(OsDescendants(), timedelta(seconds=2.5))._grace.total_seconds() < (
        UNWIND_SECONDS
    ), 'it is over before the heartbeat ends everything'


def test_one_that_does_not_yield_to_its_time_out_is_killed_and_nothing_else_is(
    call: Callable[..., Outcome],
) -> None:
    def work() -> Outcome:
        # As C code does that never comes back to Python.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        time.sleep(60)
        return Outcome.processed()

    def time_out(*_: object) -> None:
        raise Interrupted(Cause.TIMEOUT)

    before = signal.signal(signal.SIGALRM, time_out)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    began = time.monotonic()
    try:
        with pytest.raises(Interrupted):
            call(work)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert 0.5 < time.monotonic() - began < 30


def test_a_stop_is_told_to_the_run(call: Callable[..., Outcome], guard: ChildGuard) -> None:
    guard.is_told = True

    def work() -> Outcome:
        guard.is_told = False
        until = time.monotonic() + 10
        while not guard.is_told and time.monotonic() < until:
            time.sleep(0.01)
        return Outcome.processed(int(guard.is_told))

    assert call(work).count == 1
