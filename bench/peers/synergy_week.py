"""The week in Synergy, on the embedded default: what the peers are held against.

Counted twice. There is no switch that makes everything due while the Scheduler runs, so the first
number begins when the Scheduler's process is started and includes that start; the ratios are to
this one. The second begins when the first unit was made, as in `bench embedded`.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.peers.measured import (
    DAYS_VARIABLE,
    START,
    PeerFailed,
    Processes,
    Week,
    interval_count,
    processor_seconds,
)
from bench.peers.synergy_context import DAILY, HOURLY, HOURLY_WORKERS
from synergy import bootstrap
from synergy.bootstrap import PROJECT
from synergy.core.states import JobState
from synergy.core.structs import replace
from synergy.ports.store import Store

#: Long enough for workers to be waiting for work; what they use until then is not counted.
_SETTLE_SECONDS: Final = 3.0


def measure(days: int) -> Sequence[Week]:
    """Run the week; raise PeerFailed."""
    # This process reads the same context, of the same length, as those that it starts.
    os.environ[DAYS_VARIABLE] = str(days)
    count = interval_count(days)
    with tempfile.TemporaryDirectory(prefix='synergy-bench-') as folder:
        environ = {
            **os.environ,
            'SYNERGY_HOME': folder,
            'SYNERGY_CONTEXT_MODULE': 'bench.peers.synergy_context',
            'SYNERGY_LOG_LEVEL': 'WARNING',
            'PYTHONPATH': str(PROJECT),
        }
        settings, context = bootstrap.load(environ)
        with (
            bootstrap.open_runtime(settings, context) as runtime,
            Processes(Path(folder), environ) as processes,
        ):
            store = runtime.open_store()
            start = [sys.executable, str(PROJECT / 'process_starter.py')]
            for instance in range(HOURLY_WORKERS):
                processes.start(f'hourly-{instance}', *start, HOURLY, '--instance', str(instance))
            processes.start('daily', *start, DAILY, '--instance', '0')
            time.sleep(_SETTLE_SECONDS)
            spent, began = processor_seconds(), time.time()
            processes.start('scheduler', *start, 'Scheduler', '--instance', '0')
            processes.wait_until(lambda: _done_count(store) >= count, 'all jobs are processed')
            spent = processor_seconds() - spent
            first = min(unit.created_at for unit in store.all_units()).timestamp()
            jobs = store.changed_jobs(START, count + 1)
    if len(jobs) != count:
        raise PeerFailed(f'Synergy: {len(jobs)} jobs, {count} expected')
    ended = max(job.changed_at for job in jobs).timestamp()
    whole = Week(
        what='Synergy, embedded, start of the Scheduler included',
        start_seconds=None,
        seconds=ended - began,
        processor_seconds=spent,
    )
    return [
        whole,
        replace(
            whole,
            what='Synergy, embedded, from the first unit',
            start_seconds=first - began,
            seconds=ended - first,
        ),
    ]


def _done_count(store: Store) -> int:
    counts = store.count_jobs()
    return sum(count for (_, state), count in counts.items() if state is JobState.PROCESSED)
