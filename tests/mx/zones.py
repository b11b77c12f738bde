"""A dashboard on trees of all lengths of interval, in zones whose clocks are changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from synergy.core.calendar import UtcCalendar, ZoneCalendar
from synergy.core.effects import Save, SaveJob
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.records import Job, Process, ProcessName, Tree
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey, Qualifier, Timeperiod
from tests.builders import instant
from tests.mx.dashboard_harness import NOW, DashboardHarness

LEVELS = {
    'Yearly': Qualifier.YEARLY,
    'Monthly': Qualifier.MONTHLY,
    'Weekly': Qualifier.WEEKLY,
    'Sunday': Qualifier.WEEKLY_SUN,
    'Daily': Qualifier.DAILY,
    'Hourly': Qualifier.HOURLY,
    'Quarter': Qualifier.MINUTELY_15,
    'Twenty': Qualifier.MINUTELY_20,
    'Five': Qualifier.MINUTELY_5,
}
TREES = {
    'berlin': (
        'Europe/Berlin',
        ('Yearly', 'Monthly', 'Weekly', 'Daily', 'Hourly', 'Quarter', 'Five'),
    ),
    'world': ('UTC', ('Daily', 'Hourly', 'Twenty')),
    'york': ('America/New_York', ('Sunday', 'Daily')),
    'apia': ('Pacific/Apia', ('Daily', 'Hourly')),
    'howe': ('Australia/Lord_Howe', ('Daily', 'Hourly')),
}
START = {'apia': instant('2011122000')}


def zones_of(end: datetime | None = None) -> Hierarchy:
    """Return trees of each zone; `world` depends on `berlin`."""
    processes = [
        Process(name=ProcessName(f'{tree.capitalize()}{level}'), qualifier=LEVELS[level])
        for tree, (_, levels) in TREES.items()
        for level in levels
    ]
    trees = [
        Tree(
            name=tree,
            levels=tuple(ProcessName(f'{tree.capitalize()}{level}') for level in levels),
            dependent_on=('berlin',) if tree == 'world' else (),
            start=START.get(tree, instant('2026010100')),
            end=instant('2012011000') if tree == 'apia' else end,
            zone=zone,
        )
        for tree, (zone, levels) in TREES.items()
    ]
    calendars = {
        zone: UtcCalendar() if zone == 'UTC' else ZoneCalendar(ZoneInfo(zone))
        for zone, _ in TREES.values()
    }
    return build(processes, trees, calendars)


def zone_pages(home: Path) -> DashboardHarness:
    """Return a dashboard on these trees: nearly all of the year is processed, some of it failed."""
    return DashboardHarness(home, hierarchy=zones_of())


def fill(pages: DashboardHarness) -> None:
    """Give each process a history up to a little while ago, with a failure now and then."""
    leadership = pages.store.lead('dev:4711', timedelta(days=1000))
    assert leadership is not None
    hierarchy = pages.runtime.context.hierarchy
    for node in hierarchy:
        until = hierarchy.over_until(node, NOW - timedelta(hours=3))
        first = max(node.first, until - 3000)
        saves: list[Save] = []
        for ordinal in range(first, until):
            key = JobKey(node.process.name, Timeperiod(node.process.qualifier, ordinal))
            state = JobState.SKIPPED if ordinal % 83 == 7 else JobState.PROCESSED
            saves.append(
                SaveJob(
                    Job(
                        process=key.process,
                        timeperiod=key.timeperiod,
                        state=state,
                        rev=1,
                        changed_at=NOW - timedelta(hours=1),
                        failure_count=3 if state is JobState.SKIPPED else 0,
                        reason='ValueError: no data' if state is JobState.SKIPPED else None,
                    ),
                    f'{state.value}',
                )
            )
        pages.store.commit(leadership, saves)
