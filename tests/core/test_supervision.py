"""When a process is started, drained, stopped, given up: the table of synergy.core.supervision."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.exit_codes import ExitCode
from synergy.core.supervision import (
    Policy,
    ProcessStatus,
    Step,
    Watch,
    Wish,
    decide,
    ended,
)

POLICY = Policy(
    restart_delay=timedelta(seconds=1),
    restart_delay_max=timedelta(seconds=60),
    quick_exit=timedelta(seconds=10),
    quick_exit_count_max=5,
    stop_grace=timedelta(seconds=15),
)


@pytest.mark.parametrize(
    ('status', 'wish', 'after', 'step'),
    [
        (ProcessStatus.STOPPED, Wish.ON, ProcessStatus.RUNNING, Step.SPAWN),
        (ProcessStatus.STOPPED, Wish.DRAINED, ProcessStatus.STOPPED, None),
        (ProcessStatus.RUNNING, Wish.ON, ProcessStatus.RUNNING, None),
        (ProcessStatus.RUNNING, Wish.DRAINED, ProcessStatus.DRAINING, Step.DRAIN),
        (ProcessStatus.RUNNING, Wish.OFF, ProcessStatus.STOPPING, Step.TERMINATE),
        (ProcessStatus.BACKOFF, Wish.DRAINED, ProcessStatus.STOPPED, None),
        (ProcessStatus.DRAINING, Wish.DRAINED, ProcessStatus.DRAINING, None),
        (ProcessStatus.DRAINING, Wish.ON, ProcessStatus.DRAINING, None),
        (ProcessStatus.DRAINING, Wish.OFF, ProcessStatus.STOPPING, Step.TERMINATE),
        (ProcessStatus.FATAL, Wish.DRAINED, ProcessStatus.STOPPED, None),
    ],
)
def test_the_table(
    status: ProcessStatus, wish: Wish, after: ProcessStatus, step: Step | None
) -> None:
    watch, taken = decide(Watch(status=status), POLICY, 100.0, wish)

    assert (watch.status, taken) == (after, step)


def test_a_worker_that_drains_has_no_grace_and_no_restart() -> None:
    watch, _ = decide(Watch(status=ProcessStatus.RUNNING), POLICY, 0.0, Wish.DRAINED)

    much_later, step = decide(watch, POLICY, 1e6, Wish.DRAINED)

    assert step is None
    assert ended(much_later, POLICY, 1e6, 0).status is ProcessStatus.STOPPED


def test_a_process_that_wants_to_be_started_anew_is_at_once_and_nothing_is_counted() -> None:
    watch = Watch(status=ProcessStatus.RUNNING, started_at=0.0, restart_count=2)

    for second in range(1, 20):
        over = ended(watch, POLICY, float(second), ExitCode.ANEW)
        watch, step = decide(over, POLICY, float(second), Wish.ON)

        assert (watch.status, step) == (ProcessStatus.RUNNING, Step.SPAWN)
    assert (watch.restart_count, watch.quick_exit_count) == (2, 0)


def test_one_that_wants_to_be_started_anew_is_not_when_it_is_off_or_drained() -> None:
    running = Watch(status=ProcessStatus.RUNNING, started_at=0.0)

    for wish in (Wish.OFF, Wish.DRAINED):
        watch, step = decide(ended(running, POLICY, 1.0, ExitCode.ANEW), POLICY, 1.0, wish)

        assert (watch.status, step) == (ProcessStatus.STOPPED, None)
