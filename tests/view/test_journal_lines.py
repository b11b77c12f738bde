"""Lines of the journal as those read them who follow it, whatever a clock or somebody has done."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

from synergy.core.journal import BY_CLOCK, Happened, JournalPage, Line, LineKind
from synergy.core.journal_pages import page_of_lines
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.ports.store import JournalReader
from synergy.view.journal import Wanted, begin_of, lines_behind, newest_lines
from tests.builders import instant, key
from tests.depth import deep

NOW = instant('2026112312')
HOUR = key('SiteHourly@2026112200')


class Pages:
    """A journal that is made of pages; one that is None is left out, as an illegal row is."""

    def __init__(self, pages: Sequence[JournalPage | None], stop: int) -> None:
        self.pages = [page for page in pages if page is not None]
        self.stop = stop

    def journal_span(self) -> range:
        return range(1, self.stop)

    def journal_pages(
        self, after: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        found = [page for page in self.pages if page.next > after + 1 and _tells(page, process)]
        return found[:limit]

    def journal_pages_before(
        self, before: int, limit: int, process: ProcessName | None = None
    ) -> Sequence[JournalPage]:
        found = [page for page in self.pages if page.first < before and _tells(page, process)]
        return found[::-1][:limit]

    def journal_number_since(self, since: datetime) -> int:
        return next((page.first for page in self.pages if page.until >= since), self.stop)

    def journal_number_until(self, until: datetime) -> int:
        return next((page.next for page in self.pages[::-1] if page.until < until), 1)


def _tells(page: JournalPage, process: ProcessName | None) -> bool:
    return process is None or process in page.names


def line(number: int, at: datetime, process: str = HOUR.process) -> Line:
    return Line(
        number=number,
        term=1,
        at=at,
        kind=LineKind.JOB,
        process=ProcessName(process),
        timeperiod=HOUR.timeperiod,
        rev=number,
        what=Happened.RESET,
        cause=BY_CLOCK,
        reason='r',
    )


def journal(lines: Sequence[Line], broken: Sequence[int] = ()) -> JournalReader:
    """Return a journal with one line in each page; broken: pages that a store leaves out."""
    pages = [
        None if item.number in broken else page_of_lines([item], item.number, 1, NOW)
        for item in lines
    ]
    return cast('JournalReader', Pages(pages, len(lines) + 1))


def numbers(lines: Sequence[Line]) -> list[int]:
    return [item.number for item in lines]


def test_nothing_is_passed_over_where_a_clock_was_set() -> None:
    drawn = random.Random(17)
    for _ in range(deep(200)):
        at, lines = NOW, []
        for number in range(1, 40):
            at += timedelta(hours=drawn.choice((0, 0, 1, 1, 30, -30, -5)))
            lines.append(line(number, at, drawn.choice(('SiteHourly', 'SiteDaily'))))
        store, begin = journal(lines), NOW + timedelta(hours=drawn.randrange(-50, 50))
        wanted = Wanted(
            process=drawn.choice((None, ProcessName('SiteDaily'))),
            since=drawn.choice((None, begin)),
            until=drawn.choice((None, begin + timedelta(hours=drawn.randrange(1, 50)))),
        )
        meant = [item.number for item in lines if wanted.has(item)]

        newest = newest_lines(store, 9, wanted)
        assert (numbers(newest.lines), newest.has_older) == (meant[-9:], len(meant) > 9)
        found = lines_behind(store, begin_of(store, wanted), 9, wanted)
        told = numbers(found.lines)
        while not found.is_end:
            found = lines_behind(store, found.after, 9, wanted)
            told += numbers(found.lines)
        assert (told, found.after) == (meant, 39)
        assert not found.unreadable


def test_what_cannot_be_read_is_told_however_few_lines_are_asked_for() -> None:
    lines = [line(number, NOW) for number in range(1, 9)]
    told = 'lines 3 to 4 of the journal are not there, or cannot be read'
    alone = 'line 8 of the journal is not there, or cannot be read'
    store, everything = journal(lines, broken=(3, 4)), Wanted()

    assert lines_behind(store, 0, 3, everything).unreadable == [told]
    assert newest_lines(store, 5, everything).unreadable == [told]
    last = journal(lines, broken=(8,))
    assert lines_behind(last, 7, 3, everything).unreadable == [alone]
    assert newest_lines(last, 1, everything).unreadable == [alone]
    first = journal(lines, broken=(1,))
    assert newest_lines(first, 9, everything).unreadable == [alone.replace('8', '1')]
    # Whose lines they are is not known.
    assert lines_behind(store, 0, 9, Wanted(process=HOUR.process)).unreadable == []


def test_a_page_with_another_body_is_told_and_passed_over() -> None:
    lines = [line(number, NOW) for number in range(1, 9)]
    pages = [page_of_lines([item], item.number, 1, NOW) for item in lines]
    assert pages[3] is not None
    pages[3] = replace(pages[3], body=b'\x01\x90')
    store = cast('JournalReader', Pages(pages, 9))

    for found in (lines_behind(store, 0, 5, Wanted()), newest_lines(store, 6, Wanted())):
        assert 4 not in numbers(found.lines)
        (told,) = found.unreadable
        assert told.startswith('page 4 of the journal cannot be read')
