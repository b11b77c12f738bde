"""A day of hours of which one fails until the test says `fixed`; the day waits for its hours."""

from __future__ import annotations

from typing import Any

from synergy.conf.entries import (
    BLOCKING_CHILDREN,
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    RawEntry,
    freerun_context_entry,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.workers import Outcome, Uow, Worker
from tests.pipelines.journal import is_told

FAILING = '2026110109'


class Counting(Worker):
    """Counts visits; one file of them is broken."""

    def process_uow(self, uow: Uow) -> Outcome:
        print('reading visits of', uow.timeperiod)
        if uow.timeperiod == FAILING and not is_told('fixed'):
            raise ValueError('row 4: "VRB" is not a number')
        return Outcome.processed(3)


def _managed(name: str, qualifier: str, **fields: Any) -> RawEntry:
    return managed_context_entry(
        process_name=name,
        classname='tests.pipelines.repaired.Counting',
        token=name.lower(),
        time_qualifier=qualifier,
        present_on_boxes=['.*'],
        max_attempts=1,
        on_failure='hold',
        **fields,
    )


process_context = {
    'SiteDaily': _managed('SiteDaily', QUALIFIER_DAILY, blocking_type=BLOCKING_CHILDREN),
    'SiteHourly': _managed('SiteHourly', QUALIFIER_HOURLY, max_running=4),
    'Shell::sweep': freerun_context_entry(
        process_name='Shell',
        entry_name='sweep',
        classname='synergy.workers.shell.ShellWorker',
        token='shell',
        trigger_frequency='every 3600',
        present_on_boxes=['.*'],
        arguments={'command': ['true']},
    ),
}
timetable_context = {
    'site': timetable_tree_entry(
        'site',
        ['SiteDaily', 'SiteHourly'],
        start_timeperiod='2026110100',
        end_timeperiod='2026110200',
    ),
}
