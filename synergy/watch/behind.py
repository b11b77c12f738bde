"""Following the journal: the lines behind a cursor, and what to do where those are gone."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from synergy.core.journal import JournalPage, Line
from synergy.core.journal_pages import lines_of
from synergy.core.structs import Struct
from synergy.ports.store import JournalReader

logger = logging.getLogger(__name__)

#: Pages that are read at once.
PAGES_MAX: Final = 200


class Behind(Struct, frozen=True, kw_only=True):
    """Lines behind a cursor. cursor: the last of them, or what it was. is_more: some follow."""

    lines: Sequence[Line]
    cursor: int
    is_more: bool


class JournalFollower:
    """Reads the journal for one follower; whoever uses it saves the cursor when all is done."""

    def __init__(self, name: str) -> None:
        """name: of the follower, and of its cursor in the store."""
        self._name = name
        self._told_of: int | None = None
        self._unread: set[int] = set()

    def behind(self, store: JournalReader, pages_max: int = PAGES_MAX) -> Behind:
        """Return what has happened since the cursor that the store has.

        A new follower begins with what happens from now on. One whose cursor is older than the
        journal says so once in the log, and goes on with the oldest line that there is.
        """
        span = store.journal_span()
        cursor = store.journal_cursor(self._name)
        if cursor is None or cursor >= span.stop:
            # New; or the store was replaced by an older copy.
            return Behind(lines=(), cursor=span.stop - 1, is_more=False)
        if cursor + 1 < span.start:
            self._tell_gap(cursor, span.start)
            cursor = span.start - 1
        if cursor + 1 == span.stop:
            return Behind(lines=(), cursor=cursor, is_more=False)
        pages = store.journal_pages(cursor, pages_max)
        lines = [line for page in pages for line in self._lines(page) if line.number > cursor]
        last = max([cursor, *(page.next - 1 for page in pages)])
        if not pages:
            last = span.stop - 1
        return Behind(lines=lines, cursor=last, is_more=last + 1 < span.stop)

    def _lines(self, page: JournalPage) -> Sequence[Line]:
        """Return the lines of a page; none, and a line in the log, if somebody has changed it."""
        try:
            return lines_of(page)
        except ValueError as error:
            if page.first not in self._unread:
                logger.warning(
                    'follower %s passes over what cannot be read: %s',
                    self._name,
                    error,
                    extra={'event': 'page_unreadable'},
                )
            self._unread.add(page.first)
            return ()

    def _tell_gap(self, cursor: int, first: int) -> None:
        if self._told_of != cursor:
            logger.warning(
                'lines %d to %d of the journal are gone before follower %s has read them '
                '(journal_days); it goes on with line %d',
                cursor + 1,
                first - 1,
                self._name,
                first,
                extra={'event': 'cursor_too_old'},
            )
        self._told_of = cursor
