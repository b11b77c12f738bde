"""Whole lists of a store, read page by page: nothing is left out, however long they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from synergy.core.commands import Command, CommandKind, CommandState
from synergy.core.records import Job, Unit
from synergy.ports.store import CommandReader, JobFilter, JobReader, UnitReader

_PAGE: Final = 5000
_ALL: Final = JobFilter()


def all_jobs(store: JobReader, where: JobFilter = _ALL) -> Iterator[Job]:
    """Yield every job row, by process and timeperiod. where: only those that it leaves."""
    page = store.find_jobs(where, _PAGE)
    while page:
        yield from page
        page = store.find_jobs(where, _PAGE, page[-1].key)


def all_commands(
    store: CommandReader,
    states: Collection[CommandState],
    kinds: Collection[CommandKind] | None = None,
) -> Iterator[Command]:
    """Yield every command in `states`, newest first. kinds: only of these."""
    page = store.commands(states, _PAGE, kinds)
    while page:
        yield from page
        page = store.commands(states, _PAGE, kinds, page[-1])


def all_dead_units(store: UnitReader) -> Iterator[Unit]:
    """Yield every dead letter, newest first."""
    page = store.dead_units(_PAGE)
    while page:
        yield from page
        page = store.dead_units(_PAGE, page[-1])
