"""What the Scheduler has paused by itself, because run after run of it failed alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from synergy.core.commands import Command, CommandKind, CommandState
from synergy.core.context_commands import ACTOR
from synergy.core.failure_streaks import is_paused_by_itself
from synergy.core.freerun_record import Freerun
from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.ports.store import Reader
from synergy.view.troubles import Trouble
from synergy.view.words import at

#: Changes of free runs that are looked through for who has switched them off.
_CHANGES_MAX: Final = 1000


def self_paused(
    nodes: Iterable[Node], store: Reader, now: datetime, freeruns: Sequence[Freerun]
) -> list[Trouble]:
    """Return what is paused by itself, managed processes and free runs. freeruns: all of them."""
    return [*_processes(nodes, now), *_freeruns(store, now, freeruns)]


def _processes(nodes: Iterable[Node], now: datetime) -> Iterator[Trouble]:
    for node in nodes:
        process, override = node.process, node.process.override
        if process.is_on or override is None or override.is_on_at is None:
            continue
        if is_paused_by_itself(override.is_on_by):
            why = str(override.is_on_by).removeprefix(f'{ACTOR}: ')
            yield _trouble(process.name, why, override.is_on_at, now, 'process on')


def _freeruns(store: Reader, now: datetime, freeruns: Sequence[Freerun]) -> Iterator[Trouble]:
    off = {entry.name: entry for entry in freeruns if not entry.is_on}
    for entry, change in _last_changes(store, off):
        if change.actor == ACTOR:
            since = change.finished_at or change.created_at
            yield _trouble(entry.name, change.reason or '', since, now, 'freerun on')


def _last_changes(
    store: Reader, entries: dict[ProcessName, Freerun]
) -> Iterator[tuple[Freerun, Command]]:
    """Yield the newest change of each of these entries, as far as it is not long ago."""
    if not entries:
        return
    left = dict(entries)
    done = (CommandState.DONE,)
    for change in store.commands(done, _CHANGES_MAX, (CommandKind.FREERUN_SAVE,)):
        if (entry := left.pop(change.process, None)) is not None:
            yield entry, change


def _trouble(name: ProcessName, why: str, since: datetime, now: datetime, command: str) -> Trouble:
    return Trouble(
        text=f'{name} was paused by itself at {at(since, now)}: {why}.',
        advice=f'Nothing of it starts. Fix the cause, then: ./launch.py {command} {name}.',
        since=since,
        process=name,
    )
