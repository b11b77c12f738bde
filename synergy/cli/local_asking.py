"""Asking for changes of the store of this machine: who asks, and how long an answer is awaited."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from synergy.cli.caller import caller_of
from synergy.cli.interface import FreezeWanted, PastReading, RecutWanted
from synergy.cli.local_past import LocalPast
from synergy.cli.local_reading import LocalReading
from synergy.cli.target import key_of, node_of
from synergy.core.commands import Command, CommandId, CommandState
from synergy.core.freezes import Scope
from synergy.core.records import is_led
from synergy.core.redaction import redacted
from synergy.core.structs import replace
from synergy.operations import freezes, journal, recut, recut_tree
from synergy.operations.caller import Caller
from synergy.operations.forecasts import foresee
from synergy.operations.journal import JournalWanted
from synergy.operations.past import instant_of
from synergy.view.documents import CommandDocument, FreezeDocument
from synergy.view.encode import encode_command, encode_freeze
from synergy.view.forecast import ForecastDocument
from synergy.view.journal_documents import JournalDocument, encode_journal
from synergy.view.recut import (
    RecutDocument,
    TreeRecutDocument,
    encode_recut,
    encode_tree_recut,
)

#: How long to wait for the Scheduler's first answer.
ANSWER_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.05


class LocalAsking(LocalReading):
    """What all changes have in common, the recut of a process, and freezes.

    chosen_name: of what is asked for; asking again by the same one does nothing.
    """

    chosen_name: str | None = None

    def past(self, at: str) -> PastReading:
        """Return what could be looked at at a past instant, as typed."""
        return LocalPast(self.runtime, self.store, instant_of(at, self.now))

    def preview_recut(self, wanted: RecutWanted) -> RecutDocument:
        """Return what a recut would do."""
        caller = self._caller(wanted.reason)
        return encode_recut(recut.preview(caller, self._recut_command(caller, wanted)))

    def recut(self, wanted: RecutWanted) -> CommandDocument:
        """Ask for a recut."""
        if (earlier := self._earlier(wanted.name)) is not None:
            return earlier
        caller = self._caller(wanted.reason, wanted.name)
        command = self._recut_command(caller, wanted)
        asked = recut.recut(caller, command, lambda item: recut.preview(caller, item))
        return self._settled(asked)

    def preview_tree_recut(self, wanted: RecutWanted) -> TreeRecutDocument:
        """Return what recuts of all processes of a tree that need one would do."""
        caller = self._caller(wanted.reason)
        commands = recut_tree.tree_commands(caller, wanted.process, wanted.timeperiod)
        return encode_tree_recut(recut_tree.preview_tree(caller, wanted.process, commands))

    def recut_tree(self, wanted: RecutWanted) -> Sequence[CommandDocument]:
        """Ask for a recut of each process of a tree that needs one."""
        caller, tree = self._caller(wanted.reason, wanted.name), wanted.process
        commands = recut_tree.tree_commands(caller, tree, wanted.timeperiod, wanted.plan_hash)
        return [self._settled(asked) for asked in recut_tree.recut_tree(caller, tree, commands)]

    def journal(self, wanted: JournalWanted) -> JournalDocument:
        """Return lines of the journal, oldest first."""
        names = [*self.runtime.context.managed, *(item.name for item in self.store.freeruns())]
        found = encode_journal(journal.read(self.store, names, wanted, self.clock.now()))
        shown: JournalDocument = redacted(found)
        return shown

    def forecast(self, by: str | None, process: str | None) -> ForecastDocument:
        """Return what is to be expected."""
        vanished_after = self.runtime.settings.box_vanished
        return foresee(self.index(), self.store, self.now, vanished_after, by, process)

    def freezes(self) -> Sequence[FreezeDocument]:
        """Return the freezes that hold now, the oldest first."""
        return [encode_freeze(item) for item in freezes.holding(self.store, self.now)]

    def freeze(self, wanted: FreezeWanted) -> CommandDocument:
        """Let nothing of a scope start until an instant."""
        given = {
            Scope.PROCESS: wanted.process,
            Scope.TREE: wanted.tree,
            Scope.POOL: wanted.pool,
        }
        caller = self._caller(wanted.reason)
        return self._settled(freezes.freeze(caller, given, wanted.until, is_long=wanted.is_long))

    def thaw(self, freeze_id: str, reason: str | None) -> CommandDocument:
        """End a freeze before its time."""
        return self._settled(freezes.thaw(self._caller(reason), freeze_id))

    def _recut_command(self, caller: Caller, wanted: RecutWanted) -> Command:
        context = self.runtime.context
        node = node_of(context, wanted.process)
        key = key_of(context, wanted.process, wanted.timeperiod, self.now)
        return recut.recut_command(caller, node, key.timeperiod, wanted.plan_hash)

    def _earlier(self, name: str | None) -> CommandDocument | None:
        """Return what was asked before under a name that the one who asks has chosen."""
        known = None if name is None else self.store.command(CommandId(name))
        return None if known is None else encode_command(known)

    def _caller(self, reason: str | None = None, name: str | None = None) -> Caller:
        """Return who asks. name: of the command that follows; None: any."""
        caller = caller_of(self.runtime, self.store, reason)
        chosen = name or self.chosen_name
        if chosen is None:
            return caller
        return replace(caller, id_of=lambda *_: CommandId(chosen), has_name=True)

    def _settled(self, command: Command) -> CommandDocument:
        """Return a command as it stands after a short wait."""
        clock = self.clock
        until = clock.monotonic() + ANSWER_SECONDS
        while is_led(self.store.leadership(), self.store.store_now()):
            command = self.store.command(command.id) or command
            if command.state is not CommandState.REQUESTED or clock.monotonic() >= until:
                return encode_command(command)
            clock.sleep(_LOOK_SECONDS)
        return encode_command(self.store.command(command.id) or command)
