"""`launch.py docs`: build the pages of docs/ as a web site."""

from __future__ import annotations

import subprocess
import sys
from argparse import ArgumentParser, Namespace

from synergy.bootstrap import PROJECT
from synergy.cli.command import CliCommand, ExitCode


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('--serve', action='store_true', help='show them on a port, and follow them')


def _run(options: Namespace) -> ExitCode:
    config = PROJECT / 'docs' / 'site' / 'mkdocs.yml'
    target = PROJECT / 'build' / 'docs'
    what = ('serve',) if options.serve else ('build', '--strict', '--site-dir', str(target))
    command = [sys.executable, '-m', 'mkdocs', *what, '--config-file', str(config)]
    done = subprocess.run(command, cwd=PROJECT, check=False)
    if done.returncode != 0:
        return ExitCode.FOUND
    print(f'built {target}/index.html')
    return ExitCode.OK


COMMAND = CliCommand(
    name='docs',
    summary='Build the pages of docs/ into build/docs, or serve them.',
    example='docs',
    add_arguments=_add_arguments,
    run=_run,
)
