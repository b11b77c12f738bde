"""The byte that stands for an interval in the dense index, and the searches for sorts of them."""

from __future__ import annotations

import re
from enum import Enum
from typing import Final

from synergy.core.node import Node
from synergy.core.states import FINAL_JOB_STATES, JobState
from synergy.core.working import left_out


class Lane(Enum):
    """Two sorts of embryos: intervals that never ran, and those that a request has reset."""

    FRESH = 0
    RERUN = 1

    __hash__ = object.__hash__


RERUN: Final = Lane.RERUN.value
#: Code of an embryo whose request is paused: nothing starts it.
PAUSED: Final = 2
STATES: Final = (JobState.EMBRYO, JobState.EMBRYO, *JobState)
CODE_BY_STATE: Final = {state: code for code, state in enumerate(STATES)} | {
    JobState.EMBRYO: Lane.FRESH.value
}
#: Code of an interval that the working calendar leaves out: nothing is to do, and there is no row.
LEFT_OUT: Final = len(STATES)
STATE_BY_CODE: Final = (*STATES, JobState.NOOP)
EMBRYO_BY_LANE: Final = {lane: bytes([lane.value]) for lane in Lane}
FINAL_CODES: Final = (*(CODE_BY_STATE[state] for state in sorted(FINAL_JOB_STATES)), LEFT_OUT)
PROCESSED: Final = CODE_BY_STATE[JobState.PROCESSED]
NOOP: Final = CODE_BY_STATE[JobState.NOOP]
SKIPPED: Final = bytes([CODE_BY_STATE[JobState.SKIPPED]])
OPEN_STATES: Final = re.compile(rb'[\x00-\x04]')
FINAL_STATES: Final = re.compile(rb'[\x05-\x08]')
#: Translates codes to those of a copy.
ENDED_ONLY: Final = bytes(code if PROCESSED <= code < LEFT_OUT else 0 for code in range(256))
CHANGED: Final = re.compile(rb'[\x03-\x07]+')
#: Those that are not paused.
EMBRYOS: Final = re.compile(rb'[\x00\x01]+')
LEFT_OUTS: Final = re.compile(rb'\x08+')
UNFINISHED: Final = re.compile(rb'[\x00-\x04]+')


def leave_out(node: Node, codes: bytearray, ordinals: range) -> None:
    """Mark those of `ordinals` that the working calendar leaves out and that have no row."""
    if node.process.working is None:
        return
    marks = left_out(node.calendar, node.process.working, node.process.qualifier, ordinals)
    at = marks.find(1)
    while at >= 0:
        position = ordinals.start - node.first + at
        codes[position] = codes[position] or LEFT_OUT
        at = marks.find(1, at + 1)
