"""A command on another host that ignores signals and detaches itself, until it is told to go."""

from __future__ import annotations

import os

from synergy.conf.entries import (
    QUALIFIER_DAILY,
    managed_context_entry,
    timetable_tree_entry,
)

_HOST, _PORT, _TOKEN, _FOLDER = os.environ['SYNERGY_TEST_REMOTE'].split()
_COMMAND = (
    "trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 444 & wait' & "
    'sleep 444 & touch began; while [ ! -e go ]; do sleep 0.1; done'
)

process_context = {
    'RemoteDaily': managed_context_entry(
        process_name='RemoteDaily',
        classname='synergy.workers.shell.ShellWorker',
        token='remote',
        time_qualifier=QUALIFIER_DAILY,
        present_on_boxes=['.*'],
        retry_delay=0,
        arguments={
            'host': _HOST,
            'port': int(_PORT),
            'command': _COMMAND,
            'shell': True,
            'folder': _FOLDER,
            'environment': {'T': _TOKEN},
        },
    )
}
timetable_context = {
    'remote': timetable_tree_entry(
        'remote', ['RemoteDaily'], start_timeperiod='2026110100', end_timeperiod='2026110200'
    )
}
