"""Units that no worker takes for too long: rung for again, told, and not failed."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from synergy.core.freerun_record import Freerun
from synergy.core.records import ProcessName, Unit
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.core.trigger import Every
from synergy.scheduler.pipeline import Pipeline
from synergy.scheduler.start_timeouts import StartTimeouts
from tests.builders import first_unit, instant, key, two_trees
from tests.scheduler.scheduler_harness import SchedulerHarness, route_of

NOW = instant('2026112310')
SECOND = timedelta(seconds=1)
LIMIT = 20 * SECOND
UNIT = first_unit(key('SiteHourly@2026112200'), NOW)


@pytest.fixture
def harness(tmp_path: Path) -> SchedulerHarness:
    hierarchy = two_trees(end='2026112300')
    nodes = {
        name: replace(node, process=replace(node.process, start_timeout=LIMIT))
        for name, node in hierarchy.nodes.items()
    }
    return SchedulerHarness(
        tmp_path, hierarchy.replaced(nodes), instant('2026112202'), is_one_file=False
    )


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return [text for text in found if 'start_timeout_seconds' in text]


def test_what_nobody_takes_is_rung_for_again_at_its_bound_and_told_once(
    harness: SchedulerHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    scheduler = harness.scheduler()
    scheduler.step()
    scheduler.step()
    [uow_id] = harness.take()
    harness.clock.advance(LIMIT - SECOND)
    scheduler.step()
    assert harness.take() == []
    assert told(caplog) == []

    harness.clock.advance(6 * SECOND)
    for _ in range(2):
        scheduler.step()

    assert harness.take() == [uow_id], 'a minute has not passed'
    [text] = told(caplog)
    assert text.startswith('SiteHourly@2026112200 run 1')
    assert 'longer than 20 s' in text
    assert text.endswith('./launch.py why SiteHourly 2026112200')
    harness.clock.advance(2 * LIMIT)
    for _ in range(2):
        scheduler.step()
    assert harness.take() == [uow_id]
    assert told(caplog) == []
    unit = harness.claim(uow_id)
    assert unit is not None
    assert (unit.attempt, unit.lost_count) == (1, 0), 'waiting is no failure'


@pytest.mark.parametrize('limit', [None, LIMIT])
def test_one_that_was_handed_back_waits_since_then(
    caplog: pytest.LogCaptureFixture, limit: timedelta | None
) -> None:
    caplog.set_level(logging.WARNING)
    overdue = StartTimeouts(lambda _: limit)

    def look(unit: Unit, after: timedelta) -> int:
        overdue.look([unit], NOW + after)
        return len(told(caplog))

    counts = [
        look(UNIT, LIMIT),
        look(UNIT, LIMIT + SECOND),
        look(UNIT, 3 * LIMIT),
        look(replace(UNIT, state=UnitState.IN_PROGRESS, fence=1), 4 * LIMIT),
        look(replace(UNIT, fence=1), 5 * LIMIT),
        look(replace(UNIT, fence=1), 6 * LIMIT),
        look(replace(UNIT, fence=1), 6 * LIMIT + SECOND),
        look(replace(UNIT, fence=2, not_before=NOW + 9 * LIMIT), 9 * LIMIT),
    ]

    assert counts == ([0] * 8 if limit is None else [0, 1, 0, 0, 0, 0, 1, 0])


def test_free_runs_have_the_bound_of_their_process_those_made_at_run_time_too() -> None:
    hierarchy = two_trees()
    feed = ProcessName('Feed')
    entry = Freerun(
        name=ProcessName('Feed::one'), trigger=Every(seconds=9), definition='d', changed_at=NOW
    )
    pipeline = Pipeline(
        hierarchy=hierarchy,
        route_of=route_of,
        freeruns=[entry],
        freerun_start_timeouts={feed: LIMIT},
    )

    assert pipeline.start_timeout_of(entry.name) == LIMIT
    assert pipeline.start_timeout_of(ProcessName('Feed::made at run time')) == LIMIT
    assert pipeline.start_timeout_of(ProcessName('Other::one')) is None
    assert pipeline.start_timeout_of(ProcessName('SiteHourly')) is None
