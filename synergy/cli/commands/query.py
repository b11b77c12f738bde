"""`launch.py query [NAME]`: which processes of this box run, by their pid files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import datetime
from typing import Any

from synergy import bootstrap
from synergy.cli.command import CliCommand, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.control import Control, Running, entries_of
from synergy.cli.tables import said
from synergy.conf.names import PROCESS_SUPERVISOR
from synergy.ports.processes import Processes
from synergy.view.encode import instant


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('name', metavar='NAME', nargs='?', help='only this process')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    settings, context = bootstrap.load(reads_sources=False)
    with bootstrap.open_runtime(settings, context) as runtime:
        control = Control(runtime)
        entries = entries_of(runtime)
        if options.name is not None:
            entries = {options.name: control.entry(options.name)}
        found: list[Running] = []
        for entry in entries.values():
            if entry.name == PROCESS_SUPERVISOR:
                found.append(Running(entry.name, 0, control.supervisor()))
            else:
                found += control.instances(entry)
        rows: list[dict[str, Any]] = [
            {
                'process': item.process,
                'instance': item.instance,
                'pid': None if item.identity is None else item.identity.pid,
                'started_at': instant(_started_at(runtime.processes, item)),
            }
            for item in found
        ]
    if options.json:
        print_json(rows)
    else:
        print_table(
            ('process', 'instance', 'runs', 'pid', 'since (UTC)'),
            [
                (
                    row['process'],
                    row['instance'],
                    'no' if row['pid'] is None else 'yes',
                    row['pid'],
                    said(row['started_at']),
                )
                for row in rows
            ],
        )
    is_running = any(item.identity is not None for item in found)
    return ExitCode.OK if is_running else ExitCode.FOUND


def _started_at(processes: Processes, item: Running) -> datetime | None:
    return None if item.identity is None else processes.started_at(item.identity)


COMMAND = CliCommand(
    name='query',
    summary='Tell which processes of this box run; exit 1 when none does.',
    example='query FlightHourly',
    add_arguments=_add_arguments,
    run=_run,
)
