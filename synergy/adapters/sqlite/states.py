"""States as SQL spells them, taken from the enumerations of the core.

Conditions that partial indexes have are spelled `a OR b`, in the order of the enumerations: SQLite
uses such an index for a condition of the same text, and a list after IN would be built once for
each row that is changed, which costs more than all else of the change.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from synergy.core.commands import OPEN_COMMAND_STATES
from synergy.core.states import JobState, UnitState
from synergy.core.timeperiod import Qualifier


def _literal(member: StrEnum) -> str:
    return f"'{member.value}'"


def _list(members: Iterable[StrEnum]) -> str:
    return f'({", ".join(map(_literal, members))})'


def _any(members: Iterable[StrEnum]) -> str:
    return f'({" OR ".join(f"state = {_literal(member)}" for member in members)})'


#: Of jobs.
IS_OPEN: Final = _any(state for state in JobState if not state.is_final)
SKIPPED: Final = _literal(JobState.SKIPPED)
ENDED_JOBS: Final = _list(state for state in JobState if state.is_final)
#: Of units.
IS_LIVE: Final = _any(state for state in UnitState if state.is_live)
ENDED_UNITS: Final = _list(state for state in UnitState if not state.is_live)
REQUESTED: Final = _literal(UnitState.REQUESTED)
IN_PROGRESS: Final = _literal(UnitState.IN_PROGRESS)
CANCELED: Final = _literal(UnitState.CANCELED)
DEAD: Final = _literal(UnitState.DEAD)
PROCESSED_UNIT: Final = _literal(UnitState.PROCESSED)
#: Of commands.
OPEN_COMMANDS: Final = _list(OPEN_COMMAND_STATES)
#: The qualifier of free runs.
REAL_TIME: Final = _literal(Qualifier.REAL_TIME)
