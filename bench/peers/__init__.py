"""The same week of hours and days in Synergy, Apache Airflow and Dagster, beside each other.

Peers live in virtual environments of their own, made only when asked for, and those that are not
there are left out. README.md beside this file says how each is configured and what may be compared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from bench.peers import airflow_week, dagster_week, synergy_week
from bench.peers.environments import PEERS, is_installed, versions
from bench.peers.measured import PeerFailed, Week, interval_count
from bench.result import Result
from bench.servers import postgresql

_WEEK_OF: Final[Mapping[str, Callable[[int], Iterator[Week]]]] = {
    'airflow': airflow_week.measure,
    'dagster': dagster_week.measure,
}
_PACKAGE_OF: Final = {'airflow': 'apache-airflow', 'dagster': 'dagster'}


def run(*, is_quick: bool) -> Sequence[Result]:
    """Measure a week, or a day when quick, in Synergy and in each peer that is installed."""
    days = 1 if is_quick else 7
    _say(f'Synergy: {days * 24} hours and {days} days')
    own = synergy_week.measure(days)
    baseline = own[0]
    weeks = list(own)
    for name in PEERS:
        if not is_installed(name):
            _say(f'{name} is not installed; ./launch.py bench peers --install')
        elif postgresql.binaries() is None:
            _say(f'{name} is left out: it needs PostgreSQL; apt-get install postgresql')
        else:
            _say(f'{name} {versions(name)[_PACKAGE_OF[name]]}: the same; takes minutes')
            try:
                for week in _WEEK_OF[name](days):
                    _say(f'{week.what}: {week.seconds:.1f} s')
                    weeks.append(week)
            except (PeerFailed, postgresql.PostgresServerError) as error:
                # What the others took minutes for is still worth showing.
                _say(f'{name} failed: {error}')
    return [item for week in weeks for item in _results(week, baseline, interval_count(days))]


def _results(week: Week, baseline: Week, count: int) -> Sequence[Result]:
    """Return a way's time, rate, processor time and start, and the first two beside Synergy's."""
    rows = [
        (f'{week.what}: {count} jobs', week.seconds, 's'),
        ('  rate', count / week.seconds, 'jobs/s'),
        ('  time / that of Synergy', week.seconds / baseline.seconds, ''),
        ('  processor time', week.processor_seconds, 's'),
        (
            '  processor time / that of Synergy',
            week.processor_seconds / baseline.processor_seconds,
            '',
        ),
    ]
    if week.start_seconds is not None:
        rows.append(('  start-up, not included', week.start_seconds, 's'))
    return [
        Result(benchmark='peers', what=what, value=value, unit=unit) for what, value, unit in rows
    ]


def _say(text: str) -> None:
    print(f'peers: {text}', file=sys.stderr, flush=True)
