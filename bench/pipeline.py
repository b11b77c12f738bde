"""The context of the throughput benchmarks: nested hours, days, months, and a tree that depends.

How large it is, and how many workers run the hours, comes from the environment, for each run of a
benchmark is a new set of processes.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bench.names import (
    ALERT,
    DAILY,
    HOURLY,
    HOURS_VARIABLE,
    MONTHLY,
    PACE_VARIABLE,
    START,
    WORKERS_VARIABLE,
)
from synergy.conf.entries import (
    BLOCKING_CHILDREN,
    BLOCKING_DEPENDENCIES,
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    QUALIFIER_MONTHLY,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.core.timeperiod import Qualifier, containing_utc, parse, start_utc
from synergy.workers import Uow


def do_nothing(uow: Uow) -> None:
    """Be the work of every process: what is measured is what surrounds it."""
    pace = os.environ.get(PACE_VARIABLE)
    if pace is not None and uow.process_name == HOURLY:
        time.sleep(float(pace))


def _end() -> str:
    hours = int(os.environ.get(HOURS_VARIABLE, '1000'))
    first = start_utc(parse(Qualifier.HOURLY, START))
    return str(containing_utc(Qualifier.HOURLY, first + timedelta(hours=hours)))


_COMMON: Mapping[str, Any] = {
    'classname': 'bench.pipeline.do_nothing',
    'present_on_boxes': ['.*'],
    'lag_minutes': 0,
}

process_context = {
    HOURLY: managed_context_entry(
        process_name=HOURLY,
        token='site',
        time_qualifier=QUALIFIER_HOURLY,
        max_running=512,
        instances=int(os.environ.get(WORKERS_VARIABLE, '1')),
        **_COMMON,
    ),
    DAILY: managed_context_entry(
        process_name=DAILY,
        token='site',
        time_qualifier=QUALIFIER_DAILY,
        blocking_type=BLOCKING_CHILDREN,
        max_running=8,
        **_COMMON,
    ),
    MONTHLY: managed_context_entry(
        process_name=MONTHLY,
        token='site',
        time_qualifier=QUALIFIER_MONTHLY,
        blocking_type=BLOCKING_CHILDREN,
        **_COMMON,
    ),
    ALERT: managed_context_entry(
        process_name=ALERT,
        token='alert',
        time_qualifier=QUALIFIER_DAILY,
        blocking_type=BLOCKING_DEPENDENCIES,
        max_running=8,
        **_COMMON,
    ),
}

timetable_context = {
    'site': timetable_tree_entry(
        'site', [MONTHLY, DAILY, HOURLY], start_timeperiod=START, end_timeperiod=_end()
    ),
    'alert': timetable_tree_entry(
        'alert', [ALERT], dependent_on=['site'], start_timeperiod=START, end_timeperiod=_end()
    ),
}
