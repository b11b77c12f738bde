"""The command line: find the sub-command, run it, and report its errors in one clear message."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Final

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.conf.errors import ConfigurationError
from synergy.core.nearest import nearest
from synergy.ports.errors import PortError

#: Sub-commands in the order of `--help`: name, module (`:` attribute), summary.
COMMANDS: Final = (
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
    ('install', 'install', 'make the virtual environment'),
    ('test', 'test', 'run all checks and tests'),
    ('bench', 'bench', 'measure speed and memory'),
)
#: What an operator can do over HTTP, without access to the store.
REMOTE_COMMANDS: Final = (
    'status', 'jobs', 'job', 'why', 'log', 'reprocess', 'skip', 'cancel', 'requests', 'dead',
    'freerun', 'process', 'super',
)  # fmt: skip
EXIT_INTERRUPTED: Final = 130
EXIT_UNEXPECTED: Final = 70

_EXIT_CODES: Final = (
    'exit codes: 0 done; 1 the answer is bad (problems, violations, not running); 2 wrong usage; '
    '3 unknown process, timeperiod or box; 4 store or broker unavailable; 5 already running or in '
    'use; 6 settings or context refused'
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ('-h', '--help', 'help'):
        print(_overview())
        return ExitCode.OK if arguments else ExitCode.FOUND
    name = arguments[0]
    module_by_name = {command: module for command, module, _ in COMMANDS}
    if name not in module_by_name:
        print(
            f'unknown command {name!r}{nearest(name, module_by_name)}; '
            './launch.py --help lists all',
            file=sys.stderr,
        )
        return ExitCode.USAGE
    module, _, attribute = module_by_name[name].partition(':')
    command: CliCommand = getattr(
        importlib.import_module(f'synergy.cli.{module}'), attribute or 'COMMAND'
    )
    parser = argparse.ArgumentParser(
        prog=f'launch.py {command.name}',
        description=command.summary,
        epilog=f'example: ./launch.py {command.example}\n\n{_EXIT_CODES}',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_arguments(parser)
    if name in REMOTE_COMMANDS:
        _add_server(parser)
    rest = arguments[1:]
    if name == 'test' and rest not in (['-h'], ['--help']):
        # All that follows is pytest's, options too; argparse would take them for its own.
        rest = ['--', *(word for word in rest if word != '--')]
    return _guarded(command, parser.parse_args(rest))


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
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.OK
    except Exception:  # noqa: BLE001 - the last door: a fault of the program, shown whole
        traceback.print_exc()
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
    url = getattr(options, 'server', None)
    if not url:
        return command.run(options)
    from synergy.cli import remote, server

    token = options.token or os.environ.get('SYNERGY_TOKEN') or None
    return remote.run(command.name, server.Server(url, token), options)


def _failed(message: str, code: ExitCode) -> int:
    print(message, file=sys.stderr)
    return code


def _overview() -> str:
    width = max(len(name) for name, _, _ in COMMANDS)
    lines = [f'  {name:<{width}}  {summary}' for name, _, summary in COMMANDS]
    return '\n'.join(
        [
            'usage: ./launch.py COMMAND [OPTIONS]   (./launch.py COMMAND --help shows an example)',
            '',
            *lines,
            '',
            _EXIT_CODES,
        ]
    )
