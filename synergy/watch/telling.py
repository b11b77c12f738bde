"""Followers that tell others of runs: spans to a collector, events of lineage to a receiver.

What is sent follows from the journal and the rows alone, ids included, so nothing of it is kept:
the cursor moves once all was taken, and what is sent again after a crash is the same. A receiver
that is away, slow or refuses delays nothing but itself, and is asked again for as long as the
journal has the lines. What it will never take, one by one, is left out and said.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar

from synergy.core.commands import Command
from synergy.core.structs import Struct
from synergy.core.telemetry import LineageEvent, Span
from synergy.core.watching import WatchLease
from synergy.ports.store import EVENTS_PER_JOB_MAX, Store
from synergy.ports.telemetry import NotTaken
from synergy.view.journal import Wanted, lines_behind
from synergy.view.lineage import Lineage
from synergy.view.requests_told import RequestsTold
from synergy.view.runs_told import RunTold, runs_told, units_named
from synergy.view.spans import span_of_command, spans_of_run
from synergy.watch.behind import Behind, JournalFollower

logger = logging.getLogger(__name__)

T = TypeVar('T')
T_in = TypeVar('T_in', contravariant=True)
T_out = TypeVar('T_out', covariant=True)

#: Items that are sent at once.
_ITEMS_MAX: Final = 500
_PAGES_MAX: Final = 50
#: What has happened since then is told by a follower that is new, so that there is something.
_NEW_SINCE: Final = timedelta(hours=1)
#: Between looks where nothing has happened.
_PERIOD_SECONDS: Final = 1.0
#: Between attempts while a receiver takes nothing, doubled up to the second.
_PAUSE_SECONDS: Final = 2.0
_PAUSE_SECONDS_MAX: Final = 60.0


class Told(Struct, frozen=True, kw_only=True):
    """What there is to tell. runs: each with its request. begun, ended: requests."""

    runs: Sequence[tuple[RunTold, Command | None]]
    begun: Sequence[Command]
    ended: Sequence[Command]


class Teller(Protocol[T_out]):
    """Makes what is sent."""

    def items(self, store: Store, told: Told) -> Sequence[T_out]:
        """Return it, in order."""
        ...


class Sink(Protocol[T_in]):
    """Takes it; see `synergy.ports.telemetry`."""

    def send(self, items: Sequence[T_in]) -> None:
        """Send; raise NotTaken."""
        ...


class SpanTeller:
    """Makes spans of what is over. It is a Teller."""

    def items(self, store: Store, told: Told) -> Sequence[Span]:
        """Return them: of runs, and of the requests above them."""
        spans = [span_of_command(command) for command in told.ended]
        for run, _ in told.runs:
            if run.end is not None:
                spans += spans_of_run(run, lambda key: store.events(key, EVENTS_PER_JOB_MAX))
        return spans


class LineageTeller:
    """Makes events of what begins and of what is over. It is a Teller."""

    def __init__(self, lineage: Lineage) -> None:
        """lineage: makes them."""
        self._lineage = lineage

    def items(self, store: Store, told: Told) -> Sequence[LineageEvent]:
        """Return them: a request begins before its runs, and ends behind them."""
        del store
        return [
            *map(self._lineage.begun, told.begun),
            *(self._lineage.of_run(run, request) for run, request in told.runs),
            *map(self._lineage.ended, told.ended),
        ]


class TellingFollower(Generic[T]):
    """Tells one receiver. It is a Follower."""

    def __init__(self, name: str, teller: Teller[T], sink: Sink[T], lines_max: int) -> None:
        """name: of it, and of its cursor. lines_max: dealt with before the cursor moves."""
        self._name = name
        self._teller = teller
        self._sink = sink
        self._lines_max = lines_max
        self._journal = JournalFollower(name)
        self._requests: RequestsTold | None = None
        self._refused: list[str] = []
        self._failures = 0

    def look(self, store: Store, lease: WatchLease) -> float:
        """Tell what has happened since the cursor, which stays where that is not taken.

        A receiver that is away is a trouble of its own, and no failure of Watch.
        """
        del lease
        try:
            seconds = self._look(store)
        except NotTaken as error:
            return self._not_taken(error)
        if self._failures:
            logger.info('%s are taken again', self._name, extra={'event': 'taken_again'})
        self._failures = 0
        return seconds

    def _not_taken(self, error: NotTaken) -> float:
        if not self._failures:
            logger.warning(
                '%s are not taken, and are sent again until they are: %s',
                self._name,
                error,
                extra={'event': 'not_taken'},
            )
        seconds: float = min(_PAUSE_SECONDS * 2 ** min(self._failures, 10), _PAUSE_SECONDS_MAX)
        self._failures += 1
        return seconds

    def _look(self, store: Store) -> float:
        if store.journal_cursor(self._name) is None:
            first = store.journal_number_since(store.store_now() - _NEW_SINCE)
            store.save_journal_cursor(self._name, first - 1)
        behind = self._bounded(self._journal.behind(store, _PAGES_MAX))
        requests = self._requests
        if requests is None:
            requests = RequestsTold()
            requests.begin(store, _at(store, store.journal_cursor(self._name)))
            self._requests = requests
        units = store.units(units_named(behind.lines))
        runs = [(run, requests.of(store, run)) for run in runs_told(behind.lines, units)]
        named = [
            requests.named(store, line.request, line.at)
            for line in behind.lines
            if line.request is not None
        ]
        # What still has lines to come may be over already; it is told of with the last of them.
        until = behind.lines[-1].at if behind.is_more and behind.lines else None
        ended = requests.ended(store, until)
        begun = requests.begun([*named, *(request for _, request in runs), *ended])
        told = Told(runs=runs, begun=begun, ended=ended)
        items = self._teller.items(store, told)
        for first in range(0, len(items), _ITEMS_MAX):
            self._send(items[first : first + _ITEMS_MAX])
        self._tell_refused()
        requests.note(begun, ended)
        self._move(store, behind.cursor)
        return 0.0 if behind.is_more else _PERIOD_SECONDS

    def stop(self) -> None:
        """Know nothing: whoever watches next, or this one again, begins at the cursor."""
        self._requests = None

    def _bounded(self, behind: Behind) -> Behind:
        if len(behind.lines) <= self._lines_max:
            return behind
        lines = behind.lines[: self._lines_max]
        return Behind(lines=lines, cursor=lines[-1].number, is_more=True)

    def _send(self, items: Sequence[T]) -> None:
        """Send; of what is refused for good, find the guilty one, and leave it out."""
        try:
            self._sink.send(items)
        except NotTaken as error:
            if not error.is_final:
                raise
            if len(items) > 1:
                middle = len(items) // 2
                self._send(items[:middle])
                self._send(items[middle:])
                return
            self._refused.append(str(error))

    def _tell_refused(self) -> None:
        if self._refused:
            logger.warning(
                '%d of %s are left out, for they are refused for good: %s',
                len(self._refused),
                self._name,
                self._refused[0],
                extra={'event': 'items_refused'},
            )
        self._refused.clear()

    def _move(self, store: Store, cursor: int) -> None:
        known = store.journal_cursor(self._name)
        if known is not None and known > cursor and known >= store.journal_span().stop:
            # The store was replaced by an older copy: the cursor names lines that are yet to come.
            store.remove_journal_cursor(self._name)
            known = None
        if known is None or known < cursor:
            store.save_journal_cursor(self._name, cursor)


def _at(store: Store, number: int | None) -> datetime | None:
    """Return when a line was written, if it is there."""
    if not number:
        return None
    found = lines_behind(store, number - 1, 1, Wanted()).lines
    return found[0].at if found and found[0].number == number else None
