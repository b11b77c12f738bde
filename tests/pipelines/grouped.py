"""Three processes and a free run of one group of workers, one of them with isolated runs."""

from __future__ import annotations

import os
from typing import Any

from synergy.conf.entries import (
    QUALIFIER_HOURLY,
    freerun_context_entry,
    managed_context_entry,
    timetable_tree_entry,
    worker_group,
)
from synergy.workers import Uow, Worker
from tests.pipelines.journal import note


class Noting(Worker):
    """Writes down in which process it is set up, runs and is torn down."""

    def setup(self) -> None:
        note(f'setup {self.process_name} {os.getpid()}')

    def process_uow(self, uow: Uow) -> None:
        note(f'run {uow.process_name} {os.getpid()} attempt {uow.attempt}')
        print(f'printed by {uow.timeperiod}')

    def teardown(self) -> None:
        note(f'teardown {self.process_name} {os.getpid()}')


class Dying(Noting):
    """Ends its process in its first attempt."""

    def process_uow(self, uow: Uow) -> None:
        super().process_uow(uow)
        if uow.attempt == 1:
            os._exit(9)


class Missing(Noting):
    """Cannot be set up."""

    def setup(self) -> None:
        raise RuntimeError('no licence')


def entry(name: str, **fields: Any) -> Any:
    return managed_context_entry(
        process_name=f'{name}Hourly',
        classname=f'tests.pipelines.grouped.{name}',
        token=name.lower(),
        time_qualifier=QUALIFIER_HOURLY,
        max_running=3,
        retry_delay=0,
        **{'group': 'etl'} | fields,
    )


worker_context = {'etl': worker_group(present_on_boxes=['.*'])}
process_context = {
    'NotingHourly': entry('Noting'),
    'DyingHourly': entry('Dying', isolation='process'),
    'MissingHourly': entry('Missing', max_attempts=1),
    'Tick::one': freerun_context_entry(
        process_name='Tick',
        entry_name='one',
        classname='tests.pipelines.grouped.Noting',
        token='tick',
        trigger_frequency='every 3600',
        group='etl',
    ),
}
timetable_context = {
    name: timetable_tree_entry(
        tree_name=name,
        enclosed_processes=[name],
        start_timeperiod='2026110100',
        end_timeperiod='2026110103',
    )
    for name in ('NotingHourly', 'DyingHourly', 'MissingHourly')
}
