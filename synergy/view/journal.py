"""Lines of the journal as those read them who follow it: behind a number, about a process, since.

What has been pruned is said: whoever was further behind than the journal reaches is told which
lines there were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Final

from synergy.core.journal import JournalPage, Line
from synergy.core.journal_pages import lines_of
from synergy.core.journal_replay import Replay
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.violations import Violation
from synergy.ports.store import JournalReader

#: Pages that are read at a time.
PAGES: Final = 500
#: Lines are in the order of commits: by that much may an instant lie before an earlier one.
_SLACK: Final = timedelta(hours=1)


class Wanted(Struct, frozen=True, kw_only=True):
    """Which lines. process: a managed process, or a free run by its whole name."""

    process: ProcessName | None = None
    since: datetime | None = None
    until: datetime | None = None

    def has(self, line: Line) -> bool:
        """Tell whether a line is one of them."""
        return (
            (self.process is None or line.process == self.process)
            and (self.since is None or line.at >= self.since)
            and (self.until is None or line.at < self.until)
        )


class Lines(Struct, frozen=True, kw_only=True):
    """Some lines, in order.

    after: behind which number to ask for more. lost: numbers that were asked for and are gone.
    is_end: there are no more now. has_older: of the newest: older ones are wanted, too. unreadable:
    pages that somebody has changed, each told.
    """

    lines: Sequence[Line]
    after: int
    lost: range = range(0)
    is_end: bool
    has_older: bool = False
    unreadable: Sequence[str] = ()

    @property
    def lost_said(self) -> str | None:
        """Return what is gone, in words; None: nothing."""
        if not self.lost:
            return None
        told = f'{self.lost.start} to {self.lost.stop - 1}'
        return (
            f'lines {told} of the journal are gone: they were older than journal_days; '
            f'it begins with line {self.lost.stop}'
        )


def begin_of(store: JournalReader, wanted: Wanted) -> int:
    """Return behind which number to begin to read what is wanted, and nothing is lost."""
    if wanted.since is not None:
        return store.journal_number_since(wanted.since) - 1
    return store.journal_span().start - 1


def lines_behind(store: JournalReader, after: int, limit: int, wanted: Wanted) -> Lines:
    """Return at most `limit` lines behind number `after`, oldest first.

    Cost: the lines of all pages that are passed; of each process only its own pages are read.
    """
    span = store.journal_span()
    lost = range(after + 1, max(span.start, after + 1))
    after = max(after, span.start - 1)
    found: list[Line] = []
    unreadable: list[str] = []
    stop = span.stop
    if wanted.until is not None:
        stop = min(stop, store.journal_number_until(wanted.until + _SLACK))
    while after < stop - 1:
        pages = store.journal_pages(after, PAGES, wanted.process)
        for page, begin in zip_longest(pages, [page.first for page in pages[1:]]):
            if wanted.process is None and page.first > after + 1:
                unreadable.append(_left_out(after + 1, page.first))
            for line in _readable(page, unreadable):
                if line.number <= after or not wanted.has(line):
                    continue
                if len(found) == limit:
                    last = found[-1].number
                    return Lines(
                        lines=found, after=last, lost=lost, is_end=False, unreadable=unreadable
                    )
                found.append(line)
            # A page may claim lines of the next one, if somebody has changed it.
            after = max(after, min(page.next, begin or page.next) - 1)
        if not pages:
            if wanted.process is None:
                unreadable.append(_left_out(after + 1, stop))
            break
    return Lines(
        lines=found,
        after=max(after, span.stop - 1),
        lost=lost,
        is_end=True,
        unreadable=unreadable,
    )


def newest_lines(store: JournalReader, limit: int, wanted: Wanted) -> Lines:
    """Return the newest `limit` lines at most, oldest first; `after` is behind the last of all."""
    span = store.journal_span()
    found: list[Line] = []
    unreadable: list[str] = []
    # Not until one is older, or as long as one is newer: where a clock was set, others follow.
    before, begin = span.stop, span.start
    if wanted.until is not None:
        before = min(before, store.journal_number_until(wanted.until + _SLACK))
    if wanted.since is not None:
        begin = max(begin, store.journal_number_since(wanted.since))
    while before > begin:
        pages = store.journal_pages_before(before, PAGES, wanted.process)
        for page in pages:
            if wanted.process is None and page.next < before:
                unreadable.append(_left_out(page.next, before))
            before = page.first
            found += [line for line in _readable(page, unreadable)[::-1] if wanted.has(line)]
            if len(found) > limit:
                return Lines(
                    lines=found[limit - 1 :: -1],
                    after=span.stop - 1,
                    is_end=True,
                    has_older=True,
                    unreadable=unreadable,
                )
        if not pages:
            if wanted.process is None:
                unreadable.append(_left_out(begin, before))
            break
    after = span.stop - 1
    return Lines(lines=found[::-1], after=after, is_end=True, unreadable=unreadable)


def replayed(store: JournalReader, replay: Replay) -> Iterator[Violation]:
    """Let `replay` read the whole journal; yield what is wrong with its order."""
    after = 0
    while pages := store.journal_pages(after, PAGES):
        for page in pages:
            try:
                lines = lines_of(page)
            except ValueError:
                yield replay.skip(page)
                continue
            for line in lines:
                yield from replay.take(line)
        after = max(after, pages[-1].next - 1)


def _left_out(first: int, stop: int) -> str:
    """Say of pages that a store leaves out, for somebody has changed them."""
    if stop - first == 1:
        return f'line {first} of the journal is not there, or cannot be read'
    return f'lines {first} to {stop - 1} of the journal are not there, or cannot be read'


def _readable(page: JournalPage, unreadable: list[str]) -> Sequence[Line]:
    try:
        return lines_of(page)
    except ValueError as error:
        unreadable.append(str(error))
        return ()
