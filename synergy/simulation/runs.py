"""What is simulated by default, and how one history goes: trouble first, then peace."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from synergy.core.freerun_record import Freerun, Overlap
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import Process, ProcessName, RetryPolicy, Route, Tree
from synergy.core.states import Blocking
from synergy.core.structs import Struct, replace
from synergy.core.timeperiod import Qualifier
from synergy.core.trigger import Every
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation import held, precedence, recuts
from synergy.simulation.calendars import with_calendars
from synergy.simulation.declared import declared_inputs
from synergy.simulation.faults import Faults, usual
from synergy.simulation.monitor import Broken
from synergy.simulation.plot import Crew, Plot
from synergy.simulation.world import World

_START: Final = datetime(2026, 11, 22, tzinfo=UTC)
_END: Final = datetime(2026, 11, 23, 6, tzinfo=UTC)
#: Where trees end in some contexts.
_EARLY: Final = _END - timedelta(hours=8)
#: Trouble: how many times, and for how many seconds each.
_TURNS: Final = 30
_TURN_SECONDS: Final = 10.0
_KILLS: Final = 0.3
_COMMANDS: Final = 0.4
_CLOCKS_SET: Final = 0.1
_CONTEXTS_CHANGED: Final = 0.15
#: In peace everything due must finish within this; it covers every lease, delay and sweep.
_PEACE_SECONDS: Final = 3000.0
_PEACE_TURN_SECONDS: Final = 60.0

_RETRY: Final = RetryPolicy(
    max_attempts=50, max_lost=50, delay=timedelta(seconds=1), delay_max=timedelta(seconds=20)
)
_SHELL: Final = ProcessName('Cleaner')
#: Workers of several processes, and how those begin that they are of in some histories.
_GROUP: Final = ProcessName('etl')
_GROUPED: Final = ('Alert', _SHELL)
#: The process whose level changes where contexts do.
_CHANGING: Final = ProcessName('SiteMonthly')


class History(Struct, frozen=True, kw_only=True):
    """How one seed went. broken: which promise was broken; None: none."""

    seed: int
    start_count: int
    simulated_seconds: float
    broken: str | None


def simulate(  # noqa: PLR0913 - one for each kind of history
    seed: int,
    poison: str | None = None,
    *,
    with_contexts: bool = False,
    with_precedence: bool = False,
    with_recuts: bool = False,
    hierarchy: Hierarchy | None = None,
    world_of: Callable[[Plot, int, Faults], World] = World,
) -> History:
    """Play one history; the same seed, the same history.

    poison: a process or free run of which the store refuses everything, for ever: all but it, and
    what waits for it, is to finish. with_contexts: context.py is changed on the way, too.
    with_precedence: much decides who goes first, and operators change it. with_recuts: a process
    changes in context.py, and is recut or left out. hierarchy: another one than the usual.
    world_of: makes the installation.
    """
    faults = usual()
    faults.poison = poison
    contexts = _contexts() if with_contexts else []
    if with_precedence and seed % 3 == 0:
        contexts = [_hierarchy(), _hierarchy(has_hours=False), _hierarchy(end=_EARLY)]
    if with_recuts:
        contexts = [*recuts.contexts(_START, _END, _RETRY)]
    # Each other installation has store and broker in one file.
    is_one_file = seed % 2 == 1
    # Each third has a group of workers, or forms and dissolves one.
    first = plot(contexts[0] if contexts else hierarchy, has_group=seed % 3 == 2)
    start = replace(first, is_one_file=is_one_file)
    dress = _undressed
    if with_precedence:

        def dress(pipeline: Pipeline) -> Pipeline:
            return precedence.dressed(pipeline, _SHELL, seed)

        # Some intervals are over only later, and the clock is set back over the end of none.
        start = replace(
            start,
            pipeline=dress(start.pipeline),
            start=_END - timedelta(hours=2, minutes=50),
            back_max=timedelta(seconds=90),
        )
    world = world_of(start, seed, faults)
    if with_precedence:
        precedence.begin(world, seed, _START + timedelta(hours=5), _START + timedelta(hours=14))
    broken = None
    try:
        if with_recuts:
            _play_recuts(world, contexts, is_recut=seed % 3 > 0)
        else:
            _play(world, _held_up_by(world, poison), contexts, dress)
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


def simulate_calendars(seed: int) -> History:
    """Play one history of weeks, minutes, and a Sunday of 25 hours."""
    return simulate(seed, hierarchy=with_calendars(_RETRY))


def simulate_precedence(seed: int) -> History:
    """Play one history in which lanes, pools, hours, freezes and switches say who goes first."""
    return simulate(seed, with_precedence=True)


def simulate_contexts(seed: int) -> History:
    """Play one history in which context.py is changed on the way."""
    return simulate(seed, with_contexts=True)


def simulate_recuts(seed: int) -> History:
    """Play one history in which a process changes in context.py, and is recut or left out."""
    return simulate(seed, with_recuts=True)


def simulate_inputs(seed: int) -> History:
    """Play one history of processes that declare what they wait for."""
    return simulate(seed, hierarchy=declared_inputs(_START, _END, _RETRY))


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


def _undressed(pipeline: Pipeline) -> Pipeline:
    return pipeline


def _play(
    world: World,
    left_out: Collection[str],
    contexts: Sequence[Hierarchy],
    dress: Callable[[Pipeline], Pipeline],
) -> None:
    for _ in range(_TURNS):
        _trouble(world)
        if world.monitor.ordering is not None:
            precedence.operate(world)
        if contexts and world.random.random() < _CONTEXTS_CHANGED:
            has_group = not world.plot.crew.groups and world.plot.pipeline.takes_turns
            _change(world, world.random.choice(contexts), dress, has_group=has_group)
    if contexts:
        # All of it, so that everything is due in the end; at the level that the history is of now.
        led = world.store.led_context()
        before = None if led is None else led.processes.get(_CHANGING)
        monthly = Qualifier.MONTHLY if before is None else before.qualifier
        _change(world, _hierarchy(monthly=monthly), dress, has_group=bool(world.plot.crew.groups))
    world.faults.stop()
    if world.monitor.ordering is not None:
        precedence.end(world, _END + timedelta(hours=5))
    world.resume_everything()
    held.thaw_everything(world)
    _end(world, left_out)


def _trouble(world: World) -> None:
    """Let some time pass, and perhaps something happen."""
    world.run(_TURN_SECONDS)
    if world.random.random() < _KILLS:
        world.kill_somebody()
    if world.random.random() < _COMMANDS:
        world.command_something()
    if world.random.random() < _CLOCKS_SET:
        world.set_clock()


def _end(world: World, left_out: Collection[str]) -> None:
    """Let everything end in peace, and check that it does."""
    until = world.stage.seconds + _PEACE_SECONDS
    while world.stage.seconds < until and not world.monitor.is_finished(left_out):
        world.run(_PEACE_TURN_SECONDS)
    world.monitor.check_rows()
    world.monitor.check_finished(left_out)
    world.monitor.check_journal()
    _check_poison(world)
    world.monitor.check_order(world.context_changes)


def _play_recuts(world: World, contexts: Sequence[Hierarchy], *, is_recut: bool) -> None:
    """Let a process change and be recut. is_recut: in the end; else it may be left out then."""
    has_group = bool(world.plot.crew.groups)
    for _ in range(_TURNS):
        _trouble(world)
        recuts.recut_something(world)
        if world.random.random() < _CONTEXTS_CHANGED:
            _change(world, world.random.choice(contexts), _undressed, has_group=has_group)
    _change(world, recuts.last_of(world, contexts), _undressed, has_group=has_group)
    world.faults.stop()
    world.resume_everything()
    until = world.stage.seconds + _PEACE_SECONDS
    while recuts.is_asked(world) and world.stage.seconds < until:
        world.run(_PEACE_TURN_SECONDS)
    if not recuts.is_left_out(world):
        _end(world, ())
    elif is_recut:
        recuts.ask(world)
        world.run(_PEACE_TURN_SECONDS)
        _end(world, ())
    else:
        count = recuts.run_count(world)
        _end(world, (recuts.SITE, recuts.ABOVE))
        if recuts.run_count(world) > count:
            raise Broken(f'I9 {recuts.SITE} is left out, and was started')


def _change(
    world: World,
    hierarchy: Hierarchy,
    dress: Callable[[Pipeline], Pipeline],
    *,
    has_group: bool,
) -> None:
    pipeline = dress(_pipeline(hierarchy, has_group=has_group))
    # Whether there ever was one.
    pipeline = replace(pipeline, takes_turns=world.plot.pipeline.takes_turns)
    world.change_context(pipeline, _crew(world.plot.crew.processes, has_group=has_group))


def plot(hierarchy: Hierarchy | None = None, *, has_group: bool = False) -> Plot:
    """Return two trees of which one depends on the other, every machine, and a free run.

    hierarchy: another one to begin with. has_group: some have workers and a queue together.
    """
    pipeline = _pipeline(hierarchy or _hierarchy(), has_group=has_group)
    names = [node.process.name for node in pipeline.hierarchy]
    return Plot(
        pipeline=pipeline,
        # Late enough for the clock to be set back by hours and every interval still to be over.
        start=_END + timedelta(hours=5),
        crew=_crew([*names, _SHELL], has_group=has_group),
        duration=lambda uow: 0.5 + int(uow.id[:2], 16) / 40,
    )


def _crew(names: Sequence[ProcessName], *, has_group: bool) -> Crew:
    if not has_group:
        return Crew(instances=dict.fromkeys(names, 1))
    grouped = [name for name in names if name.startswith(_GROUPED)]
    own = [name for name in names if name not in grouped]
    return Crew(instances={**dict.fromkeys(own, 1), _GROUP: 2}, groups={_GROUP: grouped})


def _pipeline(hierarchy: Hierarchy, *, has_group: bool) -> Pipeline:
    tick = Freerun(
        name=ProcessName(f'{_SHELL}::tick'),
        trigger=Every(seconds=20),
        overlap=Overlap.QUEUE,
        definition='simulated',
        changed_at=_START,
    )
    return Pipeline(
        hierarchy=hierarchy,
        route_of=_route_in_group if has_group else _route_of,
        takes_turns=has_group,
        freeruns=[tick],
        freerun_processes=[_SHELL],
        policy_of=lambda _: _RETRY,
    )


def _contexts() -> list[Hierarchy]:
    """Return what context.py may say on the way: less at first, then more, less, and otherwise."""
    late = _START + timedelta(hours=7)
    return [
        _hierarchy(start=late, end=_EARLY),
        _hierarchy(start=late),
        _hierarchy(end=_EARLY),
        _hierarchy(is_dependent=False),
        _hierarchy(has_hours=False),
        _hierarchy(monthly=Qualifier.YEARLY),
        _hierarchy(),
    ]


def _hierarchy(
    *,
    start: datetime = _START,
    end: datetime = _END,
    is_dependent: bool = True,
    has_hours: bool = True,
    monthly: Qualifier = Qualifier.MONTHLY,
) -> Hierarchy:
    """Return what is simulated. monthly: level of the process of that name."""

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
        process(_CHANGING, monthly, blocking=Blocking.CHILDREN),
        process('AlertHourly', Qualifier.HOURLY, grouping=3, max_running=2),
        process(
            'AlertDaily', Qualifier.DAILY, machine='recomputing', blocking=Blocking.DEPENDENCIES
        ),
    ]
    if not has_hours:
        processes = [item for item in processes if item.qualifier is not Qualifier.HOURLY]
    names = [item.name for item in processes]
    levels = {
        name: tuple(item for item in names if item.startswith(name)) for name in ('Site', 'Alert')
    }
    return build(
        processes,
        [
            Tree(name='site', levels=levels['Site'], start=start, end=end),
            Tree(
                name='alert',
                levels=levels['Alert'],
                dependent_on=('site',) if is_dependent else (),
                start=start,
                end=end,
            ),
        ],
    )


def _route_of(process: ProcessName) -> Route:
    return Route(exchange='ex', routing=process, queue=process)


def _route_in_group(process: ProcessName) -> Route:
    return _route_of(_GROUP if process.startswith(_GROUPED) else process)
