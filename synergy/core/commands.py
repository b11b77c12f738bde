"""What operators ask for: rows that web and CLI insert and that the leading Scheduler executes.

A command about jobs names a range of one process's intervals. The Scheduler plans what it touches
(`synergy.core.closure`), applies the plan in batches, and follows the jobs that it reset until all
of them are final again: such a command is a request with progress. The row is also the audit
record.

    REQUESTED -> APPLYING -> RUNNING -> DONE        (-> CANCELLED from APPLYING and RUNNING)
    REQUESTED -> REFUSED
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from synergy.core.chosen import INTERVAL_COUNT
from synergy.core.records import CommandId as CommandId  # Part of every command.
from synergy.core.records import Json, ProcessName
from synergy.core.structs import Struct, field
from synergy.core.timeperiod import Timeperiod


class CommandKind(StrEnum):
    """What is to be done.

    REPROCESS, SKIP, CANCEL, MARK_DONE: to jobs. PAUSE, RESUME, ABANDON: to the request `target`.
    DROP: to dead letters. FREERUN_SAVE, FREERUN_REMOVE, FREERUN_RUN, FREERUN_CANCEL: to the free
    run `process`. PROCESS_SAVE, PROCESS_RUN: to the managed process `process`; RECUT: archive what
    it has, and let it begin at `start` by its definition as it is now. POOL_SAVE: to the pool that
    `process` names. BOX, USER,
    CONTEXT (what a changed context means for what is finished) and ALERT (what is asked of Watch
    about the alert that `process` names) are done already when their row is inserted: it is their
    record in the audit. FREEZE holds from then on, until its instant or the
    THAW of which it is the `target`; see `synergy.core.freezes`.
    """

    REPROCESS = 'reprocess'
    SKIP = 'skip'
    CANCEL = 'cancel'
    MARK_DONE = 'mark_done'
    PAUSE = 'pause'
    RESUME = 'resume'
    ABANDON = 'abandon'
    DROP = 'drop'
    FREERUN_SAVE = 'freerun_save'
    FREERUN_REMOVE = 'freerun_remove'
    FREERUN_RUN = 'freerun_run'
    FREERUN_CANCEL = 'freerun_cancel'
    PROCESS_SAVE = 'process_save'
    PROCESS_RUN = 'process_run'
    RECUT = 'recut'
    POOL_SAVE = 'pool_save'
    BOX = 'box'
    USER = 'user'
    CONTEXT = 'context'
    FREEZE = 'freeze'
    THAW = 'thaw'
    ALERT = 'alert'

    @property
    def words(self) -> str:
        """Return it as people read it: `mark done`."""
        return self.value.replace('_', ' ')


#: Kinds that are about a range of jobs and are planned.
JOB_KINDS: Final = frozenset(
    {CommandKind.REPROCESS, CommandKind.SKIP, CommandKind.CANCEL, CommandKind.MARK_DONE}
)
#: Those that reset what waits for their jobs, and are followed until all of that is final again.
RESETTING_KINDS: Final = frozenset({CommandKind.REPROCESS, CommandKind.MARK_DONE})

#: Kinds that are about another command.
REQUEST_KINDS: Final = frozenset({CommandKind.PAUSE, CommandKind.RESUME, CommandKind.ABANDON})

#: Those of which changes what may start at all.
FREEZE_KINDS: Final = frozenset({CommandKind.FREEZE, CommandKind.THAW})


class CommandState(StrEnum):
    """How far the Scheduler is with a command."""

    REQUESTED = 'requested'
    APPLYING = 'applying'
    RUNNING = 'running'
    DONE = 'done'
    REFUSED = 'refused'
    CANCELLED = 'cancelled'


#: The Scheduler still has to do with commands in these.
OPEN_COMMAND_STATES: Final = (CommandState.REQUESTED, CommandState.APPLYING, CommandState.RUNNING)


class Only(StrEnum):
    """Which of the jobs in the range are meant.

    FAILED: held, or skipped after their last attempt had failed. SKIPPED: for whatever reason.
    """

    ALL = 'all'
    FAILED = 'failed'
    SKIPPED = 'skipped'


#: Planned ordinals by process, inputs before outputs: runs of [start, stop).
Ranges: TypeAlias = Mapping[ProcessName, tuple[tuple[int, int], ...]]


class Command(Struct, frozen=True, kw_only=True):
    """One request of an operator.

    [start, end): intervals of `process`, of its qualifier; `end` is exclusive. with_children:
    reprocess what is nested below, too. plan_hash: hash of the set of jobs that the operator was
    shown; None executes whatever the plan is by then. plan: what it touches, once planned.
    applied_count: jobs of the plan that are dealt with. outcome: what was done, or why it was
    refused. details: of FREERUN_SAVE, the definition; of PROCESS_SAVE, `is_on`, `trigger` and
    `catch_up` as far as they change, None being as in context.py; of POOL_SAVE, `slots` and
    `per_minute` alike; of FREEZE, `scope` and `until`; of DROP and FREERUN_CANCEL, the
    id of the `uow` if only one; of REPROCESS and FREERUN_RUN, the `dead` letter that they settle;
    of RECUT, the `zone` in which its start is meant; of kinds about jobs, the `intervals` where
    they were chosen one by one, see `synergy.core.chosen`; of REPROCESS, `anyway` where it runs
    what is left out, too.
    fingerprint: of the whole HTTP request that asked under an Idempotency-Key, by which another
    request under the same key is found out.
    """

    id: CommandId
    kind: CommandKind
    process: ProcessName
    start: Timeperiod
    end: Timeperiod
    only: Only = Only.ALL
    with_children: bool = False
    plan_hash: str | None = None
    target: CommandId | None = None
    details: Mapping[str, Json] = field(default_factory=dict)
    actor: str
    reason: str | None = None
    state: CommandState = CommandState.REQUESTED
    is_paused: bool = False
    plan: Ranges | None = None
    planned_count: int = 0
    applied_count: int = 0
    created_at: datetime
    finished_at: datetime | None = None
    outcome: str | None = None
    fingerprint: str | None = None

    @property
    def is_anyway(self) -> bool:
        """Tell whether a reprocess runs what the working calendar leaves out, too."""
        return self.details.get('anyway') is True

    @property
    def by(self) -> str:
        """Return who asked for what and why, for histories."""
        return f'{self.kind.words} by {self.who}'

    @property
    def said(self) -> str:
        """Return its intervals, both ends included: `2026112200`, `2026112200 – 2026112205`.

        Where they are chosen one by one, how many of those: `7 of 2026112200 – 2026112223`.
        """
        last = self.end.shift(-1)
        said = str(self.start) if last <= self.start else f'{self.start} – {last}'
        count = self.details.get(INTERVAL_COUNT)
        return f'{count:,} of {said}' if isinstance(count, int) else said

    @property
    def who(self) -> str:
        """Return who asked and why."""
        return self.actor + (f': {self.reason}' if self.reason else '')


def counted(count: int, noun: str = 'job', plural: str | None = None) -> str:
    """Return a number of things in words: `1 job`, `2 jobs`."""
    return f'{count} {noun}' if count == 1 else f'{count} {plural or noun + "s"}'
