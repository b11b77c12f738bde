"""Materialize the week partition by partition in this process, no daemon; print begin and end."""

from __future__ import annotations

import time

import dagster as dg
import dagster_assets


def main() -> None:
    """Run each hour, then each day."""
    with dg.DagsterInstance.get() as instance:
        began = time.time()
        for asset, partitions in (
            (dagster_assets.site_hourly, dagster_assets.HOURS),
            (dagster_assets.site_daily, dagster_assets.DAYS),
        ):
            selected = dg.AssetSelection.assets(asset)
            for key in partitions.get_partition_keys():
                done = dg.materialize(
                    [dagster_assets.site_hourly, dagster_assets.site_daily],
                    selection=selected,
                    partition_key=key,
                    instance=instance,
                )
                assert done.success, key
        print(began, time.time())


if __name__ == '__main__':
    main()
