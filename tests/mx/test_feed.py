"""Tabs are told of changes at once, and told together, at a bounded pace, to read their pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from threading import Event

import pytest

from synergy.core.effects import SaveJob
from synergy.core.records import Job, ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from synergy.mx.live.feed import (
    BUSY_LOOK_SECONDS,
    CELLS_PER_FRAME_MAX,
    IDLE_LOOK_SECONDS,
    QUIET_READ_SECONDS,
    READ_SECONDS,
    TICK_SECONDS,
    WELCOME_SECONDS,
)
from synergy.mx.live.read_model import LOOK_PATIENCE_SECONDS
from tests.mx.dashboard_harness import DashboardHarness

_PATIENCE_SECONDS = 20.0


def events(frames: bytes) -> list[str]:
    """Return the names of the events of some frames."""
    lines = frames.decode().splitlines()
    return [line.removeprefix('event: ') for line in lines if line.startswith('event: ')]


@pytest.fixture
def tab(pages: DashboardHarness) -> Iterator[bytes]:
    """Return what one tab receives, after it was greeted and told to read its page."""
    frames = following(pages)
    assert heard(frames) == ['read']
    return frames


def following(pages: DashboardHarness, *, has_ticks: bool = False) -> Iterator[bytes]:
    """Return what one tab receives, after it was greeted."""
    until = time.monotonic() + _PATIENCE_SECONDS
    frames = pages.site.feed.follow(lambda: time.monotonic() > until, has_ticks=has_ticks)
    assert events(next(frames)) == ['hello']
    return frames


def test_a_stream_ends_when_its_visitor_is_not_welcome_any_more(guarded: DashboardHarness) -> None:
    guarded.log_in('viewer')
    frames = iter(guarded.get('/events').response)
    assert events(bytes(next(frames))) == ['hello']  # type: ignore[arg-type] # bytes, as sent
    guarded.runtime.clock.advance(timedelta(seconds=WELCOME_SECONDS))
    assert next(frames, None) is not None

    guarded.store.end_sessions('viewer')
    guarded.runtime.clock.advance(timedelta(seconds=WELCOME_SECONDS))

    assert next(frames, None) is None


def heard(frames: Iterator[bytes]) -> list[str]:
    found = next(frames, None)
    assert found is not None, 'the tab is told within its patience'
    return events(found)


def heard_until(frames: Iterator[bytes], event: str) -> list[str]:
    """Return the events up to the frames with `event`."""
    found: list[str] = []
    while event not in found:
        found += heard(frames)
    return found


def change(pages: DashboardHarness, keys: list[JobKey], seconds: float) -> None:
    """Change jobs, then let time pass."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    at = pages.runtime.clock.now()
    known = pages.store.jobs(keys)
    jobs = [
        Job(
            process=key.process,
            timeperiod=key.timeperiod,
            state=JobState.PROCESSED,
            rev=known[key].rev + 1 if key in known else 1,
            changed_at=at,
        )
        for key in keys
    ]
    pages.store.commit(leadership, [SaveJob(job, 'done') for job in jobs])
    pages.runtime.clock.advance(timedelta(seconds=seconds))


def test_a_change_is_told_at_once_and_pages_are_read_at_a_pace(
    pages: DashboardHarness, tab: Iterator[bytes]
) -> None:
    change(pages, [pages.key('SiteHourly', '2026112302')], 0.6)
    assert heard(tab) == ['jobs']

    # Nothing changes; what has changed is still to be read.
    pages.runtime.clock.advance(timedelta(seconds=READ_SECONDS + 1))
    assert heard(tab) == ['read']

    change(pages, [pages.key('SiteHourly', '2026112303')], READ_SECONDS + 1)
    told = heard(tab)
    assert told[0] == 'jobs'
    assert (told + heard(tab) if 'read' not in told else told) == ['jobs', 'read']


def test_many_changes_are_told_by_reading_alone(
    pages: DashboardHarness, tab: Iterator[bytes]
) -> None:
    name = ProcessName('SiteHourly')
    span = pages.site.model.timetable.span(name)[: CELLS_PER_FRAME_MAX + 1]
    keys = [JobKey(name, Timeperiod(Qualifier.HOURLY, ordinal)) for ordinal in span]
    assert len(keys) > CELLS_PER_FRAME_MAX

    change(pages, keys, READ_SECONDS + 1)

    assert heard(tab) == ['read']


def test_a_quiet_page_is_read_now_and_then(pages: DashboardHarness, tab: Iterator[bytes]) -> None:
    pages.runtime.clock.advance(timedelta(seconds=QUIET_READ_SECONDS + 1))

    assert 'read' in heard(tab)


def test_only_tabs_that_want_ticks_are_told_of_them(
    pages: DashboardHarness, tab: Iterator[bytes]
) -> None:
    ticked = following(pages, has_ticks=True)

    pages.runtime.clock.advance(timedelta(seconds=TICK_SECONDS + 0.1))
    assert 'read' not in heard_until(ticked, 'tick')
    pages.runtime.clock.advance(timedelta(seconds=QUIET_READ_SECONDS))

    assert 'tick' not in heard_until(ticked, 'read')
    assert 'tick' not in heard_until(tab, 'read')


def test_no_tick_is_made_for_nobody(pages: DashboardHarness, tab: Iterator[bytes]) -> None:
    pages.runtime.clock.advance(timedelta(seconds=TICK_SECONDS + 0.1))
    change(pages, [pages.key('SiteHourly', '2026112302')], 0)
    assert 'jobs' in heard(tab)
    pages.runtime.clock.advance(timedelta(seconds=READ_SECONDS))
    heard_until(tab, 'read')

    assert not any(frame.is_tick for frame in pages.site.feed._frames)


def test_a_page_that_finds_much_changed_leaves_the_rest_to_the_feed_also_without_tabs(
    pages: DashboardHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.get('/')
    model, has_looked = pages.site.model, Event()
    monkeypatch.setattr(model, 'look', lambda *_: has_looked.set())
    model.is_busy = True

    pages.site.feed.heed()

    assert BUSY_LOOK_SECONDS + LOOK_PATIENCE_SECONDS < IDLE_LOOK_SECONDS
    assert has_looked.wait(IDLE_LOOK_SECONDS / 2)
    # And again, before a page has to.
    has_looked.clear()
    assert has_looked.wait(IDLE_LOOK_SECONDS / 2)
