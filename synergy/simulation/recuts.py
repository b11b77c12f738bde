"""Histories in which the level, zone or week start of a process changes, and it is recut or not.

What it waits for, and what waits for that alone, goes on all the time. What waits for the process
itself waits until it is recut, or is as its history again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from synergy.core.changed_levels import left_out
from synergy.core.commands import Command, CommandId, CommandKind, CommandState
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.input import Input, InputKind
from synergy.core.records import Process, ProcessName, RetryPolicy, Tree
from synergy.core.recut import ZONE
from synergy.core.timeperiod import Qualifier, Timeperiod
from synergy.core.trigger import Every
from synergy.core.zones import UTC_ZONE, calendar_named
from synergy.simulation.calendars import BERLIN
from synergy.simulation.world import World

#: The process that changes.
SITE: Final = ProcessName('Site')
#: What waits for it, however it is called then.
ABOVE: Final = ProcessName('AboveMonthly')
_DEFINITIONS: Final = (
    (Qualifier.HOURLY, UTC_ZONE),
    (Qualifier.DAILY, UTC_ZONE),
    (Qualifier.DAILY, BERLIN),
    (Qualifier.WEEKLY, UTC_ZONE),
    (Qualifier.WEEKLY_SUN, UTC_ZONE),
)
_RECUTS: Final = 0.35


def contexts(start: datetime, end: datetime, retry: RetryPolicy) -> Sequence[Hierarchy]:
    """Return what context.py may say on the way: the same but for one process."""
    return [_context(start, end, retry, level, zone) for level, zone in _DEFINITIONS]


def recut_something(world: World) -> None:
    """Let an operator recut by chance, whether there is something to recut or not."""
    if world.random.random() < _RECUTS:
        ask(world)


def ask(world: World) -> None:
    """Ask for a recut at a start that chance draws."""
    node = world.hierarchy.nodes[SITE]
    begun = world.hierarchy.begun_until(node, world.clock.now())
    start = Timeperiod(node.process.qualifier, world.random.randrange(node.first, begun))
    world.ask(
        Command(
            id=CommandId(f'recut{world.stage.seconds}'),
            kind=CommandKind.RECUT,
            process=SITE,
            start=start,
            end=start.shift(1),
            details={ZONE: node.tree.zone},
            actor='chance',
            created_at=world.clock.now(),
        )
    )


def last_of(world: World, contexts: Sequence[Hierarchy]) -> Hierarchy:
    """Return with which context a history ends: that of a recut under way, if there is one."""
    under_way = [
        command
        for command in world.store.commands((CommandState.APPLYING,), 100)
        if command.kind is CommandKind.RECUT
    ]
    for command in under_way:
        for hierarchy in contexts:
            node = hierarchy.nodes[SITE]
            meant = command.start.qualifier, command.details.get(ZONE)
            if (node.process.qualifier, node.tree.zone) == meant:
                return hierarchy
    return world.random.choice(contexts)


def is_left_out(world: World) -> bool:
    """Tell whether the process is left out of the context that the last Scheduler was given."""
    return SITE in left_out(world.hierarchy, world.store.led_context())


def is_asked(world: World) -> bool:
    """Tell whether a recut waits, or is under way."""
    return any(item.kind is CommandKind.RECUT for item in world.store.open_commands(1000))


def run_count(world: World) -> int:
    """Return how many runs of the process were ever asked for, but for those put away."""
    return sum(unit.process == SITE for unit in world.store.all_units())


def _context(
    start: datetime, end: datetime, retry: RetryPolicy, level: Qualifier, zone: str
) -> Hierarchy:
    def process(name: str, qualifier: Qualifier, *sources: str) -> Process:
        return Process(
            name=ProcessName(name),
            qualifier=qualifier,
            inputs=tuple(
                Input(kind=InputKind.DEPENDENCY, process=ProcessName(source)) for source in sources
            ),
            max_running=4,
            retry=retry,
            trigger=Every(seconds=30),
        )

    processes = [
        process('BaseHourly', Qualifier.HOURLY),
        process(SITE, level, 'BaseHourly'),
        process(ABOVE, Qualifier.MONTHLY, SITE),
        process('AsideDaily', Qualifier.DAILY, 'BaseHourly'),
    ]
    trees = [
        Tree(
            name=f'of {item.name}',
            levels=(item.name,),
            start=start,
            end=end,
            zone=zone if item.name == SITE else UTC_ZONE,
        )
        for item in processes
    ]
    return build(processes, trees, {name: calendar_named(name) for name in (UTC_ZONE, BERLIN)})
