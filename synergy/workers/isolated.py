"""A run in a process of its own: forked for one unit, gone with it, and bounded.

The child has all that the worker has imported and set up, runs user code, and tells by a pipe how
that went; the worker waits, keeps the lease, and takes what the child prints. Whatever ends the
child (a limit, the kernel, user code that calls `os._exit`) ends this run alone. A time-out, a stop
or a lost lease interrupts the child as it would interrupt a run in the worker, with SIGTERM; what
does not end by then is killed, with all that it has started.

Limits. Processor time: the kernel's (RLIMIT_CPU), of the child and of each process that it starts,
each for itself. Memory: what the child and all that it starts hold together beyond what it had when
it was forked, looked at often; pages that several of them share count once. One that asks for more
than twice as much at once is refused it by the kernel (RLIMIT_DATA): no look would come in time.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import select
import signal
import warnings
from collections.abc import Callable, Set
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Final, NoReturn, Protocol

from synergy.core.records import Outcome
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.ports.processes import ProcessIdentity
from synergy.workers.code import Bounds
from synergy.workers.forks import end_child
from synergy.workers.processes import RunProcesses
from synergy.workers.run_log import storable
from synergy.workers.signals import Cause, Interrupted

logger = logging.getLogger(__name__)

_MB: Final = 1 << 20
#: How often the worker looks: whether it was told to stop, and at the memory of the run.
_LOOK_SECONDS: Final = 0.25
_LOOK_SECONDS_BOUNDED: Final = 0.05
#: After SIGXCPU, before the kernel kills.
_CPU_GRACE_SECONDS: Final = 5


class IsolationGuard(Protocol):
    """What interrupts runs; see `synergy.workers.signals.SignalGuard`."""

    def is_stopping(self) -> bool:
        """Tell whether this worker was asked to stop."""
        ...

    def stand_in_child(self) -> None:
        """Interrupt user code in this forked child when the worker says so."""
        ...


class _Child(Struct, frozen=True, kw_only=True):
    """The process of a run. reading: what it tells. kept: what ran already. held: bytes, at first.

    held: None where nobody looks at its memory.
    """

    pid: int
    reading: int
    kept: Set[ProcessIdentity]
    held: int | None


class Isolation:
    """Gives runs a process of their own. Used by the main thread of a worker alone."""

    def __init__(
        self,
        guard: IsolationGuard,
        processes: RunProcesses,
        quiet: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """Fork nothing yet. quiet: keeps other threads still while it forks."""
        self._guard = guard
        self._processes = processes
        self._quiet = quiet

    def call(self, work: Callable[[], Outcome], bounds: Bounds) -> Outcome:
        """Call `work` in a child; return what it returned there, or what has ended the child.

        Raises Interrupted as the guard does, once the child and all of its are gone.
        """
        kept = self._processes.standing()
        reading, writing = os.pipe()
        try:
            pid = self._forked()
            if pid == 0:
                _be_child(self._guard, work, bounds, writing)
            os.close(writing)
            writing = -1
            held = None if bounds.memory_mb_max is None else _held_by(pid)
            child = _Child(pid=pid, reading=reading, kept=kept, held=held)
            try:
                return self._awaited(child, bounds)
            except Interrupted as interrupted:
                self._end(child, at_once=interrupted.cause is Cause.LOST)
                raise
        finally:
            os.close(reading)
            if writing >= 0:
                os.close(writing)
            if names := self._processes.end_but(kept):
                logger.warning(
                    'the run has left processes, which were ended: %s; wait for what a run starts',
                    ', '.join(names),
                    extra={'event': 'processes_ended'},
                )

    def _forked(self) -> int:
        with self._quiet(), warnings.catch_warnings():
            # Since Python 3.12 of each fork beside threads; what they might hold, `quiet` sees to.
            warnings.simplefilter('ignore', DeprecationWarning)
            return os.fork()

    def _awaited(self, child: _Child, bounds: Bounds) -> Outcome:
        """Wait for the end of the child; return how its run has ended."""
        told, is_told_to_stop = b'', False
        seconds = _LOOK_SECONDS if child.held is None else _LOOK_SECONDS_BOUNDED
        waiting = select.poll()
        waiting.register(child.reading, select.POLLIN)
        while True:
            if waiting.poll(seconds * 1000):
                if data := os.read(child.reading, 65_536):
                    told += data
                else:
                    waiting.unregister(child.reading)
            if (ended := _ended(child.pid, waits=told.endswith(b'\n'))) is not None:
                told += _rest(child.reading)
                return _outcome(told, ended, bounds)
            if child.held is not None and (over := self._overfull(child, bounds)) is not None:
                self._end(child, at_once=True)
                logger.error('%s', over, extra={'event': 'memory_exceeded'})
                return Outcome.failed(over)
            if not is_told_to_stop and self._guard.is_stopping():
                is_told_to_stop = True
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGUSR2)

    def _overfull(self, child: _Child, bounds: Bounds) -> str | None:
        """Return that the run holds more than it may; None when it does not."""
        assert child.held is not None
        assert bounds.memory_mb_max is not None
        pids = [child.pid, *self._processes.pids_but(child.kept)]
        most = bounds.memory_mb_max * _MB
        # Quick, and never less than what they hold.
        if sum(_resident_of(pid) for pid in set(pids)) <= most:
            return None
        held = sum(_held_by(pid) for pid in set(pids)) - child.held
        if held <= most:
            return None
        return f'the run held {held // _MB} MB, more than {bounds.memory_mb_max} (memory_mb_max)'

    def _end(self, child: _Child, *, at_once: bool) -> None:
        """End the child and all that it has started; it may tidy up first unless `at_once`."""
        if at_once:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
        self._processes.end_but(child.kept, at_once=at_once)
        _ended(child.pid, waits=True)


def _be_child(
    guard: IsolationGuard, work: Callable[[], Outcome], bounds: Bounds, writing: int
) -> NoReturn:
    """Run user code, tell how it went, and end: this is the child."""
    try:
        _bound(bounds)
        guard.stand_in_child()
        outcome = work()
        error = None if outcome.error is None else storable(outcome.error)
        told = json.dumps([outcome.state.value, outcome.count, error])
        _write_all(writing, f'{told}\n'.encode())
    except Interrupted:
        # The worker has told it to end, and knows why.
        end_child(None)
    except BaseException as error:  # noqa: BLE001 - it must not leave here
        end_child(error)
    end_child(None)


def _bound(bounds: Bounds) -> None:
    """Set the limits of the kernel for this process, and for those that it starts."""
    if bounds.cpu_seconds_max is not None:
        seconds = bounds.cpu_seconds_max
        _limit(resource.RLIMIT_CPU, seconds, seconds + _CPU_GRACE_SECONDS)
        _limit(resource.RLIMIT_CORE, 0, 0)
    if bounds.memory_mb_max is not None:
        most = _data_of_self() + 2 * bounds.memory_mb_max * _MB
        _limit(resource.RLIMIT_DATA, most, most)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Lower a limit; one that is lower already stays."""
    _, given = resource.getrlimit(kind)
    bound = hard if given == resource.RLIM_INFINITY else min(hard, given)
    with suppress(OSError, ValueError):
        resource.setrlimit(kind, (min(soft, bound), bound))


