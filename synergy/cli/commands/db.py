"""`launch.py db`: look at the store, bring it up to date, or empty it."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from synergy import bootstrap
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.control import Control
from synergy.cli.moving import differences
from synergy.conf.model import Context
from synergy.core.changed_levels import refused_levels
from synergy.core.hierarchy import Hierarchy
from synergy.core.printable import printable
from synergy.core.redaction import redacted_text
from synergy.core.structs import as_document, replace
from synergy.ports.administration import Administration, Findings


def _add_arguments(parser: ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        '--check', action='store_true', help='say what is there and would change (the default)'
    )
    what.add_argument(
        '--update', action='store_true', help='create what is missing, take over what is older'
    )
    what.add_argument('--reset', action='store_true', help='drop everything, after asking')
    parser.add_argument('--yes', action='store_true', help='do not ask')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    settings, context = bootstrap.load(reads_sources=False)
    with bootstrap.open_runtime(settings, context) as runtime:
        administration = runtime.administer_store()
        if not (options.update or options.reset):
            return _check(administration, context, is_json=options.json)
        _refuse_in_use(administration, Control(runtime), 'reset' if options.reset else 'update')
        if options.update:
            return _update(administration, context, is_json=options.json)
        return _reset(administration, is_sure=options.yes)


def level_problems(administration: Administration, hierarchy: Hierarchy) -> list[str]:
    """Return what the context says of the levels of processes that their history does not."""
    led, rows = administration.led_context(), administration.rows_by_level()
    return [str(item) for item in refused_levels(hierarchy, led, rows).values()]


def _check(administration: Administration, context: Context, *, is_json: bool) -> ExitCode:
    findings = _noted(administration.check(), administration, context)
    levels = level_problems(administration, context.hierarchy)
    findings = replace(findings, problems=[*findings.problems, *levels])
    if is_json:
        print_json({'store': administration.place, **as_document(findings)})
    else:
        print(administration.place)
        _print('found', findings.found)
        _print('would change with ./launch.py db --update', findings.changes)
        _print('would behave differently', findings.notes)
        _print('problems', findings.problems)
        if not findings.changes and not findings.problems:
            print('up to date')
    return _code(findings, is_outdated=bool(findings.changes))


def _update(administration: Administration, context: Context, *, is_json: bool) -> ExitCode:
    findings = _noted(administration.update(), administration, context)
    if is_json:
        print_json({'store': administration.place, **as_document(findings)})
    else:
        print(administration.place)
        _print('changed', findings.changes)
        _print('will behave differently', findings.notes)
        _print('problems', findings.problems)
        print('up to date')
    return _code(findings, is_outdated=False)


def _noted(findings: Findings, administration: Administration, context: Context) -> Findings:
    return replace(findings, notes=differences(administration.former(), context))


def _reset(administration: Administration, *, is_sure: bool) -> ExitCode:
    if not is_sure:
        print(f'{administration.place}: every job, unit, log, free run and request is dropped.')
        print("Type 'reset' to go on: ", end='', flush=True)
        if sys.stdin.readline().strip() != 'reset':
            print('nothing was changed')
            return ExitCode.FOUND
    administration.reset()
    print(f'{administration.place} is empty')
    return ExitCode.OK


def _refuse_in_use(administration: Administration, control: Control, what: str) -> None:
    leader = administration.leader()
    if leader is not None:
        raise CommandError(
            f'scheduler {leader.owner} leads on {administration.place}; stop every Supervisor and '
            f'Scheduler, then run ./launch.py db --{what} again',
            ExitCode.CONFLICT,
        )
    supervisor = control.supervisor()
    if supervisor is not None:
        raise CommandError(
            f'the Supervisor of this home runs with pid {supervisor.pid}; ./launch.py stop '
            f'Supervisor, then run ./launch.py db --{what} again',
            ExitCode.CONFLICT,
        )


def _code(findings: Findings, *, is_outdated: bool) -> ExitCode:
    return ExitCode.FOUND if is_outdated or findings.problems else ExitCode.OK


def _print(title: str, lines: Sequence[str]) -> None:
    if lines:
        print(f'{title}:')
        print('\n'.join(f'    {printable(redacted_text(line))}' for line in lines))


COMMAND = CliCommand(
    name='db',
    summary='Look at the store: version, what is in it, what an update would change (exit 1 if '
    'anything); bring it up to date, also from Synergy 2.x; or empty it. --update and --reset are '
    'refused while a scheduler leads or the Supervisor runs.',
    example='db --check',
    add_arguments=_add_arguments,
    run=_run,
)
