"""The Supervisor's loop: reap, decide, act, report, wait.

It follows what is desired in the store (`launch.py start` and `stop` write it) and goes on with
the last it knew while the store is away. Processes that a killed Supervisor left behind get
SIGTERM from the kernel; the next one waits until they are gone, so there are never two sets.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Final

from synergy.conf.names import PROCESS_SCHEDULER, PROCESS_SUPERVISOR
from synergy.core.box_load import BoxLoad
from synergy.core.supervision import (
    Desired,
    Policy,
    ProcessStatus,
    Step,
    Watch,
    decide,
    ended,
    restarted,
    up,
)
from synergy.ports.clock import Clock
from synergy.ports.processes import Processes
from synergy.ports.store import BoxStore
from synergy.supervisor.leftovers import Leftovers
from synergy.supervisor.outputs import bound
from synergy.supervisor.place import Place, Standing, log_start, running
from synergy.supervisor.presence import Presence
from synergy.supervisor.rows import POLL_SECONDS, BoxRows
from synergy.supervisor.slots import Slot

logger = logging.getLogger(__name__)

#: How often processes that are not our children are looked at.
FOREIGN_SECONDS: Final = 0.2
#: How often processes that have just been started are asked whether they are up.
STARTING_SECONDS: Final = 0.1
#: Variable in which a child finds whose death it shall not survive.
PARENT_VARIABLE: Final = 'SYNERGY_INTERNAL_PARENT'


class Supervisor:
    """Keeps the slots of one box as wanted."""

    def __init__(  # noqa: PLR0913 - the wiring of a loop: everything it touches, once
        self,
        slots: Sequence[Slot],
        *,
        presence: Presence,
        policy: Policy,
        processes: Processes,
        open_store: Callable[[], BoxStore],
        clock: Clock,
        leftovers: Leftovers | None = None,
    ) -> None:
        """Take over what an earlier Supervisor left behind; start nothing before the first step.

        leftovers: None: the processes are not real and leave nothing.
        """
        self._places = [Place(slot) for slot in slots]
        self._standing = Standing(self._places, presence.box_id)
        self._presence = presence
        self._rows = BoxRows(presence, open_store, clock)
        self._policy = policy
        self._processes = processes
        self._clock = clock
        self._leftovers = leftovers
        self._has_lost_foreign = False
        self._is_stopping = False
        self._is_start_said = False
        for place in self._places:
            self._adopt(place)
        if leftovers is not None:
            leftovers.adopt()
            leftovers.end_marked(running(self._places))

    @property
    def is_done(self) -> bool:
        """Tell whether a stop was asked for and everything has ended."""
        return self._is_stopping and all(
            place.watch.status is ProcessStatus.STOPPED for place in self._places
        )

    def stop(self) -> None:
        """Ask for an orderly stop: workers first, so that their reports get through."""
        self._is_stopping = True

    def leave(self) -> None:
        """Say in the store that this Supervisor has stopped; call it when done."""
        self._rows.leave()

    def kill(self) -> None:
        """End everything at once."""
        for place in self._places:
            if place.identity is not None:
                self._processes.kill(place.identity)

    def ring(self) -> None:
        """Look at the desired state at the next step, and give FATAL processes another try."""
        self._rows.ring()
        for place in self._places:
            place.try_again()

    def step(self) -> float:
        """Do what is due; return the seconds until the next step is due, unless a child ends."""
        now = self._clock.monotonic()
        self._note_ends(now)
        self._note_ups()
        self._end_orphans()
        self._kill_frozen(now)
        if self._rows.is_due(now):
            self._poll(now)
        for place in self._places:
            place.watch, step = decide(place.watch, self._policy, now, self._desired(place.slot))
            if step is not None:
                self._act(place, step, now)
        self._rows.report(self._standing.rows(self._rows))
        return self._seconds_to_next(now)

    def _adopt(self, place: Place) -> None:
        """Treat a process that still runs from before as one that is being stopped."""
        identity = self._processes.recorded(place.slot.pid_file)
        if identity is None:
            self._processes.forget(place.slot.pid_file)
            return
        logger.warning(
            '%s still runs with pid %d from before; stopping it first',
            place.slot,
            identity.pid,
            extra={'event': 'leftover_found'},
        )
        self._processes.terminate(identity)
        deadline = self._clock.monotonic() + self._policy.stop_grace.total_seconds()
        place.identity = identity
        place.is_foreign = True
        place.watch = Watch(status=ProcessStatus.STOPPING, due_at=deadline)

    def _note_ends(self, now: float) -> None:
        code_by_pid = {item.pid: item.code for item in self._processes.reap()}
        for place in self._places:
            identity = place.identity
            if identity is None:
                continue
            if place.is_foreign:
                if self._processes.is_alive(identity):
                    continue
                code = 0
                # It was not a child of this process, and so what it has left is neither.
                self._has_lost_foreign = True
            elif identity.pid in code_by_pid:
                code = code_by_pid[identity.pid]
            else:
                continue
            place.identity = None
            place.is_foreign = False
            was_up = place.watch.is_up
            place.watch = ended(place.watch, self._policy, now, code)
            place.note_end(code, was_up=was_up)
            self._processes.forget(place.slot.pid_file)
            place.log_end(code)

    def _note_ups(self) -> None:
        """Note who has begun to do what it is for; say so once all have, or have failed to."""
        for place in self._places:
            identity = place.identity
            if identity is None or place.watch.is_up or place.is_foreign:
                continue
            if self._processes.is_up(place.slot.pid_file, identity):
                place.watch = up(place.watch)
        if self._is_start_said or self._is_stopping:
            return
        wanted = [place for place in self._places if self._desired(place.slot) is Desired.ON]
        if wanted and all(place.is_settled for place in wanted):
            self._is_start_said = True
            log_start(wanted)

    def _end_orphans(self) -> None:
        """Before anything is started in its place: what one that died has left running."""
        if self._leftovers is None:
            return
        self._leftovers.end_orphans(running(self._places))
        if self._has_lost_foreign:
            self._has_lost_foreign = False
            self._leftovers.end_marked(running(self._places))

    def _kill_frozen(self, now: float) -> None:
        """Kill workers that cannot keep their lease, and what they have started; and Schedulers."""
        if self._leftovers is None:
            return
        slots = {
            place.identity: place.slot
            for place in self._places
            if place.identity is not None and not place.is_foreign
        }
        workers = [identity for identity, slot in slots.items() if not slot.is_last]
        leading = [item for item, slot in slots.items() if slot.process == PROCESS_SCHEDULER]
        for identity in self._leftovers.frozen(workers, leading, now):
            logger.warning(
                '%s is stopped by a signal and cannot keep its lease; killed, it starts again',
                slots[identity],
                extra={'event': 'process_killed'},
            )
            self._processes.kill(identity)

    def _desired(self, slot: Slot) -> Desired:
        if self._is_stopping:
            return Desired.ON if self._is_needed_to_the_end(slot) else Desired.OFF
        if not self._presence.is_held or not self._rows.is_on(slot.process):
            return Desired.OFF
        is_drained = self._presence.is_draining and not slot.is_last
        return Desired.DRAINED if is_drained else Desired.ON

    def _is_needed_to_the_end(self, slot: Slot) -> bool:
        """Tell whether a slot runs on while others stop: the Scheduler hears the last reports."""
        if not slot.is_last:
            return False
        # If it does not run, it is not restarted.
        is_busy = any(
            place.watch.status
            in (ProcessStatus.RUNNING, ProcessStatus.DRAINING, ProcessStatus.STOPPING)
            for place in self._places
            if not place.slot.is_last
        )
        is_running = any(
            place.slot is slot and place.watch.status is ProcessStatus.RUNNING
            for place in self._places
        )
        return is_busy and is_running

    def _act(self, place: Place, step: Step, now: float) -> None:
        match step:
            case Step.SPAWN:
                self._spawn(place, now)
            case Step.DRAIN if place.identity is not None:
                self._processes.drain(place.identity)
            case Step.TERMINATE if place.identity is not None:
                self._processes.terminate(place.identity)
            case Step.KILL if place.identity is not None:
                logger.warning(
                    '%s did not end in its grace; killed',
                    place.slot,
                    extra={'event': 'process_killed'},
                )
                self._processes.kill(place.identity)
            case _:
                place.watch = Watch(restart_count=place.watch.restart_count)

    def _spawn(self, place: Place, now: float) -> None:
        slot = place.slot
        place.note_start()
        mark = {} if self._leftovers is None else self._leftovers.mark(str(slot))
        try:
            place.identity = self._processes.spawn(
                slot.command,
                environment={PARENT_VARIABLE: str(os.getpid()), **mark},
                folder=slot.folder,
                output=slot.output,
            )
        except OSError as error:
            logger.error('%s cannot be started: %s', slot, error, extra={'event': 'spawn_failed'})
            place.watch = ended(place.watch, self._policy, now, 127)
            place.words = f'it cannot be started: {error}'
            return
        logger.info(
            '%s started with pid %d', slot, place.identity.pid, extra={'event': 'process_started'}
        )

    def _poll(self, now: float) -> None:
        """Follow the store, and do what is done as often: keep files of output within bounds."""
        asked = self._rows.poll(now, self._load)
        for place in self._places:
            if place.slot.process in asked.restarted:
                self._restart(place, now)
            elif place.slot.process in asked.started:
                place.try_again()
            if place.slot.output is not None:
                bound(place.slot.output, place.slot.output_bytes_max)

    def _restart(self, place: Place, now: float) -> None:
        logger.info('%s is restarted as asked', place.slot, extra={'event': 'process_restarted'})
        place.watch, step = restarted(place.watch, self._policy, now)
        if step is not None:
            self._act(place, step, now)

    def _load(self) -> BoxLoad | None:
        own = self._processes.identify(os.getpid())
        running = [
            (place.slot.process, place.identity)
            for place in self._places
            if place.identity is not None
        ]
        return self._processes.load([(PROCESS_SUPERVISOR, own), *running] if own else running)

    def _seconds_to_next(self, now: float) -> float:
        due = [place.watch.due_at - now for place in self._places if place.watch.due_at is not None]
        foreign = [FOREIGN_SECONDS for place in self._places if place.is_foreign]
        starting = [STARTING_SECONDS for place in self._places if place.is_starting(now)]
        looks = [] if self._leftovers is None else [self._leftovers.look_seconds]
        return max(min([POLL_SECONDS, *due, *foreign, *starting, *looks]), 0.0)
