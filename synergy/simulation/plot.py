"""What is simulated: a pipeline, how many of which processes, and how long their runs take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.calendar import Calendar
from synergy.core.records import ProcessName
from synergy.core.structs import Struct, field
from synergy.ports.source import DataSource
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.worker import LEASE
from synergy.workers.handler import Handler
from synergy.workers.uow import Uow

#: Of a lease, so much passes until it is renewed.
_BEAT_SHARE: Final = 4 / 15
#: How long a run of a unit takes, in simulated seconds.
Duration = Callable[[Uow], float]


class UserCode(Struct, frozen=True, kw_only=True):
    """What a worker calls, and what it is told, as its context entry says."""

    handler: Handler
    source: str | None = None
    sink: str | None = None
    data_source: DataSource | None = None
    calendars: Mapping[ProcessName, Calendar] = field(default_factory=dict)


class Crew(Struct, frozen=True, kw_only=True):
    """The workers of a box. instances: by process, or by group. groups: whose units theirs run."""

    instances: Mapping[ProcessName, int]
    groups: Mapping[ProcessName, Sequence[ProcessName]] = field(default_factory=dict)

    @property
    def processes(self) -> Sequence[ProcessName]:
        """Return whose units they run."""
        return [name for worker in self.instances for name in self.groups.get(worker, (worker,))]


class Plot(Struct, frozen=True, kw_only=True):
    """What is simulated. box_count: boxes, each with a
    supervisor and a scheduler; workers are on all of them. is_calm: one box without a supervisor,
    long leases and no sweeps to speak of: nothing goes wrong, and time passes quickly.
    is_one_file: store and broker of each process are joined, as where both are one file.
    uow_lease: for how long a worker has a unit unless it renews that; where no worker dies, a long
    one is no risk and lets time pass quicker.
    back_max: how far back the clock may be set at once, and at all.
    user_code_of: what the workers of a process call when a run's time has passed; None: nothing.
    """

    pipeline: Pipeline
    start: datetime
    crew: Crew
    duration: Duration
    box_count: int = 2
    is_calm: bool = False
    is_one_file: bool = False
    uow_lease: timedelta = LEASE
    back_max: timedelta = timedelta(hours=4)
    user_code_of: Callable[[ProcessName], UserCode] | None = None

    @property
    def beat_seconds(self) -> float:
        """Return after how long a worker renews its lease."""
        return self.uow_lease.total_seconds() * _BEAT_SHARE
