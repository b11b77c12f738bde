"""One hour that fails until it is told to be well, and people who are told of it."""

from __future__ import annotations

import os

from synergy.conf.entries import (
    QUALIFIER_HOURLY,
    alert,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.workers import Outcome, Uow, Worker
from tests.pipelines.journal import is_told

#: Where no test has said where messages go, nobody gets any.
NOBODY = 'hook://127.0.0.1:1/'


class Ailing(Worker):
    """Fails until the test says `well`."""

    def process_uow(self, uow: Uow) -> Outcome:
        if not is_told('well'):
            raise ValueError('no such table: visits')
        return Outcome.processed(1)


process_context = {
    'AilingHourly': managed_context_entry(
        process_name='AilingHourly',
        classname='tests.pipelines.alerted.Ailing',
        token='ailing',
        time_qualifier=QUALIFIER_HOURLY,
        max_attempts=1,
        on_failure='hold',
        present_on_boxes=['.*'],
    ),
}
timetable_context = {
    'ailing': timetable_tree_entry(
        'ailing', ['AilingHourly'], start_timeperiod='2026110100', end_timeperiod='2026110101'
    ),
}
alert_context = {
    'night': alert(
        on=['held'],
        to=[
            os.environ.get('SYNERGY_TEST_ALERT_HOOK', NOBODY),
            os.environ.get('SYNERGY_TEST_ALERT_MAIL', NOBODY + 'mail'),
        ],
        group_minutes=0,
    ),
}
