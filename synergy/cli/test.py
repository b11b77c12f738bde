"""`launch.py test`: format, lint, types, architecture and tests, the same here and in CI."""

from __future__ import annotations

import subprocess
import sys
import time
from argparse import REMAINDER, ArgumentParser, Namespace
from typing import Final

from synergy.bootstrap import PROJECT
from synergy.cli.command import CliCommand, ExitCode

_STEPS: Final = (
    ('format', ('ruff', 'format', '--check', '--quiet', '.')),
    ('lint', ('ruff', 'check', '--quiet', '.')),
    ('types', ('mypy',)),
)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'pytest', nargs=REMAINDER, help='given to pytest; with any, only pytest is run'
    )


def _run(options: Namespace) -> ExitCode:
    if not options.pytest:
        for name, command in _STEPS:
            if not _passes(name, command):
                return ExitCode.FOUND
    arguments = options.pytest or ['-q']
    done = subprocess.run([sys.executable, '-m', 'pytest', *arguments], cwd=PROJECT, check=False)
    return ExitCode.OK if done.returncode == 0 else ExitCode.FOUND


def _passes(name: str, command: tuple[str, ...]) -> bool:
    began = time.monotonic()
    done = subprocess.run([sys.executable, '-m', *command], cwd=PROJECT, check=False)
    verdict = 'ok' if done.returncode == 0 else 'FAILED'
    print(f'{name}: {verdict} in {time.monotonic() - began:.1f} s', flush=True)
    return done.returncode == 0


COMMAND = CliCommand(
    name='test',
    summary='Run format, lint and type checks and all tests; installs what they need.',
    example='test -k engine',
    add_arguments=_add_arguments,
    run=_run,
)
