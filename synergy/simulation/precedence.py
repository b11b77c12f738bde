"""All that decides who goes first, to be simulated: what processes have, and what operators do.

A part of what there is when a history begins is history to its processes, and the rest is live.
Operators switch processes off and on, say how to catch up, change the sizes of pools, freeze and
thaw; and from time to time it is an hour later, so that more is live.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from synergy.core.commands import CommandId, CommandKind
from synergy.core.effects import SaveContext
from synergy.core.lanes import CatchUp, LaneShares, LaneStart
from synergy.core.led_context import LedContext
from synergy.core.records import Json, ProcessName
from synergy.core.structs import replace
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation import held
from synergy.simulation.order_watch import OrderWatch
from synergy.simulation.sharing import with_pools
from synergy.simulation.world import World

_SHARES: Final = LaneShares(live=2, history=1, rerun=2)
_SWITCHES: Final = 0.2
_ANSWERS: Final = 0.2
_SIZES: Final = 0.2
_HOURS: Final = 0.25
_LEASE: Final = timedelta(minutes=1)


def dressed(pipeline: Pipeline, shell: ProcessName, seed: int) -> Pipeline:
    """Return a pipeline with pools, lanes, and in each other history with closed hours."""
    has_hours = has_holds(seed)
    hierarchy = with_pools(pipeline.hierarchy, shell, held.POOL_HOURS if has_hours else ())
    nodes = {
        name: replace(
            node,
            process=replace(
                node.process,
                shares=_SHARES,
                catch_up=list(CatchUp)[seed // 2 % len(CatchUp)]
                if node.process.name.endswith('Hourly')
                else CatchUp.BESIDE,
            ),
        )
        for name, node in hierarchy.nodes.items()
    }
    shown = replace(pipeline, hierarchy=hierarchy.replaced(nodes))
    return held.with_closed_hours(shown) if has_hours else shown


def has_holds(seed: int) -> bool:
    """Tell whether a history has closed hours and freezes."""
    return seed % 2 == 0


def begin(world: World, seed: int, first_at: datetime, live_from: datetime) -> None:
    """Let what ended before `live_from` be history, and begin to watch."""
    hierarchy, store = world.hierarchy, world.store
    start = LaneStart(first_at=first_at, live_from=live_from)
    lanes = dict.fromkeys(hierarchy.nodes, start)
    leadership = store.lead('before', _LEASE)
    assert leadership is not None, 'nobody leads an empty store'
    store.commit(leadership, [SaveContext(LedContext(rev=1, lanes=lanes))])
    store.resign(leadership)
    if has_holds(seed):
        held.watch(world)
    world.monitor.ordering = OrderWatch(store, hierarchy, world.stage, has_holds=has_holds(seed))


def operate(world: World) -> None:
    """Let operators do what chance draws."""
    random = world.random
    name = random.choice(list(world.hierarchy)).process.name
    if random.random() < _SWITCHES:
        _say(world, CommandKind.PROCESS_SAVE, name, is_on=random.random() < 0.5)
    if random.random() < _ANSWERS:
        # What was left out and is not any more may let its parents run again.
        world.context_changes += 1
        answer = random.choice([None, *CatchUp])
        _say(world, CommandKind.PROCESS_SAVE, name, catch_up=answer)
    if random.random() < _SIZES:
        pool = random.choice(list(world.hierarchy.pools.sizes.values()))
        slots = random.choice((None, 1, 2, pool.slots + 1))
        per_minute = random.choice((None, 0, 3, 12))
        _say(world, CommandKind.POOL_SAVE, pool.name, slots=slots, per_minute=per_minute)
    if random.random() < _HOURS:
        world.stage.set_clock(timedelta(hours=1))
    if world.monitor.holding is not None:
        held.freeze_or_thaw_something(world)


def end(world: World, at: datetime) -> None:
    """Let everything be on and as context.py has it; at `at`, when all intervals are over.

    And after all that was asked for before: the clock may have been set back since.
    """
    asked = [command.created_at for command in world.store.open_commands(1000)]
    at = max([at, *(instant + timedelta(seconds=1) for instant in asked)])
    world.stage.set_clock(max(at - world.clock.now(), timedelta()))
    for name in world.hierarchy.nodes:
        _say(world, CommandKind.PROCESS_SAVE, name, is_on=True)
    for pool in world.hierarchy.pools.sizes:
        _say(world, CommandKind.POOL_SAVE, pool, slots=None, per_minute=None)


def _say(world: World, kind: CommandKind, name: str, **details: Json) -> None:
    command_id = CommandId(f'{kind.value}{name}{world.stage.seconds}{details}')
    held.ask(world, kind, command_id, name, details)
