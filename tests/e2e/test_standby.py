"""Two Schedulers on two boxes: one leads, the other takes over, and no unit is started twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from synergy.core.states import JobState
from synergy.view.whole import all_jobs
from tests.system_harness import SystemHarness, kill

#: What pytest writes into its report: the measured times.
Record = Callable[[str, object], None]
CONTEXT = 'tests.pipelines.hours'
#: Under the default lease of the leader.
TAKE_OVER_SECONDS_MAX = 10.0


class Pair:
    """Two boxes on one store and one broker, with the default lease of the leader."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        """Start nothing."""
        self.one, self.two = (
            stack.enter_context(
                SystemHarness(
                    folder / box,
                    CONTEXT,
                    SYNERGY_BOX_ID=box,
                    SYNERGY_STORE_URI=f'sqlite://{folder}/store.db',
                    SYNERGY_BROKER_URI=f'embedded://{folder}/broker',
                    SYNERGY_LEADER_LEASE_SECONDS='6',
                )
            )
            for box in ('one', 'two')
        )

    def leader(self) -> str | None:
        """Return `box:pid` of the Scheduler that leads at this moment."""
        found = self.one.store.leadership()
        return None if found is None or found.until <= self.one.store.store_now() else found.owner

    def wait_leader(self, owner: str) -> float:
        """Wait until `owner` leads; return how many seconds that took."""
        began = time.monotonic()
        self.one.wait_for(lambda: self.leader() == owner, f'the leadership of {owner}')
        return time.monotonic() - began

    def lead(self, system: SystemHarness) -> subprocess.Popen[bytes]:
        """Start a Scheduler and wait until it leads."""
        child = system.start('Scheduler')
        self.wait_leader(f'{box_of(system)}:{child.pid}')
        return child

    def done_count(self) -> int:
        counts = self.one.store.count_jobs()
        return sum(count for (_, state), count in counts.items() if state is JobState.PROCESSED)

    def wait_progress(self, count: int = 20) -> None:
        """Wait until `count` further jobs are done."""
        until = self.done_count() + count
        self.one.wait_for(lambda: self.done_count() >= until, f'{until} jobs')

    def journal(self) -> list[str]:
        return [line for system in (self.one, self.two) for line in system.journal()]


def box_of(system: SystemHarness) -> str:
    return system.environ['SYNERGY_BOX_ID']


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(tmp_path, stack)


def check_ends(pair: Pair) -> None:
    """Wait for the end of all 24 * 5 hours and check that each was started once."""
    pair.one.wait_for(lambda: pair.done_count() == 125, 'the end of everything')

    starts = pair.journal()
    assert len(starts) == len(set(starts)) == 125
    assert all(job.run == 1 and job.failure_count == 0 for job in all_jobs(pair.one.store))
    verified = pair.one.launch('verify')
    assert verified.returncode == 0, verified.stdout


def test_a_killed_leader_is_replaced_within_ten_seconds(
    pair: Pair, record_property: Record
) -> None:
    leader = pair.lead(pair.one)
    standby = pair.two.start('Scheduler')
    for name in ('PacedHourly', 'PacedDaily'):
        pair.two.start(name)
    pair.wait_progress()

    kill(leader)
    seconds = pair.wait_leader(f'two:{standby.pid}')

    assert seconds < TAKE_OVER_SECONDS_MAX
    record_property('take_over_seconds', seconds)
    check_ends(pair)


def test_a_leader_that_was_frozen_steps_down_when_it_wakes(
    pair: Pair, record_property: Record
) -> None:
    leader = pair.lead(pair.one)
    standby = pair.two.start('Scheduler')
    for name in ('PacedHourly', 'PacedDaily'):
        pair.two.start(name)
    pair.wait_progress()

    os.kill(leader.pid, signal.SIGSTOP)
    seconds = pair.wait_leader(f'two:{standby.pid}')
    pair.wait_progress()
    os.kill(leader.pid, signal.SIGCONT)
    pair.one.wait_for(lambda: 'standing by' in pair.one.logs(), 'the step down')

    assert seconds < TAKE_OVER_SECONDS_MAX
    record_property('take_over_seconds', seconds)
    check_ends(pair)
    assert pair.leader() == f'two:{standby.pid}'


def test_a_rolling_restart_leaves_no_gap(pair: Pair, record_property: Record) -> None:
    leader = pair.lead(pair.one)
    standby = pair.two.start('Scheduler')
    for system in (pair.one, pair.two):
        for name in ('PacedHourly', 'PacedDaily'):
            system.start(name)
    pair.wait_progress()

    leader.terminate()
    to_two = pair.wait_leader(f'two:{standby.pid}')
    assert leader.wait(20) == 0
    pair.wait_progress()
    again = pair.one.start('Scheduler')
    pair.wait_progress()
    standby.terminate()
    to_one = pair.wait_leader(f'one:{again.pid}')

    assert max(to_two, to_one) < 3.0
    record_property('hand_over_seconds', (to_two, to_one))
    check_ends(pair)


def test_status_shows_who_leads_and_who_stands_by(pair: Pair) -> None:
    pair.one.start('Supervisor')
    pair.one.wait_for(lambda: pair.leader() is not None, 'a leader')
    pair.two.start('Supervisor')

    def seen() -> list[tuple[str, bool]]:
        found = json.loads(pair.one.launch('status', '--json').stdout)
        return [(item['owner'].split(':')[0], item['is_leading']) for item in found['schedulers']]

    pair.one.wait_for(lambda: len(seen()) == 2, 'the standby')

    assert seen() == [('one', True), ('two', False)]
    assert '; standing by: two:' in pair.one.launch('status').stdout
