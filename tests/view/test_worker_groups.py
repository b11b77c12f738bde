"""Groups of workers, as people are told of them: the group is what runs, or does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from synergy.core.records import BoxProcess, ProcessName, uow_id_of
from synergy.core.structs import replace
from synergy.view.box_work import box_work
from synergy.view.boxes import box_views
from synergy.view.cause import Cause, CauseKind
from synergy.view.conditions import runs_of
from synergy.view.index import load_index
from synergy.view.need import Need, NeedKind, Seen
from synergy.view.needs_of_workers import needs_of_workers
from synergy.view.no_worker import worker_in
from synergy.view.usual import usual_of
from synergy.view.why import explain
from synergy.view.workload import workload_of
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


def test_what_waits_longer_than_its_entry_allows_says_so_though_workers_take_work(
    pages: DashboardHarness,
) -> None:
    waits(pages, *DAY)
    pages.store.report_actual(
        [BoxProcess(box_id='dev', process=DAY[0], is_on=True, state='running', pids=(7, 8))]
    )
    now = pages.runtime.clock.now() + timedelta(minutes=2)
    hierarchy = pages.runtime.context.hierarchy
    node = hierarchy.nodes[ProcessName(DAY[0])]

    def asked(limit: timedelta | None) -> tuple[str, list[Need]]:
        changed = replace(node, process=replace(node.process, start_timeout=limit))
        index = load_index(
            hierarchy.replaced({**hierarchy.nodes, node.process.name: changed}), pages.store, now
        )
        views = box_views(pages.store, timedelta(days=1))
        runs = runs_of(pages.store.live_runs(), now)
        seen = Seen(
            timetable=index,
            store=pages.store,
            views=views,
            vanished_after=timedelta(days=1),
            work=workload_of(index, runs),
            usual=partial(usual_of, pages.store),
            now=now,
        )
        causes = explain(index, pages.store, pages.key(*DAY), now, timedelta(days=1))
        return causes[0].text, list(needs_of_workers(seen))

    text, [need] = asked(timedelta(seconds=90))
    assert text.endswith(
        'longer than 1 min 30 s (start_timeout_seconds), so it is rung for again and again'
    )
    assert need.kind is NeedKind.START_OVERDUE
    assert need.text == (
        '1 queued run of AlertDaily has waited for a worker for longer than 1 min 30 s '
        '(start_timeout_seconds)'
    )
    assert need.advice.startswith('See ./launch.py why AlertDaily 2026112100; give it more')
    for limit in (None, timedelta(hours=1)):
        text, needs = asked(limit)
        assert 'start_timeout_seconds' not in text
        assert needs == []
