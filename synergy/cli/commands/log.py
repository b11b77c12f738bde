"""`launch.py log P T`: the log of a job's newest run, or of another; -f follows it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from synergy import bootstrap
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.numbers import whole
from synergy.cli.target import key_of
from synergy.core.freerun_record import is_freerun
from synergy.core.printable import printable
from synergy.core.records import LogLine, ProcessName, Unit
from synergy.core.redaction import redacted_text
from synergy.ports.store import Store
from synergy.view.encode import encode_line

_LOOK_SECONDS = 0.5


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('process', metavar='P', help='name of the process, or Process::entry')
    parser.add_argument('timeperiod', metavar='T', nargs='?', help='its timeperiod')
    parser.add_argument(
        '--run', type=whole(0), metavar='N', help='number of the run (default: newest)'
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument('-f', '--follow', action='store_true', help='go on until the run has ended')
    how.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    settings, context = bootstrap.load()
    with bootstrap.open_runtime(settings, context) as runtime:
        store = runtime.open_store(create=False)
        if is_freerun(ProcessName(options.process)):
            units = list(reversed(store.freerun_units(ProcessName(options.process), 100)))
        elif options.timeperiod is None:
            raise CommandError('give the timeperiod, as in 2013010100', ExitCode.USAGE)
        else:
            units = list(store.runs(key_of(context, options.process, options.timeperiod)))
        unit = _chosen(units, options)
        if options.json:
            print_json([encode_line(line) for line in store.log(unit.id)])
            return ExitCode.OK
        shown = 0
        while True:
            lines = store.log(unit.id)
            for line in lines[shown:]:
                print(redacted_text(_shown(line)), flush=True)
            shown = len(lines)
            if not options.follow or not _is_live(store, unit):
                break
            runtime.clock.sleep(_LOOK_SECONDS)
        if not shown:
            state = store.units([unit.id])[unit.id].state.value
            print(
                f'run {unit.run} of {options.process} has logged nothing ({state})',
                file=sys.stderr,
            )
    return ExitCode.OK


def _chosen(units: list[Unit], options: Namespace) -> Unit:
    """Return the run that is meant, the newest unless said; raise CommandError (3)."""
    found = [unit for unit in units if options.run in (None, unit.run)]
    if found:
        return found[-1]
    what = ' '.join(filter(None, (options.process, options.timeperiod)))
    if units:
        known = ', '.join(str(unit.run) for unit in units)
        raise CommandError(
            f'{what} has no run {options.run}; choose one of {known}', ExitCode.UNKNOWN
        )
    command = 'freerun ls' if options.timeperiod is None else 'why'
    raise CommandError(
        f'{what} has not run yet; ./launch.py {command} {what} says more', ExitCode.UNKNOWN
    )


def _is_live(store: Store, unit: Unit) -> bool:
    found = store.units([unit.id]).get(unit.id)
    return found is not None and found.state.is_live


def _shown(line: LogLine) -> str:
    text = f'{line.level:<7} {line.text}'
    return f'{line.at:%Y-%m-%d %H:%M:%S} {line.attempt} {printable(text)}'


COMMAND = CliCommand(
    name='log',
    summary="Show the log of a job's newest run, or of another one, or of a free run.",
    example='log FlightHourly 2013010107 -f',
    add_arguments=_add_arguments,
    run=_run,
)
