"""What a forecast begins with: where everything stands, and what is known of how runs go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from synergy.core.durations import Work, work_of
from synergy.core.freezes import Freeze
from synergy.core.records import ProcessName, Unit
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable

_UNKNOWN = work_of(())


class Situation(Struct, frozen=True, kw_only=True):
    """Where everything stands at `now`.

    timetable: the index, with what operators have changed; it is taken over, and is of no use to
    anybody else afterwards. units: those that are live. work: of processes whose runs were
    measured. workers: instances that take work, by process or group; one that is lacking may have
    any number. again: jobs that failed for good and are tried once more.
    """

    now: datetime
    timetable: Timetable
    units: Sequence[Unit] = ()
    work: Mapping[ProcessName, Work]
    workers: Mapping[str, int]
    freezes: Sequence[Freeze] = ()
    again: Collection[JobKey] = ()

    def work_of(self, process: ProcessName) -> Work:
        """Return how runs of a process go, as far as is known."""
        return self.work.get(process, _UNKNOWN)
