"""Two hundred processes of one group of workers, of which one hour each is due."""

from __future__ import annotations

import os
from typing import Final

from synergy.conf.entries import (
    QUALIFIER_HOURLY,
    managed_context_entry,
    timetable_tree_entry,
    worker_group,
)
from synergy.workers import Outcome, Uow

PROCESS_COUNT: Final = 200
INSTANCES: Final = 4
GROUP: Final = 'many'
#: Variables in which the bench says which hour is due.
START_VARIABLE: Final = 'BENCH_GROUPS_START'
END_VARIABLE: Final = 'BENCH_GROUPS_END'
NAMES: Final = [f'Process{number:03d}Hourly' for number in range(PROCESS_COUNT)]


def work(_: Uow) -> Outcome:
    """Do nothing, well."""
    return Outcome.processed(1)


worker_context = {GROUP: worker_group(instances=INSTANCES, present_on_boxes=['.*'])}
process_context = {
    name: managed_context_entry(
        process_name=name,
        classname='bench.groups_context.work',
        token=name.lower(),
        time_qualifier=QUALIFIER_HOURLY,
        lag_minutes=0,
        group=GROUP,
    )
    for name in NAMES
}
timetable_context = {
    name: timetable_tree_entry(
        tree_name=name,
        enclosed_processes=[name],
        start_timeperiod=os.environ.get(START_VARIABLE, '2026010100'),
        end_timeperiod=os.environ.get(END_VARIABLE, '2026010101'),
    )
    for name in NAMES
}
