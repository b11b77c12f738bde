"""What the core asks the shell to do: save, then announce, then say, in this order.

A save is one conditional statement on one row. `synergy.ports.store.CommitStore.commit` applies a
sequence of saves in the order given; only when all were accepted does the shell merge the draft of
the index and announce. Effects are values: deciding and doing never mix.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias, assert_never

from synergy.core.commands import Command
from synergy.core.freerun_record import Freerun
from synergy.core.journal import Change, Happened, JournalPage
from synergy.core.led_context import LedContext
from synergy.core.pool_record import PoolName, PoolOverride
from synergy.core.records import Job, Override, ProcessName, Unit, UowId
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import JobKey


class InsertUnit(Struct, frozen=True):
    """Insert a unit; refused when its (process, timeperiod, run) exists in any state but unclaimed.

    An identical unit that is still REQUESTED under fence 0 is adopted: it stems from a commit that
    broke off before its job was saved. One that was cancelled before it ever started is REQUESTED
    again, under a higher fence. With the insert goes the unit of RUNS_PER_JOB_MAX runs before, if
    it has ended and is not a dead letter: a live interval may run every minute for a year.
    """

    unit: Unit


class SaveJob(Struct, frozen=True):
    """Write a job at rev `job.rev`; refused unless the stored rev is `job.rev` - 1 (0: no row).

    event: one line for the job's history, written with the row. term: the one in which the job is
    said to have ended, when that is an earlier one. change: what the journal is told besides.
    """

    job: Job
    event: str
    term: int | None = None
    change: Change | None = None


class MoveUnit(Struct, frozen=True, kw_only=True):
    """Move a unit on; refused unless it stands in `from_state` under `from_fence`.

    The fence becomes `from_fence` + 1 when `raises_fence`. A move to REQUESTED clears owner, lease
    and announcement and sets `attempt` and `not_before`; a move to any other state sets
    finished_at to `at`. attempt, lost_count: None leaves them as they are.
    """

    uow_id: UowId
    from_state: UnitState
    from_fence: int
    to_state: UnitState
    at: datetime
    raises_fence: bool = False
    attempt: int | None = None
    lost_count: int | None = None
    not_before: datetime | None = None
    error: str | None = None


class CancelUnit(Struct, frozen=True):
    """Cancel a unit in whatever live state it stands: fence + 1, error and finished_at set.

    Never refused: a unit that has ended meanwhile stays as it is, for nobody waits for it any more.
    """

    uow_id: UowId
    reason: str
    at: datetime


class EndLetters(Struct, frozen=True):
    """Take the dead letters of a job off the list, for what they tell is settled; never refused.

    Their units become CANCELED; `reason` is added to their errors, and when they died stays. but:
    the number of a run whose letter stays; None: all go.
    """

    key: JobKey
    reason: str
    but: int | None = None


class SaveCommand(Struct, frozen=True):
    """Write how far a command is; refused when the stored one has ended already."""

    command: Command


class InsertCommand(Struct, frozen=True):
    """Insert a command that the Scheduler makes itself; never refused, each id is there once."""

    command: Command


class ArchiveRows(Struct, frozen=True):
    """Move jobs and units of a process to the archive, at most so many of each.

    With them goes its page of the copy of the index. Refused unless the stored context is at `rev`.
    Rows that `request` has archived already, in a commit that broke off, are replaced.
    """

    process: ProcessName
    request: str
    rev: int
    most: int


class SaveContext(Struct, frozen=True):
    """Remember what is led; refused unless the stored rev is one less (0: none)."""

    context: LedContext


class SaveFreerun(Struct, frozen=True):
    """Write a free run at `freerun.rev`; refused unless the stored rev is one less (0: no row).

    what: what the journal is told besides. begun, ended: of which units.
    """

    freerun: Freerun
    event: str
    what: Happened = Happened.CHANGED
    begun: tuple[UowId, ...] = ()
    ended: tuple[UowId, ...] = ()


class RemoveFreerun(Struct, frozen=True):
    """Remove a free run; never refused."""

    freerun: Freerun


class SaveOverride(Struct, frozen=True):
    """Write an override at `override.rev`; refused unless the stored rev is one less (0: none)."""

    override: Override


class RemoveOverride(Struct, frozen=True):
    """Remove an override: the process is as in context.py again; never refused."""

    process: ProcessName


class SavePool(Struct, frozen=True):
    """Write the size of a pool at `override.rev`; refused unless the stored rev is one less."""

    override: PoolOverride


class RemovePool(Struct, frozen=True):
    """Remove what was set of a pool: its size is as in context.py again; never refused."""

    pool: PoolName


class AddPage(Struct, frozen=True):
    """Add a page to the journal; refused unless its first number is the next one."""

    page: JournalPage


class Announce(Struct, frozen=True):
    """Ring for a unit: publish its id to its process's queue, not before `not_before`.

    fence: under which it waits, as far as is known: one that is adopted may have another.
    """

    uow_id: UowId
    process: ProcessName
    not_before: datetime | None = None
    fence: int = 0

    def is_due(self, now: datetime) -> bool:
        """Tell whether it is to be rung for at once."""
        return self.not_before is None or self.not_before <= now


class Note(Struct, frozen=True):
    """Say a fact in the log; `event` is its fixed name."""

    event: str
    text: str
    is_warning: bool = False


Save: TypeAlias = (
    InsertUnit
    | SaveJob
    | MoveUnit
    | CancelUnit
    | EndLetters
    | SaveCommand
    | InsertCommand
    | ArchiveRows
    | SaveContext
    | SaveFreerun
    | RemoveFreerun
    | SaveOverride
    | RemoveOverride
    | SavePool
    | RemovePool
    | AddPage
)


@dataclass(slots=True)
class Effects:
    """What one decision asks for: rows to save, units to ring for, facts to say.

    It grows while something is decided; whoever is handed one only reads it.
    """

    saves: list[Save] = field(default_factory=list)
    announcements: list[Announce] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether there is anything to do."""
        return bool(self.saves or self.announcements or self.notes)

    def add(self, other: Effects) -> None:
        """Take over what something else asks for, after what is here."""
        self.saves += other.saves
        self.announcements += other.announcements
        self.notes += other.notes


