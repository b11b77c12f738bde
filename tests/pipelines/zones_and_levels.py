"""A context with every level under one tree of Berlin, and a free run by its clock."""

from __future__ import annotations

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    QUALIFIER_MINUTELY_15,
    QUALIFIER_MINUTELY_30,
    QUALIFIER_MONTHLY,
    QUALIFIER_WEEKLY,
    QUALIFIER_YEARLY,
    RawEntry,
    freerun_context_entry,
    managed_context_entry,
    timetable_tree_entry,
)

LEVELS = {
    'ShopYearly': QUALIFIER_YEARLY,
    'ShopMonthly': QUALIFIER_MONTHLY,
    'ShopWeekly': QUALIFIER_WEEKLY,
    'ShopDaily': QUALIFIER_DAILY,
    'ShopHourly': QUALIFIER_HOURLY,
    'ShopHalf': QUALIFIER_MINUTELY_30,
    'ShopQuarter': QUALIFIER_MINUTELY_15,
}


def managed(name: str, level: str, trigger_frequency: str) -> RawEntry:
    """Return the entry of a process."""
    return managed_context_entry(
        process_name=name,
        classname='tests.pipelines.journal.Steady',
        token=name.lower(),
        time_qualifier=level,
        trigger_frequency=trigger_frequency,
        max_running=1000,
        lag_minutes=0,
    )


process_context = {
    **{
        name: managed(name, level, 'at 02:30' if name == 'ShopDaily' else 'every 60')
        for name, level in LEVELS.items()
    },
    'Report::morning': freerun_context_entry(
        process_name='Report',
        entry_name='morning',
        classname='tests.pipelines.journal.Steady',
        token='report',
        trigger_frequency='at 07:30',
        time_zone='Europe/Berlin',
    ),
}
timetable_context = {
    'shop': timetable_tree_entry(
        'shop', list(LEVELS), time_zone='Europe/Berlin', week_start='sunday'
    ),
}
