"""The week in Dagster: an hourly and a daily partitioned asset, the daily one of its 24 hours.

How a backfill cuts it into runs comes from the environment: one for each partition, which is the
default, or a single one for each asset.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import dagster as dg

#: The same as in bench/peers/measured.py, which cannot be imported here.
START = datetime(2026, 1, 5, tzinfo=UTC)
END = START + timedelta(days=int(os.environ['SYNERGY_INTERNAL_PEERS_DAYS']))
POLICY = (
    dg.BackfillPolicy.single_run()
    if os.environ.get('SYNERGY_INTERNAL_PEERS_SINGLE_RUN')
    else dg.BackfillPolicy.multi_run(1)
)
HOURS = dg.HourlyPartitionsDefinition(start_date=START, end_date=END)
DAYS = dg.DailyPartitionsDefinition(start_date=START, end_date=END)


@dg.asset(partitions_def=HOURS, backfill_policy=POLICY)
def site_hourly() -> None:
    """Be the work of an hour."""


@dg.asset(partitions_def=DAYS, deps=[site_hourly], backfill_policy=POLICY)
def site_daily() -> None:
    """Be the work of a day; its partition maps to the 24 of its hours by their times."""


# The documentation's advice for small work: no process for each step of a run.
defs = dg.Definitions(assets=[site_hourly, site_daily], executor=dg.in_process_executor)