def in_stages(saves: Iterable[Save]) -> list[Save]:
    """Return `saves` as a store without transactions applies them: by kind of row.

    Units, what the Scheduler asks for, jobs (hours before days before weeks, months, years), free
    runs, their page of the journal, overrides, commands, the context that is led; within one kind
    the given order. Such a commit may break off between any two saves, and whatever it leaves is
    repaired:

    - A unit without its job is adopted when the start is decided again, or cancelled as a stray.
    - A job whose unit has moved on or was cancelled before the job was saved is found by the sweep,
      which reads the unit and decides again.
    - A parent saved before an input that lies in a coarser tree was decided from that input's
      unit; the unit stands in the store, and the input is decided from it once more.
    - A job or a free run saved without its line of the journal is found by its revision when the
      index is built next, and the line is added (`synergy.core.journal_repair`): a line is never
      there before what it tells.
    - An override saved without its command is saved once more, by whoever executes the command.
    - What the Scheduler asks for itself is there before the jobs because of whose change it asks:
      it may be asked for twice, but never forgotten.
    - A command is saved last: until then it counts as not done, and its batch is planned again,
      around what it has reset already (`synergy.core.interrupted`).
    - The context that is led is remembered after the request that its change calls for: until then
      the next leader finds the same change, and the request by the same id.

    `synergy.simulation` tears commits in this order, too.
    """
    return sorted(saves, key=_stage)


#: Of jobs of the coarsest level.
_COARSEST: Final = 100


def _stage(save: Save) -> int:
    match save:
        case MoveUnit() | CancelUnit() | EndLetters() | ArchiveRows():
            return 0
        case InsertUnit():
            return 1
        case SaveJob(job):
            # Levels rank from coarse to fine.
            return _COARSEST - job.timeperiod.qualifier.rank
        case SaveFreerun() | RemoveFreerun():
            return _COARSEST + 1
        case AddPage():
            return _COARSEST + 2
        case SaveOverride() | RemoveOverride() | SavePool() | RemovePool():
            return _COARSEST + 3
        case InsertCommand():
            return 2
        case SaveCommand():
            return _COARSEST + 4
        case SaveContext():
            return _COARSEST + 5
        case _:
            assert_never(save)


def name_of(save: Save) -> str:  # noqa: C901 - one case for each kind of save
    """Return what a save is about, for the message of a refusal."""
    match save:
        case InsertUnit(unit):
            return f'unit {unit}'
        case SaveJob(job):
            return f'job {job.key} at rev {job.rev - 1}'
        case MoveUnit() | CancelUnit():
            return f'unit {save.uow_id}'
        case EndLetters():
            return f'dead letters of {save.key}'
        case SaveCommand(command) | InsertCommand(command):
            return f'command {command.id}'
        case ArchiveRows(process):
            return f'rows of {process} to archive'
        case SaveContext(context):
            return f'context that is led, rev {context.rev}'
        case SaveFreerun(freerun) | RemoveFreerun(freerun):
            return f'free run {freerun.name}'
        case AddPage(page):
            return f'page {page} of the journal'
        case SaveOverride():
            return f'override of {save.override.process}'
        case RemoveOverride():
            return f'override of {save.process}'
        case SavePool():
            return f'size of pool {save.override.pool}'
        case RemovePool():
            return f'size of pool {save.pool}'
        case _:
            assert_never(save)


def row_of(save: Save) -> str:
    """Return which row a save is about, the same for all saves of that row."""
    if isinstance(save, InsertUnit):
        return f'unit {save.unit.id}'
    return name_of(save).partition(' at rev ')[0]


def why_unmatched(save: Save) -> str:
    """Return why a save is refused that matched no row, to follow its name in a message."""
    if isinstance(save, InsertUnit):
        return 'is there already, and has been worked on or is of another interval'
    if isinstance(save, AddPage):
        return 'does not follow the last one: somebody else has written it'
    return 'was changed by somebody else'
