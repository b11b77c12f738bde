"""Saves by few statements do what they do one by one: the same rows, the same refusals."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from synergy.adapters.os.clocks import SimulatedClock
from synergy.adapters.sqlite import together
from synergy.adapters.sqlite.store import SqliteStore
from synergy.core.effects import CancelUnit, EndLetters, InsertUnit, Save, SaveJob
from synergy.core.states import JobState
from synergy.ports.errors import CommitRefused
from tests.builders import key
from tests.contract.conftest import NOW
from tests.contract.rows import job_of, unit_of

HOURS = [key(f'SiteHourly@20261122{hour:02d}') for hour in range(4)]
SAVES = some.one_of(
    some.builds(
        lambda hour, run: InsertUnit(unit_of(hour, run)),
        some.sampled_from(HOURS),
        some.sampled_from([1, 2, 200]),
    ),
    some.builds(
        lambda hour, rev, state: SaveJob(job_of(hour, rev, state=state), f'rev {rev}'),
        some.sampled_from(HOURS),
        some.integers(1, 3),
        some.sampled_from([JobState.IN_PROGRESS, JobState.PROCESSED]),
    ),
    some.builds(
        lambda hour: CancelUnit(unit_of(hour).id, 'given up', NOW), some.sampled_from(HOURS)
    ),
    some.builds(lambda hour: EndLetters(hour, 'settled', None), some.sampled_from(HOURS)),
    # No column holds this one.
    some.builds(
        lambda hour: SaveJob(job_of(hour, failure_count=2**70), 'too large'),
        some.sampled_from(HOURS),
    ),
)


def outcome_of(file: Path, commits: Sequence[Sequence[Save]]) -> tuple[Any, ...]:
    """Apply commits to a new store; return what was refused of each, and all rows."""
    store = SqliteStore.open(file, clock=SimulatedClock(NOW))
    refused = []
    for saves in commits:
        leadership = store.lead('one', timedelta(hours=1))
        assert leadership is not None
        try:
            store.commit(leadership, saves)
        except CommitRefused as error:
            refused.append([(item.save, item.why) for item in error.refused])
        else:
            refused.append([])
    store.close()
    with closing(sqlite3.connect(file)) as database:
        rows = [
            sorted(database.execute(f'SELECT * FROM {table}'), key=repr)
            for table in ('job', 'unit_of_work', 'job_event')
        ]
    return refused, rows


@pytest.mark.heavy
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(some.lists(some.lists(SAVES, min_size=1, max_size=8), min_size=1, max_size=4))
def test_together_and_one_by_one_are_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    commits: list[list[Save]],
) -> None:
    folder = tmp_path_factory.mktemp('together')
    found = []
    for fewest in (1, 1_000_000):
        monkeypatch.setattr(together, '_FEWEST', fewest)
        found.append(outcome_of(folder / f'{fewest}.db', commits))

    assert found[0] == found[1]
