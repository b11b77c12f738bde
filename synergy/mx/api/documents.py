"""The shapes of the API's answers that only the dashboard makes; see `synergy.view.documents`."""

from __future__ import annotations

from typing import Annotated, Any, TypedDict

from synergy.core.commands import CommandKind
from synergy.core.states import UnitState
from synergy.core.users import Role
from synergy.view.documents import (
    CONDITIONS_TOLD,
    At,
    BoxProcessDocument,
    CauseDocument,
    CommandDocument,
    EventDocument,
    FreerunDocument,
    FreerunStandingDocument,
    JobDocument,
    NeedDocument,
    ProcessText,
    ProgressDocument,
    TimeperiodText,
    UnitDocument,
)


class CellDocument(TypedDict):
    """One interval, or many rolled up into one. done, total: of what is nested in it."""

    timeperiod: TimeperiodText
    state: Annotated[str, 'in words, as the dashboard says it']
    condition: Annotated[str, CONDITIONS_TOLD]
    done: int
    total: int
    is_late: bool
    skipped: Annotated[int, 'of it, or below it, although it is done; 0: nothing']
    skipped_of: Annotated[int, 'of how many intervals of that level; 0: nothing was skipped']
    left_out: Annotated[int, 'how many of them a working calendar leaves out']


class FoundDocument(CellDocument):
    """An interval that was searched for."""

    process: ProcessText
    reason: Annotated[str | None, 'why it stands so, or what it waits for first']
    since: Annotated[At | None, 'since when; of what has not begun, when it may start']


class OfferDocument(TypedDict):
    """A request that helps some of what was found."""

    kind: Annotated[str, CommandKind]
    count: Annotated[int, 'how many of what was found it changes']


class TotalDocument(TypedDict):
    """How many intervals of a process a search finds in all."""

    process: ProcessText
    count: int
    is_all: Annotated[bool, 'false: not all was counted, there may be more']
    first: TimeperiodText
    last: TimeperiodText
    offers: Annotated[
        list[OfferDocument], 'the likeliest to help first; as q they are about all that was found'
    ]


class WideCellDocument(CellDocument):
    """A cell of a heat map and the number of columns that it takes."""

    columns: int


class StandingDocument(TypedDict):
    """How a process does: late and blocked are numbers of intervals."""

    process: ProcessText
    last_good: TimeperiodText | None
    next: TimeperiodText | None
    next_at: At | None
    due_at: Annotated[At | None, 'until when that is to be done; null: it has no deadline']
    late: int
    late_since: Annotated[At | None, 'since when the first of these is; null: none, or run again']
    running: Annotated[int, 'runs on workers']
    queued: Annotated[int, 'runs that wait for a worker']
    retrying: Annotated[int, 'runs that wait for their next attempt']
    held: Annotated[int, 'intervals that have failed and wait for a person']
    paused: Annotated[int, 'intervals whose request is paused']
    resting: Annotated[int, 'intervals between two runs']
    blocked: int
    failed: Annotated[int, 'held, or skipped after their last attempt']
    older: Annotated[int, 'unfinished ones before those of the strip']
    strip: Annotated[list[CellDocument], 'its newest intervals']


class TreeDocument(TypedDict):
    """A tree with its processes, coarse to fine."""

    tree: str
    dependent_on: list[str]
    late: int
    held: int
    processes: list[StandingDocument]


class UntakenDocument(TypedDict):
    """Queued runs of a process, none of which runs: no box has a worker that would take them."""

    process: ProcessText
    queued: int
    since: At


class OverviewDocument(TypedDict):
    """What the first page shows. is_blocked_least: there are more blocked ones than counted."""

    running: Annotated[int, 'runs on workers']
    queued: Annotated[int, 'runs that wait for a worker']
    retrying: Annotated[int, 'runs that wait for their next attempt']
    blocked: int
    is_blocked_least: bool
    failed: int
    held_count: int
    late: int
    requests: Annotated[int, 'open ones']
    requests_left: Annotated[int, 'jobs that they still have to do']
    needs: Annotated[list[NeedDocument], 'what waits for a person, jobs by what is wrong']
    held: Annotated[list[JobDocument], 'jobs that wait for a person']
    untaken: list[UntakenDocument]
    trees: list[TreeDocument]


class HeatMapRowDocument(TypedDict):
    """One row of a heat map; null cells are gaps."""

    title: str
    process: ProcessText
    cells: list[WideCellDocument | None]


class ElsewhereDocument(TypedDict):
    """What is unfinished or failed in a year and not shown by a heat map.

    In its own year: of a process that is finer than its cells.
    """

    year: int
    process: Annotated[ProcessText, 'whose intervals are counted as unfinished and late']
    unfinished: Annotated[int, 'intervals that are over and not final']
    late: int
    failed: Annotated[int, 'of all processes of the map; in its own year, of this one']


class HeatMapColumnDocument(TypedDict):
    """The head of a column of a heat map, or of some."""

    title: Annotated[str, 'a month, a day, or what the clock reads']
    columns: Annotated[int, 'over how many columns it stands']
    hint: Annotated[str, 'of an hour: what the clock reads, and its name in UTC; else empty']


class HeatMapDocument(TypedDict):
    """A heat map. elsewhere: what is to be done outside of it, the newest year first."""

    zoom: str
    title: str
    time_zone: Annotated[str, 'whose clock the days and hours of its columns follow']
    columns: list[HeatMapColumnDocument]
    rows: list[HeatMapRowDocument]
    elsewhere: list[ElsewhereDocument]


