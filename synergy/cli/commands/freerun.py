"""`launch.py freerun`: list, add, edit, remove, switch, run and cancel cron-like entries.

A run is named by its number, as for `launch.py log`; the Scheduler is told the id of its unit.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from typing import Any, Final

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import add_yes, confirm_many
from synergy.cli.console import print_json
from synergy.cli.interface import RUNS_MAX, Operations
from synergy.cli.listing import add_limit, cut, limit_of
from synergy.cli.numbers import whole
from synergy.cli.opening import add_chosen_name, opened
from synergy.cli.tables import print_freeruns, print_runs, said
from synergy.cli.tell import tell
from synergy.core.bounded import ARGUMENTS, OutOfBounds, loads
from synergy.core.freerun_definition import IS_NEW, MISFIRE_MAX
from synergy.core.freerun_record import Misfire, Overlap
from synergy.core.nearest import nearest
from synergy.core.printable import printable
from synergy.core.redaction import redacted_text
from synergy.view.conditions import SOUGHT_RUNS
from synergy.view.documents import CommandDocument, DeadDocument, FreerunDocument

#: Runs of one entry, in a table.
RUNS_SHOWN: Final = 50


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'action',
        nargs='?',
        choices=['ls', 'add', 'edit', 'rm', 'on', 'off', 'run', 'runs', 'cancel'],
        default='ls',
    )
    parser.add_argument('name', nargs='?', metavar='PROCESS::ENTRY', help='the entry')
    parser.add_argument(
        '--run',
        type=whole(1),
        metavar='N',
        help='of cancel: this run alone; freerun runs shows them',
    )
    parser.add_argument(
        '--state',
        '-s',
        choices=tuple(SOUGHT_RUNS),
        metavar='S',
        help=f'of runs: only those that stand so: {", ".join(SOUGHT_RUNS)}',
    )
    parser.add_argument(
        '--trigger',
        metavar='T',
        help='"every 15 min", "at 09:30", "at Mon,Tue-17:00", or "cron 30 9 * * 1-5"; UTC',
    )
    parser.add_argument('--overlap', choices=[item.value for item in Overlap])
    parser.add_argument('--misfire', choices=[item.value for item in Misfire])
    parser.add_argument(
        '--misfire-max',
        type=whole(1, MISFIRE_MAX),
        metavar='N',
        help='most missed fires to make up',
    )
    parser.add_argument('--arguments', metavar='JSON', help='a JSON object for the worker')
    parser.add_argument('--description', metavar='TEXT')
    add_yes(parser)
    add_limit(parser, RUNS_SHOWN)
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    add_chosen_name(parser, 'of on, off, run, cancel, rm: ')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    if options.run is not None and options.action != 'cancel':
        raise CommandError('--run goes with cancel', ExitCode.USAGE)
    if options.state is not None and options.action != 'runs':
        raise CommandError('--state goes with runs', ExitCode.USAGE)
    name: str | None = options.name
    with opened(options) as ask:
        match options.action:
            case 'ls':
                return _list(ask, name, is_json=options.json)
            case 'runs':
                return _list_runs(ask, options)
            case _ if name is None:
                raise CommandError('give the entry, as in Cleaner::nightly', ExitCode.USAGE)
            case 'add' | 'edit':
                asked = _save(ask, name, options)
            case action:
                uow_id = None
                if action == 'cancel' and options.run is None:
                    live = [run for run in ask.freerun_runs(None) if run['process'] == name]
                    question = f'cancel {len(live):,} runs of {name}?'
                    confirm_many(len(live), question, is_agreed=options.yes)
                if options.run is not None:
                    uow_id = _uow_of_run(ask.freerun_runs(None), name, options.run)
                action = 'remove' if action == 'rm' else action
                asked = ask.switch_freerun(name, action, uow_id, options.reason)
        return tell(asked, is_json=options.json)


def _save(ask: Operations, name: str, options: Namespace) -> CommandDocument:
    details = _details(options)
    is_new = options.action == 'add'
    if not details and not is_new:
        raise CommandError(
            f'there is nothing to change; say what, as in freerun edit {name} --trigger '
            '"every 15 min"',
            ExitCode.USAGE,
        )
    for line in ask.next_fires(name, details, is_new=is_new):
        # JSON is alone on stdout.
        print(line, file=sys.stderr if options.json else sys.stdout)
    if is_new:
        # Somebody else may add it until the Scheduler sees this.
        details[IS_NEW] = True
    return ask.save_freerun(name, details, options.reason)


def _uow_of_run(live: Iterable[DeadDocument], name: str, run: int) -> str:
    """Return the id of one run of an entry among the live units; raise CommandError (3)."""
    uow_by_run = {unit['run']: unit['id'] for unit in live if unit['process'] == name}
    if run not in uow_by_run:
        known = ', '.join(map(str, sorted(uow_by_run))) or 'none'
        raise CommandError(
            f'run {run} of {name} is not under way; under way: {known}; '
            f'./launch.py freerun runs {name} shows all',
            ExitCode.UNKNOWN,
        )
    return uow_by_run[run]


def _details(options: Namespace) -> dict[str, Any]:
    """Return what is said of an entry; raise CommandError (2)."""
    details: dict[str, Any] = {
        field: getattr(options, field)
        for field in ('trigger', 'overlap', 'misfire', 'misfire_max', 'description')
        if getattr(options, field) is not None
    }
    if options.arguments is not None:
        try:
            details['arguments'] = loads(options.arguments, ARGUMENTS)
        except OutOfBounds as error:
            raise CommandError(
                f'--arguments cannot be taken: {error}; give an object, as in \'{{"depth": 3}}\'',
                ExitCode.USAGE,
            ) from error
    return details


def _list_runs(ask: Operations, options: Namespace) -> ExitCode:
    """Print the runs of one entry, or those of all that are under way."""
    name = options.name
    if name is not None:
        _refuse_unknown(name, ask.freeruns())
    limit = min(limit_of(options), RUNS_MAX - 1)
    wanted = options.state
    runs = ask.freerun_runs(name, limit + 1 if wanted is None else RUNS_MAX)
    if wanted is not None:
        runs = [run for run in runs if run['condition'] == wanted]
    if name is not None:
        runs = cut(runs, limit, f'runs of {name}', 'these are the newest ones')
    if options.json:
        print_json(runs)
    else:
        print_runs(runs, empty=_no_runs(name, wanted))
    return ExitCode.OK


def _no_runs(name: str | None, wanted: str | None) -> str:
    """Return what is said where there is no run; of a filter that leaves none, that it does."""
    if wanted is None:
        return f'{name} has not run yet' if name else 'no free run is under way'
    among = f'the newest {RUNS_MAX:,} runs of {name}' if name else 'the free runs under way'
    return f'none of {among} is {SOUGHT_RUNS[wanted].word}; leave out --state to see all'


def _list(ask: Operations, name: str | None, *, is_json: bool) -> ExitCode:
    found = ask.freeruns()
    if name is not None:
        _refuse_unknown(name, found)
        found = [item for item in found if item['name'] == name]
    if is_json:
        print_json(found)
        return ExitCode.OK
    print_freeruns(found)
    if name is not None:
        for event in ask.freerun_events(name):
            print(f'    {said(event["at"])} {printable(redacted_text(event["text"]))}')
    return ExitCode.OK


def _refuse_unknown(name: str, found: Sequence[FreerunDocument]) -> None:
    known = [item['name'] for item in found]
    if name not in known:
        raise CommandError(
            f'there is no free run {name!r}{nearest(name, known)}; ./launch.py freerun ls shows '
            'all',
            ExitCode.UNKNOWN,
        )


COMMAND = CliCommand(
    name='freerun',
    summary='List cron-like entries with their next fires, or runs; add, edit, remove, switch on '
    'or off, run one now, or cancel what runs of one, or one run.',
    example='freerun add Cleaner::nightly --trigger "cron 30 2 * * *" --overlap queue',
    add_arguments=_add_arguments,
    run=_run,
)
