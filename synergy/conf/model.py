"""What a project says, once loaded and found valid: frozen settings and context.

`synergy.conf.settings` and `synergy.conf.context` make these from the user's modules and from the
environment; everything else in the product only ever sees these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from synergy.core.alert_rules import AlertRule
from synergy.core.calendar import Calendar
from synergy.core.calendar_ends import CalendarEnd, calendar_ends
from synergy.core.closed import ClosedHours
from synergy.core.freerun_definition import definition_of
from synergy.core.freerun_record import Freerun, Misfire, Overlap
from synergy.core.hierarchy import Hierarchy
from synergy.core.holds import Holds, Hours
from synergy.core.lanes import LaneShares
from synergy.core.pool_record import Demand
from synergy.core.records import Json, Process, ProcessName, RetryPolicy, Route
from synergy.core.secret_text import SecretHeaders, SecretText
from synergy.core.secret_url import SecretUrl
from synergy.core.structs import Struct, field
from synergy.core.timeperiod import Timeperiod
from synergy.core.trigger import Trigger
from synergy.core.zones import UTC_CALENDAR


class Settings(Struct, frozen=True, kw_only=True):
    """All settings, validated; documented one by one in `synergy.conf.settings`.

    places: where each setting that differs from its default was given, by its documented name.
    """

    project: Path
    home: Path
    store_uri: str
    broker_uri: str
    broker_quorum_queues: bool
    settings_module: str
    context_module: str
    box_id: str
    is_box_id_set: bool
    box_vanished: timedelta
    process_prefix: str
    log_directory: Path
    pid_directory: Path
    umask: int
    log_level: str
    log_file_bytes_max: int
    log_file_count: int
    start_timeperiod: Timeperiod
    end_timeperiod: Timeperiod | None
    store_busy_seconds_max: float
    sqlite_synchronous: str
    inbox_batch_max: int
    leader_lease: timedelta
    sweep_period: timedelta
    uow_lease: timedelta
    equal_failures_max: int
    metrics_processes_max: int
    lane_shares: LaneShares
    uow_age_max: timedelta
    log_retention: timedelta
    journal_retention: timedelta
    snapshot_retention: timedelta
    stop_grace: timedelta
    run_log_lines_max: int
    restart_delay: timedelta
    restart_delay_max: timedelta
    quick_exit: timedelta
    quick_exit_count_max: int
    mx_host: str
    mx_port: int
    mx_title: str | None
    mx_url: str | None
    mx_host_names: tuple[str, ...]
    mx_trusted_proxy: str | None
    mx_metrics_networks: tuple[str, ...]
    is_mx_open_allowed: bool
    mx_session: timedelta
    mx_viewers_max: int
    heartbeat: SecretUrl | None
    otlp_endpoint: SecretUrl | None
    otlp_headers: SecretHeaders | None
    openlineage_url: SecretUrl | None
    openlineage_api_key: SecretText | None
    openlineage_namespace: str
    closed: tuple[str, ...]
    places: tuple[tuple[str, str], ...] = ()


class DaemonEntry(Struct, frozen=True, kw_only=True):
    """A process of the operating system that the Supervisor keeps alive; it takes no units."""

    name: ProcessName
    classname: str
    token: str
    route: Route
    present_on_boxes: tuple[str, ...]
    instances: int = 1
    arguments: Mapping[str, Json] = field(default_factory=dict)
    log_file: Path
    pid_file: Path


class ManagedEntry(Struct, frozen=True, kw_only=True):
    """A process whose jobs the Scheduler makes, and the worker daemons that run them.

    process: what scheduling decisions need. timeout: longest run of one attempt; None is
    unlimited. source, sink: names of the user's own tables, handed to workers untouched.
    data_source: dotted path of a function that opens the source for a recomputing process.
    recycle_after, memory_mb_max: bounds of one worker process of its own, see
    `synergy.workers.recycling`. is_isolated: whether each run has a process of its own, of which
    run_memory_mb_max and run_cpu_seconds_max are the bounds, see `synergy.workers.isolated`; None:
    as `synergy.workers.code_opener` decides.
    calendar: name of its own working calendar; without, that of its tree.
    """

    process: Process
    calendar: str | None = None
    classname: str
    token: str
    route: Route
    present_on_boxes: tuple[str, ...]
    instances: int = 1
    timeout: timedelta | None = None
    source: str | None = None
    sink: str | None = None
    data_source: str | None = None
    recycle_after: int | None = None
    memory_mb_max: int | None = None
    is_isolated: bool | None = None
    run_memory_mb_max: int | None = None
    run_cpu_seconds_max: int | None = None
    log_file: Path
    pid_file: Path

    @property
    def name(self) -> ProcessName:
        """Return the process's name."""
        return self.process.name

    @property
    def group(self) -> ProcessName | None:
        """Return the group whose workers run its units; None: its own do."""
        return self.process.group


