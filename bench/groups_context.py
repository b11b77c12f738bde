"""Hourly processes in groups of workers, of which one hour each is due.

`bench.groups` says in the environment how many there are, and when they are due.
"""

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

#: Variables in which the bench says how many processes there are, in how many groups of how many
#: workers, which hour is due, and how many minutes after its end.
COUNT_VARIABLE: Final = 'BENCH_GROUPS_PROCESSES'
GROUPS_VARIABLE: Final = 'BENCH_GROUPS_COUNT'
INSTANCES_VARIABLE: Final = 'BENCH_GROUPS_INSTANCES'
START_VARIABLE: Final = 'BENCH_GROUPS_START'
END_VARIABLE: Final = 'BENCH_GROUPS_END'
LAG_VARIABLE: Final = 'BENCH_GROUPS_LAG'


def _number(variable: str, usual: int) -> int:
    return int(os.environ.get(variable, usual))


_NAMES: Final = [f'Process{number:04d}Hourly' for number in range(_number(COUNT_VARIABLE, 200))]
_GROUPS: Final = [f'many{number}' for number in range(_number(GROUPS_VARIABLE, 1))]


def work(_: Uow) -> Outcome:
    """Do nothing, well."""
    return Outcome.processed(1)


worker_context = {
    group: worker_group(instances=_number(INSTANCES_VARIABLE, 4), present_on_boxes=['.*'])
    for group in _GROUPS
}
process_context = {
    name: managed_context_entry(
        process_name=name,
        classname='bench.groups_context.work',
        token=name.lower(),
        time_qualifier=QUALIFIER_HOURLY,
        lag_minutes=_number(LAG_VARIABLE, 0),
        group=_GROUPS[number % len(_GROUPS)],
    )
    for number, name in enumerate(_NAMES)
}
timetable_context = {
    name: timetable_tree_entry(
        tree_name=name,
        enclosed_processes=[name],
        start_timeperiod=os.environ.get(START_VARIABLE, '2026010100'),
        end_timeperiod=os.environ.get(END_VARIABLE, '2026010101'),
    )
    for name in _NAMES
}