class PlaceDocument(TypedDict):
    """A process of the graph; cell is null where it has no interval at that instant."""

    process: ProcessText
    column: int
    cell: CellDocument | None


class ArrowDocument(TypedDict):
    """What waits for what."""

    source: ProcessText
    target: ProcessText
    kind: Annotated[str, 'dependency or children']
    terms: Annotated[str, 'what was said of it, as in offset -1, last 7; empty: nothing']


class GraphDocument(TypedDict):
    """All processes: at one instant, or each where it was due last; at is null then."""

    at: At | None
    processes: list[PlaceDocument]
    arrows: list[ArrowDocument]


class WhyDocument(TypedDict):
    """Why a job stands where it stands, followed to the root."""

    causes: list[CauseDocument]


class EndedRunDocument(TypedDict):
    """A run that has ended, and how long it took."""

    timeperiod: TimeperiodText
    run: int
    state: Annotated[str, UnitState]
    started_at: At | None
    finished_at: At | None
    took_seconds: float


class DurationsDocument(TypedDict):
    """How long the runs of a process took."""

    process: ProcessText
    usual_seconds: Annotated[float | None, 'half of them took no longer (p50); null: too few ran']
    p95_seconds: Annotated[float | None, '95 of 100 took no longer']
    slow_since: Annotated[
        str | None, 'from this interval on all took clearly longer than usual; null: no such'
    ]
    runs: Annotated[list[EndedRunDocument], 'at most 200, by interval and run']


class RequestDocument(CommandDocument, ProgressDocument):
    """A request with its progress."""

    done_count: int
    left_count: int


class AcceptedDocument(CommandDocument):
    """What was asked for just now, and the address at which to follow it."""

    request: str


class RequestsDocument(TypedDict):
    """What was asked for just now, a request for each of several things."""

    requests: list[CommandDocument]


class FreerunRowDocument(FreerunDocument, FreerunStandingDocument):
    """A free run with its next fires, and how it has done lately."""


class FreerunPageDocument(FreerunDocument, FreerunStandingDocument):
    """A free run with its newest runs and events."""

    runs: list[UnitDocument]
    has_older_runs: Annotated[bool, 'there are runs older than these']
    events: list[EventDocument]


class LogFileDocument(TypedDict):
    """The name of a log file."""

    file: str


class LogTailDocument(TypedDict):
    """The last lines of a log file."""

    file: str
    lines: list[str]


class UserDocument(TypedDict):
    """A user."""

    name: str
    role: Annotated[str, Role]
    created_at: At | None


class TokenDocument(TypedDict):
    """A token of the API, without its secret; expires_at: null for never."""

    id: str
    user: str
    role: Annotated[str, Role]
    label: str | None
    created_at: At | None
    expires_at: At | None


class DoneDocument(TypedDict):
    """That a change of users or tokens was made; its details stand beside the id of its record."""

    id: str


class EntryDocument(TypedDict):
    """What the context registers; trigger, machine and blocking are null for daemons."""

    name: Annotated[str, 'of a free run, Process::entry']
    code: str
    queue: str
    boxes: Annotated[list[str], 'expressions: on which boxes it runs']
    instances: int
    arguments: Annotated[dict[str, Any], 'for the worker; secrets are masked']
    trigger: str | None
    machine: str | None
    blocking: str | None
    group: Annotated[str | None, 'name of the workers that run its units and those of others']
    serves: Annotated[list[str] | None, 'of a group of workers: the processes whose units they run']


class ConfigDocument(TypedDict):
    """Settings and context as loaded, without secrets."""

    settings: Annotated[dict[str, Any], 'all values, by the names of docs/settings.md']
    places: Annotated[dict[str, str], 'where those that are no defaults were given']
    processes: list[EntryDocument]


class DaemonDocument(TypedDict):
    """One process of the system's own."""

    process: ProcessText
    box_id: str
    pid: int | None
    state: str
    up_seconds: int | None
    memory_bytes: int | None


class IsolatedDocument(TypedDict):
    """A process, free run or command for which nothing is decided, so that all others go on."""

    kind: Annotated[str, 'process, free run or command']
    name: str
    reason: Annotated[str, 'what was refused again and again, and why']
    since: At
    next_at: Annotated[At | None, 'when it is tried again; null: once the context has changed']


class HealthDocument(TypedDict):
    """Whether everything is well, what is not, and what waits for a person."""

    version: str
    is_well: bool
    needs: Annotated[list[str], 'why it is not well, and what helps']
    warnings: Annotated[list[str], 'what may go away by itself, and needs a person if it does not']
    isolated: list[IsolatedDocument]
    stuck_since: Annotated[At | None, 'since when the leader could save nothing at all']
    broker_away_since: Annotated[At | None, 'since when it cannot be used from this dashboard']
    waits: Annotated[dict[str, int], 'numbers of what waits for a person']
    is_led: bool
    leader: Annotated[str | None, 'box:pid of who led last']
    term: int | None
    standbys: list[str]
    store_seconds: Annotated[float, 'how long the store took to answer']
    store_uri: str
    broker_uri: str
    home: str
    box_id: str
    processes_up: int
    processes_wanted: int
    vanished: Annotated[list[str], 'boxes that have vanished']
    ill: list[BoxProcessDocument]
    daemons: list[DaemonDocument]
    dead_count: int
    late_count: int
