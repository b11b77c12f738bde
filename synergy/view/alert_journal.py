"""What has happened, for alerts: from lines of the journal, as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import quote

from synergy.core.alert_records import Fact
from synergy.core.alert_rules import AlertKind
from synergy.core.commands import RESETTING_KINDS, Command, CommandId, CommandState
from synergy.core.journal import CauseKind, Happened, JournalPage, Line, LineKind
from synergy.core.journal_pages import lines_of
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.unusual_counts import SAMPLES_MAX, is_unusual, usual_band
from synergy.ports.store import CommandReader, JournalReader
from synergy.view.alert_jobs import address_of

#: Pages of a process that are looked through for what is usual of it.
_PAGES_LOOKED_AT: Final = 100
#: Requests that are watched until they are done.
_REQUESTS_MAX: Final = 1_000


class UnusualCounts:
    """Tells which runs have processed an unusual number of things."""

    def __init__(self) -> None:
        """Know of no process what is usual."""
        self._runs: dict[ProcessName, deque[_Run]] = {}

    def facts(self, lines: Iterable[Line], store: JournalReader) -> Iterator[Fact]:
        """Yield what is unusual among lines, which are in order, and may come again."""
        for line in lines:
            if not _is_counted(line) or line.count is None or line.key is None:
                continue
            known = self._runs.get(line.process)
            if known is None:
                known = self._runs[line.process] = deque(_earlier(store, line), SAMPLES_MAX)
            counts = [run.things for run in known if run.number < line.number]
            if not known or known[-1].number < line.number:
                known.append(_Run(line.number, line.count))
            band = usual_band(counts)
            if band is not None and is_unusual(line.count, band):
                yield Fact(
                    kind=AlertKind.UNUSUAL_COUNT,
                    subject=str(line.key),
                    process=line.process,
                    since=line.at,
                    why=f'run {line.run} processed {line.count:,}; usual are {band.low:,} to '
                    f'{band.high:,}, as the newest {len(counts)} runs of it were',
                    helps=f'./launch.py log {line.process} {line.key.timeperiod}',
                    address=address_of(line.key),
                )


class _Run(NamedTuple):
    """How many things a run processed, and which line tells so."""

    number: int
    things: int


class WatchedRequests:
    """Tells when everything that a request has reset is done again."""

    def __init__(self) -> None:
        """Watch none."""
        self._open: dict[CommandId, None] = {}

    def begin(self, store: CommandReader, since: datetime | None) -> None:
        """Watch the requests that are open, and those that have ended since."""
        states = [CommandState.APPLYING, CommandState.RUNNING, CommandState.REQUESTED]
        found = list(store.commands(states, _REQUESTS_MAX, RESETTING_KINDS))
        if since is not None:
            done = store.commands((CommandState.DONE,), _REQUESTS_MAX, RESETTING_KINDS)
            found += [item for item in done if item.finished_at and item.finished_at >= since]
        self._open = {command.id: None for command in found}

    def facts(self, lines: Iterable[Line], store: CommandReader) -> Iterator[Fact]:
        """Yield which requests are done. Cost: a small read for each that is open."""
        for line in lines:
            if line.request is not None:
                self._open.setdefault(line.request)
            elif line.cause.kind is CauseKind.COMMAND and line.cause.id is not None:
                self._open.setdefault(CommandId(line.cause.id))
        while len(self._open) > _REQUESTS_MAX:
            del self._open[next(iter(self._open))]
        for request_id in [*self._open]:
            command = store.command(request_id)
            if command is None or command.kind not in RESETTING_KINDS:
                del self._open[request_id]
            elif command.state is CommandState.DONE:
                # Forgotten once that is told: see `told`.
                yield _done(command)
            elif command.finished_at is not None:
                del self._open[request_id]

    def told(self, facts: Iterable[Fact]) -> None:
        """Forget what was saved as told."""
        for fact in facts:
            self._open.pop(CommandId(fact.subject), None)


def freeruns_of(lines: Iterable[Line]) -> set[ProcessName]:
    """Return the free runs of which lines tell."""
    return {line.process for line in lines if line.kind is LineKind.FREERUN}


def _done(command: Command) -> Fact:
    assert command.finished_at is not None, 'it is done'
    return Fact(
        kind=AlertKind.REQUEST_DONE,
        subject=command.id,
        process=command.process,
        since=command.finished_at,
        why=f'{command.kind.value} {command.process} {command.said} of {command.who}: '
        f'{command.outcome or "done"}',
        address=f'/requests/{quote(command.id)}',
    )


def _is_counted(line: Line) -> bool:
    return line.what is Happened.ENDED and line.to_state is JobState.PROCESSED


def _earlier(store: JournalReader, line: Line) -> Sequence[_Run]:
    """Return runs before a line, oldest first."""
    pages = store.journal_pages_before(line.number + 1, _PAGES_LOOKED_AT, line.process)
    found = [
        _Run(earlier.number, earlier.count)
        for page in reversed(pages)
        for earlier in _readable(page)
        if earlier.process == line.process
        and earlier.number < line.number
        and _is_counted(earlier)
        and earlier.count is not None
    ]
    return found[-SAMPLES_MAX:]


def _readable(page: JournalPage) -> Sequence[Line]:
    """Return the lines of a page; none if somebody has changed it."""
    try:
        return lines_of(page)
    except ValueError:
        return ()
