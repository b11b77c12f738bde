"""`launch.py list`: the registered processes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from synergy import bootstrap
from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.conf.model import Context
from synergy.core.zones import name_of

_HEADINGS = (
    'process',
    'kind',
    'tree',
    'time zone',
    'qualifier',
    'state machine',
    'blocking',
    'trigger',
    'on',
    'group',
    'classname',
)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    _, context = bootstrap.load(reads_sources=False)
    rows = list(_rows(context))
    if options.json:
        keys = [heading.replace(' ', '_') for heading in _HEADINGS]
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        print_table(_HEADINGS, rows)
    return ExitCode.OK


def _rows(context: Context) -> Iterator[tuple[str, ...]]:
    for node in context.hierarchy:
        entry = context.managed[node.process.name]
        yield (
            entry.name,
            'managed',
            node.tree.name,
            node.tree.zone,
            entry.process.qualifier.word,
            entry.process.machine,
            entry.process.blocking.value,
            str(entry.process.trigger),
            _on(entry.process.is_on),
            entry.group or '',
            entry.classname,
        )
    for freerun in context.freeruns.values():
        yield (
            f'{freerun.name}::{freerun.entry_name}',
            'freerun',
            '',
            name_of(freerun.calendar.zone),
            '',
            'freerun',
            '',
            str(freerun.trigger),
            _on(freerun.is_on),
            freerun.group or '',
            freerun.classname,
        )
    for daemon in context.daemons.values():
        yield (daemon.name, 'daemon', '', '', '', '', '', '', '', '', daemon.classname)
    for group in context.groups.values():
        yield (group.name, 'group of workers', '', '', '', '', '', '', '', group.name, '')


def _on(is_on: bool) -> str:
    return 'yes' if is_on else 'no'


COMMAND = CliCommand(
    name='list',
    summary='List the registered processes.',
    example='list --json',
    add_arguments=_add_arguments,
    run=_run,
)
