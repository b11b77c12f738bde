"""Run a command as a unit of work, here or on another host over SSH.

Register `synergy.workers.shell.ShellWorker` as `classname` and say in `arguments` what to run:

    command   a list of arguments, or a text that is split like a shell line; nothing is expanded
    shell     True hands a text to /bin/sh, which expands it
    folder    where to run; environment: a dict of variables beside those of the worker
    host      run there over SSH, as `user@host`, without a password prompt; port: of its SSH server
    noop_codes, cancelled_codes   exit codes, 1 to 255, that mean noop or cancelled

The command finds its interval in SYNERGY_TIMEPERIOD, SYNERGY_START_TIMEPERIOD,
SYNERGY_END_TIMEPERIOD, SYNERGY_RUN, SYNERGY_ATTEMPT and SYNERGY_IDEMPOTENCY_KEY. What it prints
goes to the log of the run, line by line. A non-zero exit code fails the attempt. On time-out, stop
or cancel its whole process group is killed, on the other host, too. `instances` of the entry
bounds how many run at once.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from synergy.core.nearest import nearest
from synergy.core.records import Outcome
from synergy.workers.command_output import CommandOutput
from synergy.workers.uow import Uow
from synergy.workers.worker import Worker

#: After SIGTERM, before SIGKILL.
_GRACE_SECONDS: Final = 5.0
_SSH: Final = ('ssh', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10')
#: The line with which a remote command tells its process group, so that it can be killed there.
_GROUP_MARK: Final = 'synergy-process-group '
_FIELDS: Final = (
    'command', 'shell', 'folder', 'environment', 'host', 'port', 'noop_codes', 'cancelled_codes',
)  # fmt: skip


class CommandProblem(ValueError):
    """The arguments say no command; the message says what is wrong with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellCommand:
    """What to run. words: the command, not expanded."""

    words: tuple[str, ...]
    folder: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    host: str | None = None
    port: int | None = None
    noop_codes: frozenset[int] = frozenset()
    cancelled_codes: frozenset[int] = frozenset()


class ShellWorker(Worker):
    """Runs the command that `arguments` say."""

    arguments_are_code = True

    def process_uow(self, uow: Uow) -> Outcome:
        """Run it to its end; return what its exit code means."""
        command = command_of(uow.arguments)
        process = _started(command, _variables(uow))
        group: list[int] = []
        with CommandOutput(process.stdout, process.stderr, lambda line: _is_output(line, group)):
            try:
                code = process.wait()
            except BaseException:
                _kill(process, command, group)
                raise
        return _outcome(command, code)


def command_of(arguments: Mapping[str, Any]) -> ShellCommand:
    """Return the command that `arguments` say; raise CommandProblem."""
    unknown = [name for name in arguments if name not in _FIELDS]
    if unknown:
        raise CommandProblem(
            f'unknown argument {unknown[0]!r}{nearest(unknown[0], _FIELDS)}; '
            f'known: {", ".join(_FIELDS)}'
        )
    environment = arguments.get('environment') or {}
    if not isinstance(environment, Mapping):
        raise CommandProblem(f'environment is {environment!r}; give an object of texts')
    host, folder = arguments.get('host'), arguments.get('folder')
    if host is not None and (not isinstance(host, str) or host.startswith('-') or not host):
        raise CommandProblem(f'host is {host!r}; give a name, as in user@host')
    return ShellCommand(
        words=_words(arguments.get('command'), bool(arguments.get('shell'))),
        folder=None if folder is None else str(folder),
        environment={str(name): str(value) for name, value in environment.items()},
        host=host,
        port=arguments.get('port'),
        noop_codes=_codes(arguments, 'noop_codes'),
        cancelled_codes=_codes(arguments, 'cancelled_codes'),
    )


