"""Workers that are restarted after some runs, or above some memory."""

from __future__ import annotations

import os
from typing import Any

from synergy.conf.entries import (
    QUALIFIER_HOURLY,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.workers import Uow, Worker
from tests.pipelines.journal import note

HOURS = 10


class Counted(Worker):
    """Writes down which process ran."""

    def process_uow(self, uow: Uow) -> None:
        note(f'{uow.process_name} {os.getpid()} {uow.timeperiod} attempt {uow.attempt}')

    def teardown(self) -> None:
        note(f'teardown {os.getpid()}')


class Leaking(Counted):
    """Keeps what it should not."""

    kept: bytes = b''

    def process_uow(self, uow: Uow) -> None:
        super().process_uow(uow)
        self.kept += b'x' * 60_000_000


def entry(name: str, **fields: Any) -> Any:
    return managed_context_entry(
        process_name=f'{name}Hourly',
        classname=f'tests.pipelines.leaking.{name}',
        token=name.lower(),
        time_qualifier=QUALIFIER_HOURLY,
        present_on_boxes=['.*'],
        max_running=HOURS,
        **fields,
    )


process_context = {
    'CountedHourly': entry('Counted', recycle_after=3),
    'LeakingHourly': entry('Leaking', memory_mb_max=200),
}
timetable_context = {
    name: timetable_tree_entry(
        tree_name=name,
        enclosed_processes=[name],
        start_timeperiod='2026110100',
        end_timeperiod=f'20261101{HOURS:02}',
    )
    for name in process_context
}
