"""When a process is started, drained, stopped, given up: the table of synergy.core.supervision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.exit_codes import ExitCode
from synergy.core.supervision import (
    Desired,
    Policy,
    ProcessStatus,
    Step,
    Watch,
    decide,
    ended,
    restarted,
)

POLICY = Policy(
    restart_delay=timedelta(seconds=1),
    restart_delay_max=timedelta(seconds=60),
    quick_exit=timedelta(seconds=10),
    quick_exit_count_max=5,
    stop_grace=timedelta(seconds=15),
)


@pytest.mark.parametrize(
    ('status', 'desired', 'after', 'step'),
    [
        (ProcessStatus.STOPPED, Desired.ON, ProcessStatus.RUNNING, Step.SPAWN),
        (ProcessStatus.STOPPED, Desired.DRAINED, ProcessStatus.STOPPED, None),
        (ProcessStatus.RUNNING, Desired.ON, ProcessStatus.RUNNING, None),
        (ProcessStatus.RUNNING, Desired.DRAINED, ProcessStatus.DRAINING, Step.DRAIN),
        (ProcessStatus.RUNNING, Desired.OFF, ProcessStatus.STOPPING, Step.TERMINATE),
        (ProcessStatus.BACKOFF, Desired.DRAINED, ProcessStatus.STOPPED, None),
        (ProcessStatus.DRAINING, Desired.DRAINED, ProcessStatus.DRAINING, None),
        (ProcessStatus.DRAINING, Desired.ON, ProcessStatus.DRAINING, None),
        (ProcessStatus.DRAINING, Desired.OFF, ProcessStatus.STOPPING, Step.TERMINATE),
        (ProcessStatus.FATAL, Desired.DRAINED, ProcessStatus.STOPPED, None),
    ],
)
def test_the_table(
    status: ProcessStatus, desired: Desired, after: ProcessStatus, step: Step | None
) -> None:
    watch, taken = decide(Watch(status=status), POLICY, 100.0, desired)

    assert (watch.status, taken) == (after, step)


def test_a_worker_that_drains_has_no_grace_and_no_restart() -> None:
    watch, _ = decide(Watch(status=ProcessStatus.RUNNING), POLICY, 0.0, Desired.DRAINED)

    much_later, step = decide(watch, POLICY, 1e6, Desired.DRAINED)

    assert step is None
    assert ended(much_later, POLICY, 1e6, 0).status is ProcessStatus.STOPPED


def test_a_process_that_wants_to_be_restarted_is_at_once_and_nothing_is_counted() -> None:
    watch = Watch(status=ProcessStatus.RUNNING, started_at=0.0, restart_count=2)

    for second in range(1, 20):
        over = ended(watch, POLICY, float(second), ExitCode.RESTART)
        watch, step = decide(over, POLICY, float(second), Desired.ON)

        assert (watch.status, step) == (ProcessStatus.RUNNING, Step.SPAWN)
    assert (watch.restart_count, watch.quick_exit_count) == (2, 0)


def test_a_worker_that_has_ended_with_a_run_is_replaced_at_once_and_is_not_ill() -> None:
    watch = Watch(status=ProcessStatus.RUNNING, started_at=0.0)

    for second in range(1, 20):
        over = ended(watch, POLICY, float(second), ExitCode.STUCK)
        watch, step = decide(over, POLICY, float(second), Desired.ON)

        assert (watch.status, step, watch.reason) == (ProcessStatus.RUNNING, Step.SPAWN, None)
    assert (watch.restart_count, watch.quick_exit_count) == (19, 0)


def test_one_that_wants_to_be_restarted_is_not_when_it_is_off_or_drained() -> None:
    running = Watch(status=ProcessStatus.RUNNING, started_at=0.0)

    for desired in (Desired.OFF, Desired.DRAINED):
        watch, step = decide(ended(running, POLICY, 1.0, ExitCode.RESTART), POLICY, 1.0, desired)

        assert (watch.status, step) == (ProcessStatus.STOPPED, None)


@pytest.mark.parametrize(
    ('status', 'after', 'step'),
    [
        (ProcessStatus.RUNNING, ProcessStatus.STOPPING, Step.TERMINATE),
        (ProcessStatus.DRAINING, ProcessStatus.STOPPING, Step.TERMINATE),
        (ProcessStatus.BACKOFF, ProcessStatus.STOPPED, None),
        (ProcessStatus.FATAL, ProcessStatus.STOPPED, None),
        (ProcessStatus.STOPPED, ProcessStatus.STOPPED, None),
        (ProcessStatus.STOPPING, ProcessStatus.STOPPING, None),
    ],
)
def test_what_is_restarted_runs_anew_at_once(
    status: ProcessStatus, after: ProcessStatus, step: Step | None
) -> None:
    watch = Watch(status=status, due_at=99.0, quick_exit_count=4, restart_count=2)

    anew, done = restarted(watch, POLICY, 10.0)

    assert (anew.status, done) == (after, step)
    if anew.status is ProcessStatus.STOPPING:
        anew = ended(anew, POLICY, 11.0, 0)
    assert decide(anew, POLICY, 11.0, Desired.ON)[1] is Step.SPAWN
    assert anew.restart_count == 2


@pytest.mark.parametrize(
    ('count', 'code', 'reason'),
    [
        (0, ExitCode.MISCONFIGURED, 'exit code 6'),
        (0, 1, None),
        (4, 1, 'exit code 1, 5 quick exits in a row'),
        (4, -9, 'killed by signal 9, 5 quick exits in a row'),
    ],
)
def test_what_is_given_up_says_how_it_ended_and_how_often(
    count: int, code: int, reason: str | None
) -> None:
    watch = Watch(status=ProcessStatus.RUNNING, started_at=99.0, quick_exit_count=count)

    after = ended(watch, POLICY, 100.0, code)

    if reason is None:
        assert after.status is ProcessStatus.BACKOFF
    else:
        assert (after.status, after.reason) == (ProcessStatus.FATAL, reason)
