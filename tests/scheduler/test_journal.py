"""The journal that a leader writes: every transition, by what; repairs, snapshots, what is old."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.effects import AddPage, Save, SaveJob
from synergy.core.index_codes import PROCESSED
from synergy.core.index_snapshot import opened
from synergy.core.journal import CauseKind, Happened, JournalPage, Line
from synergy.core.records import Outcome
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.scheduler import pruning
from synergy.scheduler.loop import Scheduler
from synergy.view.journal import Wanted, lines_behind, newest_lines
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness

HOUR, DAY = key('SiteHourly@2026112200'), key('SiteDaily@2026112200')


@pytest.fixture(params=['sqlite', 'mongodb'])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SchedulerHarness]:
    uri = request.getfixturevalue('empty_mongo_uri') if request.param == 'mongodb' else None
    hierarchy = two_trees(end='2026112300')
    made = SchedulerHarness(tmp_path, hierarchy, instant('2026112401'), uri)
    yield made
    made.close()


def lines(harness: SchedulerHarness, **wanted: object) -> Sequence[Line]:
    return lines_behind(harness.store, 0, 10_000, Wanted(**wanted)).lines  # type: ignore[arg-type]


def told(harness: SchedulerHarness, process: str) -> list[tuple[str, str, str]]:
    """Return of each line of a process what happened, by what and why."""
    return [
        (line.what.word, line.cause.kind.name.lower(), line.cause.id or '')
        for line in lines(harness, process=process)
    ]


def test_each_transition_is_a_line_with_its_cause(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    harness.run(scheduler)
    asked = Command(
        id=CommandId('again'),
        kind=CommandKind.REPROCESS,
        process=DAY.process,
        start=DAY.timeperiod,
        end=DAY.timeperiod.shift(1),
        actor='anna',
        created_at=harness.clock.now(),
    )
    harness.store.insert_command(asked)
    harness.clock.advance(timedelta(seconds=6))
    harness.run(scheduler)

    first, second = harness.store.runs(DAY)
    assert told(harness, 'SiteDaily') == [
        ('started', 'clock', ''),
        ('ended', 'unit', first.id),
        ('reset', 'command', 'again'),
        ('started', 'command', 'again'),
        ('ended', 'unit', second.id),
    ]
    assert told(harness, 'SiteMonthly')[2:4] == [
        ('reset', 'command', 'again'),
        ('started', 'command', 'again'),
    ]
    assert [line.number for line in lines(harness)] == [*range(1, 2 * 27 + 3 * 3 + 1)]
    assert harness.violations() == []
    newest = newest_lines(harness.store, 3, Wanted(process=DAY.process))
    assert [line.what.word for line in newest.lines] == ['reset', 'started', 'ended']
    assert (newest.is_end, newest.has_older) == (True, True)


def test_a_failure_and_what_becomes_of_it_are_lines(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    for _ in range(40):
        scheduler.step()
        harness.work(Outcome.failed('disk full'))
        harness.clock.advance(timedelta(minutes=30))

    found = [line for line in lines(harness) if line.key == HOUR]
    assert [line.what for line in found] == [
        Happened.STARTED,
        Happened.RETRIED,
        Happened.RETRIED,
        Happened.GAVE_UP,
    ]
    assert [line.failures for line in found] == [0, 1, 2, 3]
    assert found[-1].to_state is JobState.SKIPPED
    assert 'disk full' in found[-1].text


def test_lines_of_a_torn_commit_are_added_by_the_next_leader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = SchedulerHarness(
        tmp_path, two_trees(end='2026112300'), instant('2026112401'), is_one_file=False
    )
    first = harness.scheduler()
    commit = first._store.commit

    def torn(leadership: object, saves: Sequence[Save], **rest: object) -> None:
        if any(isinstance(save, SaveJob) and save.job.key == DAY for save in saves):
            saves = [save for save in saves if not isinstance(save, AddPage)]
            commit(leadership, saves, **rest)  # type: ignore[arg-type]
            raise SystemExit('killed')
        commit(leadership, saves, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(first._store, 'commit', torn)
    with pytest.raises(SystemExit):
        harness.run(first)
    assert told(harness, 'SiteDaily') == []
    assert [item.invariant for item in harness.violations()] != []

    harness.clock.advance(LEASE)
    harness.tears_commits = True
    harness.run(harness.scheduler('two'))

    assert told(harness, 'SiteDaily')[0][:2] == ('started', CauseKind.REPAIR.name.lower())
    assert harness.violations() == []


def test_history_begins_with_a_snapshot_and_each_day_has_one(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    harness.run(scheduler)
    harness.run(scheduler)
    (mark,) = harness.store.index_snapshots()
    assert mark.context_rev == 1

    harness.clock.advance(timedelta(hours=24))
    scheduler.step()
    scheduler.step()

    _, second = harness.store.index_snapshots()
    snapshot = harness.store.index_snapshot(second)
    assert snapshot is not None
    found = opened(snapshot)
    hours = next(page for page in found.pages if page.process == HOUR.process)
    assert hours.codes == bytes([PROCESSED] * 24)
    assert second.number == lines(harness)[-1].number
    assert found.context is not None
    assert 'SiteDaily' in found.context


def test_what_is_older_than_it_is_kept_goes_and_whoever_was_behind_is_told(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler: Scheduler = harness.scheduler()
    harness.run(scheduler)
    span = harness.store.journal_span()
    monkeypatch.setattr(pruning, 'PAGES_PRUNED_MAX', 3)
    monkeypatch.setattr(pruning, 'PRUNE_PERIOD', LEASE / 3)

    for days in (29, 2):
        harness.clock.advance(timedelta(days=days))
        for _ in range(20):
            scheduler.step()
            harness.clock.advance(LEASE / 2)
        if days == 29:
            assert harness.store.journal_span() == span

    left = harness.store.journal_span()
    assert left.stop == span.stop
    assert left.start > 1
    behind = lines_behind(harness.store, 2, 100, Wanted())
    assert behind.lost == range(3, left.start)
    assert f'lines 3 to {left.start - 1} of the journal are gone' in (behind.lost_said or '')
    assert lines_behind(harness.store, left.start - 1, 9, Wanted()).lost_said is None


def test_a_page_that_somebody_has_broken_is_passed_and_told(harness: SchedulerHarness) -> None:
    harness.run(harness.scheduler())
    led = harness.store.lead('two', LEASE) or harness.store.lead('one', LEASE)
    assert led is not None
    last = harness.store.journal_span().stop
    page = JournalPage(
        first=last,
        count=2,
        term=led.term,
        until=harness.clock.now(),
        names=(HOUR.process,),
        body=b'?',
    )
    harness.store.commit(led, [AddPage(page)])
    harness.store.commit(led, [AddPage(replace(page, first=last + 2))])

    found = lines_behind(harness.store, last - 2, 10, Wanted())

    assert [line.number for line in found.lines] == [last - 1]
    assert (len(found.unreadable), found.after, found.is_end) == (2, last + 3, True)
    assert 'cannot be read' in found.unreadable[0]
    told_by = [item.text for item in harness.violations()]
    assert f'page {last} to {last + 1} of the journal is unreadable' in told_by
