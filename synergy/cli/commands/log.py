"""`launch.py log P T`: the log of a job's newest run, or of another; -f follows it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from itertools import takewhile

from synergy.cli.arguments import add_timeperiod
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.interface import Operations
from synergy.cli.numbers import whole
from synergy.cli.opening import opened
from synergy.core.freerun_record import is_freerun
from synergy.core.printable import printable
from synergy.core.records import ProcessName
from synergy.core.redaction import redacted_text
from synergy.core.states import UnitState
from synergy.view.documents import LineDocument, UnitDocument

_LOOK_SECONDS = 0.5
_LIVE = tuple(state.value for state in UnitState if state.is_live)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('process', metavar='P', help='name of the process, or Process::entry')
    add_timeperiod(parser, is_optional=True)
    parser.add_argument(
        '--run', type=whole(0), metavar='N', help='number of the run (default: newest)'
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument('-f', '--follow', action='store_true', help='go on until the run has ended')
    how.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    if options.timeperiod is None and not is_freerun(ProcessName(options.process)):
        raise CommandError('give the timeperiod, as in 2013010100', ExitCode.USAGE)
    with opened(options) as ask:
        unit = _chosen(ask, options)
        if options.json:
            print_json(ask.log(unit['id']))
            return ExitCode.OK
        shown: Sequence[LineDocument] = ()
        while True:
            # Asked before the log is read: what is written until then is in it.
            unit = _same(ask, options, unit)
            is_live = unit['state'] in _LIVE
            lines = ask.log(unit['id'])
            for line in new_lines(shown, lines):
                print(redacted_text(_shown(line)), flush=True)
            shown = lines
            if not options.follow or not is_live:
                break
            ask.clock.sleep(_LOOK_SECONDS)
        if not shown:
            print(
                f'run {unit["run"]} of {options.process} has logged nothing ({unit["state"]})',
                file=sys.stderr,
            )
    return ExitCode.OK


def new_lines(
    before: Sequence[LineDocument], lines: Sequence[LineDocument]
) -> Sequence[LineDocument]:
    """Return what follows what was shown before.

    The end of a long log is replaced by a newer one, in which what was shown last may stand
    elsewhere or not at all any more; then all that is not as before is new.
    """
    if not before or lines[: len(before)] == before:
        return lines[len(before) :]
    last = next(
        (place for place in reversed(range(len(lines))) if lines[place] == before[-1]), None
    )
    if last is not None:
        return lines[last + 1 :]
    same = (one == other for one, other in zip(before, lines, strict=False))
    return lines[sum(takewhile(bool, same)) :]


def _chosen(ask: Operations, options: Namespace) -> UnitDocument:
    """Return the run that is meant, the newest unless said; raise CommandError (3)."""
    units = ask.runs(options.process, options.timeperiod)
    found = [unit for unit in units if options.run in (None, unit['run'])]
    if found:
        return found[-1]
    what = ' '.join(filter(None, (options.process, options.timeperiod)))
    if units:
        known = ', '.join(str(unit['run']) for unit in units)
        raise CommandError(
            f'{what} has no run {options.run}; choose one of {known}', ExitCode.UNKNOWN
        )
    command = 'freerun ls' if options.timeperiod is None else 'why'
    raise CommandError(
        f'{what} has not run yet; ./launch.py {command} {what} says more', ExitCode.UNKNOWN
    )


def _same(ask: Operations, options: Namespace, unit: UnitDocument) -> UnitDocument:
    """Return a run as it stands now; as it stood, if it is not among the newest any more."""
    units = ask.runs(options.process, options.timeperiod)
    return next((item for item in units if item['id'] == unit['id']), unit)


def _shown(line: LineDocument) -> str:
    at = (line['at'] or '').replace('T', ' ')[:19]
    text = f'{line["level"]:<7} {line["text"]}'
    return f'{at} {line["attempt"]} {printable(text)}'


COMMAND = CliCommand(
    name='log',
    summary="Show the log of a job's newest run, or of another one, or of a free run.",
    example='log FlightHourly 2013010107 -f',
    add_arguments=_add_arguments,
    run=_run,
)
