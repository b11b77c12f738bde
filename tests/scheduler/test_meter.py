"""What the leader counts for `/metrics`: each end once, and on from what leaders before it have."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.effects import Save
from synergy.core.leader_counts import OTHER, LeaderCounts, Outcome, RunCounts
from synergy.core.records import Outcome as Reported
from synergy.ports.broker import REPORT_ROUTE, Message
from synergy.ports.errors import CommitRefused, RefusedSave
from synergy.ports.store import LeadershipReader
from synergy.scheduler.meter import REPORT_SECONDS
from tests.builders import instant, two_trees
from tests.scheduler.scheduler_harness import LEASE, SchedulerHarness

NOW = instant('2026112203')


@pytest.fixture(params=[True, False], ids=['one file', 'apart'])
def harness(tmp_path: Path, request: pytest.FixtureRequest) -> SchedulerHarness:
    hierarchy = two_trees(end='2026112300')
    return SchedulerHarness(tmp_path, hierarchy, NOW, is_one_file=request.param)


def runs(store: LeadershipReader) -> RunCounts:
    return store.counts().runs.get('SiteHourly', RunCounts())


def test_each_end_is_counted_once_and_the_next_leader_goes_on(harness: SchedulerHarness) -> None:
    first = harness.scheduler()
    first.step()
    [unit] = [unit for uow_id in harness.take() if (unit := harness.claim(uow_id)) is not None][:1]
    harness.clock.advance(timedelta(seconds=4))
    harness.finish(unit)
    harness.broker.publish([Message(REPORT_ROUTE, {'uow': unit.id})] * 2)
    first.step()
    harness.clock.advance(timedelta(seconds=REPORT_SECONDS))
    first.step()
    told = runs(harness.store)

    assert told.outcomes[Outcome.PROCESSED] == 1
    assert told.took.millis == 4000
    assert sum(told.took.counts) == 1
    assert sum(harness.store.counts().commits.counts) >= 1

    harness.broker.publish([Message(REPORT_ROUTE, {'uow': unit.id})])
    first.step()
    first.close()
    assert runs(harness.store).outcomes == told.outcomes

    second = harness.scheduler('two')
    second.step()
    harness.work(Reported.failed('no'))
    second.step()
    second.close()
    after = runs(harness.store)
    assert after.outcomes[Outcome.PROCESSED] == 1
    assert after.outcomes[Outcome.FAILED] >= 1
    assert sum(harness.store.counts().batches.counts) > 1


def test_a_lost_worker_is_one_and_a_refused_commit_counts_nothing_else(
    harness: SchedulerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = harness.scheduler()
    scheduler.step()
    claimed = [unit for uow_id in harness.take() if (unit := harness.claim(uow_id)) is not None]
    harness.clock.advance(LEASE + timedelta(seconds=1))
    scheduler.step()
    harness.clock.advance(timedelta(seconds=REPORT_SECONDS))
    scheduler.step()
    found = harness.store.counts().runs
    assert sum(item.outcomes[Outcome.LOST] for item in found.values()) == len(claimed)

    real = scheduler._outbox._store.commit

    def refuse(_: object, saves: list[Save], **__: object) -> None:
        if saves:
            raise CommitRefused(RefusedSave(saves[0], 'cannot be stored'))

    before = harness.store.counts()
    harness.work()
    monkeypatch.setattr(scheduler._outbox._store, 'commit', refuse)
    scheduler.step()
    monkeypatch.setattr(scheduler._outbox._store, 'commit', real)
    scheduler.close()

    after = harness.store.counts()
    assert after.refused == before.refused + 1
    assert {name: item.outcomes for name, item in after.runs.items()} == {
        name: item.outcomes for name, item in before.runs.items()
    }


def test_processes_beyond_the_bound_count_as_one(tmp_path: Path) -> None:
    harness = SchedulerHarness(tmp_path, two_trees(end='2026112300'), NOW)
    scheduler = harness.scheduler()
    old = LeaderCounts()
    old.ended('Gone', Outcome.PROCESSED, 1.0)
    old.ended(OTHER, Outcome.LOST, None)
    leadership = harness.store.lead('before', LEASE)
    assert leadership is not None
    harness.store.report_counts(leadership, old)
    harness.store.resign(leadership)
    scheduler._meter._label_by_process = {}
    scheduler.step()
    done = harness.work()
    scheduler.step()
    scheduler.close()

    counts = harness.store.counts()
    assert list(counts.runs) == [OTHER]
    assert counts.runs[OTHER].outcomes[Outcome.LOST] == 1
    assert counts.runs[OTHER].outcomes[Outcome.PROCESSED] == done
