"""Numbers for states and qualifiers, and the conditions that partial indexes have.

A row of an interval that has ended stays for years, so that it is small counts: 0 and 1 take no
byte in a row of SQLite, other small numbers one. The numbers are part of every file, and so are
never changed. Those of what is open or live are the lowest, so that one comparison tells; SQLite
uses a partial index for a condition of the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from synergy.core.commands import OPEN_COMMAND_STATES
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import Qualifier

NUMBER_BY_JOB_STATE: Final[Mapping[JobState, int]] = {
    JobState.EMBRYO: 0,
    JobState.IN_PROGRESS: 1,
    JobState.FINAL_RUN: 2,
    JobState.PROCESSED: 3,
    JobState.SKIPPED: 4,
    JobState.NOOP: 5,
}
#: Those that are live in the order in which they are listed.
NUMBER_BY_UNIT_STATE: Final[Mapping[UnitState, int]] = {
    UnitState.IN_PROGRESS: 0,
    UnitState.INVALID: 1,
    UnitState.REQUESTED: 2,
    UnitState.PROCESSED: 3,
    UnitState.NOOP: 4,
    UnitState.CANCELED: 5,
    UnitState.DEAD: 6,
}
NUMBER_BY_QUALIFIER: Final[Mapping[Qualifier, int]] = {
    Qualifier.YEARLY: 1,
    Qualifier.MONTHLY: 2,
    Qualifier.DAILY: 3,
    Qualifier.HOURLY: 4,
    Qualifier.REAL_TIME: 5,
    Qualifier.WEEKLY: 6,
    Qualifier.MINUTELY_30: 7,
    Qualifier.MINUTELY_20: 8,
    Qualifier.MINUTELY_15: 9,
    Qualifier.MINUTELY_12: 10,
    Qualifier.MINUTELY_10: 11,
    Qualifier.MINUTELY_6: 12,
    Qualifier.MINUTELY_5: 13,
    Qualifier.MINUTELY_3: 14,
    Qualifier.MINUTELY_2: 15,
    Qualifier.MINUTELY_1: 16,
    Qualifier.WEEKLY_TUE: 17,
    Qualifier.WEEKLY_WED: 18,
    Qualifier.WEEKLY_THU: 19,
    Qualifier.WEEKLY_FRI: 20,
    Qualifier.WEEKLY_SAT: 21,
    Qualifier.WEEKLY_SUN: 22,
}
JOB_STATE_BY_NUMBER: Final = {number: state for state, number in NUMBER_BY_JOB_STATE.items()}
UNIT_STATE_BY_NUMBER: Final = {number: state for state, number in NUMBER_BY_UNIT_STATE.items()}
QUALIFIER_BY_NUMBER: Final = {number: word for word, number in NUMBER_BY_QUALIFIER.items()}


def _list(numbers: Iterable[int]) -> str:
    return f'({", ".join(map(str, numbers))})'


def _words(members: Iterable[StrEnum]) -> str:
    return f'({", ".join(repr(member.value) for member in members)})'


#: Of jobs.
IS_OPEN: Final = '(state < 3)'
IS_NOT_OPEN: Final = '(state >= 3)'
SKIPPED: Final = NUMBER_BY_JOB_STATE[JobState.SKIPPED]
ENDED_JOBS: Final = _list(number for number, state in JOB_STATE_BY_NUMBER.items() if state.is_final)
#: Of units.
IS_LIVE: Final = '(state < 3)'
ENDED_UNITS: Final = _list(
    number for number, state in UNIT_STATE_BY_NUMBER.items() if not state.is_live
)
REQUESTED: Final = NUMBER_BY_UNIT_STATE[UnitState.REQUESTED]
IN_PROGRESS: Final = NUMBER_BY_UNIT_STATE[UnitState.IN_PROGRESS]
CANCELED: Final = NUMBER_BY_UNIT_STATE[UnitState.CANCELED]
DEAD: Final = NUMBER_BY_UNIT_STATE[UnitState.DEAD]
PROCESSED_UNIT: Final = NUMBER_BY_UNIT_STATE[UnitState.PROCESSED]
#: Of commands, whose states are words.
OPEN_COMMANDS: Final = _words(OPEN_COMMAND_STATES)
#: The qualifier of free runs.
REAL_TIME: Final = NUMBER_BY_QUALIFIER[Qualifier.REAL_TIME]
