"""The byte that stands for an interval in the dense index, and the searches for sorts of them."""

from __future__ import annotations

import re
from typing import Final

from synergy.core.hierarchy import Hierarchy
from synergy.core.leaving_out import left_out_until
from synergy.core.node import Node
from synergy.core.states import FINAL_JOB_STATES, JobState
from synergy.core.working import left_out

#: Codes of embryos: intervals that never ran, and those that a request has reset.
FRESH: Final = 0
RERUN: Final = 1
#: Code of an embryo whose request is paused: nothing starts it.
PAUSED: Final = 2
#: Codes of embryos of requests with options of their own, one for each that is open.
OWN: Final = range(16, 128)
STATES: Final = (JobState.EMBRYO, JobState.EMBRYO, *JobState)
CODE_BY_STATE: Final = {state: code for code, state in enumerate(STATES)} | {JobState.EMBRYO: FRESH}
#: Code of an interval that is left out, by the working calendar or because nothing before the first
#: start is caught up: nothing is to do, and there is no row.
LEFT_OUT: Final = len(STATES)
STATE_BY_CODE: Final = (*STATES, JobState.NOOP, *[JobState.EMBRYO] * (OWN.stop - LEFT_OUT - 1))
RERUNS: Final = frozenset((RERUN, *OWN))
FINAL_CODES: Final = (*(CODE_BY_STATE[state] for state in sorted(FINAL_JOB_STATES)), LEFT_OUT)
PROCESSED: Final = CODE_BY_STATE[JobState.PROCESSED]
NOOP: Final = CODE_BY_STATE[JobState.NOOP]
SKIPPED: Final = bytes([CODE_BY_STATE[JobState.SKIPPED]])
OPEN_STATES: Final = re.compile(rb'[\x00-\x04\x10-\x7f]')
FINAL_STATES: Final = re.compile(rb'[\x05-\x08]')
#: Translates codes to those of a copy.
ENDED_ONLY: Final = bytes(code if PROCESSED <= code < LEFT_OUT else 0 for code in range(256))
CHANGED: Final = re.compile(rb'[\x03-\x07]+')
#: Those that are not paused.
EMBRYOS: Final = re.compile(rb'[\x00\x01\x10-\x7f]+')
LEFT_OUTS: Final = re.compile(rb'\x08+')
UNFINISHED: Final = re.compile(rb'[\x00-\x04\x10-\x7f]+')


def leave_out(hierarchy: Hierarchy, node: Node, codes: bytearray, ordinals: range) -> None:
    """Mark those of `ordinals` that are left out and that have no row."""
    process = node.process
    if process.working is None and process.left_out_before is None:
        return
    marks = bytes(len(ordinals))
    if process.working is not None:
        marks = left_out(node.calendar, process.working, process.qualifier, ordinals)
    if (count := left_out_until(hierarchy, node) - ordinals.start) > 0:
        marks = b'\x01' * min(count, len(ordinals)) + marks[count:]
    at = marks.find(1)
    while at >= 0:
        position = ordinals.start - node.first + at
        codes[position] = codes[position] or LEFT_OUT
        at = marks.find(1, at + 1)
