"""`launch.py freerun`: list, add, edit, remove, switch, run and cancel cron-like entries.

A run is named by its number, as for `launch.py log`; the Scheduler is told the id of its unit.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from synergy.cli.asking import Asking, actor, asking, new_id, tell
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.numbers import whole
from synergy.cli.tables import print_freeruns, print_runs
from synergy.core.bounded import ARGUMENTS, OutOfBounds, loads
from synergy.core.commands import Command, CommandKind
from synergy.core.freerun_definition import IS_NEW, MISFIRE_MAX, FreerunRefused, freerun_of
from synergy.core.freerun_record import Freerun, Misfire, Overlap, is_freerun
from synergy.core.nearest import nearest
from synergy.core.printable import printable
from synergy.core.records import ProcessName
from synergy.core.redaction import redacted_text
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.view.documents import DeadDocument
from synergy.view.encode import encode_dead, encode_freerun
from synergy.view.freeruns import freeruns, next_fires

#: Runs of one entry that are listed, the newest.
RUNS_MAX: Final = 50


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
        '--trigger',
        metavar='T',
        help='"every 60" (seconds), "at 09:30, Tue-17:00", or "cron 30 9 * * 1-5"; UTC',
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
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    refuse_lone_run(options)
    with asking() as ask:
        if options.action == 'ls':
            return _list(ask, options)
        if options.action == 'runs':
            return _list_runs(ask, options)
        if options.name is None:
            raise CommandError('give the entry, as in Cleaner::nightly', ExitCode.USAGE)
        name = ProcessName(options.name)
        known = {
            item.freerun.name: item.freerun for item in freeruns(ask.context, ask.store, ask.now)
        }
        if options.action == 'add' and name in known:
            raise CommandError(
                f'{name} exists already; change it with freerun edit', ExitCode.CONFLICT
            )
        if options.action != 'add' and name not in known:
            raise _unknown(name, known)
        return tell(ask.ask(_command(ask, name, options, known.get(name))), is_json=options.json)


def _unknown(name: str, known: Iterable[str]) -> CommandError:
    return CommandError(
        f'there is no free run {name!r}{nearest(name, known)}; ./launch.py freerun ls shows all',
        ExitCode.UNKNOWN,
    )


def _command(ask: Asking, name: ProcessName, options: Namespace, before: Freerun | None) -> Command:
    details: dict[str, Any]
    match options.action:
        case 'rm':
            kind, details = CommandKind.FREERUN_REMOVE, {}
        case 'run':
            kind, details = CommandKind.FREERUN_RUN, {}
        case 'cancel':
            kind, details = CommandKind.FREERUN_CANCEL, {}
            if options.run is not None:
                live = [encode_dead(unit) for unit in ask.store.live_units()]
                details = {'uow': uow_of_run(live, name, options.run)}
        case 'on' | 'off':
            kind, details = CommandKind.FREERUN_SAVE, {'is_on': options.action == 'on'}
        case _:
            kind, details = CommandKind.FREERUN_SAVE, details_of(options)
            if options.action == 'add':
                # Somebody else may add it until the Scheduler sees this.
                details[IS_NEW] = True
            if not details and options.action == 'edit':
                raise CommandError(
                    f'there is nothing to change; say what, as in freerun edit {name} --trigger '
                    '"every 60"',
                    ExitCode.USAGE,
                )
            processes = [entry.name for entry in ask.context.freeruns.values()]
            defined = defined_as(name, details, processes, before, ask.now)
            print_fires(defined, ask.now, is_json=options.json)
    stamp = containing_utc(Qualifier.REAL_TIME, ask.now)
    return Command(
        id=new_id(),
        kind=kind,
        process=name,
        start=stamp,
        end=stamp.shift(1),
        details=details,
        actor=actor(),
        reason=options.reason,
        created_at=ask.now,
    )


def refuse_lone_run(options: Namespace) -> None:
    """Refuse (2) the number of a run where none is meant."""
    if options.run is not None and options.action != 'cancel':
        raise CommandError('--run goes with cancel', ExitCode.USAGE)


def uow_of_run(live: Iterable[DeadDocument], name: str, run: int) -> str:
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


def defined_as(
    name: ProcessName,
    details: dict[str, Any],
    processes: Sequence[ProcessName],
    before: Freerun | None,
    now: datetime,
) -> Freerun:
    """Return what an entry would be; refuse (2) what the Scheduler would refuse."""
    try:
        return freerun_of(name, details, processes, before, now)
    except FreerunRefused as error:
        raise CommandError(str(error), ExitCode.USAGE) from error


def print_fires(defined: Freerun, now: datetime, *, is_json: bool) -> None:
    """Tell when an entry would fire. JSON is alone on stdout."""
    fires = ', '.join(f'{at:%a %Y-%m-%d %H:%M:%S}' for at in next_fires(defined, now))
    print(f'next fires (UTC): {fires}', file=sys.stderr if is_json else sys.stdout)


def details_of(options: Namespace) -> dict[str, Any]:
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


def show_runs(runs: Sequence[DeadDocument], name: str | None, *, is_json: bool) -> ExitCode:
    """Print the runs of one entry, or those of all that are under way."""
    if is_json:
        print_json(runs)
    else:
        print_runs(runs, empty=f'{name} has not run yet' if name else 'no free run is under way')
    return ExitCode.OK


def _list_runs(ask: Asking, options: Namespace) -> ExitCode:
    if options.name is None:
        units = [unit for unit in ask.store.live_units() if is_freerun(unit.process)]
    else:
        known = [item.freerun.name for item in freeruns(ask.context, ask.store, ask.now)]
        if options.name not in known:
            raise _unknown(options.name, known)
        units = list(ask.store.freerun_units(ProcessName(options.name), RUNS_MAX))
    return show_runs([encode_dead(unit) for unit in units], options.name, is_json=options.json)


def _list(ask: Asking, options: Namespace) -> ExitCode:
    found = [
        item
        for item in freeruns(ask.context, ask.store, ask.now)
        if options.name in (None, item.freerun.name)
    ]
    if options.name is not None and not found:
        known = [item.freerun.name for item in freeruns(ask.context, ask.store, ask.now)]
        raise _unknown(options.name, known)
    documents = [encode_freerun(item) for item in found]
    if options.json:
        print_json(documents)
        return ExitCode.OK
    print_freeruns(documents)
    if options.name is not None:
        for event in ask.store.freerun_events(ProcessName(options.name), 20):
            print(f'    {event.at:%Y-%m-%d %H:%M:%S} {printable(redacted_text(event.text))}')
    return ExitCode.OK


COMMAND = CliCommand(
    name='freerun',
    summary='List cron-like entries with their next fires, or runs; add, edit, remove, switch on '
    'or off, run one now, or cancel what runs of one, or one run.',
    example='freerun add Cleaner::nightly --trigger "cron 30 2 * * *" --overlap queue',
    add_arguments=_add_arguments,
    run=_run,
)