def _outcome(told: bytes, ended: tuple[int, float], bounds: Bounds) -> Outcome:
    """Return how a run has ended whose process has ended with (status, seconds of CPU time)."""
    if told.endswith(b'\n'):
        state, count, error = json.loads(told)
        return Outcome(state=UnitState(state), count=count, error=error)
    status, cpu_seconds = ended
    how = _end_in_words(status)
    limit = bounds.cpu_seconds_max
    if limit is not None and os.WIFSIGNALED(status) and cpu_seconds >= limit - 0.5:
        how = f'the run used {cpu_seconds:.1f} s of processor time, its limit is {limit} s '
        how += '(cpu_seconds_max)'
    logger.error('%s', how, extra={'event': 'isolated_run_ended'})
    return Outcome.failed(how)


def _end_in_words(status: int) -> str:
    if not os.WIFSIGNALED(status):
        code = os.waitstatus_to_exitcode(status)
        return f'the process of the run ended with exit code {code} before the run did'
    number = os.WTERMSIG(status)
    name = signal.Signals(number).name if number in set(signal.Signals) else 'unknown'
    hint = ': somebody, or the kernel for want of memory' if number == signal.SIGKILL else ''
    return f'the process of the run was killed by signal {number} ({name}){hint}'


def _ended(pid: int, *, waits: bool) -> tuple[int, float] | None:
    """Return status and CPU seconds of a child; None while it runs. waits: until it has ended."""
    try:
        found, status, usage = os.wait4(pid, 0 if waits else os.WNOHANG)
    except ChildProcessError:
        # Reaped elsewhere: nothing more is known of it.
        return signal.SIGKILL, 0.0
    return (status, usage.ru_utime + usage.ru_stime) if found else None


def _rest(reading: int) -> bytes:
    """Return what lies in the pipe; others may hold its other end, so nobody waits for an end."""
    os.set_blocking(reading, False)
    found = b''
    with suppress(BlockingIOError):
        while data := os.read(reading, 65_536):
            found += data
    return found


def _write_all(writing: int, data: bytes) -> None:
    while data:
        data = data[os.write(writing, data) :]


def _resident_of(pid: int) -> int:
    """Return the bytes of memory that a process holds, those that it shares among them.

    Source: proc(5), second field of /proc/PID/statm, in pages. 0 where it cannot be read.
    """
    try:
        pages = Path(f'/proc/{pid}/statm').read_text().split()[1]
    except (OSError, IndexError):
        return 0
    return int(pages) * resource.getpagesize()


def _held_by(pid: int) -> int:
    """Return the bytes of memory that a process holds, of what it shares only its part.

    Source: proc(5), Pss of /proc/PID/smaps_rollup. 0 where it cannot be read.
    """
    try:
        lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith('Pss:'))


def _data_of_self() -> int:
    """Return the bytes that this process has asked for, as RLIMIT_DATA counts them."""
    try:
        lines = Path('/proc/self/status').read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith('VmData:'))
