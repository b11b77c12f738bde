"""The journal: every transition of a job or a free run as one line, in one unbroken order.

Lines are numbered from 1, each written with the commit that makes the transition true: those of one
commit are one page. Followers read them in order from a number that they remember. What a line says
is typed, so that nobody takes it from a text; the text is for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import IntEnum
from typing import Final

from synergy.core.records import CommandId, ProcessName, UowId, uow_id_of
from synergy.core.states import JobState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey, Timeperiod


class LineKind(IntEnum):
    """What a line is about. PROCESS: all that there is of a managed process."""

    JOB = 1
    FREERUN = 2
    PROCESS = 3


class Happened(IntEnum):
    """What a transition is. Numbers are stored.

    STARTED: a run was asked for. RESTED: a run of a live interval ended, more will come. ENDED: by
    its run, or because there was nothing to do. RETRIED: an attempt failed or was lost, another
    follows. GAVE_UP: no attempt is left, and the job is skipped, or the run of a free run is over.
    HELD: no attempt is left, an operator decides. SKIPPED: an operator or an input did that.
    CANCELED: an operator ended the run. RESET: it is to run again. MARKED: an operator says that it
    is done. PUT_BACK: it stands as before a request that was cancelled. VOIDED: what it remembers
    of before is out of date, nothing else. ARCHIVED: rows of a process were put away. WAITS: a fire
    waits for a run, a pool or an opening. SUPPRESSED: fires that come to nothing. CHANGED: a
    definition, or anything that is not told apart. REMOVED: a free run is gone.
    """

    CHANGED = 0
    STARTED = 1
    RESTED = 2
    ENDED = 3
    RETRIED = 4
    GAVE_UP = 5
    HELD = 6
    SKIPPED = 7
    CANCELED = 8
    RESET = 9
    MARKED = 10
    PUT_BACK = 11
    VOIDED = 12
    ARCHIVED = 13
    WAITS = 14
    SUPPRESSED = 15
    REMOVED = 16

    @property
    def word(self) -> str:
        """Return it as people and documents say it: `gave up`."""
        return self.name.lower().replace('_', ' ')


class CauseKind(IntEnum):
    """By what a transition came about. Numbers are stored.

    CLOCK: it was due, and there was a place for it. UNIT: how a run ended, or fell silent. COMMAND:
    what an operator asked for. CONTEXT: a changed context. REPAIR: the line was missing, for its
    commit broke off, and was added afterwards: by what is not known.
    """

    CLOCK = 0
    UNIT = 1
    COMMAND = 2
    CONTEXT = 3
    REPAIR = 4


class Cause(Struct, frozen=True):
    """By what a transition came about. id: of the command, or of the unit where that is known.

    Of one that is about to be saved, None stands for what its job names: its request, its unit.
    """

    kind: CauseKind
    id: str | None = None


BY_CLOCK: Final = Cause(CauseKind.CLOCK)
BY_UNIT: Final = Cause(CauseKind.UNIT)
#: The request that has reset the job.
BY_REQUEST: Final = Cause(CauseKind.COMMAND)
BY_REPAIR: Final = Cause(CauseKind.REPAIR)


#: A transition of a running job that is one of these is the end of its run.
ENDS_OF_RUNS: Final = frozenset(
    {Happened.RESTED, Happened.ENDED, Happened.GAVE_UP, Happened.HELD},
)


class Change(Struct, frozen=True):
    """What the new row of a job does not say of the transition that it is saved for.

    before: its state before. count: things that the run has processed; with it goes no reason, for
    the line tells everything then. ended_run: of kinds that not always end a run, see `Line`.
    """

    what: Happened
    before: JobState
    cause: Cause = BY_CLOCK
    count: int | None = None
    ended_run: int = 0


class Line(Struct, frozen=True, kw_only=True):
    """One transition.

    number: its place in the journal. term: in which it was written. at: by the clock of the
    Scheduler that decided it. timeperiod: of jobs. rev: of the row that it led to. from_state,
    to_state: of jobs; None where a repair could not tell. run: the newest one by then. failures,
    lost: attempts of that run that failed, and that lost their worker. count: things processed.
    request: which has reset the job, as long as that is not over. reason: for people; None where
    `text` tells all of it from the other fields. ended_run: which run of a job is over by it, and
    was not before; 0: none. begun, ended: units of a free run, of which there may be several.
    """

    number: int
    term: int
    at: datetime
    kind: LineKind
    process: ProcessName
    timeperiod: Timeperiod | None = None
    rev: int = 0
    what: Happened
    from_state: JobState | None = None
    to_state: JobState | None = None
    run: int = 0
    is_held: bool = False
    failures: int = 0
    lost: int = 0
    count: int | None = None
    cause: Cause
    request: CommandId | None = None
    reason: str | None = None
    ended_run: int = 0
    begun: tuple[UowId, ...] = ()
    ended: tuple[UowId, ...] = ()

    @property
    def key(self) -> JobKey | None:
        """Return which job it is about."""
        return None if self.timeperiod is None else JobKey(self.process, self.timeperiod)

    @property
    def about(self) -> str:
        """Return what it is about: `SiteHourly@2026112309`, or the name of a free run."""
        return self.process if self.timeperiod is None else f'{self.process}@{self.timeperiod}'

    @property
    def uow_id(self) -> UowId | None:
        """Return the id of the unit of the job's run, if it has had one."""
        return None if self.key is None or not self.run else uow_id_of(self.key, self.run)

    @property
    def units_begun(self) -> tuple[UowId, ...]:
        """Return the units whose runs begin by it."""
        if self.what is not Happened.STARTED or self.uow_id is None:
            return self.begun
        return (self.uow_id,)

    @property
    def units_ended(self) -> tuple[UowId, ...]:
        """Return the units whose runs are over by it."""
        if self.key is None or not self.ended_run:
            return self.ended
        return (uow_id_of(self.key, self.ended_run),)

    @property
    def text(self) -> str:
        """Return what happened, in words."""
        if self.reason is not None:
            return self.reason
        match self.what:
            case Happened.STARTED:
                final = 'final ' if self.to_state is JobState.FINAL_RUN else ''
                return f'{final}run {self.run} requested, uow {self.uow_id}'
            case Happened.RESTED:
                return f'run {self.run} processed {self.count}; more to come'
            case Happened.ENDED if self.to_state is JobState.NOOP:
                return f'run {self.run} found nothing to do'
            case Happened.ENDED:
                return f'run {self.run} processed {self.count}'
            case _:
                return self.what.word


class JournalPage(Struct, frozen=True, kw_only=True):
    """The lines of one commit, `first` onwards, as they are stored.

    until: the latest instant of its lines. names: of the processes and free runs that they are
    about. body: see `synergy.core.journal_pages`.
    """

    first: int
    count: int
    term: int
    until: datetime
    names: tuple[ProcessName, ...]
    body: bytes

    @property
    def next(self) -> int:
        """Return the number of the line that follows this page."""
        return self.first + self.count

    def __str__(self) -> str:
        """Return which lines."""
        return f'{self.first} to {self.next - 1}' if self.count > 1 else f'{self.first}'


def outlived(
    pages: Iterable[tuple[range, datetime | None]], before: datetime, now: datetime
) -> Sequence[range]:
    """Return which of the oldest pages, in order, are from before an instant.

    Each page: the numbers of its lines, and the latest instant of them; None: nobody can read that.
    They go from the beginning on, so that no gap is left: not beyond the first that is to stay. One
    from after now was written while a clock was wrong, and goes with those around it.
    """
    found = []
    for numbers, until in pages:
        if until is not None and before <= until <= now:
            break
        found.append(numbers)
    return found
