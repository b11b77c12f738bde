"""What is tried in the foreground: each function does one thing of which much could become."""

from __future__ import annotations

import os
import signal
from typing import Any

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    QUALIFIER_HOURLY,
    RawEntry,
    freerun_context_entry,
    managed_context_entry,
    timetable_tree_entry,
    worker_group,
)
from synergy.workers import Outcome, Uow, Worker

#: What has happened in this process, in order.
HAPPENED: list[object] = []


class Site(Worker):
    """Does what its arguments say."""

    def setup(self) -> None:
        HAPPENED.append('setup')

    def teardown(self) -> None:
        HAPPENED.append('teardown')

    def process_uow(self, uow: Uow) -> Outcome:
        HAPPENED.append(uow)
        print('reading', uow.timeperiod)
        match uow.arguments.get('do'):
            case 'raise':
                raise ValueError('row 4')
            case 'fail':
                return Outcome.failed('no rows')
            case 'end':
                os.kill(os.getpid(), signal.SIGTERM)
        return Outcome.processed(3)


class Unready(Worker):
    """Cannot be set up."""

    def setup(self) -> None:
        raise LookupError('no such table')

    def process_uow(self, uow: Uow) -> None:
        raise AssertionError(uow)


def _managed(name: str, qualifier: str, classname: str, **fields: Any) -> RawEntry:
    if 'group' not in fields:
        fields['present_on_boxes'] = ['.*']
    return managed_context_entry(
        process_name=name,
        classname=f'tests.pipelines.tried.{classname}',
        token=name.lower(),
        time_qualifier=qualifier,
        **fields,
    )


worker_context = {'crew': worker_group(present_on_boxes=['.*'])}
process_context = {
    'Daily': _managed('Daily', QUALIFIER_DAILY, 'Unready'),
    'Hourly': _managed(
        'Hourly', QUALIFIER_HOURLY, 'Site', source='raw', arguments={'a': 1, 'password': 'hunter2'}
    ),
    'Alone': _managed(
        'Alone',
        QUALIFIER_HOURLY,
        'Site',
        group='crew',
        isolation='process',
        timeout_seconds=60,
        memory_mb_max=64,
    ),
    'Paired': _managed('Paired', QUALIFIER_HOURLY, 'Site', time_grouping=2),
    'Shell::greet': freerun_context_entry(
        process_name='Shell',
        entry_name='greet',
        classname='synergy.workers.shell.ShellWorker',
        token='shell',
        trigger_frequency='every 3600',
        present_on_boxes=['.*'],
        arguments={'command': 'echo tried $SYNERGY_RUN; exit 3', 'shell': True, 'noop_codes': [3]},
    ),
}
timetable_context = {
    'site': timetable_tree_entry('site', ['Daily', 'Hourly'], start_timeperiod='2026110100'),
    'alone': timetable_tree_entry('alone', ['Alone'], start_timeperiod='2026110100'),
    'paired': timetable_tree_entry('paired', ['Paired'], start_timeperiod='2026110100'),
}
