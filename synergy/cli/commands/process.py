"""`launch.py process`: list managed processes, switch them, change when they are looked at."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import datetime

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.opening import add_chosen_name, opened
from synergy.cli.tables import conditions_said
from synergy.cli.tell import tell
from synergy.core.lanes import CatchUp
from synergy.core.nearest import nearest
from synergy.core.trigger import Every, followed, parse_trigger
from synergy.core.zones import zone_named
from synergy.operations.processes import CATCH_UPS, DEFAULT
from synergy.view.documents import CommandDocument
from synergy.view.fires import fires_after, fires_said
from synergy.view.process_documents import OverrideDocument, ProcessDocument


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        'action',
        nargs='?',
        choices=['ls', 'on', 'off', 'trigger', 'catch-up', 'run', 'restart'],
        default='ls',
    )
    parser.add_argument('name', nargs='?', metavar='NAME', help='the managed process')
    parser.add_argument(
        'value',
        nargs='?',
        metavar='T',
        help='of trigger: "every 15 min", "at Mon,Tue-09:30", "cron 30 9 * * 1-5", on the clock of '
        'its tree; or '
        f'{DEFAULT}: as in context.py. Of catch-up: {CATCH_UPS}',
    )
    parser.add_argument('--reason', metavar='R', help='why, for the audit and for whoever waits')
    add_chosen_name(parser, 'of a change: ')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with opened(options) as ask:
        if options.action == 'ls':
            return _show(_chosen(ask.processes(), options.name), is_json=options.json)
        if options.name is None:
            raise CommandError('give the process, as in SiteHourly', ExitCode.USAGE)
        if options.action == 'catch-up' and options.value is None:
            raise CommandError(f'give one of {CATCH_UPS}', ExitCode.USAGE)
        if options.action == 'trigger' and options.value is None:
            raise CommandError(
                f'give the trigger, as in "every 15 min", or {DEFAULT}', ExitCode.USAGE
            )
        asked = ask.change_process(options.name, options.action, options.value, options.reason)
        if options.action == 'trigger' and not options.json:
            _tell_fires(_chosen(ask.processes(), options.name)[0], options.value, asked)
        if options.action in ('on', 'catch-up') and not options.json:
            _tell_history(_chosen(ask.processes(), options.name)[0])
        return tell(asked, is_json=options.json)


def _tell_history(item: ProcessDocument) -> None:
    """Print what of a process is due at once, and how to choose otherwise."""
    if item['history'] is not None:
        print(f'{item["process"]}: {item["history"]["said"]}')
        print(f'otherwise: ./launch.py process catch-up {item["process"]} {"|".join(CatchUp)}')


def _tell_fires(item: ProcessDocument, text: str, asked: CommandDocument) -> None:
    """Print when a new trigger fires, on the clock of its tree; what comes every so often, not."""
    if text == DEFAULT:
        return
    trigger = followed(parse_trigger(text), zone_named(item['time_zone']), item['tree'])
    if not isinstance(trigger, Every) and asked['created_at'] is not None:
        now = datetime.fromisoformat(asked['created_at'])
        print(*fires_said(trigger, fires_after(trigger, now), now), sep='\n')


def _chosen(found: Sequence[ProcessDocument], name: str | None) -> Sequence[ProcessDocument]:
    """Return all processes, or the one of a name; raise CommandError (3) when there is none."""
    names = [item['process'] for item in found]
    if name is not None and name not in names:
        raise CommandError(
            f'there is no managed process {name!r:.80}{nearest(name, names)}; ./launch.py process '
            'lists all',
            ExitCode.UNKNOWN,
        )
    return [item for item in found if name in (None, item['process'])]


def _show(items: Sequence[ProcessDocument], *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(items)
        return ExitCode.OK
    has_deadline = any(item['deadline'] for item in items)
    print_table(
        (
            'process',
            'tree',
            'zone',
            'qualifier',
            'on',
            'trigger',
            *(['deadline'] if has_deadline else []),
            'at once',
            'work',
            'history',
            'changed at run time',
        ),
        [
            (
                item['process'],
                item['tree'],
                item['time_zone'],
                item['qualifier'],
                'yes' if item['is_on'] else 'no',
                item['trigger'],
                *([item['deadline'] or ''] if has_deadline else []),
                item['max_running'],
                conditions_said(item['conditions']),
                '' if item['history'] is None else f'{item["history"]["count"]:,}',
                _changed(item['override'] or {}, item['left_out']),
            )
            for item in items
        ],
    )
    return ExitCode.OK


def _changed(override: OverrideDocument, left_out: str | None) -> str:
    parts = [] if left_out is None else ['left out: see ./launch.py status']
    if 'is_on' in override:
        word = 'on' if override['is_on'] else 'off'
        parts.append(f'{word} since {(override["is_on_at"] or "")[:19]} by {override["is_on_by"]}')
    if 'trigger' in override:
        parts.append(
            f'trigger since {(override["trigger_at"] or "")[:19]} by {override["trigger_by"]}'
        )
    if 'start' in override:
        parts.append(
            f'begins at {override["start"]} since {(override["start_at"] or "")[:19]} '
            f'by {override["start_by"]}'
        )
    if 'catch_up' in override:
        parts.append(
            f'catch-up {override["catch_up"]} since {(override["catch_up_at"] or "")[:19]} '
            f'by {override["catch_up_by"]}'
        )
    return '; '.join(parts)


COMMAND = CliCommand(
    name='process',
    summary='List managed processes as the Scheduler uses them; switch one on or off, change '
    'its trigger or how it catches up, look at it now, or restart its workers on all boxes. A '
    'change holds until context.py says something else about its is_on, trigger or catch_up.',
    example='process off SiteHourly --reason migration',
    add_arguments=_add_arguments,
    run=_run,
)
