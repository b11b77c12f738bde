"""Any past instant of a store that a Scheduler has led, and what cannot be told of it any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from synergy.core.commands import Command, CommandId, CommandKind
from synergy.core.index_snapshot import IndexSnapshot, SnapshotMark
from synergy.core.states import JobState
from synergy.scheduler import index_snapshots, pruning
from synergy.view.past import PastUnknown, known_from, past_at
from tests.builders import instant, key, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness

HOUR = key('SiteHourly@2026112200')
TODAY = two_trees(end='2026112300')
NOW = instant('2026112401')


@pytest.fixture(params=['sqlite', 'mongodb'])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SchedulerHarness]:
    uri = request.getfixturevalue('empty_mongo_uri') if request.param == 'mongodb' else None
    made = SchedulerHarness(tmp_path, TODAY, NOW, uri)
    yield made
    made.close()


def test_each_instant_is_as_it_was(harness: SchedulerHarness) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    begun = harness.clock.now()
    harness.clock.advance(timedelta(minutes=1))
    harness.run(scheduler)

    before, after = (past_at(harness.store, TODAY, at) for at in (begun, harness.clock.now()))

    assert [past.timetable.state(HOUR) for past in (before, after)] == [
        JobState.IN_PROGRESS,
        JobState.PROCESSED,
    ]
    row = before.timetable.open_job(HOUR)
    assert row is not None
    assert (row.run, row.changed_at) == (1, begun)
    assert after.last == harness.store.journal_span().stop - 1
    assert before.last < after.last


def test_what_cannot_be_told_is_refused_with_what_can(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PastUnknown, match='history begins once a Scheduler has led; start one'):
        past_at(harness.store, TODAY, NOW)
    scheduler = harness.scheduler()
    harness.run(scheduler)
    first = harness.store.index_snapshots()[0].at
    with pytest.raises(PastUnknown, match='history begins with 2026-11-24 01:00:00 UTC; give 2026'):
        past_at(harness.store, TODAY, first - timedelta(seconds=1))
    assert known_from(harness.store) == first

    monkeypatch.setattr(pruning, 'PRUNE_PERIOD', LEASE / 3)
    later = NOW + timedelta(days=20)
    harness.clock.advance(timedelta(days=20))
    again = Command(
        id=CommandId('again'),
        kind=CommandKind.REPROCESS,
        process=HOUR.process,
        start=HOUR.timeperiod,
        end=HOUR.timeperiod.shift(1),
        actor='anna',
        created_at=later,
    )
    harness.store.insert_command(again)
    harness.run(scheduler)
    later = harness.clock.now()
    harness.clock.advance(timedelta(days=12))
    for _ in range(20):
        scheduler.step()
        harness.clock.advance(LEASE / 2)

    assert harness.store.journal_span().start > 1
    told = (
        'the journal begins with line .* give 2026-12-14 01:00:.* or exactly 2026-11-24 01:00:00 or'
    )
    with pytest.raises(PastUnknown, match=told):
        past_at(harness.store, TODAY, NOW + timedelta(minutes=5))
    assert past_at(harness.store, TODAY, first).timetable.state(HOUR) is JobState.EMBRYO
    assert past_at(harness.store, TODAY, later).timetable.state(HOUR) is JobState.PROCESSED


@pytest.mark.parametrize(
    ('parts', 'told'),
    [
        ((b'?',), 'the snapshot of the index behind line 0 cannot be read'),
        ((b'\x92\xc0\xc0',), 'the context that was led at .* is not known'),
        ((b'\x92\xa1x\xc0',), 'cannot be read: '),
    ],
    ids=['no snapshot', 'no context', 'no JSON'],
)
def test_what_somebody_has_broken_is_told(
    harness: SchedulerHarness, parts: tuple[bytes, ...], told: str
) -> None:
    led = harness.store.lead('one', LEASE)
    assert led is not None
    harness.store.save_index_snapshot(led, IndexSnapshot(SnapshotMark(0, NOW, 1), parts))

    with pytest.raises(PastUnknown, match=told):
        past_at(harness.store, TODAY, NOW)


def test_after_many_lines_there_is_another_snapshot(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_snapshots, 'LINES_MAX', 0)
    harness.run(harness.scheduler())

    marks = harness.store.index_snapshots()
    assert len(marks) > 2
    lines_between = [later.number - mark.number for mark, later in pairwise(marks)]
    assert max(lines_between) < harness.store.journal_span().stop - 1


def test_each_context_that_was_led_has_its_own_instants(harness: SchedulerHarness) -> None:
    began = []
    for end in ('2026112300', '2026112218', '2026112212'):
        harness.hierarchy = two_trees(end=end)
        scheduler = harness.scheduler()
        harness.run(scheduler)
        began.append(harness.clock.now())
        harness.clock.advance(timedelta(minutes=1))
        harness.run(scheduler)
        scheduler.close()

    spans = [past_at(harness.store, TODAY, at).timetable.span(HOUR.process) for at in began]

    assert [len(span) for span in spans] == [24, 18, 12]
