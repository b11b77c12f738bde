"""A daily process of working days."""

from __future__ import annotations

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    managed_context_entry,
    previous,
    timetable_tree_entry,
    weekdays,
)

calendar_context = {'office': weekdays('Mon-Fri')}
process_context = {
    'OfficeDaily': managed_context_entry(
        'OfficeDaily',
        'tests.pipelines.journal.Steady',
        'office',
        QUALIFIER_DAILY,
        calendar='office',
        inputs=[previous()],
    )
}
timetable_context = {'office': timetable_tree_entry('office', ['OfficeDaily'])}
