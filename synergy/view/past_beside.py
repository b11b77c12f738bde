"""What a store of then tells beside jobs and units: requests, journal, and what is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import cached_property
from itertools import islice
from typing import Any, Final

from synergy.core.commands import OPEN_COMMAND_STATES, Command, CommandKind, CommandState
from synergy.core.journal import JournalPage
from synergy.core.leader_standing import LeaderStanding
from synergy.core.past import Past
from synergy.core.records import CommandId, Leadership, ProcessName
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier, Timeperiod
from synergy.core.watching import AlertMemory
from synergy.ports.rows import IllegalRow
from synergy.ports.store import Store

#: What is said of who led: whose term it was is known, and not more.
LEADER: Final = 'a Scheduler'
_COMMANDS: Final = 500
#: Commands that are looked through for those which were open then.
_COMMANDS_MAX: Final = 5_000


class _OfThen:
    """A store, and which past of it is meant."""

    def __init__(self, store: Store, past: Past) -> None:
        self._store = store
        self._past = past
        self._at = past.at


class Unrecorded(_OfThen):
    """What is not written down, or the same at any time."""

    def leadership(self) -> Leadership:
        """Return that somebody led."""
        return Leadership(owner=LEADER, term=self._past.term, until=self._at + timedelta(seconds=1))

    def standing(self) -> LeaderStanding:
        """Return that nothing is known to be wrong."""
        return LeaderStanding()

    def store_now(self) -> datetime:
        """Return the instant."""
        return self._at

    def led_context(self) -> None:
        """Return nothing: the hierarchy is that of then already."""

    def overrides(self) -> Sequence[Any]:
        """Return none: those of today are in the hierarchy already."""
        return ()

    def pool_overrides(self) -> Sequence[Any]:
        """Return none, likewise."""
        return ()

    def boxes(self) -> Sequence[Any]:
        """Return none: what boxes have said is not written down."""
        return ()

    def box_processes(self, box_id: str | None = None) -> Sequence[Any]:  # noqa: ARG002 - as a store
        """Return none, likewise."""
        return ()

    def alert_memory(self) -> AlertMemory:
        """Return that nothing is remembered of alerts."""
        return AlertMemory()

    def illegal_rows(self) -> Sequence[IllegalRow]:
        """Return the rows that could not be read."""
        return self._store.illegal_rows()

    def forget_illegal_rows(self) -> None:
        """Forget them."""
        self._store.forget_illegal_rows()

    def snapshot(self) -> AbstractContextManager[None]:
        """Let what is read be as of one instant."""
        return self._store.snapshot()


class PastCommands(_OfThen):
    """Commands as they stood, by their rows of today."""

    def command(self, command_id: CommandId) -> Command | None:
        """Return a command as it stood."""
        found = self._store.command(command_id)
        return None if found is None else self._command(found)

    def open_commands(self, limit: int) -> Sequence[Command]:
        """Return commands that were open, oldest first."""
        found = [*islice(self._commands(None, None), _COMMANDS_MAX)]
        return [item for item in reversed(found) if item.state in OPEN_COMMAND_STATES][:limit]

    def commands(
        self,
        states: Collection[CommandState],
        limit: int,
        kinds: Collection[CommandKind] | None = None,
        after: Command | None = None,
    ) -> Sequence[Command]:
        """Return commands that were in these states, newest first."""
        found = islice(self._commands(kinds, after), _COMMANDS_MAX)
        return [*islice((item for item in found if item.state in states), limit)]

    def _commands(
        self, kinds: Collection[CommandKind] | None, after: Command | None
    ) -> Iterator[Command]:
        states = tuple(CommandState)
        after = after or self._latest
        while rows := self._store.commands(states, _COMMANDS, kinds, after):
            for row in rows:
                if (found := self._command(row)) is not None:
                    yield found
            after = rows[-1]

    def _command(self, today: Command) -> Command | None:
        if today.created_at > self._at:
            return None
        is_paused = self._paused.get(today.id, False)
        if today.finished_at is None or today.finished_at <= self._at:
            return replace(today, is_paused=is_paused and today.finished_at is None)
        return replace(
            today,
            state=CommandState.RUNNING,
            is_paused=is_paused,
            applied_count=today.planned_count,
            finished_at=None,
            outcome=None,
        )

    @property
    def _latest(self) -> Command:
        """Return what all commands come after that there were: those of later are not read."""
        nothing = Timeperiod(Qualifier.DAILY, 0)
        return Command(
            id=CommandId(''),
            kind=CommandKind.PAUSE,
            process=ProcessName(''),
            start=nothing,
            end=nothing,
            actor='',
            created_at=self._at + timedelta(microseconds=1),
        )

    @cached_property
    def _paused(self) -> Mapping[CommandId, bool]:
        """Return what was paused or resumed last, by request."""
        kinds = (CommandKind.PAUSE, CommandKind.RESUME)
        found: dict[CommandId, bool] = {}
        done = (CommandState.DONE,)
        for row in self._store.commands(done, _COMMANDS_MAX, kinds, self._latest):
            if row.target is not None and row.finished_at and row.finished_at <= self._at:
                found.setdefault(row.target, row.kind is CommandKind.PAUSE)
        return found


class PastJournal(_OfThen):
    """The journal up to then."""

    def journal_span(self) -> range:
        """Return the numbers of the lines that there were."""
        span = self._store.journal_span()
        stop = max(self._past.last + 1, span.start)
        return range(span.start, min(stop, span.stop))

    def journal_pages(
        self, after: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        """Return pages that there were, in order."""
        found = self._store.journal_pages(after, limit, process)
        return [page for page in found if page.first <= self._past.last]

    def journal_pages_before(
        self, before: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        """Return pages that there were, newest first."""
        return self._store.journal_pages_before(min(before, self._past.last + 1), limit, process)

    def journal_number_since(self, since: datetime) -> int:
        """Return from which number on lines are from an instant or later."""
        return min(self._store.journal_number_since(since), self._past.last + 1)
