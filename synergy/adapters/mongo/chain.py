"""Statements of one commit that wait for the majority once, at the last of them.

All but the last are acknowledged by the primary alone, the last by the majority with its journals.
Members copy the primary's log from one end to the other, so whoever has the last entry has those
before it: one wait confirms them all. But only within one term of a primary. Should another member
have been elected in between, it may never have got the first ones, though it confirms the last.
Every answer to a write says in which term its entry stands (`opTime.t`), and no two members are
primary in the same term: where terms differ, what was written is as unknown as after an answer that
was lost.

Nothing is read that may still be rolled back: a step that looks at what was written waits first, as
does whatever is called after a chain that broke off.

Not a transaction, which would write less: one that its client leaves behind, for it was killed or
cut off, keeps its rows locked until the server ends it, after a minute by default, and keeps the
next leader and the workers waiting for as long.

Sources: MongoDB, src/mongo/db/repl/README.md ("Doing a Write", "Replication and Topology
Coordinators", "Elections"); src/mongo/db/commands/write_commands.cpp (`opTime` in the answers of
members of a replica set); jstests/core/lastop (a write that changes nothing waits for what was
written before it); docs, Production Considerations of transactions, Runtime Limit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

from pymongo.database import Database
from pymongo.errors import AutoReconnect
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)
from pymongo.write_concern import WriteConcern

Document: TypeAlias = dict[str, Any]
#: Part of a commit: one statement, or a few that belong together.
Step: TypeAlias = 'Callable[[Chain], None]'

_WRITES: Final = frozenset({'insert', 'update', 'delete', 'findAndModify'})
#: The term of entries from before there were terms.
_NO_TERM: Final = -1


class WriteTerms(CommandListener):
    """The terms in which, as the answers say, the writes of one client stand in the log."""

    def __init__(self) -> None:
        """Have seen none."""
        #: Has None if an answer named none.
        self.seen: set[int | None] = set()

    def started(self, event: CommandStartedEvent) -> None:
        """Do nothing."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Take note of the term."""
        if event.command_name in _WRITES:
            written_at = event.reply.get('opTime')
            term = written_at.get('t') if isinstance(written_at, dict) else None
            self.seen.add(None if term == _NO_TERM else term)

    def failed(self, event: CommandFailedEvent) -> None:
        """Do nothing: it is repeated, or what it was part of breaks off."""


class Chain:
    """The chains of one connection, one after the other.

    database: to which the step under way writes.
    """

    def __init__(self, confirmed: Database[Document], terms: WriteTerms) -> None:
        """Know nothing of the servers yet. confirmed: waits for the majority at each write."""
        self.database = confirmed
        self._confirmed = confirmed
        self._quick = confirmed.with_options(write_concern=WriteConcern(1))
        self._terms = terms
        self._names_terms = False
        self._is_settled = True
        #: A router may lead to several replica sets, each with a log and terms of its own.
        self.is_router = False

    def execute(self, steps: Sequence[Step]) -> None:
        """Take steps in order; when this returns, the majority has what all of them wrote.

        What a step raises ends the chain. Raises AutoReconnect when the primary has changed.
        """
        if not steps:
            return
        self._terms.seen.clear()
        self._is_settled = False
        # Of servers that are met for the first time, each step waits: their answers are looked at.
        waits_once = self._names_terms and not self.is_router
        self.database = self._quick if waits_once else self._confirmed
        for step in steps[:-1]:
            step(self)
        self.database = self._confirmed
        steps[-1](self)
        self._is_settled = True
        seen = self._terms.seen
        self._names_terms = bool(seen) and None not in seen
        if waits_once and len(steps) > 1 and (len(seen) > 1 or not self._names_terms):
            raise AutoReconnect('the primary has changed while a commit was written')

    def confirmed(self) -> Database[Document]:
        """Wait until the majority has what was written so far; return where that can be read."""
        # Changes nothing, and waits for all that the primary has in its log.
        self._confirmed['schema'].update_one({'_id': 'nothing'}, {'$set': {'nothing': True}})
        return self._confirmed

    def settle(self) -> None:
        """Wait for what a chain has left that broke off."""
        if not self._is_settled:
            self.confirmed()
            self._is_settled = True
