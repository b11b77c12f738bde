"""What an answer to "why" is drawn from, and words that all its causes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from synergy.core.changed_levels import RefusedLevel
from synergy.core.leader_standing import LeaderStanding
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import JobKey
from synergy.core.timetable import Timetable
from synergy.ports.store import Reader
from synergy.view.no_worker import Boxes


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer is drawn from. vanished_after: see `Settings.box_vanished`.

    refused: processes whose level has changed under their old name.
    """

    timetable: Timetable
    store: Reader
    now: datetime
    vanished_after: timedelta
    refused: Mapping[ProcessName, RefusedLevel]
    standing: LeaderStanding


def boxes_of(question: Question, key: JobKey) -> Boxes:
    """Return what is known of the boxes that could run what `key` waits for."""
    return Boxes(
        store=question.store, now=question.now, vanished_after=question.vanished_after, told_of=key
    )


def word_of(state: JobState) -> str:
    """Return a state as causes name it."""
    if state is JobState.EMBRYO:
        return 'not started'
    return state.value.removeprefix('state_').replace('_', ' ')
