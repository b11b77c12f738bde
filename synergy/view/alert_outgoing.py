"""Messages on their way: one delivery for each receiver, with all that is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from synergy.core.alert_asking import AskedTest, receivers_of
from synergy.core.alert_outbox import Delivery
from synergy.core.alert_records import Message
from synergy.core.alert_requests import group_of_test
from synergy.core.alert_rules import Receiver, Severity
from synergy.core.structs import Struct
from synergy.ports.sender import Letter
from synergy.view.alert_texts import (
    VERSION,
    AlertMessageDocument,
    document_of,
    is_acknowledgeable,
)
from synergy.view.words import span

_TEST: Final = 'test'


class Site(Struct, frozen=True, kw_only=True):
    """Where people find the dashboard. address: None: nobody has told it.

    link: the signed link that acknowledges a group.
    """

    address: str | None = None
    link: Callable[[str, datetime], str | None] = lambda _group, _at: None


def deliveries_of(messages: Iterable[Message], last: int, site: Site) -> Sequence[Delivery]:
    """Return messages on their way. last: the number of the newest delivery so far."""
    found: list[Delivery] = []
    for message in messages:
        link = None
        if is_acknowledgeable(message):
            link = site.link(message.group, message.at)
        document = document_of(message, site.address, link)
        _send(found, last + len(found), message.to, document, message.at)
    return found


def deliveries_of_tests(
    tests: Iterable[AskedTest], last: int, site: Site, now: datetime
) -> list[Delivery]:
    """Return the messages that were asked for as tests."""
    found: list[Delivery] = []
    for test in tests:
        document = _test_document(test, site, now)
        _send(found, last + len(found), receivers_of(test.rule), document, now)
    return found


def _send(
    found: list[Delivery],
    last: int,
    receivers: Iterable[Receiver],
    document: AlertMessageDocument,
    now: datetime,
) -> None:
    text = msgspec.json.encode(document).decode()
    found += [
        Delivery(
            number=number,
            key=document['key'],
            group=document['group'],
            receiver=receiver.id,
            document=text,
            made_at=now,
            next_at=now,
        )
        for number, receiver in enumerate(receivers, last + 1)
    ]


def _test_document(test: AskedTest, site: Site, now: datetime) -> AlertMessageDocument:
    rule, group = test.rule, group_of_test(test.request.id)
    told = ', '.join(sorted(kind.value for kind in rule.on))
    link = None if site.address is None else f'{site.address.rstrip("/")}/alerts'
    text = (
        f'{test.request.by} has asked for it, to see whether it arrives. Alert {rule.name} tells '
        f'of: {told}. Nothing is wrong.'
    )
    if rule.escalate_after is not None:
        text += f' Who has not acknowledged after {span(rule.escalate_after)} is reminded.'
    return AlertMessageDocument(
        version=VERSION,
        key=group,
        kind=_TEST,
        alert=rule.name,
        group=group,
        severity=Severity.NOTICE.word,
        at=now.isoformat(),
        title=f'Test of alert {rule.name}',
        text=text if link is None else f'{text}\n\nSee {link}',
        cause=None,
        count=0,
        reminder=0,
        link=link,
        acknowledge_link=None,
        alerts=[],
    )


def letter_of(delivery: Delivery) -> Letter:
    """Return what is sent of a delivery; raise ValueError where somebody has changed its row."""
    try:
        document: Any = msgspec.json.decode(delivery.document)
        title, text, severity = (document[name] for name in ('title', 'text', 'severity'))
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise ValueError('its document cannot be read') from error
    known = {member.word for member in Severity}
    if not (isinstance(title, str) and isinstance(text, str) and severity in known):
        raise ValueError('its document cannot be read')
    return Letter(
        key=delivery.key, title=title, text=text, severity=severity, document=delivery.document
    )
