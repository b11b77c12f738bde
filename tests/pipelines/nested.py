"""Two days of hours within their days: long enough that something can happen in the middle."""

from __future__ import annotations

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    managed_context_entry,
    timetable_tree_entry,
)

process_context = [
    managed_context_entry(
        process_name=name,
        classname='tests.pipelines.journal.Steady',
        token=name.lower(),
        time_qualifier=qualifier,
        trigger_frequency='every 1',
        present_on_boxes=['.*'],
        retry_delay=0,
    )
    for name, qualifier in (
        ('NestedHourly', QUALIFIER_HOURLY),
        ('NestedDaily', QUALIFIER_DAILY),
    )
]
timetable_context = [
    timetable_tree_entry(
        'nested',
        ['NestedDaily', 'NestedHourly'],
        start_timeperiod='2026110100',
        end_timeperiod='2026110300',
    )
]
