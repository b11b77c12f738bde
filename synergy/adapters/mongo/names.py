"""Names that several parts of the store use: of collections, of documents and of states."""

from __future__ import annotations

from typing import Final

from synergy.core.commands import OPEN_COMMAND_STATES
from synergy.core.states import FINAL_JOB_STATES, LIVE_UNIT_STATES, JobState
from synergy.core.timeperiod import Qualifier

#: Collections of jobs, fine to coarse.
JOB_COLLECTION: Final = {
    Qualifier.HOURLY: 'job_hourly',
    Qualifier.DAILY: 'job_daily',
    Qualifier.MONTHLY: 'job_monthly',
    Qualifier.YEARLY: 'job_yearly',
}
QUALIFIER_BY_COLLECTION: Final = {name: qualifier for qualifier, name in JOB_COLLECTION.items()}
UNITS: Final = 'unit_of_work'
FREERUNS: Final = 'freerun_process'
OVERRIDES: Final = 'managed_process'
COMMANDS: Final = 'command'
#: Collection of the context that is led, and id of its one document.
CONTEXT: Final = 'led_context'
LEADERSHIP: Final = 'leadership'
LEADER: Final = 'scheduler'
#: Collection of the copy of the dense index, and id of the document that dates it.
INDEX: Final = 'index_copy'
BOXES: Final = 'box'
TYPE_MANAGED: Final = 'type_managed'
TYPE_FREERUN: Final = 'type_freerun'
#: States as documents spell them.
LIVE: Final = [state.value for state in LIVE_UNIT_STATES]
OPEN_COMMANDS: Final = [state.value for state in OPEN_COMMAND_STATES]
OPEN: Final = [state.value for state in JobState if state not in FINAL_JOB_STATES]