def _words(command: object, is_shell: bool) -> tuple[str, ...]:
    if is_shell:
        if isinstance(command, str) and command.strip():
            return ('/bin/sh', '-c', command)
        raise CommandProblem(f'command is {command!r}; with shell, give one text')
    if isinstance(command, str):
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise CommandProblem(f'command {command!r} cannot be split: {error}') from error
    elif isinstance(command, list | tuple) and all(isinstance(word, str) for word in command):
        words = list(command)
    else:
        raise CommandProblem(f'command is {command!r}; give a text or a list of texts')
    if not words:
        raise CommandProblem('command is empty; say what to run')
    return tuple(words)


def _codes(arguments: Mapping[str, Any], name: str) -> frozenset[int]:
    codes = arguments.get(name) or []
    is_good = isinstance(codes, list | tuple) and all(
        isinstance(code, int) and 1 <= code <= 255 for code in codes
    )
    if not is_good:
        raise CommandProblem(f'{name} is {codes!r}; give a list of numbers from 1 to 255')
    return frozenset(codes)


def _variables(uow: Uow) -> Mapping[str, str]:
    return {
        'SYNERGY_TIMEPERIOD': uow.timeperiod,
        'SYNERGY_START_TIMEPERIOD': uow.start_timeperiod,
        'SYNERGY_END_TIMEPERIOD': uow.end_timeperiod,
        'SYNERGY_RUN': str(uow.run),
        'SYNERGY_ATTEMPT': str(uow.attempt),
        'SYNERGY_IDEMPOTENCY_KEY': uow.idempotency_key,
    }


def _started(command: ShellCommand, variables: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start the command in a process group of its own."""
    variables = {**variables, **command.environment}
    words = command.words if command.host is None else _over_ssh(command, variables)
    folder = command.folder if command.host is None else None
    if folder is not None and not Path(folder).is_dir():
        raise CommandProblem(f'folder {folder!r} does not exist; make it or correct the argument')
    return subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _over_ssh(command: ShellCommand, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the command that runs it on its host, quoted word by word for the shell there."""
    assert command.host is not None
    exports = ' '.join(f'{name}={shlex.quote(value)}' for name, value in variables.items())
    go = '' if command.folder is None else f'cd {shlex.quote(command.folder)} && '
    script = (
        f'echo {shlex.quote(_GROUP_MARK)}$$ >&2; {go}'
        f'exec env {exports} {" ".join(map(shlex.quote, command.words))}'
    )
    port = () if command.port is None else ('-p', str(command.port))
    # A session of its own on the other side, too: its number is the process group to kill.
    remote = f'exec setsid -w /bin/sh -c {shlex.quote(script)}'
    return (*_SSH, *port, '--', command.host, remote)


def _is_output(line: str, group: list[int]) -> bool:
    """Tell whether a line is the command's own; take the first that tells the remote group."""
    number = line.removeprefix(_GROUP_MARK)
    if group or number == line or not number.isdecimal():
        return True
    group.append(int(number))
    return False


def _kill(process: subprocess.Popen[bytes], command: ShellCommand, group: list[int]) -> None:
    """End the whole process group, here and on the other host."""
    if command.host is not None and group:
        port = () if command.port is None else ('-p', str(command.port))
        kill = f'kill -TERM -- -{group[0]}; sleep 1; kill -KILL -- -{group[0]}'
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                (*_SSH, *port, '--', command.host, kill),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=15,
            )
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_SECONDS if number is signal.SIGTERM else None)
            # The first of the group has ended; the others are not waited for.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return


def _outcome(command: ShellCommand, code: int) -> Outcome:
    if code == 0:
        return Outcome.processed(1)
    if code in command.noop_codes:
        return Outcome.noop()
    shown = ' '.join(map(shlex.quote, command.words))
    how = f'exit code {code}' if code > 0 else f'killed by signal {-code}'
    if code in command.cancelled_codes:
        return Outcome.cancelled(f'{shown}: {how}')
    return Outcome.failed(f'{shown}: {how}')
