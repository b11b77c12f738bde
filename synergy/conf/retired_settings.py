"""What has become of settings of Synergy 2.x."""

from __future__ import annotations

from typing import Final

#: Settings of Synergy 2.x that are gone, by the beginning of their name, and what to do instead.
RETIRED: Final = {
    'mq_': 'the broker is named by broker_uri alone, as in amqp://USER:PASSWORD@HOST:PORT/VHOST',
    'gc_run_interval': 'use sweep_seconds',
    'gc_life_support_hours': 'use uow_age_hours_max',
    'gc_resubmit_after_hours': 'use uow_lease_seconds',
    'gc_release_lag_minutes': 'use retry_delay of the context entry',
    'mongo_db_name': 'store_uri names the database, as in mongodb://HOST/scheduler',
    'mongodb_host_list': 'the store is named by store_uri alone',
    'ds_type': 'the store is named by store_uri alone',
    'db_log_ttl_days': 'use log_retention_days',
    'perf_ticker_interval': './launch.py status shows what it printed',
    'bash_runnable_count': 'use max_running and instances of the context entry',
    'process_cwd': 'processes run in the project folder',
    'config_file': 'the box is named by box_id, or by ./launch.py super --boxid ID',
    'batch_size': 'batches need no setting',
    'under_test': 'tests use a home of their own',
    'version': 'the version is that of the package',
}
