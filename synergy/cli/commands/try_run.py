"""`launch.py try P T`: run the code of one interval here and now, and keep nothing of it.

It is called as a worker calls it, with what a worker would give it, in this terminal. What it
writes itself is real.
"""

from __future__ import annotations

import json
import os
import pdb
import sys
import traceback
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from typing import Final

from synergy import bootstrap, logs
from synergy.cli.arguments import add_timeperiod
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.streams import unguarded
from synergy.cli.trying import Trial, trial_of
from synergy.conf.model import Settings
from synergy.core import readers
from synergy.core.bounded import ARGUMENTS, OutOfBounds, loads
from synergy.core.printable import printable
from synergy.core.records import Json
from synergy.core.redaction import redacted, redacted_text
from synergy.core.states import UnitState
from synergy.output.concealed import Concealed
from synergy.workers.foreground import Tried, run_in_foreground, users_traceback

_REAL: Final = (
    'what the code itself writes is real; the ledger is not touched: no run, no log, no retry'
)
_GOOD: Final = (UnitState.PROCESSED, UnitState.NOOP)


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'process', metavar='P', help='name of the process, or Process::entry of a free run'
    )
    add_timeperiod(parser, is_optional=True)
    parser.add_argument('--arguments', metavar='JSON', help='over those that a real run would get')
    parser.add_argument(
        '--pdb',
        action='store_true',
        help='open the debugger where an exception was raised; needs a terminal',
    )


def _run(options: Namespace) -> ExitCode:
    given = _given(options.arguments)
    if options.pdb and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise CommandError(
            '--pdb needs a terminal to ask you on; run it in one, without a pipe, or leave it out',
            ExitCode.USAGE,
        )
    settings, context = bootstrap.load(reads_sources=False)
    with bootstrap.open_runtime(settings, context) as runtime:
        trial = trial_of(runtime, options.process, options.timeperiod, given)
    _tell(trial)
    concealed = Concealed()
    # Not with the store open: user code may fork.
    with bootstrap.open_runtime(settings, context) as runtime, _as_a_worker(settings):
        tried = run_in_foreground(
            trial.entry,
            trial.unit,
            zones=trial.zones,
            clock=runtime.clock,
            descendants=runtime.descendants,
            examine=lambda error: _examine(error, concealed, is_debugged=options.pdb),
            secret_of=bootstrap.secret_values(runtime),
            concealed=concealed,
        )
    return _told(tried)


def _given(text: str | None) -> dict[str, Json]:
    """Return the arguments of the command line; raise CommandError (2)."""
    if text is None:
        return {}
    try:
        return dict(readers.json_object(loads(text, ARGUMENTS)))
    except OutOfBounds as error:
        raise CommandError(
            f'--arguments cannot be taken: {error}; give an object, as in \'{{"depth": 3}}\'',
            ExitCode.USAGE,
        ) from error
    except ValueError as error:
        raise CommandError(f'--arguments {error}', ExitCode.USAGE) from error


@contextmanager
def _as_a_worker(settings: Settings) -> Iterator[None]:
    """Stand where workers stand for a block: folder, rights of new files, level of the log."""
    before = os.umask(settings.umask)
    try:
        with unguarded(), chdir(settings.project), logs.shown(settings.log_level, sys.stderr):
            yield
    finally:
        os.umask(before)


def _tell(trial: Trial) -> None:
    unit, entry, calendar = trial.unit, trial.entry, trial.calendar
    start, end = (calendar.start(item).isoformat() for item in (unit.start, unit.end))
    arguments = json.dumps(redacted(dict(unit.arguments)), ensure_ascii=False)
    lines = [
        ('try', f'{unit.key} by {entry.classname}'),
        ('covers', f'{unit.start} to {unit.end}, {start} to {end}'),
        ('arguments', arguments),
        *(('inputs', text) for text in trial.inputs),
        *(
            (name, value)
            for name, value in (
                ('source', entry.source),
                ('sink', entry.sink),
                ('rows of', entry.data_source),
            )
            if value is not None
        ),
        *(('note', text) for text in (*trial.notes, _REAL)),
    ]
    for name, text in lines:
        print(f'{name:<11}{printable(redacted_text(text))}')
    sys.stdout.flush()


def _examine(error: BaseException, concealed: Concealed, *, is_debugged: bool) -> None:
    """Show a traceback, and open the debugger where it was raised."""
    trace = users_traceback(error)
    text = ''.join(traceback.format_exception(type(error), error, trace))
    print(redacted_text(concealed.text(text)), end='', file=sys.stderr, flush=True)
    if is_debugged:
        pdb.post_mortem(trace)


def _told(tried: Tried) -> ExitCode:
    outcome = tried.outcome
    word = 'interrupted' if tried.is_interrupted else _word(outcome.state)
    print(f'{"outcome":<11}{word}')
    print(f'{"count":<11}{outcome.count:,}')
    print(f'{"duration":<11}{tried.seconds:.2f} s')
    if outcome.error is not None and not tried.is_interrupted:
        print(f'{"error":<11}{printable(redacted_text(outcome.error))}')
    if tried.is_interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if outcome.state in _GOOD else ExitCode.FOUND


def _word(state: UnitState) -> str:
    return 'failed' if state is UnitState.INVALID else state.value.removeprefix('state_')


COMMAND = CliCommand(
    name='try',
    summary='Run the code of one interval, or of a free run, here and now in the foreground, as a '
    'worker would call it. Nothing of it is kept: no run, no log, no retry; what the code itself '
    'writes is real. Exit code 0: processed or noop; 1: anything else.',
    example='try FlightHourly 2013010107',
    add_arguments=_add_arguments,
    run=_run,
)
