"""The virtual environment of a checkout: made on first use, repaired when an install broke off.

Standard library only: this runs before anything is installed. What is to be installed is read from
`pyproject.toml`; a marker in the environment, written last, says what is. Two at the same time take
turns by a lock.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import subprocess
import sys
import time
import tomllib
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from synergy import private
from synergy.core.exit_codes import ExitCode


class InstallFailed(Exception):
    """The environment could not be made; the message says why and what to do."""


class Environment:
    """The environment `.ve` of one project folder."""

    def __init__(self, project: Path) -> None:
        """Name the places; nothing is touched."""
        self.project = project
        self.folder = project / '.ve'
        self.python = self.folder / 'bin' / 'python'
        self._marker = self.folder / 'installed.json'

    def requirements(self, group: str) -> list[str]:
        """Return what `group`, 'runtime', or 'test' or 'docs' (which include runtime), needs."""
        with (self.project / 'pyproject.toml').open('rb') as file:
            project = tomllib.load(file)['project']
        needed: list[str] = list(project['dependencies'])
        if group != 'runtime':
            needed += project['optional-dependencies'][group]
        return needed

    def is_complete(self, group: str) -> bool:
        """Tell whether everything that `group` needs was installed."""
        return self.python.exists() and self._marks().get(group) == self._fingerprint(group)

    def complete(self, group: str) -> None:
        """Make or repair the environment; raise InstallFailed."""
        if not self._is_sound():
            say(f'creating the virtual environment {self.folder}')
            try:
                venv.EnvBuilder(with_pip=True, clear=True).create(self.folder)
            except (OSError, subprocess.CalledProcessError) as error:
                raise InstallFailed(
                    f'virtual environment {self.folder} could not be made ({error}); '
                    'check disk room and rights there, and that Python has its venv module '
                    '(on Debian: apt-get install python3-venv)'
                ) from error
        runtime, needed = self.requirements('runtime'), self.requirements(group)
        # Of what is installed now: the list may be another one once that is done.
        done = {name: self._fingerprint(name) for name in ('runtime', group)}
        say(f'installing {len(needed)} packages and what they need')
        began = time.monotonic()
        self._install(runtime)
        if group != 'runtime':
            # The rest is compiled where it is imported: a tenth of it is.
            self._install(['--no-compile', *needed])
        self.compile()
        say(f'installed in {time.monotonic() - began:.0f} s')
        marks = {**self._marks(), **done}
        partial = self._marker.with_suffix('.new')
        partial.write_text(json.dumps(marks), encoding='utf-8')
        partial.replace(self._marker)

    def compile(self) -> None:
        """Compile the product itself, as pip does what it installs.

        Else each process would, for as long as nobody may write beside it: where
        PYTHONDONTWRITEBYTECODE is set, or the folder belongs to somebody else. What cannot be
        written here is compiled there, too.
        """
        # By what sources say, not how old they are: those out of an archive are all as old.
        command = [str(self.python), '-m', 'compileall', '-q', '-f']
        command += ['--invalidation-mode', 'checked-hash', str(self.project / 'synergy')]
        subprocess.run(command, capture_output=True, check=False)

    def _install(self, arguments: list[str]) -> None:
        """Let pip install something into the environment; raise InstallFailed."""
        command = [str(self.python), '-m', 'pip', 'install', '--quiet', *arguments]
        environ = {**os.environ, 'PIP_DISABLE_PIP_VERSION_CHECK': '1'}
        done = subprocess.run(
            command, capture_output=True, text=True, errors='replace', env=environ, check=False
        )
        if done.returncode != 0:
            tail = '\n'.join((done.stdout + done.stderr).strip().splitlines()[-8:])
            raise InstallFailed(
                f'packages could not be installed into {self.folder}:\n{tail}\n'
                'check the network or PIP_INDEX_URL, then run the same command again'
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let others wait while this process installs."""
        # Whoever may open it may lock it, and so hold up every command.
        handle = private.open_file(self.project / '.ve.lock', os.O_RDWR)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say('another launch.py is installing; waiting for it')
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _marks(self) -> Mapping[str, str]:
        """Return the fingerprint of each group that was installed; of none after a fresh start."""
        try:
            marks: Mapping[str, str] = json.loads(self._marker.read_text(encoding='utf-8'))
        except (OSError, ValueError, RecursionError):
            return {}
        return marks if isinstance(marks, dict) else {}

    def _is_sound(self) -> bool:
        """Tell whether there is an environment with a working pip."""
        if not self.python.exists():
            return False
        command = [str(self.python), '-c', 'import pip']
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _fingerprint(self, group: str) -> str:
        # The Python of the environment, not the one that asks: cron and a shell may find different
        # ones. Where the former is replaced by another version, this name of it changes.
        python = os.path.realpath(self.python)
        text = json.dumps([python, str(self.folder), sorted(self.requirements(group))])
        return hashlib.sha256(text.encode()).hexdigest()


def run(environment: Environment, group: str, *, is_verbose: bool = False) -> int:
    """Make sure of the environment; return the exit code."""
    if environment.is_complete(group):
        if is_verbose:
            environment.compile()
            say(f'{environment.folder} is complete')
        return ExitCode.OK
    try:
        with environment.lock():
            if not environment.is_complete(group):
                environment.complete(group)
    except PermissionError as error:
        say(
            f'{environment.folder} is not complete or not readable for this user, who may not '
            f'change it ({error}); run this as the user to whom {environment.project} belongs: '
            './launch.py install'
        )
        return ExitCode.UNAVAILABLE
    except (InstallFailed, OSError) as error:
        say(str(error))
        return ExitCode.UNAVAILABLE
    except KeyboardInterrupt:
        say('interrupted; run the same command again to finish the installation')
        return ExitCode.INTERRUPTED
    return ExitCode.OK


def say(text: str) -> None:
    """Tell the user how far it is."""
    print(f'install: {text}', file=sys.stderr, flush=True)
