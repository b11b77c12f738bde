"""Trees to be simulated whose days have 25 hours, two parents, and inputs of other levels.

A weekend in October: on its Sunday clocks go back in Berlin.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from synergy.core.calendar import Calendar, UtcCalendar, ZoneCalendar
from synergy.core.hierarchy import Hierarchy, build
from synergy.core.node import Input, InputKind
from synergy.core.records import Process, ProcessName, RetryPolicy, Tree
from synergy.core.states import Blocking
from synergy.core.timeperiod import Qualifier
from synergy.core.trigger import Every
from synergy.core.zones import UTC_ZONE, zone_named

BERLIN: Final = 'Europe/Berlin'
#: From the last hour of Saturday to the first ones of Monday, as Berlin has it.
_START: Final = datetime(2026, 10, 24, 21, tzinfo=UTC)
_END: Final = datetime(2026, 10, 26, 2, tzinfo=UTC)


def with_calendars(retry: RetryPolicy) -> Hierarchy:
    """Return trees of two zones, with minutes, weeks, and jobs that wait for yesterday."""

    def process(name: str, level: Qualifier, *inputs: Input, **fields: object) -> Process:
        return Process(
            name=ProcessName(name),
            qualifier=level,
            retry=retry,
            trigger=Every(seconds=30),
            inputs=inputs,
            **fields,  # type: ignore[arg-type]
        )

    def tree(name: str, processes: Sequence[Process], *others: str, zone: str = UTC_ZONE) -> Tree:
        levels = tuple(item.name for item in processes)
        return Tree(
            name=name, levels=levels, dependent_on=others, start=_START, end=_END, zone=zone
        )

    site = [
        process('SiteHourly', Qualifier.HOURLY, max_running=4),
        process('SiteDaily', Qualifier.DAILY, machine='continuous'),
        process('SiteWeekly', Qualifier.WEEKLY),
        process('SiteMonthly', Qualifier.MONTHLY, blocking=Blocking.CHILDREN),
    ]
    feed = [
        process('FeedHalves', Qualifier.MINUTELY_30, max_running=8),
        process('FeedHourly', Qualifier.HOURLY, max_running=4),
    ]
    #: Its tree depends on one without days, and each day waits for the one before.
    report = [
        process(
            'ReportDaily',
            Qualifier.DAILY,
            _wait_for('ReportDaily', offset=-1),
            machine='recomputing',
        )
    ]
    #: Beside: the last hours of another zone.
    near = [process('NearHourly', Qualifier.HOURLY, _wait_for('SiteHourly', last=3), max_running=4)]
    calendars: dict[str, Calendar] = {
        UTC_ZONE: UtcCalendar(),
        BERLIN: ZoneCalendar(zone_named(BERLIN)),
    }
    return build(
        [*site, *feed, *report, *near],
        [
            tree('site', site, zone=BERLIN),
            tree('feed', feed),
            tree('report', report, 'feed', 'site'),
            tree('near', near, 'feed'),
        ],
        calendars,
    )


def _wait_for(process: str, *, offset: int = 0, last: int | None = None) -> Input:
    return Input(kind=InputKind.DEPENDENCY, process=ProcessName(process), offset=offset, last=last)
