"""The context of a round of chaos: two nested trees, one of which depends on the other.

Both end, so that a round does. Attempts are many: what chaos kills must not count
against a unit. Every start and end goes to the journal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bench.chaos.journal import note
from bench.chaos.names import (
    ALERT_DAILY,
    ALERT_HOURLY,
    DAILY,
    DAYS_VARIABLE,
    HOURLY,
    MONTHLY,
    START,
)
from bench.chaos.unruly import is_unruly, misbehave
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
from synergy.workers import Outcome, Uow

_WORK_SECONDS = 0.05


def work(uow: Uow) -> Outcome:
    """Write the start down, take a moment, write the end down."""
    note('begin', uow)
    if is_unruly():
        misbehave(uow)
    time.sleep(_WORK_SECONDS)
    note('end', uow)
    return Outcome.processed(1)


def _end() -> str:
    days = int(os.environ.get(DAYS_VARIABLE, '10'))
    first = start_utc(parse(Qualifier.HOURLY, START))
    return str(containing_utc(Qualifier.HOURLY, first + timedelta(days=days)))


_COMMON: Mapping[str, Any] = {
    'classname': 'bench.chaos.pipeline.work',
    'trigger_frequency': 'every 2',
    'present_on_boxes': ['.*'],
    'lag_minutes': 0,
    'max_running': 12,
    'max_attempts': 1000,
    'retry_delay': 0,
    # A child that was forked while another thread held a lock may hang.
    **({'timeout_seconds': 20} if is_unruly() else {}),
}

process_context = {
    HOURLY: managed_context_entry(
        process_name=HOURLY,
        token='site',
        time_qualifier=QUALIFIER_HOURLY,
        instances=2,
        **_COMMON,
    ),
    DAILY: managed_context_entry(
        process_name=DAILY,
        token='site',
        time_qualifier=QUALIFIER_DAILY,
        blocking_type=BLOCKING_CHILDREN,
        **_COMMON,
    ),
    MONTHLY: managed_context_entry(
        process_name=MONTHLY,
        token='site',
        time_qualifier=QUALIFIER_MONTHLY,
        blocking_type=BLOCKING_CHILDREN,
        **_COMMON,
    ),
    ALERT_HOURLY: managed_context_entry(
        process_name=ALERT_HOURLY,
        token='alert',
        time_qualifier=QUALIFIER_HOURLY,
        blocking_type=BLOCKING_DEPENDENCIES,
        **_COMMON,
    ),
    ALERT_DAILY: managed_context_entry(
        process_name=ALERT_DAILY,
        token='alert',
        time_qualifier=QUALIFIER_DAILY,
        blocking_type=BLOCKING_DEPENDENCIES,
        **_COMMON,
    ),
}

timetable_context = {
    'site': timetable_tree_entry(
        'site', [MONTHLY, DAILY, HOURLY], start_timeperiod=START, end_timeperiod=_end()
    ),
    'alert': timetable_tree_entry(
        'alert',
        [ALERT_DAILY, ALERT_HOURLY],
        dependent_on=['site'],
        start_timeperiod=START,
        end_timeperiod=_end(),
    ),
}
