"""`launch.py process`: list managed processes, switch them, change when they are looked at."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from synergy.cli.asking import actor, asking, new_id, tell
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.target import node_of
from synergy.core.commands import Command, CommandKind
from synergy.core.overrides import OverrideRefused, override_of
from synergy.core.timeperiod import Qualifier, containing_utc
from synergy.view.processes import encode_process, processes

#: What to give instead of a trigger to follow context.py again.
DEFAULT = 'default'


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'action', nargs='?', choices=['ls', 'on', 'off', 'trigger', 'run'], default='ls'
    )
    parser.add_argument('name', nargs='?', metavar='NAME', help='the managed process')
    parser.add_argument(
        'trigger',
        nargs='?',
        metavar='T',
        help='of trigger: "every 60" (seconds), "at 09:30", "cron 30 9 * * 1-5", all UTC; or '
        f'{DEFAULT}: as in context.py',
    )
    parser.add_argument('--reason', metavar='R', help='why, for the audit and for whoever waits')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with asking() as ask:
        nodes = processes(ask.context.hierarchy, ask.store)
        if options.action == 'ls':
            return show(
                [
                    encode_process(node)
                    for node in nodes
                    if options.name in (None, node.process.name)
                ],
                is_json=options.json,
            )
        if options.name is None:
            raise CommandError('give the process, as in SiteHourly', ExitCode.USAGE)
        node = node_of(ask.context, options.name)
        details = details_of(options)
        if details:
            try:
                override_of(node.process, details, None, actor(), ask.now)
            except OverrideRefused as error:
                raise CommandError(str(error), ExitCode.USAGE) from error
        stamp = containing_utc(Qualifier.REAL_TIME, ask.now)
        command = Command(
            id=new_id(),
            kind=CommandKind.PROCESS_SAVE if details else CommandKind.PROCESS_RUN,
            process=node.process.name,
            start=stamp,
            end=stamp.shift(1),
            details=details,
            actor=actor(),
            reason=options.reason,
            created_at=ask.now,
        )
        return tell(ask.ask(command), is_json=options.json)


def details_of(options: Namespace) -> dict[str, Any]:
    """Return what is to change; nothing for `run`."""
    match options.action:
        case 'on' | 'off':
            return {'is_on': options.action == 'on'}
        case 'trigger':
            if options.trigger is None:
                raise CommandError(
                    f'give the trigger, as in "every 60", or {DEFAULT}', ExitCode.USAGE
                )
            return {'trigger': None if options.trigger == DEFAULT else options.trigger}
        case _:
            return {}


def show(items: list[Any], *, is_json: bool) -> ExitCode:
    """Print processes as the API encodes them."""
    if is_json:
        print_json(items)
        return ExitCode.OK
    print_table(
        ('process', 'tree', 'qualifier', 'on', 'trigger', 'at once', 'changed at run time'),
        [
            (
                item['process'],
                item['tree'],
                item['qualifier'],
                'yes' if item['is_on'] else 'no',
                item['trigger'],
                item['max_running'],
                _changed(item['override'] or {}),
            )
            for item in items
        ],
    )
    return ExitCode.OK


def _changed(override: dict[str, Any]) -> str:
    parts = []
    if 'is_on' in override:
        word = 'on' if override['is_on'] else 'off'
        parts.append(f'{word} since {override["is_on_at"][:19]} by {override["is_on_by"]}')
    if 'trigger' in override:
        parts.append(f'trigger since {override["trigger_at"][:19]} by {override["trigger_by"]}')
    return '; '.join(parts)


COMMAND = CliCommand(
    name='process',
    summary='List managed processes as the Scheduler uses them; switch one on or off, change '
    'its trigger, or look at it now. A change holds until context.py says something else about '
    'its is_on or trigger.',
    example='process off SiteHourly --reason migration',
    add_arguments=_add_arguments,
    run=_run,
)
