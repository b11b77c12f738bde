"""What the workers of each box run, and what waits for a worker of the same process anywhere.

A run belongs to the box whose worker has claimed it. What is queued belongs to none yet: it is told
of each box on which its process is on, for any of them may take it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final

from synergy.core.freerun_record import base_of
from synergy.core.records import BoxProcess, ProcessName, Unit
from synergy.core.states import JobState, UnitState
from synergy.core.structs import Struct
from synergy.core.timetable import Timetable
from synergy.ports.store import UnitReader
from synergy.view.boxes import BoxView
from synergy.view.conditions import FINAL_RUN, QUEUED, RETRYING, RUNNING, Condition, Runs
from synergy.view.documents import BoxDocument, BoxProcessDocument
from synergy.view.encode import encode_box, encode_box_process
from synergy.view.no_worker import worker_in
from synergy.view.workload import NOTHING, Tallies, workload_of

_WAITING: Final = (QUEUED, RETRYING)
#: Units that are read at first; those that run come first.
_READ_FIRST: Final = 100


class BoxProcessWorkDocument(BoxProcessDocument):
    """One process on one box, and how its work stands."""

    conditions: Annotated[
        dict[str, int],
        'what runs on this box, and what is queued or between attempts for any box; none: absent',
    ]


class BoxWorkDocument(BoxDocument):
    """A box with its processes."""

    processes: list[BoxProcessWorkDocument]


class BoxWork(Struct, frozen=True, kw_only=True):
    """Work by box. running: by box and worker. waiting: by worker; of no box yet."""

    running: Mapping[tuple[str, str], Tallies]
    waiting: Mapping[str, Tallies]

    def of(self, row: BoxProcess) -> Tallies:
        """Return what a process on a box runs, and what it may take, if it is on there."""
        running = self.running.get((row.box_id, row.process), NOTHING)
        waiting = self.waiting.get(row.process, NOTHING) if row.is_on else NOTHING
        return Tallies({**running.by_condition, **waiting.by_condition})


def box_work(
    timetable: Timetable,
    runs: Runs,
    store: UnitReader,
    worker_of: Callable[[ProcessName], str] = base_of,
) -> BoxWork:
    """Return how the work of each box stands; hold the lock, if `timetable` is a read model's.

    worker_of: returns under which name workers run the units of a process, or of a free run.
    """
    running: dict[tuple[str, str], Counter[Condition]] = {}
    for unit in _running(store):
        box_id = (unit.owner or '').partition(':')[0]
        worker = worker_in(unit.owner) or worker_of(unit.process)
        counts = running.setdefault((box_id, worker), Counter())
        counts[_condition(timetable, unit)] += 1
    waiting: dict[str, Counter[Condition]] = {}
    for process, tallies in workload_of(timetable, runs).by_process.items():
        found = Counter({item: tallies[item] for item in _WAITING if tallies[item]})
        if found:
            waiting.setdefault(worker_of(process), Counter()).update(found)
    return BoxWork(
        running={place: Tallies(counts) for place, counts in running.items()},
        waiting={worker: Tallies(counts) for worker, counts in waiting.items()},
    )


def encode_box_work(view: BoxView, work: BoxWork) -> BoxWorkDocument:
    """Return a box with its processes and how their work stands."""
    return {
        **encode_box(view),
        'processes': [
            {**encode_box_process(row), 'conditions': work.of(row).by_name}
            for row in view.processes
        ],
    }


def _running(store: UnitReader) -> Sequence[Unit]:
    """Return all units that a worker runs: they come first among those under way."""
    limit = _READ_FIRST
    units = store.live_units(limit)
    while len(units) == limit and units[-1].state is UnitState.IN_PROGRESS:
        limit *= 10
        units = store.live_units(limit)
    return [unit for unit in units if unit.state is UnitState.IN_PROGRESS]


def _condition(timetable: Timetable, unit: Unit) -> Condition:
    is_managed = unit.process in timetable.hierarchy.nodes
    job = timetable.open_job(unit.key) if is_managed else None
    return FINAL_RUN if job is not None and job.state is JobState.FINAL_RUN else RUNNING
