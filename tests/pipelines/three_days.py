"""Three days of hours within days, and a tree of days that depends on them."""

from __future__ import annotations

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    RawEntry,
    managed_context_entry,
    timetable_tree_entry,
)

START, END = '2026110100', '2026110400'


def journal(name: str, qualifier: str, instances: int = 1) -> RawEntry:
    return managed_context_entry(
        process_name=name,
        classname='tests.pipelines.journal.Journal',
        token=name.lower(),
        time_qualifier=qualifier,
        trigger_frequency='every 1',
        present_on_boxes=['.*'],
        retry_delay=0,
        max_running=4,
        max_attempts=20,
        instances=instances,
    )


process_context = {
    'NestHourly': journal('NestHourly', QUALIFIER_HOURLY, instances=2),
    'NestDaily': journal('NestDaily', QUALIFIER_DAILY),
    'LaterDaily': journal('LaterDaily', QUALIFIER_DAILY),
}
timetable_context = {
    'nest': timetable_tree_entry(
        tree_name='nest',
        enclosed_processes=['NestDaily', 'NestHourly'],
        start_timeperiod=START,
        end_timeperiod=END,
    ),
    'later': timetable_tree_entry(
        tree_name='later',
        enclosed_processes=['LaterDaily'],
        dependent_on=['nest'],
        start_timeperiod=START,
        end_timeperiod=END,
    ),
}
