"""What is simulated by default, and how one history goes: trouble first, then peace."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from synergy.core.freerun_record import Freerun, Overlap
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import Process, ProcessName, RetryPolicy, Route, Tree
from synergy.core.states import Blocking
from synergy.core.timeperiod import Qualifier
from synergy.core.trigger import Every
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.faults import usual
from synergy.simulation.monitor import Broken
from synergy.simulation.world import Plot, World

_START: Final = datetime(2026, 11, 22, tzinfo=UTC)
_END: Final = datetime(2026, 11, 23, 6, tzinfo=UTC)
#: Trouble: so many times so many seconds.
_TURNS: Final = 30
_TURN_SECONDS: Final = 10.0
_KILLS: Final = 0.3
_COMMANDS: Final = 0.4
_CLOCKS_SET: Final = 0.1
#: In peace everything due must finish within this; it covers every lease, delay and sweep.
_PEACE_SECONDS: Final = 3000.0
_PEACE_TURN_SECONDS: Final = 60.0

_RETRY: Final = RetryPolicy(
    max_attempts=50, delay=timedelta(seconds=1), delay_max=timedelta(seconds=20)
)
_SHELL: Final = ProcessName('Cleaner')


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """How one seed went. broken: which promise was broken; None: none."""

    seed: int
    start_count: int
    simulated_seconds: float
    broken: str | None


def simulate(seed: int, poison: str | None = None) -> History:
    """Play one history; the same seed, the same history.

    poison: a process or free run of which the store refuses everything, for ever: all but it, and
    what waits for it, is to finish.
    """
    faults = usual()
    faults.poison = poison
    world = World(plot(), seed, faults)
    broken = None
    try:
        _play(world, _held_up_by(world, poison))
    except Broken as error:
        broken = str(error)
    finally:
        history = History(
            seed=seed,
            start_count=len(world.monitor.starts),
            simulated_seconds=world.stage.seconds,
            broken=broken,
        )
        world.close()
    return history


def _held_up_by(world: World, poison: str | None) -> set[str]:
    """Return a process and all that wait for it, directly or not."""
    nodes = {str(node.process.name): node for node in world.hierarchy}
    found: set[str] = set()
    rest = [] if poison not in nodes else [str(poison)]
    while rest:
        name = rest.pop()
        if name not in found:
            found.add(name)
            rest += nodes[name].outputs
    return found


def _check_poison(world: World) -> None:
    """Check that the leader says whom it leaves out, and that it is nobody else."""
    poison = world.faults.poison
    names = {item.subject.name for item in world.store.standing().isolated}
    if names - {poison}:
        raise Broken(f'{names} are isolated, but only {poison} is poisonous')


def _play(world: World, left_out: Collection[str]) -> None:
    for _ in range(_TURNS):
        world.run(_TURN_SECONDS)
        if world.random.random() < _KILLS:
            world.kill_somebody()
        if world.random.random() < _COMMANDS:
            world.command_something()
        if world.random.random() < _CLOCKS_SET:
            world.set_clock()
    world.faults.stop()
    world.resume_everything()
    until = world.stage.seconds + _PEACE_SECONDS
    while world.stage.seconds < until and not world.monitor.is_finished(left_out):
        world.run(_PEACE_TURN_SECONDS)
    world.monitor.check_rows()
    world.monitor.check_finished(left_out)
    _check_poison(world)


def plot() -> Plot:
    """Return two trees of which one depends on the other, every machine, and a free run."""
    hierarchy = _hierarchy()
    names = [node.process.name for node in hierarchy]
    tick = Freerun(
        name=ProcessName(f'{_SHELL}::tick'),
        trigger=Every(seconds=20),
        overlap=Overlap.QUEUE,
        definition='simulated',
        changed_at=_START,
    )
    return Plot(
        pipeline=Pipeline(
            hierarchy=hierarchy,
            route_of=_route_of,
            freeruns=[tick],
            freerun_processes=[_SHELL],
            policy_of=lambda _: _RETRY,
        ),
        # Late enough for the clock to be set back by hours and every interval still to be over.
        start=_END + timedelta(hours=5),
        instances=dict.fromkeys([*names, _SHELL], 1),
        duration=lambda uow: 0.5 + int(uow.id[:2], 16) / 40,
    )


def _hierarchy() -> Hierarchy:
    def process(name: str, qualifier: Qualifier, **fields: object) -> Process:
        return Process(
            name=ProcessName(name),
            qualifier=qualifier,
            retry=_RETRY,
            trigger=Every(seconds=30),
            **fields,  # type: ignore[arg-type]
        )

    processes = [
        process('SiteHourly', Qualifier.HOURLY, max_running=4),
        process('SiteDaily', Qualifier.DAILY, machine='continuous'),
        process('SiteMonthly', Qualifier.MONTHLY, blocking=Blocking.CHILDREN),
        process('AlertHourly', Qualifier.HOURLY, grouping=3, max_running=2),
        process(
            'AlertDaily', Qualifier.DAILY, machine='recomputing', blocking=Blocking.DEPENDENCIES
        ),
    ]
    names = [item.name for item in processes]
    return build(
        processes,
        [
            Tree(name='site', levels=tuple(names[:3]), start=_START, end=_END),
            Tree(
                name='alert',
                levels=tuple(names[3:]),
                dependent_on=('site',),
                start=_START,
                end=_END,
            ),
        ],
    )


def _route_of(process: ProcessName) -> Route:
    return Route(exchange='ex', routing=process, queue=process)
