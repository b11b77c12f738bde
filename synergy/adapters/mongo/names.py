"""Names that several parts of the store use: of collections, of documents and of states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.core.commands import OPEN_COMMAND_STATES
from synergy.core.states import FINAL_JOB_STATES, LIVE_UNIT_STATES, JobState
from synergy.core.timeperiod import LEVELS, Measure, Qualifier

#: Collections of jobs that Synergy 2.x had, fine to coarse: each has one level.
QUALIFIER_BY_COLLECTION: Final = {
    'job_hourly': Qualifier.HOURLY,
    'job_daily': Qualifier.DAILY,
    'job_monthly': Qualifier.MONTHLY,
    'job_yearly': Qualifier.YEARLY,
}
#: Those of several levels, whose documents say of which they are.
_SHARED: Final = {Measure.MINUTE: 'job_minutely', Measure.WEEK: 'job_weekly'}
JOB_COLLECTION: Final[Mapping[Qualifier, str]] = {
    **{qualifier: name for name, qualifier in QUALIFIER_BY_COLLECTION.items()},
    **{level: _SHARED[level.measure] for level in LEVELS if level.measure in _SHARED},
}
SHARED_COLLECTIONS: Final = frozenset(_SHARED.values())
JOB_COLLECTIONS: Final = (*QUALIFIER_BY_COLLECTION, *_SHARED.values())
#: Field by which a document of a shared collection says its level.
LEVEL: Final = 'time_qualifier'
UNITS: Final = 'unit_of_work'
FREERUNS: Final = 'freerun_process'
OVERRIDES: Final = 'managed_process'
#: Sizes of pools that operators have set.
POOLS: Final = 'pool'
COMMANDS: Final = 'command'
#: Collection of the context that is led, and id of its one document.
CONTEXT: Final = 'led_context'
LEADERSHIP: Final = 'leadership'
LEADER: Final = 'scheduler'
#: Id of the document beside it that has what leaders have counted.
COUNTS: Final = 'counts'
#: Collection of the copy of the dense index, and id of the document that dates it.
INDEX: Final = 'index_copy'
BOXES: Final = 'box'
JOURNAL: Final = 'journal'
CURSORS: Final = 'journal_cursor'
SNAPSHOTS: Final = 'index_snapshot'
#: Collection of who watches and what is remembered of alerts, and id of its one document.
WATCH: Final = 'watch'
DELIVERIES: Final = 'alert_delivery'
ALERT_REQUESTS: Final = 'alert_request'
#: Collections of what recuts have archived.
JOBS_ARCHIVED: Final = 'job_archived'
UNITS_ARCHIVED: Final = 'unit_of_work_archived'
TYPE_MANAGED: Final = 'type_managed'
TYPE_FREERUN: Final = 'type_freerun'
#: States as documents spell them.
LIVE: Final = [state.value for state in LIVE_UNIT_STATES]
OPEN_COMMANDS: Final = [state.value for state in OPEN_COMMAND_STATES]
OPEN: Final = [state.value for state in JobState if state not in FINAL_JOB_STATES]
