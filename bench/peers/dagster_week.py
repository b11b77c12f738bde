"""The week in Dagster: a backfill through its daemon and code server, and without them in a loop.

Configured as the documentation advises; bench/peers/README.md has each setting and why.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from bench.peers.environments import files, programs
from bench.peers.measured import (
    DAYS_VARIABLE,
    SINGLE_RUN_VARIABLE,
    PeerFailed,
    Processes,
    Week,
    free_ports,
    interval_count,
    processor_seconds,
)
from bench.servers.postgresql import PostgresServer

_DATABASE: Final = 'dagster'
#: Each run is a process that imports Dagster; more than two a core only wait for each other.
_RUNS_MAX: Final = 2 * (os.cpu_count() or 1)
_INSTANCE: Final = """\
storage:
  postgres:
    postgres_url: postgresql+psycopg2://{database}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: {runs_max}
    dequeue_interval_seconds: 1
    dequeue_use_threads: true
    dequeue_num_workers: {runs_max}
compute_logs:
  module: dagster.core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
telemetry:
  enabled: false
"""


def measure(days: int) -> Iterator[Week]:
    """Run the week in each way, each in a new instance, yielding each; raise PeerFailed."""
    yield _loop('Dagster, no daemon, one process in a loop', days)
    yield _backfill('Dagster, backfill, a run for each asset', days, is_single_run=True)
    yield _backfill('Dagster, backfill, a run for each partition', days, is_single_run=False)


def _backfill(what: str, days: int, *, is_single_run: bool) -> Week:
    began = time.time()
    with tempfile.TemporaryDirectory(prefix='synergy-dagster-') as folder, PostgresServer() as sql:
        home = Path(folder)
        environ = _environ(home, sql, days, is_single_run=is_single_run)
        with Processes(home, environ) as processes:
            (port,) = free_ports(1)
            (home / 'workspace.yaml').write_text(
                f'load_from:\n  - grpc_server: {{host: 127.0.0.1, port: {port}}}\n'
            )
            at = programs('dagster')
            code = ['-f', str(files('dagster') / 'dagster_assets.py')]
            # The first command makes the tables: two at the same time would meet.
            processes.run(str(at / 'dagster'), 'instance', 'migrate')
            processes.start(
                'code',
                str(at / 'dagster'),
                'api',
                'grpc',
                '-h',
                '127.0.0.1',
                '-p',
                str(port),
                *code,
            )
            processes.wait_until(lambda: _is_serving(processes, port), 'the code server answers')
            processes.start('daemon', str(at / 'dagster-daemon'), 'run', '-w', 'workspace.yaml')
            processes.wait_until(lambda: _is_daemon_alive(sql), 'the daemon beats')
            started = time.time() - began
            spent = processor_seconds()
            asked = float(
                processes.run(str(at / 'python'), str(files('dagster') / 'dagster_backfill.py'))
            )
            processes.wait_until(lambda: _is_done(sql, what, days), f'{what}: all succeeded')
            spent = processor_seconds() - spent
            ((ended,),) = sql.ask(_DATABASE, 'SELECT max(end_time) FROM runs')
    return Week(
        what=what, start_seconds=started, seconds=float(ended) - asked, processor_seconds=spent
    )


def _loop(what: str, days: int) -> Week:
    with tempfile.TemporaryDirectory(prefix='synergy-dagster-') as folder, PostgresServer() as sql:
        environ = _environ(Path(folder), sql, days, is_single_run=False)
        with Processes(Path(folder), environ) as processes:
            processes.run(str(programs('dagster') / 'dagster'), 'instance', 'migrate')
            spent = processor_seconds()
            printed = processes.run(
                str(programs('dagster') / 'python'), str(files('dagster') / 'dagster_loop.py')
            )
            spent = processor_seconds() - spent
    began, ended = map(float, printed.split())
    return Week(what=what, start_seconds=None, seconds=ended - began, processor_seconds=spent)


def _environ(
    home: Path, sql: PostgresServer, days: int, *, is_single_run: bool
) -> Mapping[str, str]:
    """Return the environment of a new instance, after writing its configuration."""
    (home / 'dagster.yaml').write_text(
        _INSTANCE.format(database=sql.database(_DATABASE), runs_max=_RUNS_MAX)
    )
    environ = {
        'PATH': f'{programs("dagster")}:{os.environ["PATH"]}',
        'HOME': str(home),
        'LANG': 'C.UTF-8',
        'DAGSTER_HOME': str(home),
        'DAGSTER_DISABLE_TELEMETRY': '1',
        'PYTHONDONTWRITEBYTECODE': '1',
        DAYS_VARIABLE: str(days),
    }
    return {**environ, SINGLE_RUN_VARIABLE: '1'} if is_single_run else environ


def _is_serving(processes: Processes, port: int) -> bool:
    try:
        processes.run(
            str(programs('dagster') / 'dagster'), 'api', 'grpc-health-check', '-p', str(port)
        )
    except PeerFailed:
        return False
    return True


def _is_daemon_alive(sql: PostgresServer) -> bool:
    rows = sql.ask(_DATABASE, 'SELECT daemon_type FROM daemon_heartbeats')
    return {'BACKFILL', 'QUEUED_RUN_COORDINATOR'} <= {row[0] for row in rows}


def _is_done(sql: PostgresServer, what: str, days: int) -> bool:
    rows = sql.ask(_DATABASE, 'SELECT status, count(*) FROM runs GROUP BY 1')
    count_by_status = {status: int(count) for status, count in rows}
    if 'FAILURE' in count_by_status:
        raise PeerFailed(f'{what}: {count_by_status["FAILURE"]} runs failed')
    ((made,),) = sql.ask(
        _DATABASE,
        "SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'",
    )
    return int(made) >= interval_count(days) and set(count_by_status) == {'SUCCESS'}
