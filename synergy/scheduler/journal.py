"""The leader's hand at the journal: the next number, the page of each commit, what is missing.

A page goes with the commit whose transitions it tells. Where a commit may break off before its
page, as in a store without transactions, the lines that it lacks are added when the index is built
next, and that is before anything else is decided: at most one commit's lines are ever missing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from synergy.core.effects import AddPage, Save
from synergy.core.journal import Line
from synergy.core.journal_pages import lines_of, page_of, page_of_lines
from synergy.core.journal_repair import missing_lines, missing_lines_of_freeruns, repair_since
from synergy.core.journal_replay import Replay
from synergy.core.records import Leadership
from synergy.ports.store import SchedulerStore

logger = logging.getLogger(__name__)

#: Pages that are read at a time.
_PAGES: Final = 500


class Journaling:
    """Makes pages; knows the next number once it has begun."""

    def __init__(self, store: SchedulerStore) -> None:
        """Know no number."""
        self._store = store
        self._next: int | None = None

    @property
    def last(self) -> int:
        """Return the number of the newest line; 0: there is none."""
        if self._next is None:
            self._next = self._store.journal_span().stop
        return self._next - 1

    def begin(self, leadership: Leadership, now: datetime) -> None:
        """Look up the next number; add the lines that the commit before has left out."""
        self._next = None
        if self._store.commits_are_whole:
            return
        page = page_of_lines(self._missing(now), self.last + 1, leadership.term, now)
        if page is not None:
            self._store.commit(leadership, [AddPage(page)])
            self._next = page.next
            logger.warning(
                '%d lines that a commit had left out were added to the journal, from %d on',
                page.count,
                page.first,
                extra={'event': 'journal_repaired'},
            )

    def with_page(
        self, saves: Sequence[Save], term: int, now: datetime
    ) -> tuple[Sequence[Save], int]:
        """Return what a commit saves, with its page, and how many lines that has."""
        page = page_of(saves, self.last + 1, term, now)
        return (saves, 0) if page is None else ([*saves, AddPage(page)], page.count)

    def unsure(self) -> None:
        """Forget the next number: a commit is under way, and nobody knows how it ends."""
        self._next = None

    def added(self, last: int, count: int) -> None:
        """Take note that lines were added behind number `last`."""
        self._next = last + count + 1

    def _missing(self, now: datetime) -> Sequence[Line]:
        newest = self._store.journal_pages_before(self.last + 1, 1)
        if not newest:
            return ()  # The journal begins with this leader.
        since = repair_since(newest[0].until, now)
        replay = Replay()
        for line in self._lines(since):
            for violation in replay.take(line):
                logger.error('%s', violation, extra={'event': 'journal_broken'})
        store = self._store
        lines = [*missing_lines(store.recent_jobs(since), replay, since)]
        lines += missing_lines_of_freeruns(store.recent_freeruns(since), replay, since)
        return sorted(lines, key=lambda line: line.at)

    def _lines(self, since: datetime) -> Iterator[Line]:
        after = self._store.journal_number_since(since) - 1
        while pages := self._store.journal_pages(after, _PAGES):
            for page in pages:
                try:
                    yield from lines_of(page)
                except ValueError as error:
                    logger.error('%s; it is left out', error, extra={'event': 'journal_broken'})
            after = pages[-1].next - 1
