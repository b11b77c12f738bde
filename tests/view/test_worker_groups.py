"""Groups of workers, as people are told of them: the group is what runs, or does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from synergy.core.records import BoxProcess, ProcessName, uow_id_of
from synergy.core.structs import replace
from synergy.view.box_work import box_work
from synergy.view.cause import Cause, CauseKind
from synergy.view.index import load_index
from synergy.view.no_worker import worker_in
from synergy.view.why import explain
from tests.mx.conftest import history as history  # The store with a past that pages are tested on.
from tests.mx.dashboard_harness import NOW, DashboardHarness
from tests.view.test_why import HOUR, VANISHED, waits
from tests.view.test_why import pages as pages

ETL = ProcessName('etl')
DAY = 'AlertDaily', '2026112100'


def why(pages: DashboardHarness) -> Sequence[Cause]:
    """Return why an hour waits, were its process of the group etl."""
    now = pages.runtime.clock.now()
    hierarchy = pages.runtime.context.hierarchy
    nodes = {
        name: replace(node, process=replace(node.process, group=ETL))
        for name, node in hierarchy.nodes.items()
    }
    index = load_index(hierarchy.replaced(nodes), pages.store, now)
    return explain(index, pages.store, pages.key(*HOUR), now, VANISHED)


def report(pages: DashboardHarness, **fields: object) -> None:
    row = BoxProcess(box_id='dev', process=ETL, is_on=True, state='running', pids=(7,))
    pages.store.report_actual([replace(row, changed_at=NOW, **fields)])  # type: ignore[arg-type]


def test_what_keeps_a_group_is_told_of_the_group(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)

    no_box = why(pages)[1]
    assert (no_box.kind, no_box.text.split(':')[0]) == (
        CauseKind.NO_BOX,
        'no box is set to run etl',
    )

    report(pages)
    assert [cause.kind for cause in why(pages)] == [CauseKind.WORKER]

    pages.store.set_desired('dev', ETL, is_on=False)
    off = why(pages)[1]
    assert off.kind is CauseKind.WORKER_OFF
    assert off.action is not None
    assert off.action.command == './launch.py super --start etl --box dev'


def test_a_group_is_busy_with_the_units_of_any_of_its_processes(pages: DashboardHarness) -> None:
    waits(pages, *HOUR)
    report(pages)
    waits(pages, *DAY)
    pages.store.claim([uow_id_of(pages.key(*DAY), 1)], 'dev:etl:0:7', timedelta(minutes=1))

    busy = why(pages)[1]

    assert busy.kind is CauseKind.BUSY
    assert busy.text == 'all workers of etl (1) are busy: AlertDaily@2026112100'


def test_work_of_a_group_stands_at_its_row(pages: DashboardHarness) -> None:
    def work() -> tuple[int, int]:
        model = pages.site.model
        model.look(pages.store)
        with model.lock:
            runs = model.looking(pages.runtime.clock.now()).runs
            work = box_work(model.timetable, runs, pages.store, lambda _: ETL)
        found = work.of(BoxProcess(box_id='dev', process=ETL, is_on=True))
        return found.running, found.queued

    waits(pages, *HOUR)
    waits(pages, *DAY)
    pages.store.claim([uow_id_of(pages.key(*DAY), 1)], 'dev:etl:0:7', timedelta(minutes=1))

    assert work() == (2, 1), 'beside one that the past has left running'


def test_who_owns_a_unit_is_read_from_the_name_by_which_it_was_claimed() -> None:
    assert worker_in('box-1:etl:3:4711') == 'etl'
    assert worker_in('box-1:4711') is None
    assert worker_in(None) is None
