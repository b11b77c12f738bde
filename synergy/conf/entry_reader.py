"""Read one entry of the context field by field, noting everything that is wrong with it.

An entry with a problem is left out, so that no second complaint follows from the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from synergy.conf.code_arguments import are_arguments_code
from synergy.conf.deadlines import deadline_of
from synergy.conf.entries import RawEntry
from synergy.conf.input_reader import inputs
from synergy.conf.mistyped import MISSING
from synergy.conf.model import DaemonEntry, FreerunEntry, ManagedEntry, Settings
from synergy.conf.names import STATE_MACHINE_RECOMPUTING
from synergy.conf.pool_reader import shares
from synergy.conf.secret import secret_problems
from synergy.conf.sharing_reader import INSTANCES, sharing
from synergy.core import readers
from synergy.core.calendar import Calendar
from synergy.core.closed import ClosedHours, in_zone
from synergy.core.freerun_definition import MISFIRE_MAX
from synergy.core.freerun_record import Misfire, Overlap
from synergy.core.grouping import GROUPING_MAX
from synergy.core.jitter import phase
from synergy.core.lanes import CatchUp, lane_shares
from synergy.core.nearest import nearest
from synergy.core.pool_record import PRIORITY_DEFAULT, PRIORITY_MAX, Demand
from synergy.core.readers import Reader
from synergy.core.records import Process, ProcessName, RetryPolicy, Route
from synergy.core.states import Blocking, OnFailure
from synergy.core.structs import replace
from synergy.core.timeperiod import LEVELS, WEEKS, Qualifier
from synergy.core.trigger import Every, Trigger
from synergy.core.zones import UTC_CALENDAR, name_of

T = TypeVar('T')

#: Longest text of an entry: a description may be a page.
TEXT_LENGTH_MAX: Final = 1_000_000

#: Taken where a field is wrong; the entry is left out then.
_NO_TIME: Final = timedelta()
_NO_NAMES: Final[tuple[str, ...]] = ()
_TRIGGER: Final[Trigger] = Every(seconds=60)
#: On which day weeks begin is said of the tree.
_LEVEL: Final = readers.one_of(level.value for level in LEVELS if level not in WEEKS[1:])
_CALENDAR: Final = readers.optional(readers.calendar)
#: Of a working calendar.
OPTIONAL_NAME: Final = readers.optional(readers.name)
OPTIONAL_TEXT: Final = readers.optional(readers.text(most=TEXT_LENGTH_MAX))
_TIMEOUT: Final = readers.optional(readers.duration('seconds', 0.001))
_START_TIMEOUT: Final = readers.optional(readers.duration('seconds', 1))
NO_HOURS: Final[tuple[ClosedHours, ...]] = ()
#: Seconds; a day.
JITTER_MAX: Final = 86_400
_JITTER: Final = readers.duration('seconds', 0, JITTER_MAX)
# Made once: thousands of entries are read.
_GROUPING: Final = {level: readers.whole(1, most) for level, most in GROUPING_MAX.items()}
_BLOCKING: Final = readers.member(Blocking)
_ON_FAILURE: Final = readers.member(OnFailure)
_CATCH_UP: Final = readers.member(CatchUp)
_OVERLAP: Final = readers.member(Overlap)
_MISFIRE: Final = readers.member(Misfire)
_MISFIRE_COUNT: Final = readers.whole(1, MISFIRE_MAX)
_RUNNING: Final = readers.whole(1, 100_000)
_ATTEMPTS: Final = readers.whole(1, 1000)
_PRIORITY: Final = readers.whole(0, PRIORITY_MAX)
_DELAY: Final = readers.duration('seconds', 0)
_LAG: Final = readers.duration('minutes', 0)
_LANE_SHARES: Final = readers.optional(lane_shares)
_ARGUMENTS: Final = readers.optional(readers.json_object)


class EntryReader:
    """Reads one raw entry field by field, noting what is wrong."""

    def __init__(
        self,
        raw: RawEntry,
        file: str,
        problems: list[str],
        settings: Settings,
        machine_names: Sequence[str],
        find_problem: Callable[[str], str | None],
    ) -> None:
        """Read `raw`, of `file`; add what is wrong to `problems`.

        find_problem: return what is wrong with the dotted name of a class or a function.
        """
        self._find_problem = find_problem
        self._machine_names = machine_names
        self._fields = raw.fields
        self._file = file
        self._all_problems = problems
        self._problem_count = len(problems)
        self._settings = settings
        name = next(
            str(raw.fields[field])
            for field in ('process_name', 'tree_name', 'queue_name', 'group_name')
            if field in raw.fields
        )
        self.label = f'{name}::{raw.fields["entry_name"]}' if raw.kind == 'freerun' else name
        self._all_problems += [f'{mistake}: {self.label} in {file}' for mistake in raw.mistakes]

    def managed(self) -> ManagedEntry | None:
        """Return the managed process, if it is sound."""
        token = self._name('token')
        process_name = ProcessName(self._name('process_name'))
        jitter = self._read('jitter_seconds', _JITTER, _NO_TIME)
        level = Qualifier(self._read('time_qualifier', _LEVEL, Qualifier.HOURLY.value))
        workers = sharing(self._fields, self._read, self._refuse)
        process = Process(
            name=process_name,
            qualifier=level,
            grouping=self._read('time_grouping', _GROUPING[level], 1),
            machine=self._machine(),
            blocking=self._read('blocking_type', _BLOCKING, Blocking.NORMAL),
            trigger=self._read('trigger_frequency', readers.trigger, _TRIGGER),
            is_on=self._read('is_on', readers.boolean, False),
            lag=self._read('lag_minutes', _LAG, _NO_TIME) + phase(process_name, jitter),
            deadline=deadline_of(self._fields, self._read, self._refuse, level),
            max_running=self._read('max_running', _RUNNING, 1),
            retry=self._retry(),
            on_failure=self._read('on_failure', _ON_FAILURE, OnFailure.SKIP),
            arguments=self._arguments(),
            group=workers.group,
            start_timeout=self._read('start_timeout_seconds', _START_TIMEOUT, None),
            inputs=self._read('inputs', lambda value: inputs(value, process_name), ()),
            catch_up=self._read('catch_up', _CATCH_UP, CatchUp.BESIDE),
            shares=self._read('lane_shares', _LANE_SHARES, None) or self._settings.lane_shares,
            demand=_demand(self._read),
            closed=self._read('closed', readers.closed_hours, NO_HOURS),
            jitter=jitter,
        )
        suffix = level.value
        entry = ManagedEntry(
            process=process,
            calendar=self._read('calendar', OPTIONAL_NAME, None),
            classname=self._classname(),
            token=token,
            route=self._route(f'{token}{suffix}'),
            present_on_boxes=self._read('present_on_boxes', readers.patterns, _NO_NAMES),
            instances=workers.instances,
            timeout=self._read('timeout_seconds', _TIMEOUT, None),
            source=self._read('source', OPTIONAL_TEXT, None),
            sink=self._read('sink', OPTIONAL_TEXT, None),
            data_source=self._data_source(process.machine),
            recycle_after=workers.recycle_after,
            memory_mb_max=workers.memory_mb_max,
            is_isolated=workers.is_isolated,
            run_memory_mb_max=workers.run_memory_mb_max,
            run_cpu_seconds_max=workers.run_cpu_seconds_max,
            log_file=self._file_in(
                self._settings.log_directory, 'log_file', f'{token}{suffix}.log'
            ),
            pid_file=self._file_in(
                self._settings.pid_directory, 'pid_file', f'{token}{suffix}.pid'
            ),
        )
        return entry if self.is_sound else None

    def daemon(self) -> DaemonEntry | None:
        """Return the daemon, if it is sound."""
        token = self._name('token')
        entry = DaemonEntry(
            name=ProcessName(self._name('process_name')),
            classname=self._classname(),
            token=token,
            route=self._route(f'{token}_daemon'),
            present_on_boxes=self._read('present_on_boxes', readers.patterns, _NO_NAMES),
            instances=self._read('instances', INSTANCES, None) or 1,
            arguments=self._arguments(is_daemon=True),
            log_file=self._file_in(self._settings.log_directory, 'log_file', f'{token}_daemon.log'),
            pid_file=self._file_in(self._settings.pid_directory, 'pid_file', f'{token}_daemon.pid'),
        )
        return entry if self.is_sound else None

    def freerun(self) -> FreerunEntry | None:
        """Return the free run, if it is sound."""
        token = self._name('token')
        calendar = self.calendar()
        workers = sharing(self._fields, self._read, self._refuse)
        entry = FreerunEntry(
            name=ProcessName(self._name('process_name')),
            entry_name=self._name('entry_name'),
            classname=self._classname(),
            token=token,
            route=self._route(f'{token}_freerun'),
            trigger=self._trigger_of(calendar),
            calendar=calendar,
            closed=tuple(
                in_zone(item, calendar.zone)
                for item in self._read('closed', readers.closed_hours, NO_HOURS)
            ),
            jitter=self._read('jitter_seconds', _JITTER, _NO_TIME),
            is_on=self._read('is_on', readers.boolean, False),
            present_on_boxes=self._read('present_on_boxes', readers.patterns, _NO_NAMES),
            instances=workers.instances,
            timeout=self._read('timeout_seconds', _TIMEOUT, None),
            description=self._read('description', OPTIONAL_TEXT, None),
            arguments=self._arguments(),
            overlap=self._read('overlap', _OVERLAP, Overlap.SKIP),
            misfire=self._read('misfire', _MISFIRE, Misfire.ONCE),
            misfire_max=self._read('misfire_max', _MISFIRE_COUNT, 1),
            arguments_are_code=self._is_code(),
            demand=_demand(self._read),
            retry=self._retry(),
            recycle_after=workers.recycle_after,
            memory_mb_max=workers.memory_mb_max,
            group=workers.group,
            is_isolated=workers.is_isolated,
            run_memory_mb_max=workers.run_memory_mb_max,
            run_cpu_seconds_max=workers.run_cpu_seconds_max,
            start_timeout=self._read('start_timeout_seconds', _START_TIMEOUT, None),
            log_file=self._file_in(
                self._settings.log_directory, 'log_file', f'{token}_freerun.log'
            ),
            pid_file=self._file_in(
                self._settings.pid_directory, 'pid_file', f'{token}_freerun.pid'
            ),
        )
        return entry if self.is_sound else None

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing was wrong with what was read."""
        return len(self._all_problems) == self._problem_count

    def queue(self) -> Route | None:
        """Return the queue, if it is sound."""
        queue = self._name('queue_name')
        routing = self._read('routing', OPTIONAL_TEXT, None) or queue
        route = Route(exchange=self._name('exchange'), routing=routing, queue=queue)
        return route if self.is_sound else None

    def _refuse(self, field: str, problem: str) -> None:
        value = self._fields.get(field)
        self._all_problems.append(
            f'{field} = {value!r:.200} of {self.label} in {self._file}: {problem}'
        )

    def _read(self, field: str, read: Reader[T], default: T) -> T:
        """Return what a field means; note what is wrong with it and return `default`."""
        value = self._fields[field]
        if value is MISSING:
            return default
        try:
            return read(value)
        except ValueError as error:
            self._refuse(field, str(error))
            return default

    def _name(self, field: str) -> str:
        return self._read(field, readers.name, 'refused')

    def _retry(self) -> RetryPolicy:
        return RetryPolicy(
            max_attempts=self._read('max_attempts', _ATTEMPTS, 1),
            max_lost=self._read('max_lost', _ATTEMPTS, 1),
            delay=self._read('retry_delay', _DELAY, _NO_TIME),
        )

    def _machine(self) -> str:
        value = self._fields['state_machine_name']
        known = self._machine_names
        if isinstance(value, str) and value in known:
            return value
        hint = nearest(str(value), known)
        self._all_problems.append(
            f'unknown state machine {value!r} for {self.label} in {self._file}{hint} '
            f'Registered: {", ".join(known)}'
        )
        return known[0]

    def _arguments(self, *, is_daemon: bool = False) -> Mapping[str, Any]:
        arguments = self._read('arguments', _ARGUMENTS, None) or {}
        classname, project = str(self._fields['classname']), self._settings.project
        problems = secret_problems(arguments, classname, project, is_daemon=is_daemon)
        # Without the value of the field: somebody may have written a secret for its reference.
        self._all_problems += [f'{item} ({self.label} in {self._file})' for item in problems]
        return arguments

    def _classname(self) -> str:
        value = self._fields['classname']
        if value is MISSING:
            return ''
        if not isinstance(value, str):
            self._refuse('classname', "give 'package.module.Class' or 'package.module.function'")
            return ''
        if problem := self._find_problem(value):
            self._refuse('classname', problem)
        return value

    def _is_code(self) -> bool | None:
        if self._fields['arguments_are_code'] is not None:
            return self._read('arguments_are_code', readers.boolean, False)
        classname = self._fields['classname']
        is_code = are_arguments_code(str(classname), self._settings.project)
        return True if is_code else None

    def _data_source(self, machine: str) -> str | None:
        value = self._read('data_source', OPTIONAL_TEXT, None)
        if value is None:
            if machine == STATE_MACHINE_RECOMPUTING:
                self._refuse(
                    'data_source',
                    'a recomputing process must be able to ask which rows have arrived; name a '
                    'function that opens its source, see synergy.sources',
                )
        elif problem := self._find_problem(value):
            self._refuse('data_source', problem)
        return value

    def _route(self, suffix: str) -> Route:
        return Route(
            exchange=self._name('exchange'),
            routing=self._read('routing', OPTIONAL_TEXT, None) or f'routing_{suffix}',
            queue=self._read('queue', OPTIONAL_TEXT, None) or f'queue_{suffix}',
        )

    def _file_in(self, folder: Path, field: str, default: str) -> Path:
        return folder / (self._read(field, OPTIONAL_TEXT, None) or default)

    def calendar(self) -> Calendar:
        """Return the calendar of the zone that is named; without, that of UTC."""
        return self._read('time_zone', _CALENDAR, None) or UTC_CALENDAR

    def _trigger_of(self, calendar: Calendar) -> Trigger:
        """Return the trigger of a free run, which names the zone that it follows."""
        trigger = self._read('trigger_frequency', readers.trigger, _TRIGGER)
        if isinstance(trigger, Every) or self._fields['time_zone'] is None:
            return trigger
        name, zone = name_of(calendar.zone), trigger.zone
        if zone is not None and name_of(zone) != name:
            self._refuse(
                'trigger_frequency',
                f'names the zone {name_of(zone)!r}, but time_zone is {name!r}; leave one of them '
                'out',
            )
        return replace(trigger, zone=calendar.zone, is_zone_said=calendar is not UTC_CALENDAR)


def _demand(read: Callable[..., Any]) -> Demand:
    """Return what starts take of pools. read: a field, as `EntryReader` does."""
    return Demand(read('pools', shares, ()), read('priority', _PRIORITY, PRIORITY_DEFAULT))
