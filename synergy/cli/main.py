"""The command line: find the sub-command, run it, and report its errors in one clear message."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final, NoReturn

from synergy import __version__, doors, inherited, private
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.streams import spoken
from synergy.conf.errors import ConfigurationError
from synergy.core.bounded import ARGUMENTS, OutOfBounds, check_text
from synergy.core.nearest import nearest
from synergy.core.redaction import redacted_text
from synergy.ports.errors import PortError

#: Sub-commands in the order of `--help`: name, module (`:` attribute), summary.
COMMANDS: Final = (
    ('new', 'new', 'make a project of your own: context, worker, test'),
    ('demo', 'demo', 'process a year of real flights, hour by hour, and watch it'),
    ('up', 'up', 'run the supervisor and everything in the foreground'),
    ('start', 'start', 'start a process, or the Supervisor and with it everything'),
    ('stop', 'stop', 'stop a process, or the Supervisor and with it everything'),
    ('query', 'query', 'tell which processes run'),
    ('status', 'status', 'show how the system stands'),
    ('super', 'super', 'name this box; switch, drain and query what runs on boxes'),
    ('jobs', 'jobs', 'list jobs'),
    ('job', 'job', 'show one job: runs, log, events, neighbours'),
    ('why', 'why', 'tell why a job waits, down to the root'),
    ('log', 'log', 'show the log of a run'),
    ('reprocess', 'job_commands:REPROCESS', 'run jobs, and what depends on them, again'),
    ('skip', 'job_commands:SKIP', 'end jobs, and what is nested below them, as skipped'),
    ('cancel', 'job_commands:CANCEL', 'stop what runs'),
    ('requests', 'requests', 'follow, pause, resume or cancel what was asked for'),
    ('dead', 'dead', 'list, retry or drop units without an attempt left'),
    ('mq', 'mq', 'list, declare, purge or remove message queues'),
    ('freerun', 'freerun', 'list, add, edit, switch and run cron-like entries'),
    ('process', 'process', 'list, switch, time anew or look at managed processes'),
    ('user', 'user', 'manage who may use the dashboard, and tokens for the API'),
    ('simulate', 'simulate', 'play the system on a simulated clock, or foresee what would run'),
    ('verify', 'verify', 'check the invariants over the whole store'),
    ('db', 'db', 'look at the store, bring it up to date, or empty it'),
    ('shell', 'shell', 'a Python shell with store, context and timetable at hand'),
    ('list', 'list', 'list the registered processes'),
    ('check', 'check', 'validate settings and context; start nothing'),
    ('completion', 'completion', 'print a completion script for the shell'),
    ('install', 'install', 'make the virtual environment'),
    ('test', 'test', 'run all checks and tests'),
    ('bench', 'bench', 'measure speed and memory'),
    ('chaos', 'chaos', 'prove by force that nothing is lost: kill, freeze, cut, fill'),
    ('docs', 'docs', 'build these pages as a web site'),
)
#: These work with files that are no part of an installed package.
CHECKOUT_ONLY: Final = frozenset({'demo', 'install', 'bench', 'docs'})
NAMES: Final = tuple(
    name for name, _, _ in COMMANDS if doors.IS_CHECKOUT or name not in CHECKOUT_ONLY
)
#: What a newcomer would want first; an installed package has no demo.
_FIRST: Final = (
    './launch.py demo, then ./launch.py new DIR' if doors.IS_CHECKOUT else 'synergy new DIR'
)
#: What an operator can do over HTTP, without access to the store.
REMOTE_COMMANDS: Final = (
    'status', 'jobs', 'job', 'why', 'log', 'reprocess', 'skip', 'cancel', 'requests', 'dead',
    'freerun', 'process', 'super',
)  # fmt: skip
#: These touch neither store nor broker, or only those of a home that they make themselves.
STORELESS_COMMANDS: Final = (
    'new', 'demo', 'simulate', 'check', 'completion', 'install', 'test', 'bench', 'chaos', 'docs',
)  # fmt: skip
#: What these make may be meant for other users, as `.ve` is: the umask stays that of the caller.
_SHARED: Final = frozenset({'completion', 'install', 'test', 'docs', 'bench'})
EXIT_INTERRUPTED: Final = 130
EXIT_UNEXPECTED: Final = 70

_EXIT_CODES: Final = (
    'exit codes: 0 done; 1 the answer is bad (problems, violations, not running); 2 wrong usage; '
    '3 unknown process, timeperiod or box; 4 store or broker unavailable; 5 already running or in '
    'use; 6 settings or context refused'
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    inherited.settle()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None and sys.getfilesystemencoding() != 'utf-8':
        # Names of files, what is typed and what is kept are UTF-8 whatever the locale says.
        os.execv(sys.executable, [*doors.PYTHON, '-m', 'synergy.cli', *arguments])
    before = os.umask(0)
    os.umask(before if arguments[:1] and arguments[0] in _SHARED else before | private.UMASK)
    try:
        with spoken():
            return _main(arguments)
    finally:
        os.umask(before)


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ('-h', '--help', 'help'):
        print(_overview())
        return ExitCode.OK if arguments else ExitCode.FOUND
    name = arguments[0]
    if name == '--version':
        print(f'Synergy Scheduler {__version__}')
        return ExitCode.OK
    if name in CHECKOUT_ONLY and name not in NAMES:
        return _failed(
            f'{name} works in a checkout only: its files are no part of the installed package; '
            f'clone the repository and run there: python3 launch.py {name}',
            ExitCode.UNAVAILABLE,
        )
    if name not in NAMES:
        print(
            f'unknown command {name!r}{nearest(name, NAMES)}; ./launch.py --help lists all',
            file=sys.stderr,
        )
        return ExitCode.USAGE
    command = command_called(name)
    parser = parser_of(command)
    rest = arguments[1:]
    if name not in STORELESS_COMMANDS and (garbled := _garbled(rest)) is not None:
        return _failed(
            f'{garbled!r} is no text in UTF-8, and cannot be kept or sent; set the encoding of '
            'your terminal to UTF-8 and type it again',
            ExitCode.USAGE,
        )
    if name not in (*REMOTE_COMMANDS, *STORELESS_COMMANDS) and _is_for_server(rest):
        # It would answer about a store of this machine, which nobody has asked about.
        return _failed(
            f'{name} does not speak to a dashboard; unset SYNERGY_SERVER (or leave out --server) '
            'to run it against the store of this machine',
            ExitCode.USAGE,
        )
    if name == 'test' and rest not in (['-h'], ['--help']):
        # All that follows is pytest's, options too; argparse would take them for its own.
        rest = ['--', *(word for word in rest if word != '--')]
    return _guarded(command, parser.parse_args(rest))


def command_called(name: str) -> CliCommand:
    """Return the sub-command of one of the names in COMMANDS."""
    module, _, attribute = next(item[1] for item in COMMANDS if item[0] == name).partition(':')
    command: CliCommand = getattr(
        importlib.import_module(f'synergy.cli.commands.{module}'), attribute or 'COMMAND'
    )
    return command


def _garbled(words: Sequence[str]) -> bytes | None:
    """Return a word that is no text, as it was typed."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            return os.fsencode(word)
    return None


