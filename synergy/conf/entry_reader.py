"""Read one entry of the context field by field, noting everything that is wrong with it.

An entry with a problem is left out, so that no second complaint follows from the first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from synergy.conf.code_arguments import are_arguments_code
from synergy.conf.entries import RawEntry
from synergy.conf.locate import find_problem
from synergy.conf.model import DaemonEntry, FreerunEntry, ManagedEntry, Settings
from synergy.conf.names import (
    STATE_MACHINE_RECOMPUTING,
)
from synergy.core.bounded import ARGUMENTS, OutOfBounds, copied
from synergy.core.calendar import UtcCalendar
from synergy.core.freerun_definition import MISFIRE_MAX
from synergy.core.freerun_record import Misfire, Overlap
from synergy.core.grouping import GROUPING_MAX
from synergy.core.nearest import nearest
from synergy.core.records import Process, ProcessName, RetryPolicy, Route, Tree
from synergy.core.states import Blocking, OnFailure
from synergy.core.timeperiod import LEVELS, Qualifier, Timeperiod, parse
from synergy.core.trigger import Every, Trigger, parse_trigger

T = TypeVar('T')

RECYCLE_AFTER_MAX: Final = 1_000_000_000
#: A terabyte.
MEMORY_MB_MAX: Final = 1_048_576

_NAME: Final = re.compile(r'[A-Za-z0-9_.-]+')


class EntryReader:
    """Reads one raw entry field by field, noting what is wrong."""

    def __init__(
        self,
        raw: RawEntry,
        file: str,
        problems: list[str],
        settings: Settings,
        machine_names: Sequence[str],
    ) -> None:
        """Read `raw`, of `file`; add what is wrong to `problems`."""
        self._machine_names = machine_names
        self._fields = raw.fields
        self._file = file
        self._all_problems = problems
        self._problem_count = len(problems)
        self._settings = settings
        name = next(
            str(raw.fields[field])
            for field in ('process_name', 'tree_name', 'queue_name')
            if field in raw.fields
        )
        self.label = f'{name}::{raw.fields["entry_name"]}' if raw.kind == 'freerun' else name

    def managed(self) -> ManagedEntry | None:
        """Return the managed process, if it is sound."""
        qualifier = self._choice('time_qualifier', [level.value for level in LEVELS])
        token = self._name('token')
        process_name = ProcessName(self._name('process_name'))
        level = Qualifier(qualifier) if qualifier else Qualifier.HOURLY
        process = Process(
            name=process_name,
            qualifier=level,
            grouping=self._whole('time_grouping', 1, GROUPING_MAX[level]),
            machine=self._machine(),
            blocking=Blocking(
                self._choice('blocking_type', [item.value for item in Blocking]) or Blocking.NORMAL
            ),
            trigger=self._trigger(),
            is_on=self._switch('is_on'),
            lag=timedelta(minutes=self._number('lag_minutes', 0)),
            deadline=self._deadline(),
            max_running=self._whole('max_running', 1, 100_000),
            retry=RetryPolicy(
                max_attempts=self._whole('max_attempts', 1, 1000),
                delay=timedelta(seconds=self._number('retry_delay', 0)),
            ),
            on_failure=OnFailure(
                self._choice('on_failure', [item.value for item in OnFailure]) or OnFailure.SKIP
            ),
            arguments=self._arguments(),
        )
        suffix = level.value
        entry = ManagedEntry(
            process=process,
            classname=self._classname(),
            token=token,
            route=self._route(f'{token}{suffix}'),
            present_on_boxes=self._boxes(),
            instances=self._whole('instances', 1, 1000),
            timeout=self._timeout(),
            source=self._optional_text('source'),
            sink=self._optional_text('sink'),
            data_source=self._data_source(process.machine),
            recycle_after=self._optional_whole('recycle_after', RECYCLE_AFTER_MAX),
            memory_mb_max=self._optional_whole('memory_mb_max', MEMORY_MB_MAX),
            log_file=self._file_in(
                self._settings.log_directory, 'log_file', f'{token}{suffix}.log'
            ),
            pid_file=self._file_in(
                self._settings.pid_directory, 'pid_file', f'{token}{suffix}.pid'
            ),
        )
        return self._if_sound(entry)

    def daemon(self) -> DaemonEntry | None:
        """Return the daemon, if it is sound."""
        token = self._name('token')
        entry = DaemonEntry(
            name=ProcessName(self._name('process_name')),
            classname=self._classname(),
            token=token,
            route=self._route(f'{token}_daemon'),
            present_on_boxes=self._boxes(),
            instances=self._whole('instances', 1, 1000),
            arguments=self._arguments(),
            log_file=self._file_in(self._settings.log_directory, 'log_file', f'{token}_daemon.log'),
            pid_file=self._file_in(self._settings.pid_directory, 'pid_file', f'{token}_daemon.pid'),
        )
        return self._if_sound(entry)

    def freerun(self) -> FreerunEntry | None:
        """Return the free run, if it is sound."""
        token = self._name('token')
        entry = FreerunEntry(
            name=ProcessName(self._name('process_name')),
            entry_name=self._name('entry_name'),
            classname=self._classname(),
            token=token,
            route=self._route(f'{token}_freerun'),
            trigger=self._trigger(),
            is_on=self._switch('is_on'),
            present_on_boxes=self._boxes(),
            instances=self._whole('instances', 1, 1000),
            timeout=self._timeout(),
            description=self._optional_text('description'),
            arguments=self._arguments(),
            overlap=Overlap(
                self._choice('overlap', [item.value for item in Overlap]) or Overlap.SKIP
            ),
            misfire=Misfire(
                self._choice('misfire', [item.value for item in Misfire]) or Misfire.ONCE
            ),
            misfire_max=self._whole('misfire_max', 1, MISFIRE_MAX),
            arguments_are_code=self._is_code(),
            retry=RetryPolicy(
                max_attempts=self._whole('max_attempts', 1, 1000),
                delay=timedelta(seconds=self._number('retry_delay', 0)),
            ),
            recycle_after=self._optional_whole('recycle_after', RECYCLE_AFTER_MAX),
            memory_mb_max=self._optional_whole('memory_mb_max', MEMORY_MB_MAX),
            log_file=self._file_in(
                self._settings.log_directory, 'log_file', f'{token}_freerun.log'
            ),
            pid_file=self._file_in(
                self._settings.pid_directory, 'pid_file', f'{token}_freerun.pid'
            ),
        )
        return self._if_sound(entry)

    def tree(self) -> Tree | None:
        """Return the tree, if it is sound."""
        start = self._hour('start_timeperiod') or _instant(self._settings.start_timeperiod)
        ends = [
            end
            for end in (
                self._hour('end_timeperiod'),
                None
                if self._settings.end_timeperiod is None
                else _instant(self._settings.end_timeperiod),
            )
            if end is not None
        ]
        tree = Tree(
            name=self._name('tree_name'),
            levels=tuple(map(ProcessName, self._texts('enclosed_processes'))),
            dependent_on=self._texts('dependent_on'),
            start=start,
            end=min(ends, default=None),
            mx_name=self._optional_text('mx_name'),
            mx_page=self._optional_text('mx_page'),
        )
        return self._if_sound(tree)

    def queue(self) -> Route | None:
        """Return the queue, if it is sound."""
        queue = self._name('queue_name')
        routing = self._optional_text('routing') or queue
        return self._if_sound(Route(exchange=self._name('exchange'), routing=routing, queue=queue))

    def _if_sound(self, entry: T) -> T | None:
        return entry if len(self._all_problems) == self._problem_count else None

    def _refuse(self, field: str, problem: str) -> None:
        value = self._fields.get(field)
        self._all_problems.append(f'{field} = {value!r} of {self.label} in {self._file}: {problem}')

    def _name(self, field: str) -> str:
        value = self._fields[field]
        if isinstance(value, str) and _NAME.fullmatch(value):
            return value
        self._refuse(field, 'give a name of letters, digits, and _ . -')
        return 'refused'

    def _optional_text(self, field: str) -> str | None:
        value = self._fields[field]
        if value is None or (isinstance(value, str) and value):
            return value
        self._refuse(field, 'give a text, or leave it out')
        return None

    def _texts(self, field: str) -> tuple[str, ...]:
        value = self._fields[field]
        if value is None:
            return ()
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        self._refuse(field, 'give a list of names')
        return ()

    def _switch(self, field: str) -> bool:
        value = self._fields[field]
        if isinstance(value, bool):
            return value
        self._refuse(field, 'give True or False')
        return False

    def _whole(self, field: str, least: int, most: int) -> int:
        value = self._fields[field]
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self._refuse(field, f'give a whole number from {least} to {most}')
        return least

    def _optional_whole(self, field: str, most: int) -> int | None:
        return None if self._fields[field] is None else self._whole(field, 1, most)

    def _number(self, field: str, least: float) -> float:
        value = self._fields[field]
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and least <= value < 1e9:
            return float(value)
        self._refuse(field, f'give a number of {least:g} or more')
        return least

    def _deadline(self) -> timedelta | None:
        if self._fields['deadline_minutes'] is None:
            return None
        lag = self._fields['lag_minutes']
        least = lag if isinstance(lag, int | float) and lag > 0 else 0
        return timedelta(minutes=self._number('deadline_minutes', least))

    def _timeout(self) -> timedelta | None:
        if self._fields['timeout_seconds'] is None:
            return None
        return timedelta(seconds=self._number('timeout_seconds', 0.001))

    def _choice(self, field: str, known: Sequence[str]) -> str | None:
        value = self._fields[field]
        if isinstance(value, str) and value in known:
            return value
        hint = nearest(value, known) if isinstance(value, str) else ''
        self._refuse(
            field, f'is unknown{hint} Known: {", ".join(known)}'.replace('unknown;', 'unknown,')
        )
        return None

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

    def _trigger(self) -> Trigger:
        value = self._fields['trigger_frequency']
        try:
            return parse_trigger(value if isinstance(value, str) else repr(value))
        except ValueError as error:
            self._refuse('trigger_frequency', str(error))
            return Every(seconds=60)

    def _arguments(self) -> Mapping[str, Any]:
        value = self._fields['arguments']
        if value is None:
            return {}
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            try:
                return cast('dict[str, Any]', copied(dict(value), ARGUMENTS))
            except OutOfBounds as error:
                self._refuse('arguments', f'cannot be taken: {error}; use fewer, plain values')
                return {}
        self._refuse('arguments', 'is not a JSON object; give a dict with texts as keys')
        return {}

    def _boxes(self) -> tuple[str, ...]:
        value = self._fields['present_on_boxes']
        patterns = [value] if isinstance(value, str) else value or []
        if not isinstance(patterns, list | tuple):
            self._refuse('present_on_boxes', 'give a list of regular expressions')
            return ()
        for pattern in patterns:
            try:
                re.compile(pattern)
            except (re.error, TypeError) as error:
                self._refuse(
                    'present_on_boxes', f'{pattern!r} is not a regular expression ({error})'
                )
        return tuple(pattern for pattern in patterns if isinstance(pattern, str))

    def _classname(self) -> str:
        value = self._fields['classname']
        if not isinstance(value, str):
            self._refuse('classname', "give 'package.module.Class' or 'package.module.function'")
            return ''
        if problem := find_problem(value, self._settings.project):
            self._refuse('classname', problem)
        return value

    def _is_code(self) -> bool | None:
        if self._fields['arguments_are_code'] is not None:
            return self._switch('arguments_are_code')
        classname = self._fields['classname']
        is_code = are_arguments_code(str(classname), self._settings.project)
        return True if is_code else None

    def _data_source(self, machine: str) -> str | None:
        value = self._optional_text('data_source')
        if value is None:
            if machine == STATE_MACHINE_RECOMPUTING:
                self._refuse(
                    'data_source',
                    'a recomputing process must be able to ask which rows have arrived; name a '
                    'function that opens its source, see synergy.sources',
                )
        elif problem := find_problem(value, self._settings.project):
            self._refuse('data_source', problem)
        return value

    def _route(self, suffix: str) -> Route:
        return Route(
            exchange=self._name('exchange'),
            routing=self._optional_text('routing') or f'routing_{suffix}',
            queue=self._optional_text('queue') or f'queue_{suffix}',
        )

    def _file_in(self, folder: Path, field: str, default: str) -> Path:
        return folder / (self._optional_text(field) or default)

    def _hour(self, field: str) -> datetime | None:
        value = self._fields[field]
        if value is None:
            return None
        try:
            return UtcCalendar().start(parse(Qualifier.HOURLY, str(value)))
        except ValueError as error:
            self._refuse(field, str(error))
            return None


def _instant(timeperiod: Timeperiod) -> datetime:
    return UtcCalendar().start(timeperiod)
