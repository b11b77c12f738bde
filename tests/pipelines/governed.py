"""Live intervals and free runs on today's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    RawEntry,
    freerun_context_entry,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.conf.machines import DISCRETE_RULES, Action, JobState, Rule, UnitState, changed

_NOW = datetime.now(UTC)
YESTERDAY = f'{_NOW - timedelta(days=1):%Y%m%d}00'


def managed(name: str, target: str, qualifier: str, **fields: Any) -> RawEntry:
    return managed_context_entry(
        process_name=name,
        classname=f'tests.pipelines.journal.{target}',
        token=name.lower(),
        time_qualifier=qualifier,
        trigger_frequency='every 1',
        present_on_boxes=['.*'],
        **fields,
    )


def shell(entry: str, trigger: str, command: str, **fields: Any) -> RawEntry:
    return freerun_context_entry(
        process_name='Shell',
        entry_name=entry,
        classname='synergy.workers.shell.ShellWorker',
        token='shell',
        trigger_frequency=trigger,
        present_on_boxes=['.*'],
        arguments={'command': command},
        **fields,
    )


#: As discrete, but a failed attempt is never tried again.
ONCE = changed(
    DISCRETE_RULES,
    Rule(
        job=(JobState.IN_PROGRESS, JobState.FINAL_RUN),
        unit=(UnitState.INVALID,),
        action=Action.GIVE_UP,
        why='an attempt failed, and one is all it gets',
    ),
)

machine_context = {'once': ONCE}
process_context = [
    # Without a lag: else yesterday is live still, for some minutes after midnight.
    managed(
        'LiveDaily', 'Journal', QUALIFIER_DAILY, state_machine_name='continuous', lag_minutes=0
    ),
    managed(
        'ArrivedHourly',
        'Arrived',
        QUALIFIER_HOURLY,
        state_machine_name='recomputing',
        data_source='tests.pipelines.journal.open_source',
    ),
    managed('OnceDaily', 'Raising', QUALIFIER_DAILY, state_machine_name='once'),
    shell('ticking', 'every 1', 'echo tick'),
    shell('resting', 'every 1', 'echo never', is_on=False),
]
timetable_context = [
    timetable_tree_entry('live', ['LiveDaily'], start_timeperiod=YESTERDAY),
    timetable_tree_entry('arrived', ['ArrivedHourly'], start_timeperiod=f'{_NOW:%Y%m%d%H}'),
    timetable_tree_entry(
        'once', ['OnceDaily'], start_timeperiod='2026110100', end_timeperiod='2026110200'
    ),
]
