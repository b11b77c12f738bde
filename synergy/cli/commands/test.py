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
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from synergy import doors
from synergy.bootstrap import PROJECT, project_folder
from synergy.cli.command import CliCommand, CommandError, ExitCode

_STEPS: Final = (
    ('format', ('ruff', 'format', '--check', '--quiet', '.')),
    ('lint', ('ruff', 'check', '--quiet', '.')),
)
#: Takes a minute when nothing is cached, so the tests run beside it.
_TYPES: Final = ('types', ('mypy',))
#: What leaves out heavy tests, and the plugin of which only those make use.
_QUICK: Final = ('-m', 'not heavy', '-p', 'no:schemathesis')
#: Tests that run in parallel for each processor: most of them wait most of the time.
_TESTS_BY_PROCESSOR: Final = 2


#: Programs that tests need, and the Debian packages that bring them.
_PACKAGE_BY_PROGRAM: Final = {
    'sshd': 'openssh-server',
    'ssh': 'openssh-client',
    'rabbitmq-server': 'rabbitmq-server',
    # Chaos cuts networks and sets clocks.
    'ip': 'iproute2',
    'cc': 'gcc',
    'chromium-headless-shell': 'chromium-headless-shell',
    # Shells that may be the one on another host.
    'busybox': 'busybox',
    'ksh': 'ksh',
    'mksh': 'mksh',
    'zsh': 'zsh',
    'promtool': 'prometheus',
    'prometheus-alertmanager': 'prometheus-alertmanager',
}
#: Those that would bring much that no test needs.
_ALONE: Final = frozenset({'prometheus', 'prometheus-alertmanager'})
#: Set in many images of containers.
_NO_BYTECODE: Final = 'PYTHONDONTWRITEBYTECODE'
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
    is_chosen = _QUICK if options.quick else ()
    if options.pytest:
        return _verdict(_pytest([*options.pytest, *is_chosen]))
    if not all(_has_passed(*step) for step in _STEPS):
        return ExitCode.FOUND
    with ThreadPoolExecutor(1) as beside:
        types = beside.submit(_has_passed, *_TYPES)
        _compile_tests(is_chosen)
        has_passed = _pytest(['-q', '-n', str(_process_count()), '--dist', 'worksteal', *is_chosen])
    if not types.result():
        print('types: FAILED, as said above between the tests', flush=True)
    return _verdict(types.result() and has_passed)


def _verdict(has_passed: bool) -> ExitCode:
    return ExitCode.OK if has_passed else ExitCode.FOUND


def _pytest(arguments: Sequence[str]) -> bool:
    command = [sys.executable, '-m', 'pytest', *arguments]
    done = subprocess.run(command, cwd=PROJECT, env=_compiling_once(os.environ), check=False)
    return done.returncode == 0


def _compiling_once(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return an environment in which modules are compiled once, not by each of 2,000 processes.

    Where Python may not write beside the sources it writes into the virtual environment.
    """
    if not environ.get(_NO_BYTECODE):
        return environ
    folder = Path(sys.prefix) / 'compiled'
    kept = {name: value for name, value in environ.items() if name != _NO_BYTECODE}
    return {**kept, 'PYTHONPYCACHEPREFIX': str(folder)}


def _compile_tests(is_chosen: Sequence[str]) -> None:
    """Let one process compile what many tests import, where most of it is new: else each does."""
    stamp = Path(sys.prefix) / 'compiled' / 'tests'
    compiled_at = stamp.stat().st_mtime if stamp.exists() else 0
    files = [*(PROJECT / 'tests').rglob('*.py')]
    if 2 * sum(file.stat().st_mtime > compiled_at for file in files) < len(files):
        return
    command = [sys.executable, '-m', 'pytest', '-q', '--collect-only', *is_chosen]
    subprocess.run(
        command, cwd=PROJECT, env=_compiling_once(os.environ), capture_output=True, check=False
    )
    stamp.parent.mkdir(exist_ok=True)
    stamp.touch()


def _process_count() -> int:
    """Return how many tests run in parallel."""
    return max(len(os.sched_getaffinity(0)), 2) * _TESTS_BY_PROCESSOR


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
    install = ['apt-get', 'install', '-y', '-q']
    others = [package for package in missing if package not in _ALONE]
    alone = [package for package in missing if package in _ALONE]
    commands = [['apt-get', 'update', '-q']]
    commands += [[*install, *others]] if others else []
    commands += [[*install, '--no-install-recommends', *alone]] if alone else []
    for command in commands:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f'{" ".join(command)} failed:\n{done.stderr[-2000:]}', flush=True)


def _has_passed(name: str, command: tuple[str, ...]) -> bool:
    """Run a check; print what it found, and its verdict."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, '-m', *command],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    is_good = done.returncode == 0
    verdict = 'ok' if is_good else 'FAILED'
    shown = '' if is_good else done.stdout
    print(f'{shown}{name}: {verdict} in {time.monotonic() - began:.1f} s', flush=True)
    return is_good


COMMAND = CliCommand(
    name='test',
    summary='Run format, lint and type checks and all tests; installs what they need. In a project '
    'of your own: its tests, with pytest if that is installed.',
    example='test -k engine',
    add_arguments=_add_arguments,
    run=_run,
)
