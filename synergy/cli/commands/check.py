"""`launch.py check`: validate settings and context, import what they name, and start nothing."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Final

from synergy import bootstrap, private
from synergy.cli.alert_tables import alert_lines, alerts_described
from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.commands.db import level_problems
from synergy.cli.console import print_json
from synergy.cli.importing import Imported, imports_of, try_imports
from synergy.cli.queues import routes_of
from synergy.conf.errors import ConfigurationError, SettingsError
from synergy.conf.model import Context, Settings
from synergy.core.calendar_ends import CalendarEnd
from synergy.core.closed import ClosedHours
from synergy.core.commands import counted
from synergy.core.pool_record import Pool, PoolName
from synergy.core.pools import demands_of
from synergy.core.records import Json, ProcessName
from synergy.core.structs import Struct
from synergy.core.timeperiod import date_of
from synergy.core.uri import without_password
from synergy.core.working import WorkingDays
from synergy.core.zones import name_of
from synergy.ports.errors import StoreError
from synergy.view.broker import broker_warnings
from synergy.view.inputs import SampleDocument, samples, which
from synergy.view.lateness import DeadlineDocument, deadline_warnings, deadlines

#: How long to wait for a store that is only asked for the levels of its rows.
_PATIENCE_SECONDS: Final = 2.0
#: Processes of which is told what they wait for, and until when they are to be done.
_SAMPLES_MAX: Final = 50
#: Deadlines before an interval may start that are told one by one.
_EARLY_MAX: Final = 20
#: Processes of one group of workers that are named.
_SERVED_MAX: Final = 12
#: Trees that are told one by one.
_TREES_MAX: Final = 50
#: What has closed hours, and is told one by one.
_CLOSED_MAX: Final = 50


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')
    parser.add_argument(
        '--servers', action='store_true', help='reach store and broker, too; make nothing there'
    )
    parser.add_argument(
        '--no-import',
        dest='imports',
        action='store_false',
        help='do not import workers, data sources and daemons; without it a child process tries',
    )


class _Findings(Struct, frozen=True, kw_only=True):
    """What was found out.

    unseen: why the history was not looked at. unreached: of servers. inputs: of one interval of
    each process. deadlines: of one interval of each process that has one; early: those that come
    before it may start. calendar_ends: working calendars that run out.
    """

    levels: Sequence[str]
    unseen: str | None
    imported: Imported | None
    wide: Sequence[str]
    unreached: Sequence[str]
    inputs: Sequence[SampleDocument]
    deadlines: Sequence[DeadlineDocument]
    early: Sequence[str]
    calendar_ends: Sequence[CalendarEnd]

    @property
    def refused(self) -> Sequence[str]:
        return [*self.levels, *(self.imported.problems if self.imported else [])]

    @property
    def warnings(self) -> Sequence[str]:
        of_imports = self.imported.warnings if self.imported else []
        return [*self.wide, *of_imports, *self.early, *map(str, self.calendar_ends)]

    @property
    def code(self) -> ExitCode:
        if self.refused:
            return ExitCode.MISCONFIGURED
        return ExitCode.UNAVAILABLE if self.unreached else ExitCode.OK


def _run(options: Namespace) -> ExitCode:
    try:
        settings, context = bootstrap.load()
        folders = bootstrap.folders_of(settings)
        if refused := private.problems_of(settings.home, settings.project, folders):
            raise SettingsError(tuple(refused))
    except ConfigurationError as error:
        if not options.json:
            raise
        print_json({'is_valid': False, 'problems': list(error.problems)})
        return ExitCode.MISCONFIGURED
    levels, unseen = _levels(settings, context)
    wanted = imports_of(settings, context) if options.imports else []
    now = bootstrap.clock().now()
    found = _Findings(
        levels=levels,
        unseen=unseen,
        imported=try_imports(wanted, settings.project, bootstrap.clock()) if wanted else None,
        wide=private.wide(settings.home, settings.project, folders),
        unreached=_unreached(settings, context) if options.servers else [],
        inputs=samples(context.hierarchy, now),
        deadlines=deadlines(context.hierarchy, now),
        early=list(islice(deadline_warnings(context.hierarchy, now), _EARLY_MAX)),
        calendar_ends=context.calendar_ends(now.date()),
    )
    if options.json:
        print_json(
            {
                'is_valid': not found.refused,
                'problems': [*found.refused, *found.unreached],
                'warnings': found.warnings,
                'inputs': list(found.inputs[:_SAMPLES_MAX]),
                'inputs_left_out': max(len(found.inputs) - _SAMPLES_MAX, 0),
                'deadlines': list(found.deadlines[:_SAMPLES_MAX]),
                'deadlines_left_out': max(len(found.deadlines) - _SAMPLES_MAX, 0),
                **described(context),
            }
        )
    else:
        _tell(settings, context, found)
        if options.servers:
            said = '; '.join(found.unreached) or 'ok: store and broker can be used'
            print(f'servers   {said}')
    return found.code


def _tell(settings: Settings, context: Context, found: _Findings) -> None:
    print(f'settings  ok: home {settings.home}')
    store, broker = map(without_password, (settings.store_uri, settings.broker_uri))
    print(f'          store {store}, broker {broker}')
    if found.unseen:
        print(f'          history not looked at: {found.unseen}')
    for problem in found.levels:
        print(f'context   {problem}')
    trees = {node.tree.name for node in context.hierarchy}
    print(
        f'context   {"otherwise " if found.levels else ""}ok: '
        f'{counted(len(context.managed), "managed process", "managed processes")} in '
        f'{counted(len(trees), "tree")}, '
        f'{counted(len(context.freeruns), "freerun entry", "freerun entries")}, '
        f'{counted(len(context.daemons), "daemon")}'
    )
    lines = (_tree_lines, _group_lines, _pool_lines, closed_lines, alert_lines)
    for line in (line for lines_of in lines for line in lines_of(context)):
        print(f'          {line}')
    if found.imported is not None:
        _tell_imports(found.imported)
    for warning in found.warnings:
        print(f'warning   {warning}')
    _tell_deadlines(found.deadlines)
    _tell_inputs(found.inputs)


def described(context: Context) -> dict[str, Json]:
    """Return trees, groups, pools, closed hours, calendars and alerts of a context, as JSON."""
    hierarchy = context.hierarchy
    trees = {node.tree.name: node.tree for node in hierarchy}
    return {
        'trees': [
            {
                'tree': tree.name,
                'time_zone': tree.zone,
                'processes': [
                    {'process': name, 'qualifier': hierarchy.nodes[name].process.qualifier.word}
                    for name in tree.levels
                ],
            }
            for tree in trees.values()
        ],
        'groups': [
            {
                'group': name,
                'instances': group.instances,
                'serves': list(context.served.get(name, ())),
            }
            for name, group in context.groups.items()
        ],
        'pools': [
            {
                'pool': name,
                'slots': pool.slots,
                'per_minute': pool.per_minute,
                'takers': list(takers),
            }
            for name, pool, takers in _takers(context)
        ],
        'closed': [
            {'of': place, 'hours': list(texts)} for place, texts in closed_by_place(context).items()
        ],
        'calendars': list(_calendars(context)),
        'alerts': alerts_described(context),
    }


def _calendars(context: Context) -> Iterator[dict[str, Json]]:
    """Yield each working calendar that something names, with what does and its last known day."""
    processes: dict[WorkingDays, list[ProcessName]] = {}
    closes: dict[WorkingDays, list[str]] = {}
    for node in context.hierarchy:
        if (working := node.process.working) is not None:
            processes.setdefault(working, []).append(node.process.name)
    for item in _closed_hours(context):
        if item.working is not None:
            closes.setdefault(item.working, []).append(str(item))
    for working in sorted({**processes, **closes}, key=lambda item: item.name):
        yield {
            'calendar': working.name,
            'told_by': None if working.source is None else working.source.told,
            'last_day': date_of(working.told_until - 1).isoformat(),
            'processes': list(processes.get(working, ())),
            'closed': list(dict.fromkeys(closes.get(working, ()))),
        }


def _group_lines(context: Context) -> Iterator[str]:
    by_worker = context.served
    for name, group in context.groups.items():
        served = by_worker.get(name, {})
        told = _some(list(served)) or 'nothing: no entry has it as its group'
        yield f'{name}: {counted(group.instances, "worker")} on each of its boxes for {told}'
        alone = [
            process
            for process, entry in served.items()
            if entry.is_isolated or (entry.is_isolated is None and entry.timeout is not None)
        ]
        if alone:
            yield (
                f'{name}: each run of {_some(alone)} has a process of its own (isolation, or a '
                'time-out and a class that keeps nothing between runs)'
            )


def _some(names: Sequence[str]) -> str:
    more = f' and {len(names) - _SERVED_MAX} more' if len(names) > _SERVED_MAX else ''
    return f'{", ".join(names[:_SERVED_MAX])}{more}'


def _pool_lines(context: Context) -> Iterator[str]:
    for name, pool, takers in _takers(context):
        told = _some(takers) or 'nothing: no entry has it in its pools'
        yield f'{name}: {pool.size_text} for {told}'


def _takers(context: Context) -> Iterator[tuple[PoolName, Pool, Sequence[ProcessName]]]:
    """Yield each pool with the entries that take of it."""
    demands = demands_of(context.hierarchy)
    entries = sorted({*context.managed, *(item.full_name for item in context.freeruns.values())})
    for name, pool in context.hierarchy.pools.sizes.items():
        yield name, pool, [item for item in entries if name in dict(demands[item].shares)]


def closed_lines(context: Context) -> Iterator[str]:
    """Yield the closed hours of the installation, of each tree, entry and pool that has any."""
    by_place = closed_by_place(context)
    for place, texts in islice(by_place.items(), _CLOSED_MAX):
        yield f'closed hours {place}: {", ".join(texts)}'
    if len(by_place) > _CLOSED_MAX:
        yield f'and closed hours of {len(by_place) - _CLOSED_MAX:,} more'


def closed_by_place(context: Context) -> Mapping[str, Collection[str]]:
    """Return the closed hours, as written, by what they are said of: `of tree site`."""
    by_place: dict[str, dict[str, None]] = {}
    for item in _closed_hours(context):
        zone = '' if item.is_zone_said else f' {name_of(item.zone)}'
        by_place.setdefault(item.place, {})[f'{item.text}{zone}'] = None
    return by_place


def _closed_hours(context: Context) -> Iterator[ClosedHours]:
    yield from context.closed
    for node in context.hierarchy:
        yield from node.process.closed
    for entry in context.freeruns.values():
        yield from entry.closed
    for pool in context.hierarchy.pools.sizes.values():
        yield from pool.closed


def _tell_deadlines(samples: Sequence[DeadlineDocument]) -> None:
    """Print until when one interval of each process is to be done, of so many processes."""
    head = 'deadlines'
    for sample in samples[:_SAMPLES_MAX]:
        print(
            f'{head:<10}{sample["process"]} {sample["timeperiod"]} by {sample["text"]} '
            f'({sample["deadline"]})'
        )
        head = ''
    if (more := len(samples) - _SAMPLES_MAX) > 0:
        print(f'{"":<10}... {more:,} more; ./launch.py job PROCESS TIMEPERIOD tells of one')


def _tell_inputs(samples: Sequence[SampleDocument]) -> None:
    """Print what one interval of each process waits for, of so many processes."""
    head = 'inputs'
    for sample in samples[:_SAMPLES_MAX]:
        print(f'{head:<10}{sample["process"]} {sample["timeperiod"]} waits for')
        for item in sample['inputs']:
            told = f'; {item["text"]}' if item['text'] else ''
            print(f'{"":<12}{item["kind"]}: {which(item)}{told}')
        head = ''
    if (more := len(samples) - _SAMPLES_MAX) > 0:
        print(f'{"":<10}... {more:,} more; ./launch.py inputs PROCESS TIMEPERIOD tells of one')


def _tree_lines(context: Context) -> Iterator[str]:
    """Yield each tree with its zone, and each of its processes with its level, coarse to fine."""
    trees = {node.tree.name: node.tree for node in context.hierarchy}
    for tree in islice(trees.values(), _TREES_MAX):
        levels = (
            f'{name} {context.hierarchy.nodes[name].process.qualifier.word}' for name in tree.levels
        )
        yield f'{tree.name} ({tree.zone}): {", ".join(levels)}'
    if len(trees) > _TREES_MAX:
        yield f'and {len(trees) - _TREES_MAX:,} more trees; ./launch.py list shows all'


def _tell_imports(imported: Imported) -> None:
    for problem in imported.problems:
        print(f'imports   {problem}')
    print(
        f'imports   {"otherwise " if imported.problems else ""}ok: '
        f'{imported.good_count} of {imported.count} names of workers, data sources and daemons'
    )


def _levels(settings: Settings, context: Context) -> tuple[list[str], str | None]:
    """Return which processes have another level than their history; or why that is not known.

    Whatever is in the store is only read; where there is none, there is no history.
    """
    with bootstrap.open_runtime(settings, context) as runtime:
        try:
            administration = runtime.administer_store(busy_seconds_max=_PATIENCE_SECONDS)
            return level_problems(administration, context.hierarchy), None
        except StoreError as error:
            return [], str(error)


def _unreached(settings: Settings, context: Context) -> list[str]:
    """Return why store and broker cannot be used."""
    problems = []
    with bootstrap.open_runtime(settings, context) as runtime:
        try:
            runtime.open_store(create=False)
        except StoreError as error:
            problems.append(str(error))
            if runtime.are_one_file:
                return problems
        open_broker = partial(runtime.open_broker, create=False)
        problems += broker_warnings(open_broker, routes_of(context))
    return problems


COMMAND = CliCommand(
    name='check',
    summary='Validate settings and context, also against the history in the store, import the code '
    'that they name, and list every problem; start nothing.',
    example='check --servers',
    add_arguments=_add_arguments,
    run=_run,
)
