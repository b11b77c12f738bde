"""What one Scheduler schedules: the part of a context that it needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from synergy.core.closed import ClosedHours
from synergy.core.freerun_record import Freerun, base_of
from synergy.core.hierarchy import Hierarchy
from synergy.core.holds import Holds, Hours
from synergy.core.records import ProcessName, RetryPolicy, Route
from synergy.core.structs import Struct, field

_POLICY: Final = RetryPolicy(max_attempts=1)


def _default_policy(_process: ProcessName) -> RetryPolicy:
    return _POLICY


class Pipeline(Struct, frozen=True, kw_only=True):
    """route_of: by a process's own name. freeruns: as context.py defines them.

    freerun_processes: that entries made at run time may name. policy_of: for units of free runs.
    takes_turns: whether some processes share a queue, and so are announced by turns.
    freerun_start_timeouts: by process, of those that have one.
    hours: closed hours of entries by their full names. closed: those of the whole installation.
    """

    hierarchy: Hierarchy
    route_of: Callable[[ProcessName], Route]
    freeruns: Sequence[Freerun] = ()
    freerun_processes: Sequence[ProcessName] = ()
    policy_of: Callable[[ProcessName], RetryPolicy] = _default_policy
    takes_turns: bool = False
    freerun_start_timeouts: Mapping[ProcessName, timedelta] = field(default_factory=dict)
    hours: Mapping[ProcessName, Hours] = MappingProxyType({})
    closed: tuple[ClosedHours, ...] = ()

    def start_timeout_of(self, process: ProcessName) -> timedelta | None:
        """Return how long units of a process, or of a free run, may wait for a worker."""
        node = self.hierarchy.nodes.get(process)
        if node is not None:
            return node.process.start_timeout
        return self.freerun_start_timeouts.get(base_of(process))

    def known_freerun_processes(self) -> Collection[ProcessName]:
        """Return the processes of which free runs can be started."""
        return {*self.freerun_processes, *(entry.process for entry in self.freeruns)}

    def holds(self) -> Holds:
        """Return what its closed hours hold; freezes are yet to be read."""
        return Holds(self.hierarchy, self.hours, self.closed)
