"""The limit on this machine: the least durable work that one managed job costs, nothing around it.

For each job, by processes of their own: insert its unit and its row and announce the unit (the
Scheduler's side, 100 jobs at a time) | take, claim by compare-and-set, acknowledge, finish by
compare-and-set and report (a worker's side, 50 at a time) | take the report and update the row (the
Scheduler's side). As durable as the product: WAL and NORMAL in SQLite; a majority with journal and
confirmed, persistent messages in production. No decisions, machines, leases, logs or audit, and no
line of the product.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any, Final, TypeAlias

from bench.spent import own_seconds
from synergy.core.structs import Struct

#: How many jobs each side treats at a time.
SCHEDULER_BATCH: Final = 100
WORKER_BATCH: Final = 50
#: How many jobs may be under way at a time.
WINDOW: Final = 4 * SCHEDULER_BATCH
#: Whose processor time is counted.
LOCAL_ROLES: Final = ('Scheduler', 'workers')
SERVED_ROLES: Final = (*LOCAL_ROLES, 'servers')
_START_SECONDS: Final = 60.0

#: A worker's side: (number, where, is ready, has to stop). It ends by returning.
WorkerSide: TypeAlias = Callable[[int, Any, Callable[[], None], Callable[[], bool]], None]


class Limit(Struct, frozen=True, kw_only=True):
    """One run. spent: processor seconds of each role: 'Scheduler', 'workers', maybe 'servers'."""

    jobs: int
    seconds: float
    spent: dict[str, float]

    @property
    def per_second(self) -> float:
        """Return how many jobs were done in a second."""
        return self.jobs / self.seconds

    def spent_us(self, role: str) -> float:
        """Return the processor time that a job has cost a role, in microseconds."""
        return self.spent[role] / self.jobs * 1e6


@contextmanager
def workers(side: WorkerSide, where: object, count: int) -> Iterator[list[float]]:
    """Run `count` processes of a worker's side; at the end, their processor seconds are listed."""
    context = multiprocessing.get_context('spawn')
    stop, ready, spent = context.Event(), context.Queue(), context.Queue()
    children = [
        context.Process(target=_work, args=(side, number, where, ready, stop, spent), daemon=True)
        for number in range(count)
    ]
    found: list[float] = []
    for child in children:
        child.start()
    try:
        for _ in children:
            ready.get(timeout=_START_SECONDS)
        yield found
        stop.set()
        found.extend(spent.get(timeout=_START_SECONDS) for _ in children)
    finally:
        stop.set()
        for child in children:
            child.join(_START_SECONDS)
            child.kill()


def _work(
    side: WorkerSide,
    number: int,
    where: object,
    ready: Queue[int],
    stop: Event,
    spent: Queue[float],
) -> None:
    before = 0.0

    def tell_ready() -> None:
        nonlocal before
        before = own_seconds()
        ready.put(number)

    side(number, where, tell_ready, stop.is_set)
    spent.put(own_seconds() - before)
