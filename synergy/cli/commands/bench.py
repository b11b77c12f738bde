"""`launch.py bench NAME`: measure, on this machine, and print a table."""

from __future__ import annotations

import importlib
import json
import os
import platform
import subprocess
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Final

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_table

#: Module of `bench` by name, in the order of `all`.
BENCHMARKS: Final = (
    'core', 'embedded', 'production', 'startup', 'closure', 'timers', 'ratios', 'mx', 'breadth',
    'verify', 'forecast', 'past', 'demo',
)  # fmt: skip
#: Not part of `all`: it takes long, and measures what has to be installed first.
PEERS: Final = 'peers'


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('name', nargs='?', default='all', choices=[*BENCHMARKS, PEERS, 'all'])
    parser.add_argument('--quick', action='store_true', help='fewer intervals, rougher numbers')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the results to FILE')
    parser.add_argument(
        '--install',
        action='store_true',
        help='with peers: first install Airflow and Dagster from PyPI into build/peers/',
    )


def _run(options: Namespace) -> ExitCode:
    names = BENCHMARKS if options.name == 'all' else (options.name,)
    print(f'{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}')
    if options.install:
        _install_peers(options.name)
    results = []
    for name in names:
        module = importlib.import_module(f'bench.{name}')
        results += module.run(is_quick=options.quick)
    print()
    print_table(
        ('benchmark', 'what', 'median', 'spread', 'unit', 'aim'),
        [
            (item.benchmark, item.what, item.shown, item.shown_spread, item.unit, item.aim)
            for item in results
        ],
    )
    if options.json is not None:
        rows = [item.encoded() for item in results]
        options.json.write_text(json.dumps(rows, indent=2) + '\n')
    return ExitCode.OK


def _install_peers(name: str) -> None:
    if name != PEERS:
        raise CommandError(
            f'--install goes with peers, not with {name}: bench peers --install', ExitCode.USAGE
        )
    # Beside a checkout only, as the benchmarks.
    environments = importlib.import_module('bench.peers.environments')
    for peer in environments.PEERS:
        if environments.is_installed(peer):
            continue
        try:
            environments.install(peer)
        except subprocess.CalledProcessError as error:
            raise CommandError(
                f'{peer} could not be installed: see what pip said above', ExitCode.UNAVAILABLE
            ) from error


COMMAND = CliCommand(
    name='bench',
    summary='Measure speed and memory on this machine.',
    example='bench demo --quick',
    add_arguments=_add_arguments,
    run=_run,
)