class FreerunEntry(Struct, frozen=True, kw_only=True):
    """A cron-like entry: one of possibly several of one process, whose workers run it.

    calendar: of its zone; the times of its trigger name that themselves. closed, jitter: as of a
    managed process. arguments_are_code: only
    an admin may write them; False: context.py says that they are not, None: nothing says so.
    """

    name: ProcessName
    entry_name: str
    classname: str
    token: str
    route: Route
    trigger: Trigger
    calendar: Calendar = UTC_CALENDAR
    closed: tuple[ClosedHours, ...] = ()
    jitter: timedelta = timedelta()
    is_on: bool = True
    present_on_boxes: tuple[str, ...] = ()
    instances: int = 1
    timeout: timedelta | None = None
    description: str | None = None
    arguments: Mapping[str, Json] = field(default_factory=dict)
    overlap: Overlap = Overlap.SKIP
    misfire: Misfire = Misfire.ONCE
    misfire_max: int = 10
    arguments_are_code: bool | None = None
    demand: Demand = Demand()
    retry: RetryPolicy
    recycle_after: int | None = None
    memory_mb_max: int | None = None
    group: ProcessName | None = None
    is_isolated: bool | None = None
    run_memory_mb_max: int | None = None
    run_cpu_seconds_max: int | None = None
    start_timeout: timedelta | None = None
    log_file: Path
    pid_file: Path
    source: None = None
    sink: None = None
    data_source: None = None

    @property
    def full_name(self) -> ProcessName:
        """Return the name of the entry among all, `Process::entry`."""
        return ProcessName(f'{self.name}::{self.entry_name}')

    def freerun(self, now: datetime) -> Freerun:
        """Return the entry as the Scheduler keeps it."""
        details = {
            'trigger': str(self.trigger),
            'is_on': self.is_on,
            'overlap': self.overlap.value,
            'misfire': self.misfire.value,
            'misfire_max': self.misfire_max,
            'arguments': dict(self.arguments),
            'description': self.description,
        }
        return Freerun(
            name=self.full_name,
            trigger=self.trigger,
            is_on=self.is_on,
            overlap=self.overlap,
            misfire=self.misfire,
            misfire_max=self.misfire_max,
            arguments=self.arguments,
            description=self.description,
            definition=definition_of(details),
            changed_at=now,
        )


class GroupEntry(Struct, frozen=True, kw_only=True):
    """Worker daemons that run the units of many processes, from one queue.

    recycle_after, memory_mb_max: bounds of one of them, see `synergy.workers.recycling`.
    """

    name: ProcessName
    route: Route
    present_on_boxes: tuple[str, ...]
    instances: int = 1
    recycle_after: int | None = None
    memory_mb_max: int | None = None
    log_file: Path
    pid_file: Path


#: What can run as a process of the operating system.
Entry: TypeAlias = DaemonEntry | GroupEntry | ManagedEntry | FreerunEntry
#: What takes units of work.
WorkerEntry: TypeAlias = ManagedEntry | FreerunEntry


class Context(Struct, frozen=True, kw_only=True, dict=True):
    """Every registered process, tree, queue and group of workers; pools stand in the hierarchy.

    closed: when nothing of the whole installation starts. alerts: who is told of what.
    """

    daemons: Mapping[ProcessName, DaemonEntry]
    managed: Mapping[ProcessName, ManagedEntry]
    freeruns: Mapping[tuple[ProcessName, str], FreerunEntry]
    queues: tuple[Route, ...]
    hierarchy: Hierarchy
    project: Path | None = None
    groups: Mapping[ProcessName, GroupEntry] = field(default_factory=dict)
    group_by_process: Mapping[ProcessName, ProcessName] = field(default_factory=dict)
    closed: tuple[ClosedHours, ...] = ()
    alerts: tuple[AlertRule, ...] = ()

    @property
    def entries(self) -> Mapping[ProcessName, Entry]:
        """Return what runs as a process of the operating system, groups of workers among them.

        What such a group runs is not; of the entries of one freerun process it is the first.
        """
        own = {name: entry for name, entry in self.workers.items() if entry.group is None}
        return {**self.daemons, **self.groups, **own}

    @property
    def workers(self) -> Mapping[ProcessName, WorkerEntry]:
        """Return what takes units: of the entries of one freerun process, the first."""
        found: dict[ProcessName, WorkerEntry] = dict(self.managed)
        for entry in self.freeruns.values():
            found.setdefault(entry.name, entry)
        return found

    @cached_property
    def hours(self) -> Mapping[ProcessName, Hours]:
        """Return the closed hours of free runs, by their full names."""
        return {
            entry.full_name: Hours(closed=entry.closed, jitter=entry.jitter)
            for entry in self.freeruns.values()
        }

    @cached_property
    def start_timeouts(self) -> Mapping[ProcessName, timedelta]:
        """Return how long runs of free runs may wait for a worker, by process; of those that say.

        The entries of one process have the same; so have those that are made at run time.
        """
        return {
            entry.name: entry.start_timeout
            for entry in self.freeruns.values()
            if entry.start_timeout is not None
        }

    def calendar_ends(self, today: date) -> Sequence[CalendarEnd]:
        """Return the working calendars that have run out, or do soon, of all that names one."""
        freeruns = (item for entry in self.freeruns.values() for item in entry.closed)
        return calendar_ends(self.hierarchy, [*self.closed, *freeruns], today)

    def holds(self) -> Holds:
        """Return what closed hours hold; freezes are yet to be read."""
        return Holds(self.hierarchy, self.hours, self.closed)

    @property
    def served(self) -> Mapping[ProcessName, Mapping[ProcessName, WorkerEntry]]:
        """Return whose units workers run, by the name of the workers: a group's, or a process's."""
        found: dict[ProcessName, dict[ProcessName, WorkerEntry]] = {}
        for process, entry in self.workers.items():
            found.setdefault(entry.group or process, {})[process] = entry
        return found

    def worker_of(self, name: str) -> ProcessName:
        """Return under which name workers run the units of a process, or of a free run."""
        process = ProcessName(name.partition('::')[0])
        return self.group_by_process.get(process, process)

    def calendars_of(self, *names: ProcessName) -> Mapping[ProcessName, Calendar]:
        """Return what a worker of these needs to know of calendars: of jobs and of free runs."""
        wanted, nodes = set(names), self.hierarchy.nodes
        found = {name: nodes[name].calendar for name in names if name in nodes}
        return found | {
            entry.full_name: entry.calendar
            for entry in self.freeruns.values()
            if entry.name in wanted
        }
