"""`launch.py test`: format, lint, types, architecture and tests, the same here and in CI.

In a project of your own it runs that project's tests.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from synergy import doors
from synergy.bootstrap import PROJECT, project_folder
from synergy.cli.command import CliCommand, CommandError, ExitCode

_STEPS: Final = (
    ('format', ('ruff', 'format', '--check', '--quiet', '.')),
    ('lint', ('ruff', 'check', '--quiet', '.')),
    ('types', ('mypy',)),
)


#: Programs that tests need, and the Debian packages that bring them.
_PACKAGE_BY_PROGRAM: Final = {
    'sshd': 'openssh-server',
    'ssh': 'openssh-client',
    'rabbitmq-server': 'rabbitmq-server',
    # Chaos cuts networks and sets clocks.
    'ip': 'iproute2',
    'cc': 'gcc',
    'chromium': 'chromium',
    # Shells that may be the one on another host.
    'busybox': 'busybox',
    'ksh': 'ksh',
    'mksh': 'mksh',
    'zsh': 'zsh',
}
_SYSTEM_PATH: Final = '/usr/sbin:/usr/bin:/sbin:/bin'


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        '--quick',
        action='store_true',
        help='leave out tests that need a server, a browser or processes, or that take long',
    )
    parser.add_argument('pytest', nargs='*', help='given to pytest; with any, only pytest is run')


def _run(options: Namespace) -> ExitCode:
    if (project := project_folder()) != PROJECT or not doors.IS_CHECKOUT:
        return _run_own(project, options.pytest)
    if not options.quick:
        _install_missing()
    if not options.pytest:
        for name, command in _STEPS:
            if not _passes(name, command):
                return ExitCode.FOUND
    arguments = [
        *(options.pytest or ['-q', '-n', str(_process_count()), '--dist', 'worksteal']),
        *(['-m', 'not heavy'] if options.quick else []),
    ]
    done = subprocess.run([sys.executable, '-m', 'pytest', *arguments], cwd=PROJECT, check=False)
    return ExitCode.OK if done.returncode == 0 else ExitCode.FOUND


def _process_count() -> int:
    """Return how many tests run in parallel: one a processor, for some of them measure patience."""
    return max(len(os.sched_getaffinity(0)), 2)


def _run_own(project: Path, arguments: Sequence[str]) -> ExitCode:
    """Run the tests of somebody's project, with pytest where it is installed."""
    if not (project / 'tests').is_dir():
        raise CommandError(
            f'{project} has no folder tests/; write some there (docs/testing.md shows how)',
            ExitCode.UNKNOWN,
        )
    if importlib.util.find_spec('pytest') is not None:
        command = ['pytest', *(arguments or ['-q', 'tests'])]
    else:
        command = ['unittest', *(arguments or ['discover', '-t', '.', '-s', 'tests'])]
    # This package may be importable only because launch.py said so.
    path = os.pathsep.join([str(PROJECT), os.environ.get('PYTHONPATH', '')]).rstrip(os.pathsep)
    environ = {**os.environ, 'PYTHONPATH': path} if doors.IS_CHECKOUT else None
    done = subprocess.run([sys.executable, '-m', *command], cwd=project, env=environ, check=False)
    return ExitCode.OK if done.returncode == 0 else ExitCode.FOUND


def _install_missing() -> None:
    """Install system packages that tests need, where we may; say what is missing where not."""
    missing = [
        package
        for program, package in _PACKAGE_BY_PROGRAM.items()
        if shutil.which(program, path=_SYSTEM_PATH) is None
    ]
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which('apt-get') is None:
        print(f'not installed, so some tests are skipped: {" ".join(missing)}', flush=True)
        return
    print(f'installing {" ".join(missing)}', flush=True)
    # Run level 1: packages of servers start none; tests bring up their own.
    environ = {**os.environ, 'DEBIAN_FRONTEND': 'noninteractive', 'RUNLEVEL': '1'}
    for command in (['apt-get', 'update', '-q'], ['apt-get', 'install', '-y', '-q', *missing]):
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f'{" ".join(command)} failed:\n{done.stderr[-2000:]}', flush=True)


def _passes(name: str, command: tuple[str, ...]) -> bool:
    began = time.monotonic()
    done = subprocess.run([sys.executable, '-m', *command], cwd=PROJECT, check=False)
    verdict = 'ok' if done.returncode == 0 else 'FAILED'
    print(f'{name}: {verdict} in {time.monotonic() - began:.1f} s', flush=True)
    return done.returncode == 0


COMMAND = CliCommand(
    name='test',
    summary='Run format, lint and type checks and all tests; installs what they need. In a project '
    'of your own: its tests, with pytest if that is installed.',
    example='test -k engine',
    add_arguments=_add_arguments,
    run=_run,
)
