"""One single-day tree for each behaviour of a worker."""

from __future__ import annotations

from typing import Any

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    managed_context_entry,
    timetable_tree_entry,
)

CLASS_BY_PROCESS = {
    'JournalDaily': 'Journal',
    'PatientDaily': 'Patient',
    'RaisingDaily': 'Raising',
    'LegacyDaily': 'Legacy',
    'StubbornDaily': 'Stubborn',
    'ExitingDaily': 'Exiting',
    'PlainDaily': 'plain',
    'NonsenseDaily': 'nonsense',
}
FIELDS: dict[str, dict[str, Any]] = {
    'StubbornDaily': {'timeout_seconds': 0.5, 'max_attempts': 1},
    'NonsenseDaily': {'max_attempts': 1},
    'ExitingDaily': {'max_attempts': 1},
    'PlainDaily': {'arguments': {'color': 'green'}},
    'JournalDaily': {'instances': 2},
}

process_context = {
    name: managed_context_entry(
        process_name=name,
        classname=f'tests.pipelines.journal.{target}',
        token=name.lower(),
        time_qualifier=QUALIFIER_DAILY,
        present_on_boxes=['.*'],
        retry_delay=0,
        **FIELDS.get(name, {}),
    )
    for name, target in CLASS_BY_PROCESS.items()
}
timetable_context = {
    name: timetable_tree_entry(
        tree_name=name,
        enclosed_processes=[name],
        start_timeperiod='2026110100',
        end_timeperiod='2026110200',
    )
    for name in process_context
}
