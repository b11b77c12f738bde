"""The index as it was: lines over a snapshot, and the hierarchy of a context that was led."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from synergy.core.hierarchy import Hierarchy, build
from synergy.core.index_codes import CODE_BY_STATE, FRESH, PROCESSED, RERUN
from synergy.core.index_snapshot import SnapshotMark, kept_rows, opened, snapshot_of
from synergy.core.job_transitions import embryo, started
from synergy.core.journal import BY_CLOCK, Happened, Line, LineKind
from synergy.core.journal_pages import packed_lines_of, page_of_lines
from synergy.core.led_context import LedContext, led_process
from synergy.core.past import UNKNOWN_REQUEST, Past, Rebuilding, until_of
from synergy.core.past_hierarchy import hierarchy_of
from synergy.core.records import CommandId, Job, Process, ProcessName, Tree, uow_id_of
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.core.timeperiod import JobKey, Qualifier
from synergy.core.timetable import Timetable
from tests.builders import first_unit, instant, key, two_trees

NOW = instant('2026112312')
HOUR, DAY = key('SiteHourly@2026112200'), key('SiteDaily@2026112200')
MINUTE = timedelta(minutes=1)
HIERARCHY = two_trees()


def line(
    of: JobKey | ProcessName, what: Happened, state: JobState | None = None, **more: object
) -> Line:
    is_job = isinstance(of, JobKey)
    said = Line(
        number=0,
        term=1,
        at=NOW + MINUTE,
        kind=LineKind.JOB if is_job else LineKind.PROCESS,
        process=of.process if isinstance(of, JobKey) else of,
        timeperiod=of.timeperiod if isinstance(of, JobKey) else None,
        rev=2,
        what=what,
        to_state=state,
        run=1 if is_job else 0,
        cause=BY_CLOCK,
    )
    return replace(said, **more)  # type: ignore[arg-type]


def snapshot(
    *rows: Job, hierarchy: Hierarchy = HIERARCHY, kept: Sequence[Job] | None = None
) -> Rebuilding:
    timetable = Timetable(hierarchy)
    timetable.extend(NOW)
    for row in rows:
        timetable.put(row)
    timetable.settle()
    rest = [*kept_rows(timetable.open_jobs())] if kept is None else kept
    made = snapshot_of(SnapshotMark(7, NOW, 2), timetable.snapshot(), rest, 'the context')
    return Rebuilding(opened(made), hierarchy)


def after(rebuilding: Rebuilding, *lines: Line) -> Past:
    page = page_of_lines(lines, 8, 1, NOW)
    if page is not None:
        rebuilding.take(packed_lines_of(page), 0, page.count)
    return rebuilding.past(NOW + MINUTE)


def running(of: JobKey, **fields: object) -> Job:
    return replace(
        started(embryo(of, NOW), first_unit(of, NOW), JobState.IN_PROGRESS, NOW),
        **fields,  # type: ignore[arg-type]
    )


def code(past: Past, of: JobKey) -> int:
    first = past.hierarchy.nodes[of.process].first
    page = next(page for page in past.timetable.snapshot() if page.process == of.process)
    return page.codes[of.timeperiod.ordinal - first]


def test_a_snapshot_alone_tells_rows_and_bytes() -> None:
    rests = replace(running(DAY), uow_id=None)
    held = running(HOUR, is_held=True, failure_count=3, reason='held')

    past = after(snapshot(held, rests))

    assert past.timetable.open_job(HOUR) == replace(held, uow_id=uow_id_of(HOUR, 1))
    assert past.timetable.resting(DAY.process) == [DAY]
    assert past.failed[HOUR.process] == {HOUR.timeperiod.ordinal}
    assert (past.last, past.term) == (7, 0)


def test_the_newest_line_of_each_job_counts() -> None:
    past = after(
        snapshot(running(HOUR)),
        line(HOUR, Happened.ENDED, JobState.PROCESSED, count=4),
        line(DAY, Happened.STARTED, JobState.IN_PROGRESS),
        line(DAY, Happened.GAVE_UP, JobState.SKIPPED, failures=3, reason='no attempt is left'),
    )

    assert (code(past, HOUR), code(past, DAY)) == (PROCESSED, CODE_BY_STATE[JobState.SKIPPED])
    assert [*past.timetable.open_jobs()] == []
    assert past.failed[DAY.process] == {DAY.timeperiod.ordinal}
    newest = past.newest.get(DAY)
    assert newest is not None
    assert (newest.reason, past.newest.get(key('SiteDaily@2026112300'))) == (
        'no attempt is left',
        None,
    )
    assert (past.last, past.term, len(past.recent)) == (10, 1, 3)


def test_a_job_rests_after_a_run_until_the_next_one() -> None:
    rested = line(DAY, Happened.RESTED, JobState.IN_PROGRESS, count=1)
    voided = line(DAY, Happened.VOIDED, JobState.IN_PROGRESS)
    again = line(DAY, Happened.STARTED, JobState.IN_PROGRESS, run=2)

    assert after(snapshot(), rested, voided).timetable.resting(DAY.process) == [DAY]
    job = after(snapshot(), rested, voided, again).timetable.open_job(DAY)
    assert job is not None
    assert job.uow_id == uow_id_of(DAY, 2)


def test_what_requests_have_reset_is_told_apart_from_what_never_ran() -> None:
    reset = Job(
        process=HOUR.process,
        timeperiod=HOUR.timeperiod,
        rev=4,
        request_id=CommandId('c'),
        changed_at=NOW,
    )

    known, unknown = after(snapshot(reset)), after(snapshot(reset, kept=()))

    assert [code(known, HOUR), code(unknown, HOUR), code(known, DAY)] == [RERUN, RERUN, FRESH]
    assert all(past.timetable.has_reruns(HOUR.process) for past in (known, unknown))
    row = unknown.timetable.open_job(HOUR)
    assert row is not None
    assert row.request_id == UNKNOWN_REQUEST


def test_of_a_process_whose_rows_were_put_away_only_what_came_later_counts() -> None:
    second = key('SiteHourly@2026112201')
    done = replace(running(DAY), state=JobState.PROCESSED)
    past = after(
        snapshot(running(HOUR), done),
        line(second, Happened.ENDED, JobState.PROCESSED),
        line(HOUR.process, Happened.ARCHIVED),
        line(key('SiteHourly@2026112202'), Happened.ENDED, JobState.PROCESSED),
    )

    hours = [code(past, key(f'SiteHourly@202611220{hour}')) for hour in range(3)]
    assert hours == [FRESH, FRESH, PROCESSED]
    assert [*past.timetable.open_jobs()] == []
    assert code(past, DAY) == PROCESSED


def test_a_repair_that_cannot_tell_a_state_leaves_the_one_before() -> None:
    past = after(snapshot(running(HOUR)), line(HOUR, Happened.CHANGED, None))

    assert past.timetable.open_job(HOUR) is not None


def test_lines_of_another_level_or_process_or_later_interval_are_passed_over() -> None:
    other = JobKey(HOUR.process, DAY.timeperiod)
    later = key('SiteHourly@2026112400')
    gone = JobKey(ProcessName('Gone'), HOUR.timeperiod)

    past = after(
        snapshot(),
        *(line(item, Happened.ENDED, JobState.PROCESSED) for item in (other, later, gone)),
    )

    assert {*b''.join(page.codes for page in past.timetable.snapshot())} == {FRESH}


def test_the_past_ends_behind_the_last_line_that_is_not_later() -> None:
    first = page_of_lines([line(HOUR, Happened.STARTED, JobState.IN_PROGRESS)], 8, 1, NOW)
    ahead = [
        line(HOUR, Happened.STARTED, JobState.IN_PROGRESS, at=NOW + minutes * MINUTE)
        for minutes in (5, 2, 9)
    ]
    second = page_of_lines(ahead, 9, 1, NOW)
    assert first is not None
    assert second is not None
    pages = [packed_lines_of(first), packed_lines_of(second)]

    ends = [until_of(pages, NOW + minutes * MINUTE) for minutes in (0, 1, 2, 5, 9)]

    assert ends == [(0, 0), (0, 1), (1, 2), (1, 2), (1, 3)]


def led(hierarchy: Hierarchy) -> LedContext:
    return LedContext(
        rev=1, processes={node.process.name: led_process(hierarchy, node) for node in hierarchy}
    )


def test_an_unchanged_context_is_that_of_today() -> None:
    assert hierarchy_of(HIERARCHY, led(HIERARCHY)) is HIERARCHY


def a_tree(
    name: str, *levels: Qualifier, start: str = '2026112000', on: Sequence[str] = ()
) -> tuple[list[Process], Tree]:
    made = [
        Process(name=ProcessName(f'{name}{level.name.title()}'), qualifier=level)
        for level in levels
    ]
    tree = Tree(
        name=name,
        levels=tuple(item.name for item in made),
        start=instant(start),
        dependent_on=tuple(on),
    )
    return made, tree


def built(*trees: tuple[list[Process], Tree]) -> Hierarchy:
    return build(
        [item for processes, _ in trees for item in processes], [tree for _, tree in trees]
    )


THEN = built(
    a_tree('A', Qualifier.DAILY, Qualifier.HOURLY),
    a_tree('B', Qualifier.MONTHLY, Qualifier.DAILY, Qualifier.HOURLY, on=['A']),
)


@pytest.mark.parametrize(
    'today',
    [
        built(a_tree('C', Qualifier.YEARLY)),
        built(a_tree('A', Qualifier.DAILY, start='2026112200')),
        built(
            a_tree('A', Qualifier.MONTHLY, Qualifier.DAILY, Qualifier.HOURLY),
            a_tree('B', Qualifier.MONTHLY, Qualifier.DAILY, Qualifier.HOURLY),
        ),
        built(
            a_tree('A', Qualifier.DAILY, Qualifier.HOURLY),
            a_tree(
                'B',
                Qualifier.MONTHLY,
                Qualifier.DAILY,
                Qualifier.HOURLY,
                start='2026110100',
                on=['A'],
            ),
        ),
    ],
    ids=['all gone', 'shrunk', 'grown', 'begins earlier'],
)
def test_levels_spans_and_inputs_are_those_of_then(today: Hierarchy) -> None:
    found = hierarchy_of(today, led(THEN))

    assert led(found) == led(THEN)
    assert {name: node.parents for name, node in found.nodes.items()} == {
        name: node.parents for name, node in THEN.nodes.items()
    }
    for name, node in found.nodes.items():
        then = THEN.nodes[name]
        assert (node.child, {*node.outputs}) == (then.child, {*then.outputs})
        assert found.begun_until(node, NOW) == THEN.begun_until(then, NOW)


def test_what_was_left_out_is_not_there() -> None:
    all_of_it = led(THEN)
    hours = ProcessName('AHourly')
    out = replace(all_of_it.processes[hours], is_out=True)

    found = hierarchy_of(THEN, replace(all_of_it, processes={**all_of_it.processes, hours: out}))

    assert found.nodes.keys() == THEN.nodes.keys() - {hours}
    assert all(hours not in node.outputs for node in found)
