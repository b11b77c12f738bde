"""A worker that prints in every way there is, one way in each hour; see `printers`."""

from __future__ import annotations

from synergy.conf.entries import (
    QUALIFIER_HOURLY,
    managed_context_entry,
    timetable_tree_entry,
)
from tests.pipelines.printers import HOURS

process_context = {
    'PrintingHourly': managed_context_entry(
        process_name='PrintingHourly',
        classname='tests.pipelines.printers.Printing',
        token='printing',
        time_qualifier=QUALIFIER_HOURLY,
        present_on_boxes=['.*'],
        max_attempts=1,
        retry_delay=0,
    )
}
timetable_context = {
    'printing': timetable_tree_entry(
        tree_name='printing',
        enclosed_processes=['PrintingHourly'],
        start_timeperiod='2026110100',
        end_timeperiod=f'20261101{len(HOURS):02}',
    )
}
