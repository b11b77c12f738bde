"""`launch.py dead`: units without an attempt left: by what is wrong or each; retry, drop them.

Those of one process with the same error, but for digits and ids, are one entry; what is done about
such an entry is one request.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from typing import Final

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import add_yes, confirm_many
from synergy.cli.console import print_json
from synergy.cli.group_tables import group_line, print_dead, print_groups
from synergy.cli.interface import Operations
from synergy.cli.opening import opened
from synergy.cli.switching import add_switch_on, settle_switch
from synergy.cli.tell import tell
from synergy.core.dead_letters import LetterAction
from synergy.core.letter_groups import is_said
from synergy.core.redaction import redacted_text
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.view.group_documents import LetterGroupDocument
from synergy.view.letters import LETTER_CONDITIONS
from synergy.view.words import filters_said

_LISTS: Final = ('groups', 'ls')


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'action',
        nargs='?',
        choices=[*_LISTS, *(action.value for action in LetterAction)],
        help='groups: by process and error (the default); ls: each, with its id (with --json the '
        'default)',
    )
    parser.add_argument('id', nargs='?', metavar='ID', help='of one unit, as ls shows it')
    parser.add_argument('--all', action='store_true', help='all dead letters')
    add_yes(parser)
    parser.add_argument('--process', metavar='P', help='those of a process or free run')
    parser.add_argument('--error', metavar='TEXT', help='those whose error contains this')
    parser.add_argument(
        '--state',
        metavar='S',
        choices=tuple(LETTER_CONDITIONS),
        help=f'of ls: those whose interval stands so now: {", ".join(LETTER_CONDITIONS)}',
    )
    parser.add_argument(
        '--dry-run', action='store_true', help='say what retry or drop would do, and do nothing'
    )
    add_switch_on(parser)
    parser.add_argument('--reason', metavar='R', help='why, for the audit')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    action = options.action or ('ls' if options.json or options.state else 'groups')
    if options.state is not None and action != 'ls':
        raise CommandError('--state goes with dead ls', ExitCode.USAGE)
    is_selected = options.all or options.process is not None or options.error is not None
    if action not in _LISTS and (options.id is not None) == is_selected:
        raise CommandError(
            'give the ID of a dead letter, or which of them: --all, --process P, --error TEXT',
            ExitCode.USAGE,
        )
    if options.switch_on and action != LetterAction.RETRY.value:
        raise CommandError('--switch-on goes with dead retry', ExitCode.USAGE)
    with opened(options) as ask:
        if action in _LISTS:
            return _list(ask, action, options)
        if options.id is not None:
            return _settle_one(ask, LetterAction(action), options)
        return _settle_groups(ask, LetterAction(action), options)


def _list(ask: Operations, action: str, options: Namespace) -> ExitCode:
    if action == 'groups':
        groups = _chosen(ask, options)
        if options.json:
            print_json(groups)
        else:
            print_groups(groups, _filters(options))
        return ExitCode.OK
    letters = [
        unit
        for unit in ask.dead_letters()
        if options.process in (None, unit['process'])
        and options.state in (None, unit['interval'])
        and (options.error is None or is_said(options.error, unit['error'] or ''))
    ]
    if options.json:
        print_json(letters)
    else:
        print_dead(letters, _filters(options))
    return ExitCode.OK


def _filters(options: Namespace) -> Mapping[str, object]:
    return {'process': options.process, 'interval': options.state, 'error': options.error}


def _chosen(ask: Operations, options: Namespace) -> Sequence[LetterGroupDocument]:
    return [
        group
        for group in ask.dead_groups()
        if options.process in (None, group['process'])
        and (options.error is None or is_said(options.error, group['said'], group['error']))
    ]


def _settle_one(ask: Operations, action: LetterAction, options: Namespace) -> ExitCode:
    if options.dry_run:
        raise CommandError(
            '--dry-run goes with --all, --process or --error; of one letter, ./launch.py reprocess '
            'P T --dry-run says what would run again',
            ExitCode.USAGE,
        )
    asked = ask.settle_letter(options.id, action, options.reason)
    code = tell(asked, is_json=options.json)
    if action is LetterAction.RETRY and code is ExitCode.OK:
        settle_switch(ask, [asked['process']], options)
    return code


def _settle_groups(ask: Operations, action: LetterAction, options: Namespace) -> ExitCode:
    """Settle the chosen groups: that one is refused, or was settled meanwhile, stops no other."""
    chosen = _chosen(ask, options)
    if not chosen and not options.all:
        what = filters_said(_filters(options))
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'there is no dead letter of {what}',
            'see the list',
            in_terminal=f'there is no dead letter of {what}; ./launch.py dead lists them',
        )
    if not options.dry_run:
        count = sum(group['count'] for group in chosen)
        lines = '\n'.join(f'{action.value} {group_line(group)}' for group in chosen)
        question = f'{lines}\n{action.value} {count:,} dead letters?'
        confirm_many(count, question, is_agreed=options.yes)
    codes = [_settle_group(ask, group, action, options) for group in chosen]
    if action is LetterAction.RETRY and not options.dry_run:
        settle_switch(ask, [group['process'] for group in chosen], options)
    return ExitCode.FOUND if ExitCode.FOUND in codes else ExitCode.OK


def _settle_group(
    ask: Operations, group: LetterGroupDocument, action: LetterAction, options: Namespace
) -> ExitCode:
    process, error = group['process'], group['error']
    try:
        if options.dry_run:
            plan = ask.plan_group(process, error, action)
            if options.json:
                print_json(plan)
            else:
                print(f'would {action.value} {group_line(group)}')
                print('\n'.join(f'    {text}' for text in plan['says']))
            return ExitCode.OK
        return tell(ask.settle_group(process, error, action, options.reason), is_json=options.json)
    except OperationRefused as refusal:
        name = group['newest_id'] if group['count'] == 1 else group_line(group)
        print(redacted_text(f'{name}: {refusal}'), file=sys.stderr)
        return ExitCode.FOUND


COMMAND = CliCommand(
    name='dead',
    summary='List units without an attempt left, by what is wrong; retry runs their jobs again, '
    'with everything that depends on them; drop takes them off the list. All of one process and '
    'error are one request.',
    example='dead retry --process SiteHourly --error "connection refused"',
    add_arguments=_add_arguments,
    run=_run,
)
