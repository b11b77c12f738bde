"""What people are told of alerts: titles and texts in a table, documents, and what is not told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from synergy.core.alert_records import Alert, Fact, Message, MessageKind
from synergy.core.alert_rules import CONDITIONS, AlertKind, AlertName, Receiver
from synergy.core.records import ProcessName
from synergy.core.structs import replace
from synergy.view.alert_texts import DOCUMENT_MAX, SHOWN_MAX, document_of, text_of, title_of

NOON: Final = datetime(2026, 11, 27, 12, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
NIGHT: Final = AlertName('night')
SITE: Final = 'https://synergy.example/'


def alert(subject: str = 'A@2026112709', number: int = 1, **fields: Any) -> Alert:
    given: dict[str, Any] = {
        'kind': AlertKind.HELD, 'process': ProcessName('A'), 'since': NOON, **fields
    }  # fmt: skip
    given.setdefault('address', f'/i/{subject.replace("@", "/")}')
    fact = Fact(subject=subject, **given)
    return Alert(number=number, rule=NIGHT, fact=fact, began_at=NOON, group='night/1')


def message(*alerts: Alert, kind: MessageKind = MessageKind.BEGIN, **fields: Any) -> Message:
    given: dict[str, Any] = {'cause': None, 'at': NOON + 14 * MINUTE, **fields}
    return Message(
        key=f'night/1/{kind.value}', kind=kind, rule=NIGHT, group='night/1',
        to=(Receiver('hooks://geheim@a.example'),), alerts=alerts, **given,
    )  # fmt: skip


LATE: Final = [
    alert(f'B@20261127{number:02}', number + 2, kind=AlertKind.LATE, cause='A@2026112709')
    for number in range(20)
]
ENDED: Final = replace(alert(), ended_at=NOON + 14 * MINUTE)


@pytest.mark.parametrize(
    ('told', 'title'),
    [
        (message(alert()), 'A@2026112709 failed and is held'),
        (message(alert(), cause='A@2026112709'), 'A@2026112709 failed and is held'),
        (
            message(LATE[0], cause='A@2026112709'),
            'B@2026112700 is late, because of A@2026112709',
        ),
        (
            message(alert(), *LATE, cause='A@2026112709'),
            'A@2026112709 failed and is held; 20 intervals are late, because of A@2026112709',
        ),
        (message(*LATE), '20 intervals are late'),
        (
            message(alert('leader', kind=AlertKind.NO_LEADER, process=None)),
            'No Scheduler leads',
        ),
        (message(alert('r1', kind=AlertKind.REQUEST_DONE)), 'Request r1 is done'),
        (
            message(ENDED, kind=MessageKind.END),
            'Resolved after 14 min: A@2026112709 failed and is held',
        ),
        (
            message(replace(ENDED, is_unwatched=True), kind=MessageKind.END),
            'No longer watched: A@2026112709 failed and is held',
        ),
        (
            message(alert(), kind=MessageKind.REMINDER, number=1),
            'Nobody has acknowledged for 14 min: A@2026112709 failed and is held',
        ),
    ],
)
def test_titles(told: Message, title: str) -> None:
    assert title_of(told) == title


def test_a_text_says_what_since_when_why_what_it_holds_up_what_helps_and_where() -> None:
    told = message(
        alert(
            why='ValueError: no such table',
            holds_up='ADaily@2026112700 and 2 more',
            helps='./launch.py dead retry --process A',
        )
    )

    assert text_of(told, SITE, 'https://synergy.example/ack/x').text == (
        'A@2026112709 failed and is held, since 2026-11-27 12:00:00 UTC (14 min)\n'
        'Why: ValueError: no such table\n'
        'It holds up: ADaily@2026112700 and 2 more\n'
        'What helps: ./launch.py dead retry --process A\n'
        '\n'
        'See https://synergy.example/i/A/2026112709\n'
        'Acknowledge: ./launch.py alert ack night/1\n'
        'or https://synergy.example/ack/x'
    )


def test_of_many_the_first_are_told_one_by_one_and_their_root_cause_at_length() -> None:
    told = text_of(message(alert(why='disk full'), *LATE, cause='A@2026112709'), None)

    lines = told.text.splitlines()
    assert lines[1] == '- B@2026112700 is late, since 2026-11-27 12:00:00 UTC (14 min)'
    assert lines[SHOWN_MAX] == f'- and {21 - SHOWN_MAX} more'
    assert 'Why: disk full' in lines
    assert told.link is None
    assert 'See' not in told.text
    assert text_of(message(*LATE), SITE).link == 'https://synergy.example/alerts'


def test_an_end_says_from_when_to_when_and_asks_for_nothing() -> None:
    told = text_of(message(ENDED, kind=MessageKind.END), None)

    assert told.text == (
        'A@2026112709 failed and is held, from 2026-11-27 12:00:00 UTC to 2026-11-27 12:14:00 UTC'
    )


def test_a_document_has_every_field_and_is_json() -> None:
    document = document_of(message(alert(why='x'), cause='A@2026112709'), SITE)

    assert json.loads(json.dumps(document)) == {
        'version': 1,
        'key': 'night/1/begin',
        'kind': 'begin',
        'alert': 'night',
        'group': 'night/1',
        'severity': 'error',
        'at': '2026-11-27T12:14:00+00:00',
        'title': 'A@2026112709 failed and is held',
        'text': document['text'],
        'cause': 'A@2026112709',
        'count': 1,
        'reminder': 0,
        'link': 'https://synergy.example/i/A/2026112709',
        'acknowledge_link': None,
        'alerts': [
            {
                'number': 1,
                'condition': 'held',
                'severity': 'error',
                'subject': 'A@2026112709',
                'process': 'A',
                'since': '2026-11-27T12:00:00+00:00',
                'ended_at': None,
                'why': 'x',
                'holds_up': None,
                'helps': None,
                'link': 'https://synergy.example/i/A/2026112709',
            }
        ],
    }


def test_a_document_is_bounded_however_much_is_wrong() -> None:
    many = [alert(f'A@{number}' + 'x' * 10_000, number, why='y ' * 10**6) for number in range(300)]

    document = document_of(message(*many), SITE)

    assert document['count'] == 300
    assert len(document['alerts']) == DOCUMENT_MAX
    assert len(json.dumps(document)) < 200_000


@pytest.mark.parametrize(
    'hostile', ['a\nBcc: b@c', 'x\x1b[2J', 'password=hunter22', '\u202eabc', 'x{subject}{count}']
)
def test_what_comes_from_outside_is_one_line_without_secrets(hostile: str) -> None:
    told = text_of(message(alert(hostile, why=hostile, holds_up=hostile, address='/i/\n')), SITE)

    assert told.title.isprintable()
    assert '\n' not in told.title
    assert 'hunter22' not in told.title + told.text
    assert all(line.isprintable() for line in told.text.splitlines())


@pytest.mark.parametrize('kind', AlertKind)
def test_every_condition_can_be_told(kind: AlertKind) -> None:
    one = message(alert('X', kind=kind))
    many = message(alert('X', kind=kind), alert('Y', 2, kind=kind))

    assert '{' not in title_of(one) + title_of(many)
    assert title_of(one)[0].isupper()
    assert CONDITIONS[kind].said
