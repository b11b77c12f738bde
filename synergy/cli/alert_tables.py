"""Alerts for terminals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, cast

from synergy.cli.console import print_table
from synergy.cli.tables import said
from synergy.conf.model import Context
from synergy.core.printable import printable
from synergy.core.records import Json
from synergy.core.redaction import redacted_text
from synergy.view.alert_documents import (
    AlertDeliveryDocument,
    AlertDocument,
    AlertGroupDocument,
    AlertsDocument,
    AlertStandingDocument,
    encode_rule,
)
from synergy.view.alerts import receivers_said
from synergy.view.words import span

#: Alerts of one group that are told one by one.
_NAMED_MAX: Final = 5
_WORDS: Final = {'given_up': 'given up'}


def print_alerts(found: AlertsDocument) -> None:
    """Print what is open, what alerts there are, and what keeps people from being told."""
    for warning in _warnings(found):
        _say(f'warning: {warning}')
    if not found['open']:
        print('nothing is wrong that an alert covers')
    for group in found['open']:
        _print_group(group)
    if (more := found['open_count'] - len(found['open'])) > 0:
        print(f'... and {more:,} more')
    print()
    print_table(
        ('alert', 'on', 'of', 'to', 'open', 'held back'),
        [
            (
                rule['alert'],
                ', '.join(rule['on']),
                ', '.join(rule['scopes']) or 'everything',
                ', '.join(dict.fromkeys((*rule['to'], *rule['escalate_to']))),
                rule['open'],
                _held_back(rule),
            )
            for rule in found['rules']
        ],
        empty='nobody is told of anything; define alert_context in context.py',
    )


def alert_lines(context: Context) -> Iterator[str]:
    """Yield each alert of a context: who is told of what, without the addresses."""
    for rule in context.alerts:
        on = ', '.join(sorted(kind.value for kind in rule.on))
        of = ', '.join(map(str, rule.scopes)) or 'everything'
        quiet = ', '.join(hours.text for hours in rule.quiet_hours)
        told = f'; quiet {quiet}' if quiet else ''
        if rule.escalate_after is not None:
            others = ', '.join(receivers_said(rule.escalate_to)) or 'them'
            told += f'; reminds {others} after {span(rule.escalate_after)}'
        to = ', '.join(receivers_said(rule.to))
        yield f'alert {rule.name} tells {to} of {on} ({of}){told}'


def alerts_described(context: Context) -> list[Json]:
    """Return the alerts of a context as JSON."""
    # A document is JSON, which its type does not say.
    return [cast('Json', encode_rule(rule)) for rule in context.alerts]


def print_history(found: Sequence[AlertDeliveryDocument]) -> None:
    """Print messages, the newest first."""
    print_table(
        ('made (UTC)', 'id', 'message', 'to', 'state', 'attempts', 'error'),
        [
            (
                said(item['made_at']),
                item['group'],
                item['title'],
                item['receiver'],
                _WORDS.get(item['state'], item['state']),
                item['attempts'],
                item['error'] or '',
            )
            for item in found
        ],
        empty='nobody was told of anything yet',
    )


def print_test(alert: str, found: Sequence[AlertDeliveryDocument]) -> None:
    """Print what receivers have said to a test."""
    for item in found:
        match item['state']:
            case 'arrived':
                _say(f'{item["receiver"]}: arrived')
            case 'given_up':
                _say(f'{item["receiver"]}: refused for good: {item["error"]}')
            case _ if item['error']:
                _say(f'{item["receiver"]}: not taken yet, tried again later: {item["error"]}')
            case _:
                _say(f'{item["receiver"]}: no answer yet; ./launch.py alert history tells it')
    if not found:
        _say(f'no message of the test of {alert} is there yet; ./launch.py alert history tells it')


def _warnings(found: AlertsDocument) -> Sequence[str]:
    told = [] if found['problem'] is None else [found['problem']]
    if found['rules'] and found['watcher'] is None:
        told.append('no Watch runs, so nobody is told of anything; ./launch.py start Watch')
    told += [
        f'{item["receiver"]} does not take messages: {item["count"]:,} since '
        f'{said(item["since"])} UTC; {item["error"] or "no answer"}'
        for item in found['waiting']
        if item['attempts']
    ]
    told += [
        f'{request["kind"]} {request["alert"]} by {request["by"]} waits for Watch'
        for request in found['requests']
    ]
    return told


def _print_group(group: AlertGroupDocument) -> None:
    name = group['id'] or group['alert']
    _say(f'{name}  {group["severity"]}: {group["title"]}, since {said(group["since"])} UTC')
    _say(f'    {_standing(group)}')
    alerts = group['alerts']
    if len(alerts) == 1:
        _print_details(alerts[0])
        return
    for alert in alerts[:_NAMED_MAX]:
        _say(f'    {alert["said"]}, since {said(alert["since"])} UTC')
    if (more := group['count'] - _NAMED_MAX) > 0:
        _say(f'    and {more:,} more')
    for alert in alerts:
        if alert['subject'] == group['cause']:
            _print_details(alert)
            break


def _print_details(alert: AlertDocument) -> None:
    pairs = (
        ('why', alert['why']),
        ('it holds up', alert['holds_up']),
        ('what helps', alert['helps']),
    )
    for word, text in pairs:
        if text:
            _say(f'    {word}: {text}')


def _standing(group: AlertGroupDocument) -> str:
    if group['untold'] is not None:
        return f'nobody was told yet: {group["untold"]}'
    told = f'told at {said(group["told_at"])} UTC'
    if group['reminders']:
        told += f', reminded {group["reminders"]} times'
    match group['acknowledgement']:
        case None:
            return f'{told}; ./launch.py alert ack {group["id"]}'
        case 'asked':
            return f'{told}; its acknowledgement waits for Watch'
        case _:
            by, at = group['acknowledged_by'], said(group['acknowledged_at'])
            return f'{told}; acknowledged by {by} at {at} UTC'


def _held_back(rule: AlertStandingDocument) -> str:
    if rule['muted_until'] is not None:
        reason = f': {rule["mute_reason"]}' if rule['mute_reason'] else ''
        return f'muted until {said(rule["muted_until"])[:16]} by {rule["muted_by"]}{reason}'
    if rule['quiet_until'] is not None:
        return f'quiet until {said(rule["quiet_until"])[:16]}'
    return ''


def _say(text: str) -> None:
    print(printable(redacted_text(text)))
