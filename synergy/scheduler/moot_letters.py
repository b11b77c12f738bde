"""Dead letters of intervals that have ended well since, as a new leader finds them.

A letter goes off the list in the commit that ends its interval. Those of stores from before that
was so, and of intervals that ended while another context was led, are found here.
"""

from __future__ import annotations

from typing import Final

from synergy.core.effects import Effects, EndLetters
from synergy.core.states import JobState
from synergy.ports.store import SchedulerStore

_LETTERS_MAX: Final = 5_000
_RAN: Final = (JobState.PROCESSED, JobState.NOOP)


def moot_letters(store: SchedulerStore) -> Effects:
    """Return what ends the letters of intervals that are processed or noop by now."""
    keys = dict.fromkeys(unit.key for unit in store.dead_units(_LETTERS_MAX))
    jobs = store.jobs(list(keys))
    return Effects(
        [
            EndLetters(key, f'its interval is {job.state.value.removeprefix("state_")} since')
            for key in keys
            if (job := jobs.get(key)) is not None and job.state in _RAN
        ]
    )
