"""Ask for the backfill of the week, as the button of the web interface does; print its time.

The request goes straight to the instance's storage: there is no command for a backfill of assets,
and a web server would be one more process beside what is measured.
"""

from __future__ import annotations

import time

import dagster_assets
from dagster import AssetKey, DagsterInstance
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.utils import make_new_backfill_id


def main() -> None:
    """Add the request."""
    graph = dagster_assets.defs.resolve_asset_graph()
    with DagsterInstance.get() as instance:
        now = time.time()
        instance.add_backfill(
            PartitionBackfill.from_asset_partitions(
                backfill_id=make_new_backfill_id(),
                asset_graph=graph,
                partition_names=list(dagster_assets.HOURS.get_partition_keys()),
                asset_selection=[AssetKey('site_hourly'), AssetKey('site_daily')],
                backfill_timestamp=now,
                tags={},
                dynamic_partitions_store=instance,
                all_partitions=False,
                title=None,
                description=None,
                run_config=None,
            )
        )
    print(now)


if __name__ == '__main__':
    main()
