"""`launch.py pools`: who holds what of pools, who waits, and another size at run time."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from datetime import timedelta

from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json, print_table
from synergy.cli.opening import add_chosen_name, opened
from synergy.cli.tell import tell
from synergy.core.nearest import nearest
from synergy.core.redaction import redacted_text
from synergy.operations.pools import DEFAULT, UNLIMITED
from synergy.view.pool_documents import PoolDocument, PoolWaiterDocument
from synergy.view.words import span

#: Holders and waiters of a pool in a table.
_NAMED_MAX = 3


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('action', nargs='?', choices=['ls', 'set'], default='ls')
    parser.add_argument('name', nargs='?', metavar='NAME', help='the pool')
    parser.add_argument(
        '--slots', metavar='N', help=f'of set: how many at once, or {DEFAULT}: as in context.py'
    )
    parser.add_argument(
        '--per-minute',
        metavar='N',
        help=f'of set: how many may start within a minute, {UNLIMITED}, or {DEFAULT}',
    )
    parser.add_argument('--reason', metavar='R', help='why, for the audit and for whoever looks')
    add_chosen_name(parser, 'of set: ')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    with opened(options) as ask:
        if options.action == 'ls':
            if options.slots is not None or options.per_minute is not None:
                raise CommandError('--slots and --per-minute are of pools set NAME', ExitCode.USAGE)
            return _show(_chosen(ask.pools(), options.name), is_json=options.json)
        if options.name is None:
            raise CommandError('give the pool, as in warehouse', ExitCode.USAGE)
        if options.slots is None and options.per_minute is None:
            raise CommandError(
                f'give --slots N or --per-minute N; {DEFAULT} is as in context.py', ExitCode.USAGE
            )
        asked = ask.change_pool(options.name, options.slots, options.per_minute, options.reason)
        return tell(asked, is_json=options.json)


def _chosen(found: Sequence[PoolDocument], name: str | None) -> Sequence[PoolDocument]:
    """Return all pools, or the one of a name; raise CommandError (3) when there is none."""
    names = [item['pool'] for item in found]
    if name is not None and name not in names:
        raise CommandError(
            f'there is no pool {name!r:.80}{nearest(name, names)}; ./launch.py pools lists all',
            ExitCode.UNKNOWN,
        )
    return [item for item in found if name in (None, item['pool'])]


def _show(items: Sequence[PoolDocument], *, is_json: bool) -> ExitCode:
    if is_json:
        print_json(items)
        return ExitCode.OK
    print_table(
        ('pool', 'used', 'slots', 'this minute', 'held by', 'waiting', 'changed at run time'),
        [
            (
                item['pool'],
                item['used'],
                item['slots'],
                _rate(item),
                _some([f'{one["name"]} ({one["slots"]})' for one in item['holders']]),
                _some([_waiter(one) for one in item['waiters']]),
                _changed(item),
            )
            for item in items
        ],
        empty='there are no pools; define them in pool_context of context.py',
    )
    for item in items:
        for held in item['held']:
            print(redacted_text(f'nothing that takes of {item["pool"]} starts: {held}'))
    return ExitCode.OK


def _rate(item: PoolDocument) -> str:
    return '' if item['per_minute'] is None else f'{item["started"]} of {item["per_minute"]}'


def _some(texts: Sequence[str]) -> str:
    more = f' and {len(texts) - _NAMED_MAX} more' if len(texts) > _NAMED_MAX else ''
    return ', '.join(texts[:_NAMED_MAX]) + more


def _waiter(one: PoolWaiterDocument) -> str:
    seconds = one['takes_seconds']
    about = '' if seconds is None else f', about {span(timedelta(seconds=seconds))}'
    return f'{one["name"]} ({one["jobs"]}{about}) since {(one["since"] or "")[:16]}'


def _changed(item: PoolDocument) -> str:
    override = item['override']
    return '' if override is None else f'since {(override["at"] or "")[:19]} by {override["by"]}'


COMMAND = CliCommand(
    name='pools',
    summary='Tell who holds what of pools and who waits for them since when; change the size of '
    'one. A change holds until context.py says something else about that pool.',
    example='pools set warehouse --slots 4 --reason "nightly backup"',
    add_arguments=_add_arguments,
    run=_run,
)
