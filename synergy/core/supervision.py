"""When a process of this box is started, restarted, stopped or given up: a table and a few rules.

    status     ON                                   DRAINED              OFF
    STOPPED    SPAWN -> RUNNING                     -                    -
    RUNNING    -                                    DRAIN -> DRAINING    TERMINATE -> STOPPING
    BACKOFF    after its delay: SPAWN -> RUNNING    -> STOPPED           -> STOPPED
    DRAINING   -                                    -                    TERMINATE -> STOPPING
    STOPPING   after its grace: KILL                the same             the same
    FATAL      -                                    -> STOPPED           -> STOPPED

An exit leads from DRAINING and STOPPING to STOPPED, and from RUNNING to BACKOFF with a delay that
doubles with every quick exit, or, after too many of them, to FATAL: left to an operator. A process
that ended in order to be restarted is STOPPED, and so spawned at once. A worker that drains has
no grace: it ends when its run does.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, StrEnum
from typing import assert_never

from synergy.core.exit_codes import ExitCode
from synergy.core.structs import Struct, replace


class ProcessStatus(StrEnum):
    """Where a process stands."""

    STOPPED = 'stopped'
    RUNNING = 'running'
    BACKOFF = 'backoff'
    DRAINING = 'draining'
    STOPPING = 'stopping'
    FATAL = 'fatal'


class Desired(Enum):
    """What is desired of a process. DRAINED: to end when it has finished what it runs."""

    ON = 'on'
    DRAINED = 'drained'
    OFF = 'off'


class Step(Enum):
    """What is to be done to a process."""

    SPAWN = 'spawn'
    DRAIN = 'drain'
    TERMINATE = 'terminate'
    KILL = 'kill'


class Policy(Struct, frozen=True, kw_only=True):
    """How patient to be."""

    restart_delay: timedelta
    restart_delay_max: timedelta
    quick_exit: timedelta
    quick_exit_count_max: int
    stop_grace: timedelta


class Watch(Struct, frozen=True, kw_only=True):
    """One process under supervision. started_at, due_at: seconds of the monotonic clock.

    is_up: it has begun to do what it is for since it was started. reason: why it ended, until
    then.
    """

    status: ProcessStatus = ProcessStatus.STOPPED
    started_at: float = 0.0
    due_at: float | None = None
    quick_exit_count: int = 0
    restart_count: int = 0
    is_up: bool = False
    reason: str | None = None


def decide(watch: Watch, policy: Policy, now: float, desired: Desired) -> tuple[Watch, Step | None]:
    """Return what is to be done now, and the watch as it stands once that is done."""
    is_due = watch.due_at is None or now >= watch.due_at
    is_wanted = desired is Desired.ON
    match watch.status:
        case ProcessStatus.STOPPED:
            return (_started(watch, now), Step.SPAWN) if is_wanted else (watch, None)
        case ProcessStatus.RUNNING | ProcessStatus.DRAINING:
            return _running(watch, policy, now, desired)
        case ProcessStatus.BACKOFF:
            if not is_wanted:
                return replace(watch, status=ProcessStatus.STOPPED, due_at=None), None
            if not is_due:
                return watch, None
            started = _started(watch, now)
            return replace(started, restart_count=watch.restart_count + 1), Step.SPAWN
        case ProcessStatus.STOPPING:
            return (replace(watch, due_at=now + 1.0), Step.KILL) if is_due else (watch, None)
        case ProcessStatus.FATAL:
            return (watch, None) if is_wanted else (Watch(restart_count=watch.restart_count), None)
        case _:
            assert_never(watch.status)


def up(watch: Watch) -> Watch:
    """Return the watch of a process that has begun to do what it is for: what was wrong is over."""
    return replace(watch, is_up=True, reason=None)


def ended(watch: Watch, policy: Policy, now: float, code: int) -> Watch:
    """Return the watch after its process has ended with `code` (minus a signal's number)."""
    if watch.status is not ProcessStatus.RUNNING:
        return Watch(restart_count=watch.restart_count)
    if code == ExitCode.RESTART:
        # Nothing has gone wrong: no delay, and nothing is counted.
        return replace(watch, status=ProcessStatus.STOPPED, due_at=None, quick_exit_count=0)
    if code == ExitCode.STUCK:
        # Its run is to blame, and has failed; nobody is to wait for the worker to be replaced.
        return replace(
            watch,
            status=ProcessStatus.STOPPED,
            due_at=None,
            quick_exit_count=0,
            restart_count=watch.restart_count + 1,
        )
    is_quick = now - watch.started_at < policy.quick_exit.total_seconds()
    count = watch.quick_exit_count + 1 if is_quick else 0
    reason = f'killed by signal {-code}' if code < 0 else f'exit code {code}'
    # Of a refused configuration: starting it again cannot help.
    if code == ExitCode.MISCONFIGURED or count >= policy.quick_exit_count_max:
        return replace(
            watch,
            status=ProcessStatus.FATAL,
            due_at=None,
            quick_exit_count=count,
            reason=reason if count < 2 else f'{reason}, {count} quick exits in a row',
        )
    delay = min(policy.restart_delay * (1 << max(count - 1, 0)), policy.restart_delay_max)
    return replace(
        watch,
        status=ProcessStatus.BACKOFF,
        due_at=now + delay.total_seconds(),
        quick_exit_count=count,
        reason=reason,
    )


def restarted(watch: Watch, policy: Policy, now: float) -> tuple[Watch, Step | None]:
    """Return what is to be done when somebody asks for a restart, and the watch after that.

    What is stopped thereby is started again by what is desired, without a delay; what was given up,
    or waits for its delay, is tried at once.
    """
    match watch.status:
        case ProcessStatus.RUNNING | ProcessStatus.DRAINING:
            return _running(watch, policy, now, Desired.OFF)
        case ProcessStatus.BACKOFF | ProcessStatus.FATAL:
            return Watch(restart_count=watch.restart_count), None
        case ProcessStatus.STOPPED | ProcessStatus.STOPPING:
            return watch, None
        case _:
            assert_never(watch.status)


def _running(
    watch: Watch, policy: Policy, now: float, desired: Desired
) -> tuple[Watch, Step | None]:
    match desired:
        case Desired.OFF:
            deadline = now + policy.stop_grace.total_seconds()
            return replace(watch, status=ProcessStatus.STOPPING, due_at=deadline), Step.TERMINATE
        case Desired.DRAINED if watch.status is ProcessStatus.RUNNING:
            return replace(watch, status=ProcessStatus.DRAINING), Step.DRAIN
        case Desired.DRAINED | Desired.ON:
            return watch, None
        case _:
            assert_never(desired)


def _started(watch: Watch, now: float) -> Watch:
    return replace(watch, status=ProcessStatus.RUNNING, started_at=now, due_at=None, is_up=False)
