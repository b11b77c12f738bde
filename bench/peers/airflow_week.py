"""The week in Apache Airflow: PostgreSQL, API server, DAG processor and scheduler on loopback.

Configured as the documentation advises for speed; bench/peers/README.md has each setting and why.
"""

from __future__ import annotations

import json
import os
import secrets
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.peers.environments import files, programs
from bench.peers.measured import (
    DAYS_VARIABLE,
    PeerFailed,
    Processes,
    Week,
    free_ports,
    processor_seconds,
)
from bench.servers.postgresql import PostgresServer
from synergy.core.structs import Struct, replace

_DATABASE: Final = 'airflow'
_DAG_COUNT: Final = 4
_WARM_UP: Final = 'warm_up'
#: Tasks spend most of their time waiting for scheduler and API server: with twice the cores the
#: cores were half idle, and the week took twice as long.
_PARALLELISM: Final = 8 * (os.cpu_count() or 1)


class _Shape(Struct, frozen=True, kw_only=True):
    """A way to write the week, of airflow_dags.py; runs: of each day."""

    what: str
    dags: Sequence[str]
    runs: int


_SHAPES: Final = (
    _Shape(what='Airflow, a run for each hour and day', dags=('daily', 'hourly'), runs=25),
    _Shape(what='Airflow, a run a day, hours as its tasks', dags=('day',), runs=1),
)


def measure(days: int) -> Iterator[Week]:
    """Run the week in each shape, yielding each when it is done; raise PeerFailed."""
    began = time.time()
    with tempfile.TemporaryDirectory(prefix='synergy-airflow-') as folder, PostgresServer() as sql:
        (port,) = free_ports(1)
        environ = _environ(Path(folder), sql.database(_DATABASE), port, days)
        with Processes(Path(folder), environ) as processes:
            airflow = str(programs('airflow') / 'airflow')
            processes.run(airflow, 'db', 'migrate')
            processes.start('api-server', airflow, 'api-server')
            processes.start('dag-processor', airflow, 'dag-processor')
            processes.start('scheduler', airflow, 'scheduler')
            processes.wait_until(lambda: _is_ready(sql, port), 'Airflow is ready')
            _warm_up(processes, sql, port)
            started = time.time() - began
            for shape in _SHAPES:
                measured = _measure(processes, sql, port, shape, days)
                yield replace(measured, start_seconds=started)


def _warm_up(processes: Processes, sql: PostgresServer, port: int) -> None:
    """Run one task, so that the first use of everything belongs to the start-up."""
    token = _token(port)
    _ask(port, 'PATCH', f'/api/v2/dags/{_WARM_UP}', {'is_paused': False}, token)
    _ask(port, 'POST', f'/api/v2/dags/{_WARM_UP}/dagRuns', {'logical_date': None}, token)
    processes.wait_until(
        lambda: _count_by_state(sql, [_WARM_UP]).get('success', 0) == 1, 'one task has run'
    )


def _measure(
    processes: Processes,
    sql: PostgresServer,
    port: int,
    shape: _Shape,
    days: int,
) -> Week:
    what, dags, runs = shape.what, shape.dags, shape.runs * days
    token = _token(port)
    spent, began = processor_seconds(), time.time()
    for dag in dags:
        _ask(port, 'PATCH', f'/api/v2/dags/{dag}', {'is_paused': False}, token)

    def is_done() -> bool:
        count_by_state = _count_by_state(sql, dags)
        if 'failed' in count_by_state:
            raise PeerFailed(f'{what}: {count_by_state["failed"]} runs failed')
        return count_by_state.get('success', 0) >= runs

    processes.wait_until(is_done, f'{what}: all runs succeeded')
    spent = processor_seconds() - spent
    ((ended, count),) = sql.ask(
        _DATABASE,
        'SELECT extract(epoch FROM max(end_date)), count(*) FROM dag_run '
        f'WHERE dag_id IN ({_quoted(dags)})',
    )
    if int(count) != runs:
        raise PeerFailed(f'{what}: {count} runs, {runs} expected')
    return Week(
        what=what,
        start_seconds=None,
        seconds=float(ended) - began,
        processor_seconds=spent,
    )


def _environ(home: Path, database: str, port: int, days: int) -> Mapping[str, str]:
    base = f'http://127.0.0.1:{port}'
    settings = {
        'core.executor': 'LocalExecutor',
        'core.parallelism': str(_PARALLELISM),
        'core.dags_folder': str(files('airflow') / 'dags'),
        'core.load_examples': 'False',
        'core.dags_are_paused_at_creation': 'True',
        'core.execution_api_server_url': f'{base}/execution/',
        'core.simple_auth_manager_all_admins': 'True',
        'core.default_pool_task_slot_count': '1000',
        'database.sql_alchemy_conn': f'postgresql+psycopg2://{database}',
        'database.load_default_connections': 'False',
        'api.host': '127.0.0.1',
        'api.port': str(port),
        'api.base_url': base,
        'api.secret_key': secrets.token_hex(16),
        'api_auth.jwt_secret': secrets.token_hex(32),
        'scheduler.scheduler_heartbeat_sec': '1',
        'scheduler.scheduler_idle_sleep_time': '0.1',
        'scheduler.max_dagruns_to_create_per_loop': '100',
        'scheduler.max_dagruns_per_loop_to_schedule': '100',
        'scheduler.max_tis_per_query': '100',
        'dag_processor.min_file_process_interval': '600',
        'logging.logging_level': 'WARNING',
        'usage_data_collection.enabled': 'False',
    }
    return {
        'PATH': f'{programs("airflow")}:{os.environ["PATH"]}',
        'HOME': str(home),
        'LANG': 'C.UTF-8',
        'AIRFLOW_HOME': str(home),
        'PYTHONDONTWRITEBYTECODE': '1',
        DAYS_VARIABLE: str(days),
        **{f'AIRFLOW__{name.replace(".", "__").upper()}': it for name, it in settings.items()},
    }


def _is_ready(sql: PostgresServer, port: int) -> bool:
    """Tell whether the API server answers, the scheduler lives and the DAGs were read."""
    try:
        health = _ask(port, 'GET', '/api/v2/monitor/health')
    except OSError:
        return False
    scheduler = health['scheduler']
    assert isinstance(scheduler, dict), 'Source: Airflow docs, Checking Airflow Health Status'
    ((count,),) = sql.ask(_DATABASE, 'SELECT count(*) FROM serialized_dag')
    return scheduler['status'] == 'healthy' and int(count) == _DAG_COUNT


def _count_by_state(sql: PostgresServer, dags: Sequence[str]) -> Mapping[str, int]:
    rows = sql.ask(
        _DATABASE,
        f'SELECT state, count(*) FROM dag_run WHERE dag_id IN ({_quoted(dags)}) GROUP BY 1',
    )
    return {state: int(count) for state, count in rows}


def _quoted(names: Sequence[str]) -> str:
    return ', '.join(f"'{name}'" for name in names)


def _token(port: int) -> str:
    return str(_ask(port, 'GET', '/auth/token')['access_token'])


def _ask(
    port: int, method: str, path: str, body: object = None, token: str | None = None
) -> Mapping[str, object]:
    request = urllib.request.Request(
        f'http://127.0.0.1:{port}{path}',
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            'Content-Type': 'application/json',
            **({} if token is None else {'Authorization': f'Bearer {token}'}),
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: Mapping[str, object] = json.load(answer)
        return found
