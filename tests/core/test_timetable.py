"""The dense index: growth with the clock, searches, drafts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from synergy.core.index_codes import FRESH, RERUN
from synergy.core.index_pages import IndexCopy, IndexStretch
from synergy.core.lanes import LaneWork
from synergy.core.records import CommandId, Job, UowId, uow_id_of
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier
from synergy.core.timetable import COPY_OVERLAP, Timetable
from tests.builders import instant, key, two_trees

NOW = instant('2026112302')
HOUR = key('SiteHourly@2026112205')


def filled() -> Timetable:
    timetable = Timetable(two_trees())
    timetable.extend(NOW)
    return timetable


def job(text: str, state: JobState) -> Job:
    where = key(text)
    uow_id = UowId('u') if state.is_running else None
    return Job(
        process=where.process,
        timeperiod=where.timeperiod,
        state=state,
        rev=1,
        uow_id=uow_id,
        changed_at=NOW,
    )


def test_an_interval_exists_once_it_has_begun() -> None:
    timetable = filled()

    assert len(timetable.span(HOUR.process)) == 27
    assert timetable.state(key('SiteHourly@2026112302')) is JobState.EMBRYO
    assert timetable.state(key('SiteHourly@2026112303')) is None
    assert timetable.state(key('SiteHourly@2026112123')) is None


def test_rows_are_taken_over_and_those_outside_the_context_returned() -> None:
    timetable = filled()
    running = job('SiteHourly@2026112206', JobState.IN_PROGRESS)
    row_outside = key('SiteHourly@2020010100')

    outside = timetable.load(
        lambda _: [
            IndexStretch.of(*HOUR, JobState.PROCESSED),
            IndexStretch.of(*running.key, running.state),
            IndexStretch.of(*row_outside, JobState.PROCESSED),
        ],
        [running],
    )

    assert outside == (row_outside,)
    assert timetable.state(HOUR) is JobState.PROCESSED
    assert timetable.open_job(running.key) == running
    assert timetable.running_count(HOUR.process) == 1


def test_ordinals_are_found_by_state_from_either_end() -> None:
    timetable = filled()
    for hour in (3, 5, 20):
        timetable.put(job(f'SiteHourly@20261122{hour:02}', JobState.SKIPPED))
    first = timetable.span(HOUR.process).start
    skipped = {JobState.SKIPPED}

    found = list(timetable.ordinals_in(HOUR.process, range(first - 9, first + 20), skipped))
    back = timetable.ordinals_in(HOUR.process, range(first + 4, 10**7), skipped, newest_first=True)

    assert found == [first + 3, first + 5]
    assert list(back) == [first + 20, first + 5]
    assert list(timetable.ordinals_in(HOUR.process, range(5, 2), skipped)) == []


def test_rollback_restores_what_the_draft_changed() -> None:
    timetable = filled()
    started = job('SiteHourly@2026112205', JobState.IN_PROGRESS)
    timetable.put(started)
    timetable.settle()

    timetable.put(replace(started, state=JobState.PROCESSED, rev=2))
    timetable.put(job('SiteHourly@2026112206', JobState.IN_PROGRESS))
    timetable.rollback()

    assert timetable.open_job(HOUR) == started
    assert timetable.state(key('SiteHourly@2026112206')) is JobState.EMBRYO
    assert timetable.running_count(HOUR.process) == 1


def test_next_embryo_comes_back_to_a_reset_job() -> None:
    timetable = filled()
    span = timetable.span(HOUR.process)
    for ordinal in span:
        where = replace(job('SiteHourly@2026112205', JobState.PROCESSED))
        timetable.put(replace(where, timeperiod=HOUR.timeperiod._replace(ordinal=ordinal)))
    assert timetable.next_embryo(HOUR.process, LaneWork(FRESH, span)) is None

    timetable.put(job('SiteHourly@2026112205', JobState.EMBRYO))

    assert timetable.next_embryo(HOUR.process, LaneWork(FRESH, span)) == HOUR.timeperiod.ordinal


def test_the_job_that_waits_for_a_unit_is_found_while_it_does() -> None:
    timetable = filled()
    unit = uow_id_of(HOUR, 2)
    running = replace(job(str(HOUR), JobState.IN_PROGRESS), run=2, uow_id=unit)

    timetable.put(running)
    assert timetable.awaiting(unit) == running
    timetable.settle()
    timetable.put(replace(running, state=JobState.PROCESSED, rev=2))
    assert timetable.awaiting(unit) is None
    timetable.rollback()
    assert timetable.awaiting(unit) == running
    timetable.put(replace(running, uow_id=None))

    assert timetable.awaiting(unit) is None


@pytest.mark.parametrize('other', ['SiteHourly@2026112204', 'SiteDaily@2026112200'])
def test_a_job_whose_row_names_the_unit_of_another_waits_for_nothing(other: str) -> None:
    timetable = filled()
    unit = uow_id_of(key(other), 1)

    timetable.put(replace(job(str(HOUR), JobState.IN_PROGRESS), run=1, uow_id=unit))

    assert timetable.awaiting(unit) is None


def test_reruns_are_known_through_drafts_and_pauses() -> None:
    timetable = filled()
    first, second = (
        replace(
            job(f'SiteHourly@20261122{hour:02}', JobState.EMBRYO), request_id=CommandId(request)
        )
        for hour, request in ((3, 'a'), (4, 'b'))
    )

    def has_reruns() -> bool:
        # As the bytes have it, which searches go by.
        found = timetable.next_embryo(HOUR.process, LaneWork(RERUN, timetable.span(HOUR.process)))
        assert timetable.has_reruns(HOUR.process) is (found is not None)
        return found is not None

    assert not has_reruns()
    timetable.put(first)
    timetable.put(first)
    assert has_reruns()
    timetable.rollback()
    assert not has_reruns()
    timetable.put(first)
    timetable.put(second)
    timetable.settle()
    timetable.pause([CommandId('a')])
    assert has_reruns()
    timetable.pause([CommandId('a'), CommandId('b')])
    assert not has_reruns()
    timetable.pause([])
    assert has_reruns()
    for item in (first, second):
        timetable.put(replace(item, state=JobState.IN_PROGRESS, uow_id=UowId('u')))

    assert not has_reruns()


def test_a_range_with_an_unborn_interval_is_pending() -> None:
    timetable = filled()
    last = timetable.span(HOUR.process)[-1]
    timetable.put(job('SiteHourly@2026112302', JobState.PROCESSED))

    assert timetable.first_pending(HOUR.process, range(last, last + 1)) is None
    assert timetable.first_pending(HOUR.process, range(last, last + 2)) == last + 1
    assert timetable.first_pending(HOUR.process, range(last + 5, last + 7)) == last + 5


def test_a_held_job_takes_no_place_among_running_ones() -> None:
    timetable = filled()
    running = job('SiteHourly@2026112205', JobState.IN_PROGRESS)
    timetable.put(running)

    timetable.put(replace(running, is_held=True, rev=2))

    assert timetable.running_count(HOUR.process) == 0


def copied(*ended: str) -> IndexCopy:
    """Return a copy of an index in which the jobs `ended` were processed."""
    before = filled()
    for text in ended:
        before.put(job(text, JobState.PROCESSED))
    before.settle()
    pages = sorted(before.pages(), key=lambda page: page.process != HOUR.process)
    return IndexCopy(as_of=NOW, pages=tuple(pages))


def states_of(timetable: Timetable) -> list[JobState | None]:
    return [timetable.state(key(f'SiteHourly@202611220{hour}')) for hour in range(4)]


def test_a_copy_spares_the_rows_before_it() -> None:
    asked: list[datetime | None] = []
    reset = job('SiteHourly@2026112201', JobState.EMBRYO)
    timetable = filled()

    def rows_since(since: datetime | None) -> list[IndexStretch]:
        asked.append(since)
        changed = key('SiteHourly@2026112200')
        return [IndexStretch.of(*changed, JobState.NOOP)]

    timetable.load(
        rows_since,
        [reset],
        copied('SiteHourly@2026112200', 'SiteHourly@2026112201', 'SiteHourly@2026112202'),
    )

    assert asked == [NOW - COPY_OVERLAP]
    # Changed since; reset since; known from the copy; never ended.
    assert states_of(timetable) == [
        JobState.NOOP,
        JobState.EMBRYO,
        JobState.PROCESSED,
        JobState.EMBRYO,
    ]
    # What came from the copy need not be copied again.
    assert [page.process for page in timetable.pages()] == [HOUR.process]
    assert timetable.pages() == []


def test_a_copy_holds_nothing_that_had_not_ended() -> None:
    before = filled()
    before.put(job('SiteHourly@2026112200', JobState.IN_PROGRESS))
    before.settle()

    pages = {page.process: page for page in before.pages()}

    assert set(pages[HOUR.process].codes) == {0}


def test_a_copy_that_lacks_a_process_or_has_another_qualifier_is_not_used() -> None:
    copy = copied('SiteHourly@2026112200')
    partial = replace(copy, pages=copy.pages[1:])
    coarse = replace(copy.pages[0], qualifier=Qualifier.YEARLY)
    asked: list[datetime | None] = []

    def rows_since(since: datetime | None) -> list[IndexStretch]:
        asked.append(since)
        return []

    for wrong in (partial, replace(copy, pages=(coarse, *copy.pages[1:]))):
        filled().load(rows_since, [], wrong)

    assert asked == [None, None]


def test_a_copy_of_a_tree_that_began_earlier_or_ended_later_is_cut() -> None:
    copy = copied('SiteHourly@2026112202')
    page = copy.pages[0]
    earlier = replace(page, first=page.first - 2, codes=bytes(2) + page.codes)
    longer = replace(page, codes=page.codes + bytes(100))
    for moved in (earlier, longer):
        timetable = filled()

        timetable.load(lambda _: [], [], replace(copy, pages=(moved, *copy.pages[1:])))

        embryo = JobState.EMBRYO
        assert states_of(timetable) == [embryo, embryo, JobState.PROCESSED, embryo]
        assert timetable.span(HOUR.process) == filled().span(HOUR.process)


def test_a_copy_that_knows_nothing_of_some_intervals_is_not_used() -> None:
    # Their rows may be as old as those of any other: the tree's start was moved to and fro, or the
    # process was out of the context while others were copied.
    copy = copied('SiteHourly@2026112202')
    page = copy.pages[0]
    later = replace(page, first=page.first + 1, codes=page.codes[1:])
    shorter = replace(page, codes=page.codes[:-2])
    asked: list[datetime | None] = []

    def rows_since(since: datetime | None) -> list[IndexStretch]:
        asked.append(since)
        return []

    for moved in (later, shorter):
        filled().load(rows_since, [], replace(copy, pages=(moved, *copy.pages[1:])))

    assert asked == [None, None]


def test_intervals_that_begin_are_copied_though_none_of_them_changes() -> None:
    before = filled()
    assert before.pages()
    before.extend(NOW + timedelta(hours=2))
    pages = {page.process: page for page in before.pages()}
    assert set(pages) == {HOUR.process}

    late = filled()
    copy = IndexCopy(as_of=NOW - timedelta(hours=2), pages=tuple(filled().pages()))
    late.extend(NOW + timedelta(hours=2))
    late.load(lambda _: [], [], copy)

    assert [page.process for page in late.pages()] == [HOUR.process]
