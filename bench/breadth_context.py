"""Five thousand processes in 1,250 trees, one in five of which depends on the one before it.

`bench.breadth` says in the environment when the trees start.
"""

import os
from typing import Any

from bench.mx_context import LEVELS
from synergy.conf.entries import freerun_context_entry, managed_context_entry, timetable_tree_entry

START_VARIABLE = 'BENCH_WIDE_START'
TREE_COUNT = 1_250
FREERUN = 'Shell'

process_context: dict[str, Any] = {
    f'W{number:04d}{word}': managed_context_entry(
        process_name=f'W{number:04d}{word}',
        classname='synergy.workers.shell.ShellWorker',
        token=f'w{number:04d}{word.lower()}',
        time_qualifier=qualifier,
        arguments={'command': 'true'},
        present_on_boxes=['.*'],
    )
    for number in range(TREE_COUNT)
    for word, qualifier in LEVELS
}
process_context[f'{FREERUN}::once'] = freerun_context_entry(
    process_name=FREERUN,
    entry_name='once',
    classname='synergy.workers.shell.ShellWorker',
    token='shell',
    trigger_frequency='at 00:00',
    arguments={'command': 'true'},
    present_on_boxes=['.*'],
)

timetable_context = {
    f'w{number:04d}': timetable_tree_entry(
        tree_name=f'w{number:04d}',
        enclosed_processes=[f'W{number:04d}{word}' for word, _ in LEVELS],
        dependent_on=[f'w{number - 1:04d}'] if number % 5 == 1 else [],
        start_timeperiod=os.environ.get(START_VARIABLE, '2026112800'),
    )
    for number in range(TREE_COUNT)
}
