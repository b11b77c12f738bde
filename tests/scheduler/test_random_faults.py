"""Random schedulers dying, workers dying, messages lost: everything still runs, in order, once.

Each seed is one history; a failing one prints its seed in the test's name.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.records import Outcome, Unit
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.ports.errors import StoreUnavailable
from synergy.scheduler.loop import Scheduler
from tests.builders import instant, two_trees
from tests.depth import deep
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness

TURNS = 400
SEEDS = deep(8)
pytestmark = pytest.mark.heavy


class Drama:
    """One random history on a harness."""

    def __init__(self, harness: SchedulerHarness, seed: int) -> None:
        self.harness = harness
        self.random = Random(seed)
        self.schedulers = [self.wrapped(f'scheduler-{number}') for number in range(2)]
        self.born = 2
        self.working: list[Unit] = []
        self.command_count = 0

    def wrapped(self, owner: str) -> Scheduler:
        """Return a scheduler whose commits sometimes lose their answer or never happen."""
        scheduler = self.harness.scheduler(owner)
        commit = scheduler._store.commit

        def unreliable(*arguments: object, **named: object) -> None:
            fate = self.random.random()
            if fate < 0.03:
                raise StoreUnavailable('the request was lost')
            commit(*arguments, **named)  # type: ignore[arg-type]
            if fate < 0.06:
                raise StoreUnavailable('the answer was lost')

        scheduler._store.commit = unreliable  # type: ignore[method-assign]
        return scheduler

    def turn(self) -> None:
        random = self.random
        index = random.randrange(len(self.schedulers))
        self.schedulers[index].step()
        self.work()
        if random.random() < 0.02:
            self.schedulers[index] = self.wrapped(f'scheduler-{self.born}')
            self.born += 1
        if random.random() < 0.03 and self.command_count < 5:
            self.command()
        self.harness.clock.advance(timedelta(seconds=random.choice((0, 0, 0.2, 1, 4))))
        assert self.harness.violations() == []

    def work(self) -> None:
        random, harness = self.random, self.harness
        for uow_id in harness.take():
            if random.random() < 0.05:
                continue  # The message is lost.
            unit = harness.claim(uow_id)
            if unit is not None and random.random() > 0.05:  # Otherwise the worker dies.
                self.working.append(unit)
        for unit in [unit for unit in self.working if random.random() < 0.7]:
            self.working.remove(unit)
            outcome = Outcome.failed('by chance') if random.random() < 0.1 else None
            # Of a zombie the result is refused.
            harness.finish(unit, outcome, report=random.random() > 0.1)

    def command(self) -> None:
        random = self.random
        self.command_count += 1
        node = random.choice(list(self.harness.hierarchy))
        first = node.first + random.randrange(3)
        self.harness.store.insert_command(
            Command(
                id=CommandId(f'c{self.command_count}'),
                kind=random.choice(list(CommandKind)),
                process=node.process.name,
                start=Timeperiod(node.process.qualifier, first),
                end=Timeperiod(node.process.qualifier, first + 1 + random.randrange(3)),
                with_children=random.random() < 0.5,
                actor='chance',
                created_at=self.harness.clock.now(),
            )
        )


@pytest.mark.parametrize('seed', range(SEEDS))
def test_nothing_is_lost_doubled_or_out_of_order(tmp_path: Path, seed: int) -> None:
    hierarchy = two_trees(end='2026112306', SiteHourly={'max_running': 4})
    drama = Drama(SchedulerHarness(tmp_path, hierarchy, instant('2026112401')), seed)

    for _ in range(TURNS):
        drama.turn()
    calm = drama.harness.scheduler('calm')
    for _ in range(40):
        drama.harness.clock.advance(LEASE)
        calm.step()
        drama.harness.run(calm)

    for node in hierarchy:
        assert node.until is not None
        for ordinal in range(node.first, node.until):
            key = JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))
            job = drama.harness.store.jobs([key])[key]
            assert job.state in (JobState.PROCESSED, JobState.SKIPPED), job
    assert drama.harness.violations() == []
