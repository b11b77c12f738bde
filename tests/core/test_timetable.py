"""The dense index: growth with the clock, searches, drafts."""

from __future__ import annotations

from dataclasses import replace

from synergy.core.records import Job, UowId
from synergy.core.states import JobState
from synergy.core.timetable import Timetable
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


def test_rows_are_taken_over_and_strangers_returned() -> None:
    timetable = filled()
    running = job('SiteHourly@2026112206', JobState.IN_PROGRESS)
    stranger = key('SiteHourly@2020010100')

    strangers = timetable.load(
        [
            (HOUR.process, HOUR.timeperiod, JobState.PROCESSED),
            (running.process, running.timeperiod, running.state),
            (stranger.process, stranger.timeperiod, JobState.PROCESSED),
        ],
        [running],
    )

    assert strangers == (stranger,)
    assert timetable.state(HOUR) is JobState.PROCESSED
    assert timetable.open_job(running.key) == running
    assert timetable.running_count(HOUR.process) == 1


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
    assert timetable.next_embryo(HOUR.process, span) is None

    timetable.put(job('SiteHourly@2026112205', JobState.EMBRYO))

    assert timetable.next_embryo(HOUR.process, span) == HOUR.timeperiod.ordinal


def test_a_range_with_an_unborn_interval_is_pending() -> None:
    timetable = filled()
    last = timetable.span(HOUR.process)[-1]
    timetable.put(job('SiteHourly@2026112302', JobState.PROCESSED))

    assert timetable.first_pending(HOUR.process, range(last, last + 1)) is None
    assert timetable.first_pending(HOUR.process, range(last, last + 2)) == last + 1


def test_a_held_job_takes_no_place_among_running_ones() -> None:
    timetable = filled()
    running = job('SiteHourly@2026112205', JobState.IN_PROGRESS)
    timetable.put(running)

    timetable.put(replace(running, is_held=True, rev=2))

    assert timetable.running_count(HOUR.process) == 0