def _is_for_server(words: Sequence[str]) -> bool:
    """Tell whether a dashboard is to answer; not when only help is asked for."""
    is_named = any(word.partition('=')[0] == '--server' for word in words)
    is_help = '-h' in words or '--help' in words
    return not is_help and (is_named or bool(os.environ.get('SYNERGY_SERVER')))


def parser_of(command: CliCommand) -> argparse.ArgumentParser:
    """Return the parser of what follows the name of a sub-command."""
    parser = _Parser(
        prog=f'{doors.COMMAND} {command.name}',
        description=command.summary,
        epilog=f'example: ./launch.py {command.example}\n\n{_EXIT_CODES}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    if command.name in REMOTE_COMMANDS:
        _add_server(parser)
    return parser


class _Parser(argparse.ArgumentParser):
    """Says where the right usage is shown, instead of a part of it."""

    def error(self, message: str) -> NoReturn:
        print(f'{self.prog}: {message}; {self.prog} --help shows how', file=sys.stderr)
        raise SystemExit(ExitCode.USAGE)


def _guarded(command: CliCommand, options: argparse.Namespace) -> int:
    try:
        code = _run(command, options)
        sys.stdout.flush()
    except CommandError as error:
        return _failed(str(error), error.exit_code)
    except ConfigurationError as error:
        count = len(error.problems)
        noun = 'problem' if count == 1 else 'problems'
        return _failed(f'{count} {noun} in settings or context:\n{error}', ExitCode.MISCONFIGURED)
    except PortError as error:
        return _failed(str(error), ExitCode.UNAVAILABLE)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except private.NotPrivate as error:
        return _failed(str(error), ExitCode.MISCONFIGURED)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception:  # noqa: BLE001 - the last door: a fault of the program, shown whole
        print(redacted_text(traceback.format_exc()), file=sys.stderr)
        return EXIT_UNEXPECTED
    return code


def _add_server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--server',
        metavar='URL',
        default=os.environ.get('SYNERGY_SERVER'),
        help='speak to this dashboard instead of the store; default: SYNERGY_SERVER',
    )
    parser.add_argument(
        '--token', metavar='T', help='of the API of that dashboard; default: SYNERGY_TOKEN'
    )


def _run(command: CliCommand, options: argparse.Namespace) -> int:
    for name, value in vars(options).items():
        if isinstance(value, str):
            _check_text(name, value)
    url = getattr(options, 'server', None)
    if not url:
        return command.run(options)
    from synergy.cli import remote, server

    token = options.token or os.environ.get('SYNERGY_TOKEN') or None
    try:
        return remote.run(command.name, server.Server(url, token), options)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise CommandError(
            f'{url} answered something else than the API of Synergy '
            f'({type(error).__name__}: {error!s:.200}); check --server, and that it is of this '
            'version',
            ExitCode.UNAVAILABLE,
        ) from error


def _check_text(name: str, value: str) -> None:
    """Refuse a text that no store takes: bytes that are not UTF-8, and what no form would take."""
    try:
        check_text(value)
    except OutOfBounds as error:
        raise CommandError(f'{name} cannot be taken: {error}', ExitCode.USAGE) from error
    if len(value) > ARGUMENTS.length:
        raise CommandError(
            f'{name} has {len(value):,} characters; at most {ARGUMENTS.length:,} are taken',
            ExitCode.USAGE,
        )


def _failed(message: str, code: ExitCode) -> int:
    print(redacted_text(message), file=sys.stderr)
    return code


def _overview() -> str:
    width = max(map(len, NAMES))
    lines = [f'  {name:<{width}}  {text}' for name, _, text in COMMANDS if name in NAMES]
    return '\n'.join(
        [
            'usage: ./launch.py COMMAND [OPTIONS]   (./launch.py COMMAND --help shows an example)',
            f'begin: {_FIRST}',
            '',
            *lines,
            '',
            _EXIT_CODES,
        ]
    )
