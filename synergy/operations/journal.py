"""Reading the journal: what is asked for as people write it, and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from synergy.core.bounded import shortened
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.structs import Struct
from synergy.core.written_instant import instant_written
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.ports.store import JournalReader
from synergy.view.journal import Lines, Wanted, begin_of, lines_behind, newest_lines

#: How an instant is written.
INSTANT: Final = (
    'an hour or a minute in UTC, as in 2026-11-29T04:00, a day, as in yesterday, or an instant as '
    'lines have it'
)
#: Lines of one answer at most.
LINES_MAX: Final = 1000


class JournalWanted(Struct, frozen=True, kw_only=True):
    """Which lines, as typed. after: behind this number; else from `since` on; else the newest."""

    process: str | None = None
    since: str | None = None
    until: str | None = None
    after: int | None = None
    limit: int = 100


def read(store: JournalReader, known: Iterable[str], asked: JournalWanted, now: datetime) -> Lines:
    """Return the lines that are asked for, oldest first; refuse what makes no sense.

    known: names of processes and free runs; of others there must be lines.
    """
    wanted = wanted_of(store, known, asked, now)
    limit = min(asked.limit, LINES_MAX)
    if asked.after is not None:
        refuse_beyond(store, asked.after)
        return lines_behind(store, asked.after, limit, wanted)
    if wanted.since is not None:
        return lines_behind(store, begin_of(store, wanted), limit, wanted)
    return newest_lines(store, limit, wanted)


def refuse_beyond(store: JournalReader, after: int) -> None:
    """Refuse to read behind a line that has not been written: it is not of this journal."""
    newest = store.journal_span().stop - 1
    if after > newest:
        raise malformed(
            f'line {after} has not been written: the newest is {newest}',
            'begin with cursor=0; the store is another one than the cursor is from, or was '
            'restored',
        )


def wanted_of(
    store: JournalReader, known: Iterable[str], asked: JournalWanted, now: datetime
) -> Wanted:
    """Return what is asked for; refuse what makes no sense."""
    since, until = _instant('from', asked.since, now), _instant('until', asked.until, now)
    if since is not None and until is not None and until <= since:
        raise malformed(
            f'until {until:%Y-%m-%d %H:%M} UTC is not after from {since:%Y-%m-%d %H:%M} UTC',
            'give a later one',
        )
    name = None if asked.process is None else ProcessName(asked.process)
    names = [*known]
    # One that has left the context may be told of all the same.
    if name is not None and name not in names and not store.journal_pages(0, 1, name):
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'{shortened(name)} is not a process or free run, and the journal does not tell of it'
            f'{nearest(name, names)}',
            'choose one from the list of processes',
            listed_at='/processes',
        )
    return Wanted(process=name, since=since, until=until)


def _instant(name: str, text: str | None, now: datetime) -> datetime | None:
    if text is None:
        return None
    try:
        return instant_written(text, now)
    except ValueError as error:
        raise malformed(f'{name} {text!r:.60} cannot be read', f'give {INSTANT}') from error
