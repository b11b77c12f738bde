"""`launch.py mq`: the queues of the context: list, declare, purge, remove them; read dead messages.

Purging loses nothing for good: a message is only a bell, and the Scheduler rings again for
what nobody has claimed.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from synergy import bootstrap
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.confirm import agrees, is_person
from synergy.cli.console import print_json, print_table
from synergy.cli.listing import cut
from synergy.cli.queues import routes_of
from synergy.core.nearest import nearest
from synergy.core.records import Route
from synergy.core.structs import as_document
from synergy.core.uri import without_password
from synergy.ports.broker import BrokerAdmin, QueueState

_DEAD: Final = '.dead'
_DEAD_MAX: Final = 1000


def _add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(queue=None, dead=False, json=False)
    actions = parser.add_subparsers(dest='action', metavar='ls | declare | purge')
    ls = actions.add_parser('ls', help='list queues (the default)')
    ls.add_argument('queue', nargs='?', metavar='QUEUE', help='show its dead messages')
    ls.add_argument('--dead', action='store_true', help='print dead messages with the reason')
    ls.add_argument('--json', action='store_true', help='print JSON')
    actions.add_parser('declare', help='make the queues of the context that are missing')
    purge = actions.add_parser('purge', help='drop messages, or remove a queue')
    purge.add_argument('queue', nargs='?', metavar='QUEUE', help='as ls shows it')
    purge.add_argument('--all', action='store_true', help='all queues of the context')
    purge.add_argument('--dead', action='store_true', help='the dead messages alone')
    purge.add_argument(
        '--delete',
        action='store_true',
        help='remove the queue itself, as when it was declared differently',
    )
    purge.add_argument('--yes', action='store_true', help='do not ask')
    purge.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    settings, context = bootstrap.load(reads_sources=False)
    routes = routes_of(context)
    with bootstrap.open_runtime(settings, context) as runtime:
        open_broker = partial(runtime.open_broker, create=False)
        match options.action:
            case 'declare':
                runtime.open_broker().declare(routes)
                place = without_password(settings.broker_uri)
                print(f'{len(routes)} queues are declared at {place}')
            case 'purge':
                return _purge(open_broker, _chosen(routes, options), options)
            case _ if options.dead or options.queue:
                chosen = [_route(routes, options.queue)] if options.queue else routes
                return _list_dead(open_broker(), chosen, is_json=options.json)
            case _:
                return _list(open_broker(), routes, is_json=options.json)
    return ExitCode.OK


def _list(broker: BrokerAdmin, routes: Sequence[Route], *, is_json: bool) -> ExitCode:
    state_by_queue = {state.queue: state for state in broker.queue_states(routes)}
    lines = [
        (route, state, state_by_queue.get(route.queue + _DEAD))
        for route in routes
        if (state := state_by_queue.get(route.queue)) is not None
    ]
    if is_json:
        print_json(
            [
                {**as_document(state), 'exchange': route.exchange, 'dead_count': _depth(dead)}
                for route, state, dead in lines
            ]
        )
    else:
        print_table(
            ('queue', 'exchange', 'messages', 'listening', 'dead'),
            [
                (route.queue, route.exchange, state.depth, state.reader_count, _depth(dead))
                for route, state, dead in lines
            ],
        )
        if missing := len(routes) - len(lines):
            print(
                f'{missing} queues are not declared yet; whoever uses them first declares them, '
                'or ./launch.py mq declare'
            )
    return ExitCode.FOUND if any(_depth(dead) for _, _, dead in lines) else ExitCode.OK


def _list_dead(broker: BrokerAdmin, routes: Sequence[Route], *, is_json: bool) -> ExitCode:
    # One question about all takes less than looking into each of thousands.
    filled = {state.queue for state in broker.queue_states(routes) if state.depth}
    letters = [
        (route.queue, letter.reason, letter.text)
        for route in routes
        if route.queue + _DEAD in filled
        for letter in cut(
            broker.dead_letters(route.queue, _DEAD_MAX + 1),
            _DEAD_MAX,
            f'dead messages in {route.queue}',
            'drop these with ./launch.py mq purge --dead to see them',
        )
    ]
    if is_json:
        print_json([{'queue': queue, 'reason': why, 'text': text} for queue, why, text in letters])
    else:
        print_table(('queue', 'reason', 'message'), letters, empty='no dead message')
    return ExitCode.FOUND if letters else ExitCode.OK


def _purge(
    open_broker: Callable[[], BrokerAdmin], queues: Sequence[str], options: Namespace
) -> ExitCode:
    names = queues[0] if len(queues) == 1 else f'{len(queues)} queues'
    question = f'Remove {names}?' if options.delete else f'Drop all messages of {names}?'
    if not options.yes and not _agrees(question):
        print('nothing was done')
        return ExitCode.OK
    broker = open_broker()
    counts = {
        queue: broker.delete(queue) if options.delete else broker.purge(queue) for queue in queues
    }
    if options.json:
        print_json([{'queue': queue, 'dropped': count} for queue, count in counts.items()])
        return ExitCode.OK
    done = 'removed, with' if options.delete else 'purged of'
    for queue, count in counts.items():
        print(f'{queue} {done} {count} {"message" if count == 1 else "messages"}')
    return ExitCode.OK


def _chosen(routes: Sequence[Route], options: Namespace) -> Sequence[str]:
    """Return the queues that a purge is about; raise CommandError."""
    if options.all == bool(options.queue):
        raise CommandError('give a QUEUE, as ./launch.py mq ls shows it, or --all', ExitCode.USAGE)
    if options.all:
        names = [route.queue for route in routes]
    else:
        name = _route(routes, options.queue.removesuffix(_DEAD)).queue
        if options.queue.endswith(_DEAD):
            return [options.queue]
        names = [name]
    return [name + _DEAD for name in names] if options.dead else names


def _route(routes: Sequence[Route], queue: str) -> Route:
    route_by_queue = {route.queue: route for route in routes}
    if queue not in route_by_queue:
        raise CommandError(
            f'the context has no queue {queue!r}{nearest(queue, route_by_queue)}; '
            './launch.py mq ls lists all',
            ExitCode.UNKNOWN,
        )
    return route_by_queue[queue]


def _agrees(question: str) -> bool:
    if not is_person():
        raise CommandError('nobody is there to ask; give --yes', ExitCode.USAGE)
    return agrees(question)


def _depth(state: QueueState | None) -> int:
    return 0 if state is None else state.depth


COMMAND = CliCommand(
    name='mq',
    summary='List the queues of the context (exit code 1 when there are dead messages), declare '
    'them, purge or remove one.',
    example='mq purge queue_site_hourly --yes',
    add_arguments=_add_arguments,
    run=_run,
)
