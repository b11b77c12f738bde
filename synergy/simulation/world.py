"""One simulated installation: supervisors, schedulers, workers, operators, and what goes wrong."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.calendar import Calendar
from synergy.core.commands import (
    JOB_KINDS,
    REQUEST_KINDS,
    Command,
    CommandId,
    CommandKind,
    CommandState,
)
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import Box, Outcome, ProcessName
from synergy.core.structs import replace
from synergy.core.supervision import Policy
from synergy.core.timeperiod import Timeperiod
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.errors import PortError
from synergy.ports.one_commit import Apart, OneCommit
from synergy.scheduler.loop import LoopSettings, Scheduler
from synergy.scheduler.pipeline import Pipeline
from synergy.simulation.broker import Exchange, SimulatedBroker
from synergy.simulation.faults import Faults
from synergy.simulation.joint import SimulatedJoint
from synergy.simulation.monitor import Monitor
from synergy.simulation.plot import Crew, Plot, UserCode
from synergy.simulation.processes import SimulatedProcesses
from synergy.simulation.stage import Actor, Stage, StageClock
from synergy.simulation.store import Line, unreliable
from synergy.simulation.worker import LEASE, ActorCapture, SimulatedGuard, SimulatedHeartbeat
from synergy.supervisor.loop import Supervisor
from synergy.supervisor.presence import Presence
from synergy.supervisor.slots import Slot
from synergy.workers.code import Code, Codes
from synergy.workers.gate import Gate
from synergy.workers.handler import Handler
from synergy.workers.runner import Runner, RunnerSettings
from synergy.workers.uow import Uow
from synergy.workers.zones import Zones

_POLICY: Final = Policy(
    restart_delay=timedelta(seconds=0.5),
    restart_delay_max=timedelta(seconds=5),
    quick_exit=timedelta(seconds=1),
    quick_exit_count_max=1_000_000,
    stop_grace=timedelta(seconds=10),
)
_BATCH_SECONDS: Final = 8.0
_SCHEDULER: Final = 'Scheduler'
#: Between the death of a supervisor and the next one, as an init system would have it.
_VANISHED_AFTER: Final = timedelta(seconds=15)
_INIT_SECONDS: Final = 2.0
_LOG_LINES_MAX: Final = 1000

#: What operators ask for, the usual more often.
_KINDS: Final = (
    *([CommandKind.REPROCESS] * 5),
    CommandKind.SKIP,
    CommandKind.CANCEL,
    CommandKind.PAUSE,
    *([CommandKind.RESUME] * 2),
    CommandKind.ABANDON,
)
#: Of a process of which only the time matters.
_NO_CODE: Final = UserCode(handler=Handler(lambda _: Outcome.processed(1)))


class World:
    """Everything of one run; the same seed makes the same history."""

    #: What is started as a Scheduler.
    scheduler_of: Callable[..., Scheduler] = Scheduler

    def __init__(self, plot: Plot, seed: int, faults: Faults) -> None:
        """Build the store and the broker; processes begin with the first `run`."""
        self.plot = plot
        self.faults = faults
        self.random = Random(seed)
        self.stage = Stage(plot.start, self.random)
        self.clock = StageClock(self.stage)
        self.store = SqliteStore.open(Path(':memory:'), clock=self.clock, is_remembering=True)
        self.exchange = Exchange(self.clock, self.random, faults)
        self.monitor = Monitor(self.store, plot.pipeline.hierarchy)
        self._command_count = 0
        self.context_changes = 0
        if plot.is_calm:
            for slot in self._slots():
                self.spawn('box', slot.process, slot.instance)
        else:
            for number in range(plot.box_count):
                self._start_box(f'box{number}')

    @property
    def hierarchy(self) -> Hierarchy:
        """Return what is scheduled."""
        return self.plot.pipeline.hierarchy

    def run(self, seconds: float, check_every: int = 200) -> None:
        """Let `seconds` of simulated time pass; raise Broken when a promise is."""
        until = self.stage.seconds + seconds
        while self.stage.run(until, check_every - self.stage.turn_count % check_every):
            self.monitor.check_rows()

    def kill_somebody(self) -> None:
        """End a process drawn by chance."""
        alive = [actor for actor in self.stage.actors if not actor.is_ended]
        self.stage.kill(self.random.choice(alive))

    def change_context(self, pipeline: Pipeline, crew: Crew) -> None:
        """Deploy another context: every Scheduler dies, and the next ones have it.

        With other workers, all processes do.
        """
        ending = '' if crew != self.plot.crew else f':{_SCHEDULER}:'
        self.plot = replace(self.plot, pipeline=pipeline, crew=crew)
        self.context_changes += 1
        self.monitor.expect(pipeline)
        for actor in list(self.stage.actors):
            if not actor.is_ended and ending in actor.name:
                self.stage.kill(actor)

    def set_clock(self) -> None:
        """Set the clock of all boxes and of the store, forward, or back but not by too much."""
        by = timedelta(seconds=self.random.choice((3.0, 90.0, 7200.0)))
        most = self.plot.back_max
        is_back = by <= most and self.random.random() < 0.7
        is_back = is_back and self.clock.now() - by > self.plot.start - most
        self.stage.set_clock(-by if is_back else by)

    def command_something(self) -> None:
        """Let an operator ask for something drawn by chance."""
        random = self.random
        self._command_count += 1
        node = random.choice(list(self.hierarchy))
        first = node.first + random.randrange(4)
        kind = random.choice(_KINDS)
        target = CommandId(f'c{random.randrange(1, self._command_count + 1)}')
        self.store.insert_command(
            Command(
                id=CommandId(f'c{self._command_count}'),
                kind=kind,
                process=node.process.name,
                start=Timeperiod(node.process.qualifier, first),
                end=Timeperiod(node.process.qualifier, first + 1 + random.randrange(4)),
                with_children=random.random() < 0.5,
                target=target if kind in REQUEST_KINDS else None,
                actor='chance',
                created_at=self.clock.now(),
            )
        )

    def ask(self, command: Command) -> None:
        """Let an operator ask for something, and ring."""
        self.store.insert_command(command)
        self.exchange.put(Message(REPORT_ROUTE, {'command': command.id}))

    def resume_everything(self) -> None:
        """Let an operator resume whatever is paused, or is about to be."""
        commands = self.store.open_commands(1000)
        # After all that was asked for: the clock may have been set back since.
        at = max([self.clock.now(), *(command.created_at for command in commands)])
        at += timedelta(microseconds=1)
        for command in commands:
            if command.kind in JOB_KINDS:
                self.store.insert_command(
                    replace(
                        command,
                        id=CommandId(f'resume-{command.id}'),
                        kind=CommandKind.RESUME,
                        target=command.id,
                        state=CommandState.REQUESTED,
                        is_paused=False,
                        created_at=at,
                    )
                )

    def close(self) -> None:
        """End all processes."""
        self.stage.close()
        self.store.close()

    def _start_box(self, box: str) -> None:
        self.stage.start(f'{box}:Supervisor', lambda actor: self._supervise(actor, box, 0.0))

    def _supervise(self, actor: Actor, box: str, delay_seconds: float) -> None:
        """Be a Supervisor; when it dies, so do its children, and the next one comes."""
        processes = SimulatedProcesses(self.stage, partial(self.spawn, box))
        try:
            actor.pause(delay_seconds)
            supervisor = Supervisor(
                list(self._slots()),
                presence=Presence(Box(box_id=box, home=box, pid=actor.pid), _VANISHED_AFTER),
                policy=_POLICY,
                processes=processes,
                open_store=lambda: unreliable(
                    self.store, Line(self.stage, self.faults, actor), self.monitor
                ),
                clock=self.clock,
            )
            while True:
                actor.pause(min(supervisor.step(), 1.0))
        finally:
            for child in processes.children.values():
                self.stage.terminate(child)
            if not self.stage.is_closing:
                self.stage.start(
                    f'{box}:Supervisor', lambda actor: self._supervise(actor, box, _INIT_SECONDS)
                )

    def _slots(self) -> Sequence[Slot]:
        names = [(_SCHEDULER, 1), *self.plot.crew.instances.items()]
        return [
            Slot(
                process=name,
                instance=instance,
                command=(name, str(instance)),
                folder=Path('/'),
                pid_file=Path(f'/simulated/{name}.{instance}.pid'),
                output=None,
                is_last=name == _SCHEDULER,
            )
            for name, count in names
            for instance in range(count)
        ]

    def spawn(self, box: str, name: str, instance: int) -> Actor:
        """Start a child of a Supervisor."""
        title = f'{box}:{name}:{instance}'
        if name == _SCHEDULER:
            return self.stage.start(title, lambda actor: self._schedule(actor, title))
        return self.stage.start(title, lambda actor: self._work(actor, ProcessName(name), title))

    def _broker(self, actor: Actor) -> SimulatedBroker:
        broker = WatchedBroker(
            self.exchange, actor.pause, lambda delay: self.stage.wake(actor, delay)
        )
        broker.monitor = self.monitor
        return broker

    def _one_commit(self, line: Line) -> OneCommit:
        if not self.plot.is_one_file:
            return Apart()
        return SimulatedJoint(self.store.file, self.exchange, line)

    def _schedule(self, actor: Actor, title: str) -> None:
        broker = self._broker(actor)
        line = Line(self.stage, self.faults, actor)
        scheduler = self.scheduler_of(
            self.plot.pipeline,
            store=unreliable(self.store, line, self.monitor),
            broker=broker,
            one_commit=self._one_commit(line),
            clock=self.clock,
            settings=LoopSettings(
                owner=f'{title}:{actor.pid}',
                leader_lease=timedelta(days=1) if self.plot.is_calm else timedelta(seconds=10),
                sweep_period=timedelta(hours=1) if self.plot.is_calm else timedelta(seconds=10),
                inbox_batch_max=100,
                uow_lease=self.plot.uow_lease,
            ),
        )
        actor.on_stop = scheduler.stop
        try:
            scheduler.run()
        finally:
            broker.close()

    def _work(self, actor: Actor, process: ProcessName, title: str) -> None:
        line = Line(self.stage, self.faults, actor)
        store = unreliable(self.store, line, self.monitor)
        broker = self._broker(actor)
        crew = self.plot.crew
        served = crew.groups.get(process, (process,))
        consumer = broker.consumer(self.plot.pipeline.route_of(served[0]))
        guard = SimulatedGuard()
        heartbeat = SimulatedHeartbeat(store, self.clock, self.plot.uow_lease)

        capture = ActorCapture(self.stage, actor)
        wait_seconds = 3600.0 if self.plot.is_calm else 5.0
        calendars: dict[ProcessName, Calendar] = {}
        codes = Codes(
            served,
            lambda name: self._code(
                name, calendars, lambda uow: self._pass_run(actor, heartbeat, uow)
            ),
        )

        def stop() -> None:
            guard.is_told = True
            consumer.wake()

        actor.on_stop = stop
        runner = Runner(
            codes,
            store=store,
            broker=broker,
            one_commit=self._one_commit(line),
            consumer=consumer,
            clock=self.clock,
            guard=guard,
            heartbeat=heartbeat,
            capture=capture,
            settings=RunnerSettings(
                name=process,
                owner=f'{title}:{actor.pid}',
                lease=self.plot.uow_lease,
                log_lines_max=_LOG_LINES_MAX,
                zones=Zones(calendars),
                # Long enough for runs of some simulated seconds to be batched.
                batch_seconds=_BATCH_SECONDS,
            ),
            gate=Gate(self.plot.pipeline.holds(), store, self.clock),
        )
        logging.getLogger().addHandler(capture)
        if process not in crew.groups:
            codes.load(process)
        try:
            while not guard.is_stopping():
                try:
                    if not runner.step():
                        consumer.wait(wait_seconds)
                except PortError:
                    actor.pause(0.2)
        finally:
            for code in codes.loaded:
                code.handler.teardown()
            logging.getLogger().removeHandler(capture)
            broker.close()

    def _code(
        self,
        process: ProcessName,
        calendars: dict[ProcessName, Calendar],
        pass_run: Callable[[Uow], None],
    ) -> Code:
        """Return what a worker calls, set up. pass_run: lets the time of a run pass.

        calendars: those of the worker, to which those of the process are added.
        """
        code = _NO_CODE if self.plot.user_code_of is None else self.plot.user_code_of(process)

        def process_uow(uow: Uow) -> object:
            self.monitor.saw_begin(ProcessName(uow.process_name))
            pass_run(uow)
            return code.handler.process_uow(uow)

        code.handler.setup()
        calendars.update(code.calendars or _calendars(self.hierarchy, process))
        return Code(
            process=process,
            handler=Handler(process_uow, teardown=code.handler.teardown),
            source=code.source,
            sink=code.sink,
            data_source=code.data_source,
        )

    def _pass_run(self, actor: Actor, heartbeat: SimulatedHeartbeat, uow: Uow) -> None:
        """Let the time of a run pass; fail it where the faults say so."""
        left, beat = self.plot.duration(uow), self.plot.beat_seconds
        is_frozen = self.random.random() < self.faults.freeze
        if is_frozen:
            # Asleep with its process: nothing renews the lease.
            actor.pause(LEASE.total_seconds() * self.random.uniform(0.5, 3))
        while left > 0:
            before = self.stage.seconds  # A message may wake it.
            actor.pause(min(left, beat))
            left -= self.stage.seconds - before if self.plot.is_calm else beat
            heartbeat.beat()
        if self.faults.oversleep and self.random.random() < self.faults.oversleep:
            # Nothing tells it that the lease is lost; somebody else may have the unit by then.
            actor.pause(LEASE.total_seconds() * self.random.uniform(1.2, 3))
        if self.random.random() < self.faults.user_error:
            raise RuntimeError('simulated: user code failed')


class WatchedBroker(SimulatedBroker):
    """A connection whose announcements the monitor sees."""

    monitor: Monitor

    def publish(self, messages: Sequence[Message]) -> None:
        """Show and hand over."""
        self.monitor.saw_publish([message for message in messages if message.route != REPORT_ROUTE])
        super().publish(messages)


def _calendars(hierarchy: Hierarchy, process: ProcessName) -> Mapping[ProcessName, Calendar]:
    node = hierarchy.nodes.get(process)
    return {} if node is None else {process: node.calendar}
