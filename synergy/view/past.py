"""How everything stood at an instant, read from a store: the newest snapshot, and what followed.

What cannot be told is refused, with from when on it can be: before history begins, where lines have
gone, or where somebody has made illegal what would tell it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.index_snapshot import Opened, SnapshotMark, opened
from synergy.core.journal_pages import PackedLines, packed_lines_of
from synergy.core.past import Past, Rebuilding, until_of
from synergy.core.past_hierarchy import hierarchy_of
from synergy.ports.store import JournalReader
from synergy.ports.stored import led_context

#: Pages that are read at a time.
_PAGES: Final = 500
#: Clocks of leaders may differ by that much: lines are in the order of commits.
_SLACK: Final = timedelta(seconds=60)
#: Of an instant within so much of a snapshot, the snapshot tells it without any line.
_JUST: Final = timedelta(seconds=1)


class PastUnknown(ValueError):
    """It cannot be told how everything stood then; the message says why.

    advice: what to ask for instead.
    """

    def __init__(self, what: str, advice: str) -> None:
        """Say it: two sentences without a full stop."""
        super().__init__(f'{what}; {advice}')
        self.what = what
        self.advice = advice


def past_at(store: JournalReader, today: Hierarchy, at: datetime) -> Past:
    """Return how everything stood at an instant that is past; raise PastUnknown.

    today: as context.py has it, with what operators have changed. Cost: a snapshot of the index,
    and the lines of at most a day.
    """
    marks, span = store.index_snapshots(), store.journal_span()
    mark = _mark_for(marks, at)
    if mark is None:
        raise PastUnknown(
            f'what stood at {_said(at)} is not known: history begins '
            + (f'with {_from(marks[0].at)}' if marks else 'once a Scheduler has led'),
            f'give {_from(_known_from(marks, span))} or later' if marks else 'start one',
        )
    has_lines = mark.number + 1 >= span.start or mark.number + 1 >= span.stop
    if not has_lines and at - mark.at >= _JUST:
        raise _gone(marks, span, mark, at)
    snapshot = _opened(store, mark)
    if snapshot.context is None:
        raise PastUnknown(
            f'the context that was led at {_said(at)} is not known', 'give another instant'
        )
    try:
        led = led_context.decode(snapshot.context)
        hierarchy = hierarchy_of(today, led)
        rebuilding = Rebuilding(snapshot, hierarchy)
        if has_lines:
            _take(store, rebuilding, mark.number, at)
        return rebuilding.past(at)
    except (ValueError, TypeError, IndexError, KeyError) as error:
        raise PastUnknown(
            f'what stood at {_said(at)} cannot be read: {error}', 'give another instant'
        ) from error


def known_from(store: JournalReader) -> datetime | None:
    """Return from when on every instant can be told; None: none can."""
    marks = store.index_snapshots()
    return _known_from(marks, store.journal_span()) if marks else None


def _mark_for(marks: Sequence[SnapshotMark], at: datetime) -> SnapshotMark | None:
    # The last one, not the latest: clocks may be set back.
    return next((mark for mark in reversed(marks) if mark.at <= at), None)


def _known_from(marks: Sequence[SnapshotMark], span: range) -> datetime:
    return next((mark.at for mark in marks if mark.number + 1 >= span.start), marks[-1].at)


def _gone(
    marks: Sequence[SnapshotMark], span: range, mark: SnapshotMark, at: datetime
) -> PastUnknown:
    """Return that lines are gone, and which snapshots lie around the instant."""
    later = next((item for item in marks if item.at > at), None)
    near = ' or '.join(_exactly(item.at) for item in (mark, later) if item is not None)
    return PastUnknown(
        f'what stood at {_said(at)} is not known any more: the journal begins with line '
        f'{span.start}, for older lines than journal_days are gone',
        f'give {_from(_known_from(marks, span))} or later, or exactly {near}, of which there is a '
        'snapshot',
    )


def _opened(store: JournalReader, mark: SnapshotMark) -> Opened:
    snapshot = store.index_snapshot(mark)
    if snapshot is None:
        raise PastUnknown(
            f'the snapshot of {_said(mark.at)} is gone since', 'ask again, or for another instant'
        )
    try:
        return opened(snapshot)
    except ValueError as error:
        raise PastUnknown(str(error), 'give another instant') from error


def _take(store: JournalReader, rebuilding: Rebuilding, after: int, at: datetime) -> None:
    """Take over the lines behind number `after` up to an instant."""
    waiting: list[PackedLines] = []
    for packed in _pages(store, after, at):
        page = packed.opened.page
        if page.until <= at:
            # All of these come before a line that is not later.
            for item in [*waiting, packed]:
                rebuilding.take(item, max(after + 1 - item.opened.page.first, 0), len(item.rows))
            waiting.clear()
        else:
            waiting.append(packed)
    number, place = until_of(waiting, at)
    for item in waiting[: number + 1]:
        stop = place if item is waiting[number] else len(item.rows)
        rebuilding.take(item, max(after + 1 - item.opened.page.first, 0), stop)


def _pages(store: JournalReader, after: int, at: datetime) -> Iterator[PackedLines]:
    """Yield pages until one of which all is later by more than clocks differ."""
    while pages := store.journal_pages(after, _PAGES):
        for page in pages:
            packed = packed_lines_of(page)
            if page.until > at + _SLACK and all(
                packed.at(place) > at + _SLACK for place in range(len(packed.rows))
            ):
                return
            yield packed
        after = pages[-1].next - 1


def _said(at: datetime) -> str:
    return f'{at:%Y-%m-%d %H:%M:%S} UTC'


def _from(at: datetime) -> str:
    """Return the first second that is not earlier."""
    return _said(at if not at.microsecond else at + timedelta(seconds=1))


def _exactly(at: datetime) -> str:
    at += timedelta(seconds=bool(at.microsecond))
    return f'{at:%Y-%m-%d %H:%M:%S}'
