"""Constants that a context is written with; names and values are those of Synergy 2.x."""

from __future__ import annotations

from typing import Final

EXCHANGE_MANAGED_WORKER: Final = 'ex_managed_worker'
EXCHANGE_FREERUN_WORKER: Final = 'ex_freerun_worker'
EXCHANGE_UTILS: Final = 'ex_utils'

QUALIFIER_HOURLY: Final = '_hourly'
QUALIFIER_DAILY: Final = '_daily'
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
PROCESS_LAUNCH_PY: Final = 'LaunchPy'

#: In pid_directory: of the one Supervisor of a home.
SUPERVISOR_PID_FILE: Final = 'supervisor_daemon.pid'
