"""Load the project's context: import the module, check every entry, report all problems together.

User code is imported here (the module itself), but never the workers that it names: whether a
class exists is read from the source, so that the Scheduler runs no worker's code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache, partial
from typing import Final, TypeVar

from synergy.conf import pool_reader
from synergy.conf.alert_reader import AlertReader, named_of
from synergy.conf.built_in import ALWAYS, WATCH, built_in_entries
from synergy.conf.calendars import CalendarProblem, Calendars, Span
from synergy.conf.closing import Closing
from synergy.conf.deadlines import give_deadline
from synergy.conf.entries import RawEntry
from synergy.conf.entries_together import sharing, unlike
from synergy.conf.entry_reader import EntryReader
from synergy.conf.errors import ContextError
from synergy.conf.groups import joined, raw_groups, read_groups
from synergy.conf.locate import find_problem
from synergy.conf.mistyped import MISSING
from synergy.conf.model import (
    Context,
    DaemonEntry,
    FreerunEntry,
    ManagedEntry,
    Settings,
    WorkerEntry,
)
from synergy.conf.names import STATE_MACHINE_FREERUN
from synergy.conf.project_module import ModuleProblem, import_project_module
from synergy.conf.tree_reader import TreeReader
from synergy.conf.unread import unread_collections
from synergy.conf.weeks import begin_weeks
from synergy.core.hierarchy import Hierarchy, HierarchyError, build
from synergy.core.hierarchy_problems import Unread
from synergy.core.machines import MACHINE_BY_NAME
from synergy.core.machines.table import Machine, MachineError, Rule, compile_machine
from synergy.core.pool_record import SharedPools
from synergy.core.records import ProcessName, Tree
from synergy.core.structs import replace
from synergy.core.timeperiod import YEAR_MIN
from synergy.core.zones import calendar_named

R = TypeVar('R', bound=EntryReader)

#: Where nobody says what day it is.
_TODAY: Final = date(2030, 1, 1)
_YEARS_AHEAD: Final = 3
#: Processes that are named with one problem of all of them.
_NAMED_MAX: Final = 5
_NAME: Final = re.compile(r'[A-Za-z0-9_.-]+')
_NAME_BY_KIND: Final = {
    'daemon': 'process_name', 'managed': 'process_name', 'freerun': 'process_name',
    'tree': 'tree_name', 'queue': 'queue_name',
}  # fmt: skip


def load_context(
    settings: Settings, *, reads_sources: bool = True, today: date = _TODAY
) -> Context:
    """Return the validated context; raise ContextError with every problem.

    today: working calendars have to know the days up to the end of the second year after it.

    reads_sources: whether the classes and functions that it names are looked for. What neither
    starts nor changes processes does not ask: a worker whose file is broken, as while somebody
    edits it, is the trouble of that worker alone, and says so when it starts.
    """
    loader = _Loader(settings, reads_sources=reads_sources, today=today)
    context = loader.load()
    if loader.problems or context is None:
        raise ContextError(tuple(loader.problems))
    return context


def built_in_context(settings: Settings) -> Context:
    """Return a context of what comes with the product alone: to stop what an unsound one started.

    Raises ContextError where even that is refused.
    """
    loader = _Loader(settings)
    context = loader.built_in()
    if loader.problems or context is None:
        raise ContextError(tuple(loader.problems))
    return context


class _Loader:
    """Collects entries and problems of one context module."""

    def __init__(
        self, settings: Settings, *, reads_sources: bool = True, today: date = _TODAY
    ) -> None:
        self._today = today
        self._calendars: Mapping[str, object] = {}
        self._groups: list[RawEntry] = []
        self._written_pools: object = {}
        self._written_alerts: object = {}
        self._has_alerts = False
        self._settings = settings
        sources = settings.project if reads_sources else None
        # Looked for once: hundreds of entries name the same class.
        self._find_problem = cache(partial(find_problem, project=sources))
        self._file = f'{settings.context_module.replace(".", "/")}.py'
        self._machine_by_name: Mapping[str, Machine] = MACHINE_BY_NAME
        self.problems: list[str] = []

    def load(self) -> Context | None:
        try:
            module = import_project_module(
                self._settings.context_module, self._settings.project, 'SYNERGY_CONTEXT_MODULE'
            )
        except ModuleProblem as error:
            self.problems.append(str(error))
            return None
        if module is None:
            self.problems.append(
                f'context module {self._settings.context_module!r} was not found in '
                f'{self._settings.project}; {self._elsewhere()}'
            )
            return None
        self.problems += unread_collections(module, self._file)
        processes = self._entries(module, 'process_context', ('daemon', 'managed', 'freerun'))
        trees = self._entries(module, 'timetable_context', ('tree',))
        queues = self._entries(module, 'mq_queue_context', ('queue',), is_optional=True)
        self._machine_by_name = self._machines(module)
        self._calendars = self._calendars_of(module)
        self._groups = raw_groups(module, self._file, self.problems)
        self._written_pools = getattr(module, 'pool_context', {})
        self._written_alerts = getattr(module, 'alert_context', {})
        self._has_alerts = bool(self._written_alerts)
        return self._context(processes, trees, queues)

    def _elsewhere(self) -> str:
        """Return what to do where there is no context: most are in a folder of their project."""
        around = self._settings.project.parents
        if found := next((folder for folder in around if (folder / self._file).is_file()), None):
            return f'there is one in {found}: go there, or set SYNERGY_PROJECT to it'
        return (
            f'go to the folder of your project, make one with ./launch.py new DIR, write '
            f'{self._file}, or name another module in SYNERGY_CONTEXT_MODULE'
        )

    def built_in(self) -> Context | None:
        """Return the context of a project that registers nothing, with all that may run of ours."""
        return self._context([*ALWAYS, WATCH], [], [])

    def _entries(
        self, module: object, name: str, kinds: Sequence[str], *, is_optional: bool = False
    ) -> list[RawEntry]:
        """Return the entries of one of the module's collections, a mapping or a list."""
        found = getattr(module, name, None)
        if found is None:
            if not is_optional:
                self.problems.append(f'{self._file} defines no `{name}`; add `{name} = {{...}}`')
            return []
        if not isinstance(found, Mapping | list | tuple):
            self.problems.append(
                f'`{name}` in {self._file} is a {type(found).__name__}; make it a dict of entries'
            )
            return []
        items: Iterable[tuple[object, object]] = (
            found.items() if isinstance(found, Mapping) else ((None, entry) for entry in found)
        )
        entries = []
        for key, entry in items:
            if not isinstance(entry, RawEntry) or entry.kind not in kinds:
                self.problems.append(
                    f'{key!r} in `{name}` of {self._file} is not a {" or ".join(kinds)} entry; '
                    'make it with a constructor of synergy.conf.entries'
                )
                continue
            if isinstance(key, str) and entry.fields.get(_NAME_BY_KIND[entry.kind]) is MISSING:
                named = {**entry.fields, _NAME_BY_KIND[entry.kind]: key}
                entry = replace(entry, fields=named)
            names = {
                entry.fields.get(field) for field in ('process_name', 'tree_name', 'queue_name')
            }
            freerun = f'{entry.fields.get("process_name")}::{entry.fields.get("entry_name")}'
            if key is not None and key not in names | {freerun} and entry.kind != 'queue':
                own = next(text for text in names if text is not None)
                self.problems.append(
                    f'{key!r} in `{name}` of {self._file} holds the entry of {own!r}; '
                    'make key and name the same'
                )
            entries.append(entry)
        return entries

    def _calendars_of(self, module: object) -> Mapping[str, object]:
        """Return the working calendars as they are written."""
        found = getattr(module, 'calendar_context', {})
        if isinstance(found, Mapping) and all(isinstance(name, str) for name in found):
            return found
        self.problems.append(
            f'`calendar_context` in {self._file} is not a dict of calendars by their names; write '
            "it as in {'de': working_days('DE')}"
        )
        return {}

    def _machines(self, module: object) -> Mapping[str, Machine]:
        """Return the built-in state machines and the module's own."""
        found = getattr(module, 'machine_context', {})
        if not isinstance(found, Mapping):
            self.problems.append(
                f'`machine_context` in {self._file} is a {type(found).__name__}; '
                'make it a dict of lists of rules'
            )
            return MACHINE_BY_NAME
        machines = dict(MACHINE_BY_NAME)
        for name, rules in found.items():
            place = f'state machine {name!r} in {self._file}'
            if name in MACHINE_BY_NAME or name == STATE_MACHINE_FREERUN:
                self.problems.append(f'{place} has the name of a built-in one; choose another')
            elif not isinstance(rules, list | tuple) or not all(
                isinstance(rule, Rule) for rule in rules
            ):
                self.problems.append(f'{place} is not a list of Rule; see synergy.conf.machines')
            else:
                try:
                    machines[name] = compile_machine(str(name), rules)
                except MachineError as error:
                    self.problems.append(f'{error} ({self._file})')
        return machines

    def _context(
        self, processes: list[RawEntry], trees: list[RawEntry], queues: list[RawEntry]
    ) -> Context | None:
        given = {entry.fields['process_name']: entry for entry in processes}
        built_in = built_in_entries(self._settings, given, self._note, has_alerts=self._has_alerts)
        managed: dict[ProcessName, ManagedEntry] = {}
        daemons: dict[ProcessName, DaemonEntry] = {}
        freeruns: dict[tuple[ProcessName, str], FreerunEntry] = {}
        seen: set[str] = set()
        taken = (raw.fields['process_name'] for raw in [*built_in, *processes])
        groups = read_groups(self._groups, self._read_by, taken, self._note)
        names = [raw.fields['group_name'] for raw in self._groups]
        for raw in [*built_in, *processes]:
            reader = self._reader(raw)
            identity = reader.label
            if identity in seen:
                self.problems.append(f'{identity} is registered twice in {self._file}; keep one')
                continue
            seen.add(identity)
            match raw.kind:
                case 'managed':
                    if entry := reader.managed():
                        managed[entry.name] = joined(entry, groups, names, self._note)
                case 'daemon':
                    if daemon := reader.daemon():
                        daemons[daemon.name] = daemon
                case _:
                    if freerun := reader.freerun():
                        freerun = joined(freerun, groups, names, self._note)
                        freeruns[freerun.name, freerun.entry_name] = freerun
        routes = [route for raw in queues if (route := self._reader(raw).queue())]
        hierarchy, closing = self._hierarchy(managed, freeruns, trees, processes)
        pools = self._pools(managed.values(), freeruns.values())
        pools = closing.close_pools(pools, managed.values(), freeruns.values())
        workers: list[WorkerEntry] = [*managed.values(), *freeruns.values()]
        own = (item for item in workers if item.group is None)
        self.problems += unlike(freeruns.values(), self._file)
        self.problems += sharing([*daemons.values(), *groups.values(), *own], self._file)
        named = None if hierarchy is None else named_of(hierarchy, freeruns.values())
        alerts = AlertReader(named, closing, self._note).rules(self._written_alerts)
        if hierarchy is None:
            return None
        return Context(
            daemons=daemons,
            managed=managed,
            freeruns=freeruns,
            queues=tuple(routes),
            hierarchy=hierarchy.replaced(hierarchy.nodes, pools),
            project=self._settings.project,
            groups=groups,
            group_by_process={
                worker.name: worker.group for worker in workers if worker.group is not None
            },
            closed=closing.everywhere,
            alerts=alerts,
        )

    def _pools(
        self, managed: Iterable[ManagedEntry], freeruns: Iterable[FreerunEntry]
    ) -> SharedPools:
        """Return the pools; note what is wrong with them, and what entries take of them."""
        own = {entry.name: entry.process.demand for entry in managed}
        return pool_reader.shared(self._written_pools, own, freeruns, self._file, self.problems)

    def _note(self, problem: str) -> None:
        self.problems.append(f'{problem} ({self._file})')

    def _reader(self, raw: RawEntry) -> EntryReader:
        return self._read_by(EntryReader, raw)

    def _read_by(self, reader: type[R], raw: RawEntry) -> R:
        return reader(
            raw,
            self._file,
            self.problems,
            self._settings,
            tuple(self._machine_by_name),
            self._find_problem,
        )

    def _leave_out(
        self,
        trees: Sequence[tuple[TreeReader, Tree]],
        managed: dict[ProcessName, ManagedEntry],
        known: Calendars,
    ) -> None:
        """Let working calendars leave out intervals of the processes that name one."""
        named: dict[ProcessName, str] = {}
        for reader, tree in trees:
            if (of_tree := reader.calendar_name()) is not None:
                named |= dict.fromkeys(tree.levels, of_tree)
        named |= {name: entry.calendar for name, entry in managed.items() if entry.calendar}
        by_calendar: dict[str, list[ProcessName]] = {}
        for process, name in named.items():
            if process in managed:
                by_calendar.setdefault(name, []).append(process)
        for name, processes in by_calendar.items():
            try:
                working = known.of(name)
            except CalendarProblem as error:
                told = f'calendar = {name!r} of {_some_of(processes)}'
                self.problems.append(f'{told} in {self._file}: {error}')
                continue
            for process in processes:
                changed = replace(managed[process].process, working=working)
                managed[process] = replace(managed[process], process=changed)

    def _hierarchy(
        self,
        managed: dict[ProcessName, ManagedEntry],
        freeruns: dict[tuple[ProcessName, str], FreerunEntry],
        raw_trees: list[RawEntry],
        processes: list[RawEntry],
    ) -> tuple[Hierarchy | None, Closing]:
        pairs: list[tuple[TreeReader, Tree]] = []
        unread_trees = set()
        for raw in raw_trees:
            reader = self._read_by(TreeReader, raw)
            tree = reader.tree()
            begin_weeks(reader, tree, managed)
            give_deadline(reader.deadline(), tree, managed, reader.refuse_deadline)
            pairs.append((reader, tree))
            if not reader.is_sound:
                unread_trees.add(tree.name)
        trees = [tree for _, tree in pairs]
        known = Calendars(
            self._calendars,
            _whole_years(trees, self._today),
            project=self._settings.project,
            folder=self._settings.home / 'calendars',
        )
        self._leave_out(pairs, managed, known)
        closing = Closing(self._settings.closed, known, self._today, self._file, self.problems)
        closing.close(pairs, managed, freeruns)
        written = {
            ProcessName(str(raw.fields['process_name']))
            for raw in processes
            if raw.kind == 'managed'
        }
        # What was refused above is not also missing, and nothing that follows from it is told.
        unread = Unread(processes=frozenset(written - set(managed)), trees=frozenset(unread_trees))
        try:
            own = (entry.process for entry in managed.values())
            calendars = {tree.zone: calendar_named(tree.zone) for tree in trees}
            hierarchy = build(own, trees, calendars, self._machine_by_name, unread)
        except HierarchyError as error:
            self.problems += [f'{problem} ({self._file})' for problem in error.problems]
            return None, closing
        return hierarchy, closing


def _some_of(processes: Sequence[ProcessName]) -> str:
    """Return the first few names, and how many more there are."""
    more = len(processes) - _NAMED_MAX
    return ', '.join(processes[:_NAMED_MAX]) + (f' and {more:,} more' if more > 0 else '')


def _whole_years(trees: Sequence[Tree], today: date) -> Span:
    """Return the days that working calendars have to know."""
    begin = min((tree.start.year for tree in trees), default=today.year) - 1
    return Span(date(max(begin, YEAR_MIN), 1, 1), date(today.year + _YEARS_AHEAD, 1, 1))
