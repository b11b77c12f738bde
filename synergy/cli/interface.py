"""What an operator sees and does from the command line, wherever the store is.

A command is written once, against `Operations`. `synergy.cli.opening` gives it the one of this
machine (`local`), or that of the dashboard that `--server` names (`remote`). What comes back has
the shapes of `synergy.view.documents`, which the API answers with, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from synergy.core.commands import CommandKind
from synergy.core.dead_letters import LetterAction
from synergy.core.records import Json
from synergy.core.structs import Struct
from synergy.operations.journal import JournalWanted
from synergy.ports.clock import Clock
from synergy.view.alert_documents import (
    AlertDeliveryDocument,
    AlertRequestDocument,
    AlertsDocument,
)
from synergy.view.box_work import BoxWorkDocument
from synergy.view.documents import (
    CauseDocument,
    CommandDocument,
    DeadDocument,
    EventDocument,
    FollowedDocument,
    FreerunDocument,
    FreezeDocument,
    JobDocument,
    JobPageDocument,
    LineDocument,
    PreviewDocument,
    StatusDocument,
    UnitDocument,
)
from synergy.view.forecast import ForecastDocument
from synergy.view.group_documents import GroupPlanDocument, LetterGroupDocument
from synergy.view.inputs import InputsDocument
from synergy.view.journal_documents import JournalDocument
from synergy.view.letters import LetterDocument
from synergy.view.pool_documents import PoolDocument
from synergy.view.process_documents import ProcessDocument
from synergy.view.recut import RecutDocument, TreeRecutDocument
from synergy.view.standing import Wanted
from synergy.view.undo import UndoDocument

#: Runs of one entry that are listed at most, the newest.
RUNS_MAX = 1000


class JobsWanted(Struct, frozen=True, kw_only=True):
    """Which jobs are listed. start, end: timeperiods as typed, of any length.

    newest: only so many of each process, those that begin last, the newest first.
    """

    process: str | None = None
    start: str | None = None
    end: str | None = None
    state: Wanted = None
    newest: int | None = None


class ChangeWanted(Struct, frozen=True, kw_only=True):
    """What is to be done to which jobs. timeperiod, to: as typed; `to` is exclusive.

    name: asking again by the same one does nothing. plan_hash: of what was shown, if anything was:
    another set is refused. error: only of failed ones, those that failed with it. options: how the
    jobs run, see `core.request_options`.
    """

    kind: CommandKind
    process: str
    timeperiod: str
    to: str | None = None
    only: str
    error: str | None = None
    with_children: bool = False
    is_anyway: bool = False
    options: Mapping[str, object] = {}
    reason: str | None = None
    name: str | None = None
    plan_hash: str | None = None


class RecutWanted(Struct, frozen=True, kw_only=True):
    """Which process is to begin at which interval, as typed. name, plan_hash: as of a change.

    process: of a recut of a whole tree, the name of that.
    """

    process: str
    timeperiod: str
    reason: str | None = None
    name: str | None = None
    plan_hash: str | None = None


class FreezeWanted(Struct, frozen=True, kw_only=True):
    """What is to be frozen until when, as typed; without a name of anything, everything."""

    process: str | None = None
    tree: str | None = None
    pool: str | None = None
    until: str
    reason: str | None = None
    is_long: bool = False


class Showing(Protocol):
    """What is told of now and of any past instant; a past one refuses what is not known of then."""

    def status(self) -> StatusDocument:
        """Return how the system stands."""
        ...

    def jobs(self, wanted: JobsWanted, limit: int) -> Sequence[JobDocument]:
        """Return at most `limit` jobs."""
        ...

    def job_groups(self, wanted: JobsWanted) -> Sequence[LetterGroupDocument]:
        """Return the failed ones of these jobs by process and kind of error, the largest first."""
        ...

    def job(self, process: str, timeperiod: str) -> JobPageDocument:
        """Return one job with its runs, its history and its neighbours."""
        ...

    def why(self, process: str, timeperiod: str | None) -> Sequence[CauseDocument]:
        """Return why a job stands where it stands; or a free run, of any of its runs."""
        ...

    def inputs(self, process: str, timeperiod: str) -> InputsDocument:
        """Return what a job waits for, each input with what it still lacks."""
        ...


class PastReading(Showing, Protocol):
    """What can be looked at as it was."""

    @property
    def at(self) -> str:
        """Return the instant, as documents have it."""
        ...


class Reading(Showing, Protocol):
    """What can be looked at. Raises OperationRefused or CommandError for what does not exist."""

    @property
    def clock(self) -> Clock:
        """Return the clock by which commands wait."""
        ...

    def past(self, at: str) -> PastReading:
        """Return what could be looked at at a past instant, as typed."""
        ...

    def runs(self, process: str, timeperiod: str | None) -> Sequence[UnitDocument]:
        """Return the runs of a job, or of a free run (no timeperiod), the oldest first.

        Of a free run the newest RUNS_MAX.
        """
        ...

    def log(self, uow_id: str) -> Sequence[LineDocument]:
        """Return the log of a run."""
        ...

    def requests(self, limit: int) -> Sequence[CommandDocument]:
        """Return at most `limit` requests, the newest."""
        ...

    def request(self, request_id: str) -> FollowedDocument:
        """Return a request with its progress."""
        ...

    def dead_letters(self) -> Sequence[LetterDocument]:
        """Return all dead letters."""
        ...

    def dead_groups(self) -> Sequence[LetterGroupDocument]:
        """Return the dead letters by process and kind of error, the largest groups first."""
        ...

    def plan_group(self, process: str, error: str, action: LetterAction) -> GroupPlanDocument:
        """Return what settling all dead letters of a process and a kind of error would do."""
        ...

    def freeruns(self) -> Sequence[FreerunDocument]:
        """Return all free runs."""
        ...

    def freerun_runs(self, name: str | None, limit: int = RUNS_MAX) -> Sequence[DeadDocument]:
        """Return the newest runs of a free run, or those of all that are under way.

        limit: of one free run at most so many, and RUNS_MAX.
        """
        ...

    def freerun_events(self, name: str) -> Sequence[EventDocument]:
        """Return what has happened to a free run, the newest first."""
        ...

    def processes(self) -> Sequence[ProcessDocument]:
        """Return the managed processes."""
        ...

    def boxes(self) -> Sequence[BoxWorkDocument]:
        """Return the boxes with what runs on them."""
        ...


class Telling(Protocol):
    """What has happened."""

    def journal(self, wanted: JournalWanted) -> JournalDocument:
        """Return lines of the journal, oldest first."""
        ...


class Foreseeing(Protocol):
    """What is to be expected."""

    def forecast(self, by: str | None, process: str | None) -> ForecastDocument:
        """Return what is to be expected until an instant, as typed; of one process, or of all."""
        ...


class Freezing(Protocol):
    """What keeps processes from starting anything."""

    def freezes(self) -> Sequence[FreezeDocument]:
        """Return the freezes that hold now, the oldest first."""
        ...

    def freeze(self, wanted: FreezeWanted) -> CommandDocument:
        """Let nothing of a scope start until an instant."""
        ...

    def thaw(self, freeze_id: str, reason: str | None) -> CommandDocument:
        """End a freeze before its time."""
        ...


class Alerting(Protocol):
    """What is wrong now, and who is told of it."""

    def alerts(self) -> AlertsDocument:
        """Return what is open, and who is told of what."""
        ...

    def alert_history(
        self, limit: int, named: str | None = None
    ) -> Sequence[AlertDeliveryDocument]:
        """Return at most `limit` messages, the newest first.

        named: of one alert of the context, of one group of alerts, or of a test.
        """
        ...

    def ask_alert(
        self, action: str, alert: str, until: str | None, reason: str | None
    ) -> AlertRequestDocument:
        """Acknowledge, mute, unmute or test; return how that stands after a short wait."""
        ...


class Recutting(Protocol):
    """The recuts of processes, and of trees."""

    def preview_recut(self, wanted: RecutWanted) -> RecutDocument:
        """Return what a recut would do."""
        ...

    def recut(self, wanted: RecutWanted) -> CommandDocument:
        """Ask for a recut: archive the history of a process, and let it begin anew."""
        ...

    def preview_tree_recut(self, wanted: RecutWanted) -> TreeRecutDocument:
        """Return what recuts of all processes of a tree that need one would do."""
        ...

    def recut_tree(self, wanted: RecutWanted) -> Sequence[CommandDocument]:
        """Ask for a recut of each process of a tree that needs one."""
        ...


class Operations(Reading, Recutting, Telling, Foreseeing, Freezing, Alerting, Protocol):
    """What can be done, too. Commands are returned as they stand after a short wait."""

    @property
    def own_box(self) -> str | None:
        """Return the box that this command runs on; None where that does not matter."""
        ...

    def preview(self, wanted: ChangeWanted) -> PreviewDocument:
        """Return what a change of jobs would touch."""
        ...

    def change_jobs(self, wanted: ChangeWanted) -> CommandDocument:
        """Ask for a change of jobs."""
        ...

    def preview_cancel(self, request_id: str) -> UndoDocument:
        """Return what cancelling a request would do."""
        ...

    def control_request(self, request_id: str, action: str, reason: str | None) -> CommandDocument:
        """Pause, resume or cancel a request."""
        ...

    def settle_letter(
        self, uow_id: str, action: LetterAction, reason: str | None
    ) -> CommandDocument:
        """Retry or drop a dead letter."""
        ...

    def settle_group(
        self, process: str, error: str, action: LetterAction, reason: str | None
    ) -> CommandDocument:
        """Retry or drop all dead letters of a process and a kind of error, as one request."""
        ...

    def next_fires(self, name: str, details: Mapping[str, Json], *, is_new: bool) -> Sequence[str]:
        """Return lines that tell when a free run would fire; refuse what it cannot be.

        details: what is said of it. is_new: it is to be made; else it is to be changed.
        """
        ...

    def save_freerun(
        self, name: str, details: Mapping[str, Json], reason: str | None
    ) -> CommandDocument:
        """Make or change a free run."""
        ...

    def switch_freerun(
        self, name: str, action: str, uow_id: str | None, reason: str | None
    ) -> CommandDocument:
        """Switch a free run on or off, run it now, cancel what runs of it, or remove it."""
        ...

    def change_process(
        self, name: str, action: str, value: str | None, reason: str | None
    ) -> CommandDocument:
        """Switch a managed process, change its trigger, or look at it now."""
        ...

    def pools(self) -> Sequence[PoolDocument]:
        """Return the pools, with who holds what of each and who waits."""
        ...

    def change_pool(
        self, name: str, slots: str | None, per_minute: str | None, reason: str | None
    ) -> CommandDocument:
        """Change the size of a pool: numbers as typed, or words."""
        ...

    def box(self, named: str | None) -> str:
        """Return the box that is meant."""
        ...

    def busy_on(self, box: str) -> Sequence[str]:
        """Return the workers that run on a box."""
        ...

    def switch_on_box(self, box: str, process: str, action: str, reason: str | None) -> None:
        """Say whether a process is to run on a box: start or stop."""
        ...

    def change_box(self, box: str, action: str, reason: str | None) -> int | None:
        """Drain, undrain, update, reset or forget a box.

        Return how many processes are on after an update or reset, how many rows are forgotten;
        None where that is not known.
        """
        ...
