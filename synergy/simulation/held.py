"""Closed hours and freezes, to be simulated: some every few minutes, others asked for by chance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Final

from synergy.core.closed import ClosedHours, parse
from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.freezes import EVERYTHING, Scope, details_of
from synergy.core.holds import Hours
from synergy.core.records import Json, ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.ports.freezing import freezes_in
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.hold_watch import HoldWatch
from synergy.simulation.world import World


def _minutes(*begin: int) -> tuple[ClosedHours, ...]:
    """Return a minute from each of these on, in the hours in which a history has trouble."""
    return tuple(
        parse(f'{hour:02}:{minute:02}-{hour:02}:{minute + 1:02}', UTC)
        for hour in range(1, 10)
        for minute in begin
    )


_CLOSED: Final = _minutes(11, 14, 17)
#: Those of a pool.
POOL_HOURS: Final = _minutes(12, 15)
_CLOSED_PROCESSES: Final = ('SiteHourly', 'SiteDaily')
_FREEZES: Final = 0.25
_THAWS: Final = 0.15


def with_closed_hours(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline of which some processes and free runs have closed hours."""
    nodes = {
        name: replace(node, process=replace(node.process, closed=_CLOSED))
        if name in _CLOSED_PROCESSES
        else node
        for name, node in pipeline.hierarchy.nodes.items()
    }
    hours = {freerun.name: Hours(closed=_CLOSED) for freerun in pipeline.freeruns}
    return replace(pipeline, hierarchy=pipeline.hierarchy.replaced(nodes), hours=hours)


def watch(world: World) -> None:
    """Let the monitor see what starts while it may not."""
    world.monitor.holding = HoldWatch(world.plot.pipeline, world.store, world.stage)


def freeze_or_thaw_something(world: World) -> None:
    """Let an operator freeze, or thaw, what chance draws."""
    random = world.random
    if random.random() < _FREEZES:
        node = random.choice(list(world.hierarchy))
        scope, name = random.choice(
            [
                (Scope.ALL, EVERYTHING),
                (Scope.PROCESS, node.process.name),
                (Scope.PROCESS, 'Cleaner'),
                (Scope.TREE, node.tree.name),
                (Scope.POOL, random.choice(list(world.hierarchy.pools.sizes))),
            ]
        )
        until = world.clock.now() + timedelta(seconds=random.uniform(15, 120))
        command_id = CommandId(f'freeze{world.stage.seconds}')
        ask(world, CommandKind.FREEZE, command_id, name, details_of(scope, until))
        if world.monitor.holding is not None:
            world.monitor.holding.asked(command_id)
    if random.random() < _THAWS:
        thaw_everything(world)


def thaw_everything(world: World) -> None:
    """Let an operator end all freezes."""
    for freeze in freezes_in(world.store):
        command_id = CommandId(f'thaw{world.stage.seconds}{freeze.id}')
        ask(world, CommandKind.THAW, command_id, freeze.name, {}, freeze.id)


def ask(
    world: World,
    kind: CommandKind,
    command_id: CommandId,
    name: str,
    details: Mapping[str, Json],
    target: CommandId | None = None,
) -> None:
    """Let an operator ask for something that is not about jobs."""
    stamp = containing_utc(Qualifier.REAL_TIME, world.clock.now())
    world.ask(
        Command(
            id=command_id,
            kind=kind,
            process=ProcessName(name),
            start=stamp,
            end=stamp.shift(1),
            target=target,
            details=details,
            actor='chance',
            created_at=world.clock.now(),
        )
    )
