"""What would run when: a context on a virtual clock, without faults, touching no data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from synergy.core.hierarchy import Hierarchy, build
from synergy.core.overrides import begun_at
from synergy.core.records import Process, ProcessName, Unit
from synergy.core.structs import Struct, replace
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.backlog import Backlog, write
from synergy.simulation.faults import Faults
from synergy.simulation.plot import Crew, Plot
from synergy.simulation.world import World


class ForecastRun(Struct, frozen=True, kw_only=True):
    """One run of a unit, as it would be. late_at: the deadline of its job, if it has one."""

    process: str
    timeperiod: str
    run: int
    started_at: datetime
    ended_at: datetime | None
    late_at: datetime | None = None

    @property
    def is_late(self) -> bool:
        """Tell whether it ends after the deadline of its job."""
        ended_at, late_at = self.ended_at, self.late_at
        return ended_at is not None and late_at is not None and ended_at > late_at


def forecast(
    pipeline: Pipeline,
    crew: Crew,
    seconds_by_process: Mapping[ProcessName, float],
    start: datetime,
    length: timedelta,
    backlog: Backlog | None = None,
) -> Sequence[ForecastRun]:
    """Return the runs of `length` from `start`, by start; intervals before it count as done.

    seconds_by_process: how long a run of each process takes. backlog: what is left of earlier ones.
    """
    begin = start if backlog is None else backlog.begin
    world = World(
        Plot(
            pipeline=beginning_at(pipeline, begin),
            start=start,
            crew=crew,
            duration=lambda uow: seconds_by_process[ProcessName(uow.process_name)],
            is_calm=True,
        ),
        seed=0,
        faults=Faults(),
    )
    try:
        if backlog is not None:
            write(world.store, backlog)
        world.run(length.total_seconds(), check_every=1_000_000)
        units = sorted(
            (unit for unit in world.store.all_units() if unit.started_at is not None),
            key=lambda unit: (unit.started_at, unit.process),
        )
    finally:
        world.close()
    return [
        ForecastRun(
            process=unit.process,
            timeperiod=str(unit.timeperiod),
            run=unit.run,
            started_at=unit.started_at,
            ended_at=unit.finished_at,
            late_at=_deadline_of(pipeline.hierarchy, unit),
        )
        for unit in units
        if unit.started_at is not None
    ]


def _deadline_of(hierarchy: Hierarchy, unit: Unit) -> datetime | None:
    node = hierarchy.nodes.get(unit.process)
    if node is None or node.process.deadline is None:
        return None
    return hierarchy.late_at(node, unit.timeperiod.ordinal)


def beginning_at(pipeline: Pipeline, start: datetime, *, is_exact: bool = False) -> Pipeline:
    """Return the pipeline without what lies before `start`, ended trees included.

    is_exact: every tree begins then, those that would begin later, too.
    """
    trees = {node.tree.name: node.tree for node in pipeline.hierarchy}
    ended = {name for name, tree in trees.items() if tree.end is not None and tree.end <= start}
    left = [node.process for node in pipeline.hierarchy if node.tree.name not in ended]
    hierarchy = build(
        _waiting_for_each_other(left),
        [
            replace(
                tree,
                start=start if is_exact else max(tree.start, start),
                dependent_on=tuple(name for name in tree.dependent_on if name not in ended),
            )
            for tree in trees.values()
            if tree.name not in ended
        ],
        {node.tree.zone: node.calendar for node in pipeline.hierarchy},
        pipeline.hierarchy.machine_by_name,
    )
    cuts = {
        node.process.name: begun_at(node, cut)
        for node in hierarchy
        if node.process.override is not None
        and (cut := node.process.override.cut) is not None
        and cut.is_of(node.process.qualifier, node.tree.zone)
    }
    nodes, pools = {**hierarchy.nodes, **cuts}, pipeline.hierarchy.pools
    return replace(pipeline, hierarchy=hierarchy.replaced(nodes, pools))


def _waiting_for_each_other(processes: Sequence[Process]) -> Sequence[Process]:
    """Return processes without the inputs that they declare of others: those have ended."""
    names = {process.name for process in processes}
    return [
        replace(process, inputs=tuple(item for item in process.inputs if item.process in names))
        for process in processes
    ]
