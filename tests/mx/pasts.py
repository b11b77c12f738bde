"""A past for the dashboard of tests: an hour ago, an hour that is held now was still running."""

from __future__ import annotations

from datetime import timedelta

from synergy.core.effects import AddPage
from synergy.core.index_snapshot import SnapshotMark, kept_rows, snapshot_of
from synergy.core.journal import BY_UNIT, Happened, Line, LineKind
from synergy.core.journal_pages import page_of_lines
from synergy.core.led_context import LedContext, led_process
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.ports.stored.led_context import encode
from synergy.view.index import load_index
from tests.mx.dashboard_harness import FAILED_HOUR, NOW, DashboardHarness

BEGAN = NOW - timedelta(hours=1)
HELD = NOW - timedelta(minutes=30)
#: While it was running: 11:32.
THEN = '2026-11-23T11:32'


def give_past(pages: DashboardHarness) -> None:
    """Give the store a snapshot, and a line behind it."""
    store, hierarchy = pages.store, pages.runtime.context.hierarchy
    led = store.leadership()
    assert led is not None
    index = load_index(hierarchy, store, BEGAN)
    held = index.open_job(pages.key(*FAILED_HOUR))
    assert held is not None
    index.put(replace(held, is_held=False, failure_count=0, reason=None, changed_at=BEGAN))
    index.settle()
    context = LedContext(
        rev=1, processes={node.process.name: led_process(hierarchy, node) for node in hierarchy}
    )
    mark = SnapshotMark(0, BEGAN, 1)
    rows = kept_rows(index.open_jobs())
    store.save_index_snapshot(led, snapshot_of(mark, index.snapshot(), rows, encode(context)))
    line = Line(
        number=1,
        term=led.term,
        at=HELD,
        kind=LineKind.JOB,
        process=held.process,
        timeperiod=held.timeperiod,
        rev=held.rev + 1,
        what=Happened.HELD,
        from_state=JobState.IN_PROGRESS,
        to_state=JobState.IN_PROGRESS,
        run=1,
        is_held=True,
        failures=3,
        cause=BY_UNIT,
        reason='no attempt is left',
    )
    page = page_of_lines([line], 1, led.term, NOW)
    assert page is not None
    store.commit(led, [AddPage(page)])
