"""Constants that a context is written with; those that Synergy 2.x has are named as there."""

from __future__ import annotations

from typing import Final

EXCHANGE_MANAGED_WORKER: Final = 'ex_managed_worker'
EXCHANGE_FREERUN_WORKER: Final = 'ex_freerun_worker'
EXCHANGE_UTILS: Final = 'ex_utils'

QUALIFIER_MINUTELY_1: Final = '_minutely_1'
QUALIFIER_MINUTELY_2: Final = '_minutely_2'
QUALIFIER_MINUTELY_3: Final = '_minutely_3'
QUALIFIER_MINUTELY_5: Final = '_minutely_5'
QUALIFIER_MINUTELY_6: Final = '_minutely_6'
QUALIFIER_MINUTELY_10: Final = '_minutely_10'
QUALIFIER_MINUTELY_12: Final = '_minutely_12'
QUALIFIER_MINUTELY_15: Final = '_minutely_15'
QUALIFIER_MINUTELY_20: Final = '_minutely_20'
QUALIFIER_MINUTELY_30: Final = '_minutely_30'
QUALIFIER_HOURLY: Final = '_hourly'
QUALIFIER_DAILY: Final = '_daily'
QUALIFIER_WEEKLY: Final = '_weekly'
QUALIFIER_MONTHLY: Final = '_monthly'
QUALIFIER_YEARLY: Final = '_yearly'
QUALIFIER_REAL_TIME: Final = '_real_time'

BLOCKING_NORMAL: Final = 'blocking_normal'
BLOCKING_CHILDREN: Final = 'blocking_children'
BLOCKING_DEPENDENCIES: Final = 'blocking_dependencies'

STATE_MACHINE_DISCRETE: Final = 'discrete'
STATE_MACHINE_CONTINUOUS: Final = 'continuous'
STATE_MACHINE_RECOMPUTING: Final = 'recomputing'
STATE_MACHINE_FREERUN: Final = 'freerun'

PROCESS_SCHEDULER: Final = 'Scheduler'
PROCESS_SUPERVISOR: Final = 'Supervisor'
PROCESS_MX: Final = 'MX'
PROCESS_WATCH: Final = 'Watch'
PROCESS_LAUNCH_PY: Final = 'LaunchPy'

#: In pid_directory: of the one Supervisor of a home.
SUPERVISOR_PID_FILE: Final = 'supervisor_daemon.pid'
