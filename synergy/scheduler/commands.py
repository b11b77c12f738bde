"""Commands, one after the other: gather what the store says, let the core decide, do it.

Each must see what the one before it did, so nothing is decided ahead.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from synergy.core.commands import (
    FREEZE_KINDS,
    OPEN_COMMAND_STATES,
    REQUEST_KINDS,
    RESETTING_KINDS,
    Command,
    CommandKind,
    CommandState,
)
from synergy.core.effects import Effects, SaveCommand
from synergy.core.isolation import Stage
from synergy.core.overrides import moves_lanes
from synergy.core.recut import is_cut_by
from synergy.core.request_options import options_of
from synergy.ports.store import SchedulerStore
from synergy.scheduler.gathering import gather
from synergy.scheduler.index import Index
from synergy.scheduler.isolating import Isolating
from synergy.scheduler.loading import Loading
from synergy.scheduler.open_commands import OpenCommands
from synergy.scheduler.outbox import Outbox


class Commands:
    """What one leader does of what operators have asked for."""

    def __init__(
        self,
        store: SchedulerStore,
        outbox: Outbox,
        isolating: Isolating,
        loading: Loading,
        hold: Callable[[], None],
    ) -> None:
        """Know of no command yet. hold: renews the lease; raises when somebody else may lead."""
        self._hold = hold
        self._store = store
        self._outbox = outbox
        self._isolating = isolating
        self._loading = loading
        self._open = OpenCommands(store)
        #: The command that something is done for; after an exception, for which it was done.
        self.under_way: Command | None = None
        #: A process was recut in this turn, or what is live or left out of one is to be decided
        #: again: the index is to be built again.
        self.is_index_outdated = False

    def begin_turn(self) -> None:
        """Blame no command for what happens before one is looked at."""
        self.under_way = None
        self.is_index_outdated = False

    def pause(self, index: Index) -> None:
        """Let the index know of which requests nothing may start."""
        timetable = index.engine.timetable
        paused, own = self._open.paused(are_whole=timetable.hierarchy.is_reset_as_whole)
        timetable.pause(paused, own)

    def go_on(self, index: Index, now: datetime, *, is_sweeping: bool) -> None:
        """Do the next batch of each command."""
        for listed in self._open.worth_a_look(is_sweeping=is_sweeping):
            # Read again: the one before may have been about this one.
            command = self._store.command(listed.id)
            if command is None or command.state not in OPEN_COMMAND_STATES:
                continue
            is_whole = (
                command.kind in RESETTING_KINDS
                and index.engine.timetable.hierarchy.is_reset_as_whole
                and command.state is not CommandState.RUNNING
            )
            if is_whole or _is_with_options(index, command):
                self.pause(index)
            if not self._execute(index, command, now) or self._has_frozen(index, command):
                continue
            if is_whole:
                self.pause(index)
            elif not self._is_to_look(index, command, now):
                continue
            self._outbox.apply(index.engine.timetable, index.look_at_all(now))

    def _is_to_look(self, index: Index, command: Command, now: datetime) -> bool:
        """Let the index follow what was done for a command; tell whether all may start more."""
        if command.kind in REQUEST_KINDS:
            self._undo_to_the_end(index, command, now)
            self.pause(index)
            return True
        if command.kind is CommandKind.PROCESS_SAVE:
            self._loading.rewire(index, now)
            self.is_index_outdated |= moves_lanes(command)
            return not moves_lanes(command)
        if self._has_ended_with_options(command):
            self.pause(index)  # Another may have its code.
            return True
        return command.kind is CommandKind.POOL_SAVE

    def _has_ended_with_options(self, command: Command) -> bool:
        if options_of(command) is None or command.state is not CommandState.RUNNING:
            return False
        saved = self._store.command(command.id)
        return saved is not None and saved.state not in OPEN_COMMAND_STATES

    def _has_frozen(self, index: Index, command: Command) -> bool:
        """Use the freezes as they are now if a command is about one; tell whether it is."""
        if command.kind in FREEZE_KINDS and command.state is CommandState.REQUESTED:
            self._loading.refreeze(index)
        return command.kind in FREEZE_KINDS

    def _undo_to_the_end(self, index: Index, command: Command, now: datetime) -> None:
        """Go on with a request that is being put back: nothing may be decided in between."""
        while (saved := self._store.command(command.id)) and saved.state is CommandState.APPLYING:
            self.pause(index)
            self._hold()
            if not self._execute(index, saved, now):
                break

    def _execute(self, index: Index, command: Command, now: datetime) -> bool:
        """Do what is next for one command; tell whether it is not left out.

        One that was refused again and again is ended; if that is refused, too, it waits.
        """
        stage = self._isolating.stage_of(command)
        if stage is Stage.ISOLATED:
            return False
        self.under_way = command
        timetable = index.engine.timetable
        if stage is Stage.ON_TRIAL:
            self._outbox.apply(timetable, self._isolating.ended(command, now))
            self._isolating.has_ended(command)
        else:
            facts = gather(self._store, command, index.commands.jobs)
            if effects := index.commands.decide(command, facts, now):
                self.under_way = _as_saved(command, effects)
                self._outbox.apply(timetable, effects)
                self.is_index_outdated |= command.kind is CommandKind.RECUT and is_cut_by(effects)
        self.under_way = None
        return True


def _is_with_options(index: Index, command: Command) -> bool:
    """Tell whether a request has options of which the index has not heard yet."""
    return options_of(command) is not None and not index.engine.timetable.options(command.id)


def _as_saved(command: Command, effects: Effects) -> Command:
    """Return a command as it is about to be saved: what is refused may be of its plan."""
    for save in effects.saves:
        if isinstance(save, SaveCommand) and save.command.id == command.id:
            return save.command
    return command
