"""The context of the week in Synergy: hours, and days that wait for their hours; nothing else."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Final

from bench.peers.measured import DAYS_VARIABLE, START
from synergy.conf.entries import (
    BLOCKING_CHILDREN,
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.workers import Uow

HOURLY: Final = 'SiteHourly'
DAILY: Final = 'SiteDaily'
#: As many as the machine of docs/benchmarks-peers.md has cores.
HOURLY_WORKERS: Final = 2


def do_nothing(_uow: Uow) -> None:
    """Be the work of both processes."""


def _hour(days: int) -> str:
    return str(containing_utc(Qualifier.HOURLY, START + timedelta(days=days)))


process_context = {
    HOURLY: managed_context_entry(
        process_name=HOURLY,
        classname='bench.peers.synergy_context.do_nothing',
        token='site',
        time_qualifier=QUALIFIER_HOURLY,
        present_on_boxes=['.*'],
        lag_minutes=0,
        max_running=512,
        instances=HOURLY_WORKERS,
    ),
    DAILY: managed_context_entry(
        process_name=DAILY,
        classname='bench.peers.synergy_context.do_nothing',
        token='site',
        time_qualifier=QUALIFIER_DAILY,
        blocking_type=BLOCKING_CHILDREN,
        present_on_boxes=['.*'],
        lag_minutes=0,
        max_running=8,
    ),
}

timetable_context = {
    'site': timetable_tree_entry(
        'site',
        [DAILY, HOURLY],
        start_timeperiod=_hour(0),
        end_timeperiod=_hour(int(os.environ.get(DAYS_VARIABLE, '7'))),
    ),
}
