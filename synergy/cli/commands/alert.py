"""`launch.py alert`: what is wrong now and who was told; acknowledge, mute, test."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Final

from synergy.cli.alert_tables import print_alerts, print_history, print_test
from synergy.cli.command import CliCommand, CommandError, ExitCode
from synergy.cli.console import print_json
from synergy.cli.interface import Operations
from synergy.cli.numbers import whole
from synergy.cli.opening import add_chosen_name, opened
from synergy.core.alert_outbox import DeliveryState
from synergy.core.alert_requests import AlertRequestState, group_of_test
from synergy.core.redaction import redacted_text
from synergy.operations.freezes import UNTIL
from synergy.operations.refusal import OperationRefused, RefusalKind
from synergy.view.alert_documents import AlertDeliveryDocument, AlertRequestDocument

_HISTORY: Final = 100
_HISTORY_MAX: Final = 100_000
_TEST_RECEIVERS_MAX: Final = 1_000
#: How long a test waits for what receivers say to it.
_TEST_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.3
_NEEDS: Final = {
    'ack': 'an alert: its id as alert ls tells it (night/12), or a name, for all of that',
    'mute': 'the alert, as in night',
    'unmute': 'the alert, as in night',
    'test': 'the alert, as in night',
}


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('action', nargs='?', choices=['ls', 'history', *_NEEDS], default='ls')
    parser.add_argument(
        'alert', nargs='?', metavar='ALERT', help='a name of alert_context; of ack an id, too'
    )
    parser.add_argument('--until', metavar='T', help=f'of mute: {UNTIL}')
    parser.add_argument(
        '--limit',
        type=whole(1, _HISTORY_MAX),
        default=_HISTORY,
        metavar='N',
        help='of history: the newest so many (default: %(default)s)',
    )
    parser.add_argument('--reason', metavar='R', help='why, for the audit and for whoever looks')
    add_chosen_name(parser, 'of ack, mute, unmute and test: ')
    parser.add_argument('--json', action='store_true', help='print JSON')


def _run(options: Namespace) -> ExitCode:
    action, alert = options.action, options.alert
    if action in _NEEDS and not alert:
        raise CommandError(f'give {_NEEDS[action]}', ExitCode.USAGE)
    if action == 'mute' and not options.until:
        raise CommandError(f'give --until: {UNTIL}', ExitCode.USAGE)
    if action != 'mute' and options.until:
        raise CommandError('--until is of alert mute', ExitCode.USAGE)
    if action == 'ls' and alert:
        raise CommandError('alert ls takes no name; it lists all', ExitCode.USAGE)
    with opened(options) as ask:
        match action:
            case 'ls':
                return _list(ask, is_json=options.json)
            case 'history':
                return _history(ask, alert, options.limit, is_json=options.json)
            case _:
                asked = ask.ask_alert(action, alert, options.until, options.reason)
                if action == 'test' and asked['state'] == AlertRequestState.DONE.value:
                    return _tell_test(ask, asked, is_json=options.json)
                return _tell(asked, is_json=options.json)


def _list(ask: Operations, *, is_json: bool) -> ExitCode:
    found = ask.alerts()
    if is_json:
        print_json(found)
    else:
        print_alerts(found)
    return ExitCode.OK


def _history(ask: Operations, alert: str | None, limit: int, *, is_json: bool) -> ExitCode:
    found = ask.alert_history(limit, alert)
    if is_json:
        print_json(found)
    else:
        print_history(found)
    return ExitCode.OK


def _tell(asked: AlertRequestDocument, *, is_json: bool) -> ExitCode:
    """Print how a request stands; return the exit code that says the same."""
    if is_json:
        print_json(asked)
    else:
        print(redacted_text(_sentence(asked)))
    is_refused = asked['state'] == AlertRequestState.REFUSED.value
    return ExitCode.FOUND if is_refused else ExitCode.OK


def _sentence(asked: AlertRequestDocument) -> str:
    what = f'{asked["kind"]} {asked["alert"]}'
    match AlertRequestState(asked['state']):
        case AlertRequestState.WAITING:
            return f'{what} is asked for; it is done once Watch runs: ./launch.py start Watch'
        case AlertRequestState.REFUSED:
            return f'{what} was refused: {asked["outcome"]}'
        case AlertRequestState.DONE:
            return f'{what} is done: {asked["outcome"] or "done"}'


def _tell_test(ask: Operations, asked: AlertRequestDocument, *, is_json: bool) -> ExitCode:
    """Wait for what the receivers say, and tell it; 1 unless all of them have taken it."""
    until = ask.clock.monotonic() + _TEST_SECONDS
    group = group_of_test(asked['id'])
    found = _made(ask, group)
    while (not found or any(map(_is_untried, found))) and ask.clock.monotonic() < until:
        ask.clock.sleep(_LOOK_SECONDS)
        found = _made(ask, group)
    if is_json:
        print_json({**asked, 'deliveries': found})
    else:
        print_test(asked['alert'], found)
    return ExitCode.OK if _have_arrived(found) else ExitCode.FOUND


def _made(ask: Operations, group: str) -> Sequence[AlertDeliveryDocument]:
    """Return the messages of a test; none where they are yet to be written down."""
    try:
        return ask.alert_history(_TEST_RECEIVERS_MAX, group)
    except OperationRefused as error:
        if error.kind is not RefusalKind.UNKNOWN:
            raise
        return []


def _is_untried(item: AlertDeliveryDocument) -> bool:
    return item['state'] == DeliveryState.WAITING.value and not item['attempts']


def _have_arrived(found: Sequence[AlertDeliveryDocument]) -> bool:
    return bool(found) and all(item['state'] == DeliveryState.ARRIVED.value for item in found)


COMMAND = CliCommand(
    name='alert',
    summary='Tell what is wrong now, since when and who was told of it; acknowledge it, mute an '
    'alert of context.py, or send a test to everybody whom it tells.',
    example='alert mute night --until "+2 hours" --reason "migration of the warehouse"',
    add_arguments=_add_arguments,
    run=_run,
)
