"""Workers whose processes last from run to run, and workers that are cut short while they print."""

from __future__ import annotations

import ctypes
import multiprocessing
import subprocess
import sys
import time
from typing import Any

from synergy.conf.entries import (
    QUALIFIER_HOURLY,
    managed_context_entry,
    timetable_tree_entry,
)
from synergy.workers import Uow, Worker

HOURS = 4


def say(text: str) -> None:
    print(text)


class Pooled(Worker):
    """Lets a pool print that `setup` has made."""

    def setup(self) -> None:
        self.pool = multiprocessing.get_context('fork').Pool(2)

    def process_uow(self, uow: Uow) -> None:
        self.pool.map(say, [f'{uow.timeperiod} task {number}' for number in range(10)])
        print(f'{uow.timeperiod} parent')

    def teardown(self) -> None:
        self.pool.terminate()
        self.pool.join()


class Chatty(Worker):
    """Has a process from `setup` on that prints now and then."""

    def setup(self) -> None:
        script = 'import time\nwhile True: print("chat", flush=True); time.sleep(0.05)'
        self.child = subprocess.Popen([sys.executable, '-c', script])

    def process_uow(self, uow: Uow) -> None:
        print(f'{uow.timeperiod} begins')
        time.sleep(0.2)
        subprocess.run(['echo', f'{uow.timeperiod} process'], check=True)

    def teardown(self) -> None:
        self.child.kill()
        self.child.wait()


def crashes(uow: Uow) -> None:
    """End the process in the middle of a run."""
    print(f'{uow.timeperiod} before the crash')
    ctypes.string_at(0)


def is_slow(uow: Uow) -> None:
    """Take too long in the middle of a line."""
    subprocess.run(['sh', '-c', f'printf "{uow.timeperiod} half a line"'], check=True)
    time.sleep(60)


def entry(name: str, target: str, **fields: Any) -> Any:
    return managed_context_entry(
        process_name=name,
        classname=f'tests.pipelines.kept.{target}',
        token=name.lower(),
        time_qualifier=QUALIFIER_HOURLY,
        present_on_boxes=['.*'],
        max_attempts=1,
        **fields,
    )


process_context = {
    'PooledHourly': entry('PooledHourly', 'Pooled'),
    'ChattyHourly': entry('ChattyHourly', 'Chatty'),
    'CrashHourly': entry('CrashHourly', 'crashes'),
    'SlowHourly': entry('SlowHourly', 'is_slow', timeout_seconds=0.7),
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
