"""The week in Apache Airflow, in two shapes; both are paused until they are measured.

`hourly` and `daily` are the shape of Synergy's own: a run for each hour, and for each day a run
that Airflow starts when the 24 partitions of its hours are there (asset partitions with a
RollupMapper). `day` is the cheaper shape for Airflow: one run a day, with the hours as tasks in it.
`warm_up` is run once before, so that first connections and imports are not measured.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from airflow.sdk import (
    DAG,
    Asset,
    CronPartitionTimetable,
    CronTriggerTimetable,
    DayWindow,
    PartitionedAssetTimetable,
    RollupMapper,
    StartOfDayMapper,
    task,
)

#: The same as in bench/peers/measured.py, which cannot be imported here.
START = datetime(2026, 1, 5, tzinfo=UTC)
DAYS = int(os.environ['SYNERGY_INTERNAL_PEERS_DAYS'])
LAST_HOUR = START + timedelta(hours=DAYS * 24 - 1)
RUNS_MAX = 1000

site_hours = Asset('site_hours')


@task
def do_nothing() -> None:
    """Be the work."""


with DAG('warm_up', schedule=None):
    do_nothing()

with DAG(
    'hourly',
    schedule=CronPartitionTimetable('0 * * * *', timezone='UTC'),
    start_date=START,
    end_date=LAST_HOUR,
    catchup=True,
    max_active_runs=RUNS_MAX,
):
    do_nothing.override(outlets=[site_hours])()

with DAG(
    'daily',
    schedule=PartitionedAssetTimetable(
        assets=site_hours,
        default_partition_mapper=RollupMapper(
            upstream_mapper=StartOfDayMapper(), window=DayWindow()
        ),
    ),
    catchup=False,
    max_active_runs=RUNS_MAX,
):
    do_nothing()

with DAG(
    'day',
    schedule=CronTriggerTimetable('0 0 * * *', timezone='UTC'),
    start_date=START,
    end_date=LAST_HOUR,
    catchup=True,
    max_active_runs=RUNS_MAX,
    max_active_tasks=RUNS_MAX,
):
    hours = [do_nothing.override(task_id=f'hour_{hour:02}')() for hour in range(24)]
    hours >> do_nothing.override(task_id='day')()
