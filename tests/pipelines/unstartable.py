"""A worker that cannot be set up, beside one that can."""

from __future__ import annotations

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    managed_context_entry,
    timetable_tree_entry,
)

process_context = {
    name: managed_context_entry(
        process_name=name,
        classname=f'tests.pipelines.journal.{target}',
        token=name.lower(),
        time_qualifier=QUALIFIER_DAILY,
        present_on_boxes=['.*'],
    )
    for name, target in (('UnstartableDaily', 'Unstartable'), ('PatientDaily', 'Patient'))
}
timetable_context = {
    'tree': timetable_tree_entry(
        'tree', ['PatientDaily'], start_timeperiod='2026110100', end_timeperiod='2026110200'
    ),
    'other': timetable_tree_entry(
        'other', ['UnstartableDaily'], start_timeperiod='2026110100', end_timeperiod='2026110200'
    ),
}
