"""Run a command as a unit of work, here or on another host over SSH.

Register `synergy.workers.shell.ShellWorker` as `classname` and say in `arguments` what to run:

    command   a list of arguments, or a text that is split like a shell line; nothing is expanded
    shell     True hands a text to /bin/sh, which expands it
    folder    where to run; environment: a dict of variables beside those of the worker
    host      run there over SSH, as `user@host`, without a password prompt; port: of its SSH server
    noop_codes, cancelled_codes   exit codes, 1 to 255, that mean noop or cancelled

The command finds its interval in SYNERGY_TIMEPERIOD, SYNERGY_START_TIMEPERIOD,
SYNERGY_END_TIMEPERIOD, SYNERGY_RUN, SYNERGY_ATTEMPT and SYNERGY_IDEMPOTENCY_KEY, and in TRACEPARENT
the span to which its own spans belong. What it prints goes to the log of the run, line by line. A
non-zero exit code fails the attempt. What it has started ends with it, on time-out, stop or cancel,
too, and on the other host whatever happens to the worker (`synergy.workers.ssh`).
`instances` of the entry bounds how many run at the same time.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from synergy.core.nearest import nearest
from synergy.core.records import Outcome
from synergy.core.structs import Struct, field
from synergy.workers.command_output import CommandOutput
from synergy.workers.signals import Cause, Interrupted
from synergy.workers.ssh import Lifeline, client_words, script_of
from synergy.workers.uow import Uow
from synergy.workers.worker import Worker

#: After SIGTERM, before SIGKILL.
_GRACE_SECONDS: Final = 2.5
#: How long the other host may take to end a command: its own grace, and a way there and back.
_REMOTE_SECONDS: Final = 5.0
_NAME: Final = re.compile(r'[A-Za-z_][A-Za-z0-9_]*')
_FIELDS: Final = (
    'command', 'shell', 'folder', 'environment', 'host', 'port', 'noop_codes', 'cancelled_codes',
)  # fmt: skip


class CommandProblem(ValueError):
    """The arguments say no command; the message says what is wrong with them."""


class ShellCommand(Struct, frozen=True, kw_only=True):
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
        if seen := uow.secret_arguments - {'environment'}:
            raise CommandProblem(
                f'{min(seen)} holds a secret, which every user of the machine could see in the '
                'list of processes; give it in environment'
            )
        command = command_of(uow.arguments)
        process, lifeline = _started(command, _variables(uow))
        with CommandOutput(process.stdout, process.stderr):
            try:
                code = process.wait()
            except BaseException as error:
                is_lost = isinstance(error, Interrupted) and error.cause is Cause.LOST
                _kill(process, lifeline, at_once=is_lost)
                raise
            finally:
                if lifeline is not None:
                    lifeline.close()
        return _outcome(command, code)


def command_of(arguments: Mapping[str, Any]) -> ShellCommand:
    """Return the command that `arguments` say; raise CommandProblem."""
    unknown = [name for name in arguments if name not in _FIELDS]
    if unknown:
        raise CommandProblem(
            f'unknown argument {unknown[0]!r}{nearest(unknown[0], _FIELDS)}; '
            f'known: {", ".join(_FIELDS)}'
        )
    host, folder = arguments.get('host'), arguments.get('folder')
    if host is not None and (not isinstance(host, str) or host.startswith('-') or not host):
        raise CommandProblem(f'host is {host!r}; give a name, as in user@host')
    words = _words(arguments.get('command'), bool(arguments.get('shell')))
    if any('\0' in text for text in (*words, str(folder))):
        raise CommandProblem(
            'command or folder holds a NUL character, which no program can be given'
        )
    return ShellCommand(
        words=words,
        folder=None if folder is None else str(folder),
        environment=_environment(arguments.get('environment') or {}),
        host=host,
        port=arguments.get('port'),
        noop_codes=_codes(arguments, 'noop_codes'),
        cancelled_codes=_codes(arguments, 'cancelled_codes'),
    )


def _environment(given: object) -> Mapping[str, str]:
    if not isinstance(given, Mapping):
        raise CommandProblem(f'environment is {given!r}; give an object of texts')
    for name, value in given.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise CommandProblem(
                f'environment names a variable {name!r}; give letters, digits and _, no digit first'
            )
        if '\0' in str(value):
            raise CommandProblem(f'environment variable {name} holds a NUL character; leave it out')
    return {name: str(value) for name, value in given.items()}


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
        'TRACEPARENT': uow.traceparent,
    }


def _started(
    command: ShellCommand, variables: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], Lifeline | None]:
    """Start the command in a session of its own; over SSH with what keeps it alive there."""
    variables = {**variables, **command.environment}
    folder = command.folder
    if command.host is not None:
        process = _popen(client_words(command.host, command.port), stdin=subprocess.PIPE)
        assert process.stdin is not None
        return process, Lifeline(process.stdin, script_of(command.words, folder, variables))
    if folder is not None and not Path(folder).is_dir():
        raise CommandProblem(f'folder {folder!r} does not exist; make it or correct the argument')
    return _popen(command.words, cwd=folder, env={**os.environ, **variables}), None


def _popen(
    words: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words,
        cwd=cwd,
        env=env,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def _kill(process: subprocess.Popen[bytes], lifeline: Lifeline | None, *, at_once: bool) -> None:
    """End the process group, after what runs on the other host.

    What has left the group is ended by whoever runs this worker, see `synergy.workers.processes`.
    """
    if lifeline is not None:
        lifeline.let_go(at_once=at_once)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_REMOTE_SECONDS)
    if not at_once:
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(_GRACE_SECONDS)
    # The first of the group may have ended; the others are not waited for.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


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
