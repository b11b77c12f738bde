"""What must hold between the lanes of a process: none with work waits for more than its share.

It repeats on purpose, by rows alone, what `synergy.core.lanes` decides: it is the oracle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import permutations

from synergy.core.commands import CommandKind, CommandState
from synergy.core.effects import (
    RemoveOverride,
    Save,
    SaveCommand,
    SaveContext,
    SaveJob,
    SaveOverride,
)
from synergy.core.hierarchy import Hierarchy
from synergy.core.lanes import CatchUp, Lane
from synergy.core.leaving_out import left_out_until
from synergy.core.node import Node
from synergy.core.overrides import as_led
from synergy.core.records import Job, ProcessName, UowId
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Timeperiod
from synergy.ports.store import Store

_COMMANDS_MAX = 1_000
#: Of floating point.
_EPSILON = 1e-9


class LaneWatch:
    """Watches the processes whose jobs wait for nothing: of those, rows tell what may start."""

    def __init__(self, store: Store, hierarchy: Hierarchy) -> None:
        """Have seen nothing yet."""
        self._store = store
        self._hierarchy = hierarchy
        self._led: Hierarchy | None = None
        self._busy: dict[ProcessName, Collection[Lane]] = {}
        # Of two lanes that both have work: how many starts each had since they both have.
        self._had: dict[tuple[ProcessName, Lane, Lane], list[int]] = {}
        self._seen: set[UowId] = set()
        #: Processes that have started something since the index was built, and had work ever since.
        self.steady: set[ProcessName] = set()
        self.broken: str | None = None

    def expect(self, hierarchy: Hierarchy) -> None:
        """Know another context."""
        self._hierarchy = hierarchy
        self._led = None
        self.forget()

    def forget(self) -> None:
        """Begin to count again: an index is built, or a process changed, and turns begin then."""
        self._busy.clear()
        self._had.clear()
        self.steady.clear()

    @property
    def led(self) -> Hierarchy:
        """Return the processes as operators have changed them, which know what is live."""
        if self._led is None:
            store = self._store
            self._led = as_led(self._hierarchy, store.overrides(), store.led_context())
        return self._led

    def saw_saves(self, saves: Iterable[Save], now: datetime) -> Sequence[Job]:
        """Look at what was committed; return the jobs that have started."""
        jobs: list[Job] = []
        has_jobs = False
        for save in saves:
            match save:
                case SaveContext() | SaveOverride() | RemoveOverride():
                    self._led = None
                case SaveCommand(command) if command.kind is CommandKind.PROCESS_SAVE:
                    self.forget()
                case SaveJob(job):
                    has_jobs = True
                    if job.uow_id is not None and job.uow_id not in self._seen:
                        self._seen.add(job.uow_id)
                        jobs.append(job)
        if has_jobs:
            for node in self.led:
                if not node.inputs:
                    self._look(node, [job for job in jobs if job.process == node.process.name], now)
        for job in jobs:
            self._look_for_left_out(job)
        return jobs

    def _look(self, node: Node, starts: Sequence[Job], now: datetime) -> None:
        name, shares = node.process.name, node.process.shares
        before, after = self._busy.get(name, ()), self._with_work(node, now)
        self._busy[name] = after
        if not after:
            self.steady.discard(name)
        elif starts:
            self.steady.add(name)
        for one, other in permutations(Lane, 2):
            if not {one, other} <= set(after):
                self._had.pop((name, one, other), None)
            elif {one, other} <= set(before):
                had = self._had.setdefault((name, one, other), [0, 0])
                for job in starts:
                    lane = self._lane(node, job)
                    had[0] += lane is one
                    had[1] += lane is other
                    ahead = had[0] / shares.of(one) - had[1] / shares.of(other)
                    if ahead > 1 / shares.of(one) + 1 / shares.of(other) + _EPSILON:
                        self._tell(
                            f'{name}: {had[0]} starts of {one.value} came with {had[1]} of '
                            f'{other.value}, which had work all the time ({shares})'
                        )

    def _look_for_left_out(self, job: Job) -> None:
        node = self.led.nodes.get(job.process)
        if node is not None and job.request_id is None and job.run == 1:
            ordinal = job.timeperiod.ordinal
            if node.process.catch_up is CatchUp.NONE and ordinal < left_out_until(self.led, node):
                self._tell(f'{job.key} was started although it is left out')

    def _tell(self, what: str) -> None:
        self.broken = self.broken or f'I9 {what}'

    def _lane(self, node: Node, job: Job) -> Lane:
        return Lane.RERUN if job.request_id is not None else self._fresh(node, job.timeperiod)

    def _fresh(self, node: Node, timeperiod: Timeperiod) -> Lane:
        live_from = node.process.live_from
        if live_from is None or node.process.catch_up is CatchUp.IN_ORDER:
            return Lane.LIVE
        is_live = self.led.over_at(node, timeperiod.ordinal) > live_from
        return Lane.LIVE if is_live else Lane.HISTORY

    def _with_work(self, node: Node, now: datetime) -> Collection[Lane]:
        """Return the lanes that have something to start, as the rows have it."""
        over_until = self.led.started_until(node, now)
        keys = [
            JobKey(node.process.name, self.led.timeperiod(node, ordinal))
            for ordinal in range(node.first, over_until)
        ]
        rows = self._store.jobs(keys)
        running = self._store.commands((CommandState.RUNNING,), _COMMANDS_MAX)
        requests = {command.id for command in running if not command.is_paused}
        first = left_out_until(self.led, node)
        found = set()
        for key in keys:
            job = rows.get(key)
            if job is None:
                if key.timeperiod.ordinal >= first:
                    found.add(self._fresh(node, key.timeperiod))
            elif job.state is JobState.EMBRYO:
                if job.request_id is None:
                    found.add(self._fresh(node, key.timeperiod))
                elif job.request_id in requests:
                    found.add(Lane.RERUN)
        return found
