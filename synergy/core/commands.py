"""What operators ask for: rows that web and CLI insert and that the leading Scheduler executes.

A command names a range of one process's intervals and what is to happen to them. The Scheduler
plans what the command touches (`synergy.core.closure`), executes it, and writes the outcome back
into the same row: the row is also the audit record.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from synergy.core.records import ProcessName
from synergy.core.timeperiod import Timeperiod

CommandId = NewType('CommandId', str)


class CommandKind(StrEnum):
    """What is to be done."""

    REPROCESS = 'reprocess'
    SKIP = 'skip'


class CommandState(StrEnum):
    """How far the Scheduler is with a command."""

    REQUESTED = 'requested'
    DONE = 'done'
    REFUSED = 'refused'


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One request of an operator.

    [start, end): intervals of `process`, of its qualifier; `end` is exclusive. with_children:
    reprocess what is nested below, too. plan_hash: hash of the set of jobs that the operator was
    shown; None executes whatever the plan is by then. outcome: what was done, or why it was
    refused.
    """

    id: CommandId
    kind: CommandKind
    process: ProcessName
    start: Timeperiod
    end: Timeperiod
    with_children: bool = False
    plan_hash: str | None = None
    actor: str
    reason: str | None = None
    state: CommandState = CommandState.REQUESTED
    created_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = None
