"""Five days of paced hours: enough to do for some leaders to die meanwhile."""

from __future__ import annotations

import time
from typing import Any

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    RawEntry,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.workers import Outcome, Uow
from tests.pipelines.journal import Journal


class Paced(Journal):
    """Takes a moment, then writes its start down."""

    def process_uow(self, uow: Uow) -> Outcome:
        time.sleep(0.1)
        return super().process_uow(uow)


def managed(name: str, qualifier: str, **fields: Any) -> RawEntry:
    return managed_context_entry(
        process_name=name,
        classname='tests.pipelines.hours.Paced',
        token=name.lower(),
        time_qualifier=qualifier,
        present_on_boxes=['.*'],
        **fields,
    )


process_context = {
    'PacedDaily': managed('PacedDaily', QUALIFIER_DAILY),
    'PacedHourly': managed('PacedHourly', QUALIFIER_HOURLY, max_running=4),
}
timetable_context = {
    'paced': timetable_tree_entry(
        'paced',
        ['PacedDaily', 'PacedHourly'],
        start_timeperiod='2026110100',
        end_timeperiod='2026110600',
    ),
}
