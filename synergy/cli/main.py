"""The command line: find the sub-command, run it, and report its errors in one clear message."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from synergy import __version__, doors, inherited, private
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.parsing import EXIT_CODES, parser_of
from synergy.cli.registry import RECORD_BY_NAME, RECORDS, names
from synergy.cli.streams import spoken
from synergy.conf.errors import ConfigurationError
from synergy.core.bounded import ARGUMENTS, OutOfBounds, check_text
from synergy.core.nearest import nearest
from synergy.core.redaction import redacted_text
from synergy.operations.refusal import OperationRefused
from synergy.ports.errors import PortError

#: What a newcomer would want first; an installed package has no demo.
_FIRST: Final = (
    './launch.py demo, then ./launch.py new DIR' if doors.IS_CHECKOUT else 'synergy new DIR'
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    inherited.settle()
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None and sys.getfilesystemencoding() != 'utf-8':
        # Names of files, what is typed and what is kept are UTF-8 whatever the locale says.
        os.execv(sys.executable, [*doors.PYTHON, '-m', 'synergy.cli', *arguments])
    before = os.umask(0)
    record = RECORD_BY_NAME.get(arguments[0]) if arguments else None
    is_shared = record is not None and record.is_shared
    os.umask(before if is_shared else before | private.UMASK)
    try:
        with spoken():
            try:
                return _main(arguments)
            except SystemExit:
                # The help of a command, which may be longer than its reader cares to read.
                sys.stdout.flush()
                raise
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    finally:
        os.umask(before)


def _main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ('-h', '--help', 'help'):
        print(_overview(), flush=True)
        return ExitCode.OK if arguments else ExitCode.FOUND
    name = arguments[0]
    if name == '--version':
        print(f'Synergy Scheduler {__version__}')
        return ExitCode.OK
    record = RECORD_BY_NAME.get(name)
    if record is None:
        print(
            f'unknown command {name!r}{nearest(name, names())}; ./launch.py --help lists all',
            file=sys.stderr,
        )
        return ExitCode.USAGE
    if not record.is_here:
        return _failed(
            f'{name} works in a checkout only: its files are not part of the installed package; '
            f'clone the repository and run there: python3 launch.py {name}',
            ExitCode.UNAVAILABLE,
        )
    command = record.load()
    parser = parser_of(record, command)
    rest = arguments[1:]
    if record.needs_store and (garbled := _garbled(rest)) is not None:
        return _failed(
            f'{garbled!r} is not text in UTF-8, and cannot be kept or sent; set the encoding of '
            'your terminal to UTF-8 and type it again',
            ExitCode.USAGE,
        )
    if record.needs_store and not record.works_over_http and _is_for_server(rest):
        # It would answer about a store of this machine, which nobody has asked about.
        return _failed(
            f'{name} does not speak to a dashboard; unset SYNERGY_SERVER (or leave out --server) '
            'to run it against the store of this machine',
            ExitCode.USAGE,
        )
    if name == 'test' and rest not in (['-h'], ['--help']):
        # All else that follows is pytest's, options too; argparse would take them for its own.
        own = [word for word in rest if word == '--quick']
        rest = [*own, '--', *(word for word in rest if word not in ('--', '--quick'))]
    return _guarded(command, parser.parse_args(rest))


def _garbled(words: Sequence[str]) -> bytes | None:
    """Return a word that is not text, as it was typed."""
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
    except OperationRefused as error:
        return _failed(str(error), error.kind.exit_code)
    except PortError as error:
        return _failed(str(error), ExitCode.UNAVAILABLE)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except private.NotPrivate as error:
        return _failed(str(error), ExitCode.MISCONFIGURED)
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001 - the last door: a fault of the program, shown whole
        print(redacted_text(traceback.format_exc()), file=sys.stderr)
        return ExitCode.FAULT
    return code


def _run(command: CliCommand, options: argparse.Namespace) -> int:
    for name, value in vars(options).items():
        if isinstance(value, str):
            _check_text(name, value)
    return command.run(options)


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
    shown = [record for record in RECORDS if record.is_here]
    width = max(len(record.name) for record in shown)
    lines = [f'  {record.name:<{width}}  {record.summary}' for record in shown]
    return '\n'.join(
        [
            'usage: ./launch.py COMMAND [OPTIONS]   (./launch.py COMMAND --help shows an example)',
            f'begin: {_FIRST}',
            '',
            *lines,
            '',
            EXIT_CODES,
        ]
    )
