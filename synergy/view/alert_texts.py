"""What people are told of alerts: what, since when, why, what it holds up, what helps, and a link.

A message is a title of one line, and a text; the document that a webhook gets has both, and every
field that they are made of. What comes from outside (errors, names) stands in it without secrets,
on one line each, and not longer than anybody reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict
from urllib.parse import quote

from synergy.core.alert_records import Alert, Message, MessageKind
from synergy.core.alert_rules import CONDITIONS
from synergy.core.printable import printable
from synergy.core.redaction import redacted_text
from synergy.core.structs import Struct
from synergy.view.clock import with_utc
from synergy.view.words import span

#: Alerts of one message that are told one by one; all are behind its link.
SHOWN_MAX: Final = 10
#: Alerts of one document; `count` says how many there are.
DOCUMENT_MAX: Final = 100
_SUBJECT_LENGTH_MAX: Final = 120
_TEXT_LENGTH_MAX: Final = 500
_ADDRESS_LENGTH_MAX: Final = 500
_IN_ADDRESSES: Final = "/?#[]@!$&'()*+,;=:%-._~"
#: So much behind what is shown is looked at for secrets.
_LOOKED_AT: Final = 20_000
#: The schema of the document that webhooks get: fields are added, and none changes its meaning.
VERSION: Final = 1


class AlertText(Struct, frozen=True, kw_only=True):
    """A message as people read it. title: one line. link: to where more is said."""

    title: str
    text: str
    link: str | None


class ToldAlertDocument(TypedDict):
    """One alert of a message."""

    number: int
    condition: str
    severity: str
    subject: str
    process: str | None
    since: str
    ended_at: str | None
    why: str | None
    holds_up: str | None
    helps: str | None
    link: str | None


class AlertMessageDocument(TypedDict):
    """A message, as a webhook gets it."""

    version: int
    key: str
    kind: str
    alert: str
    group: str
    severity: str
    at: str
    title: str
    text: str
    cause: str | None
    count: int
    reminder: int
    link: str | None
    acknowledge_link: str | None
    alerts: Sequence[ToldAlertDocument]


def text_of(message: Message, site: str | None, acknowledge_link: str | None = None) -> AlertText:
    """Return a message in words. site: address of the dashboard; None: nobody has told it."""
    link = _link(site, '/alerts' if len(message.alerts) > 1 else message.alerts[0].fact.address)
    lines = [*_body(message, site), '']
    if link is not None:
        lines.append(f'See {link}')
    if is_acknowledgeable(message):
        lines.append(f'Acknowledge: ./launch.py alert ack {message.group}')
        if acknowledge_link is not None:
            lines.append(f'or {acknowledge_link}')
    return AlertText(title=title_of(message), text='\n'.join(lines).strip(), link=link)


def is_acknowledgeable(message: Message) -> bool:
    """Tell whether there is something to acknowledge: something that may be so for long."""
    is_over = message.kind is MessageKind.END
    return not is_over and any(not alert.fact.is_moment for alert in message.alerts)


def title_of(message: Message) -> str:
    """Return what a message says, in one line."""
    said = _said(message.alerts)
    sentence = _capital(said, message.alerts)
    subjects = {alert.fact.subject for alert in message.alerts}
    because = ''
    if message.cause is not None and subjects != {message.cause}:
        because = f', because of {_line(message.cause, _SUBJECT_LENGTH_MAX)}'
    match message.kind:
        case MessageKind.BEGIN:
            return sentence + because
        case MessageKind.REMINDER:
            waited = span(message.at - min(alert.began_at for alert in message.alerts))
            return f'Nobody has acknowledged for {waited}: {said}{because}'
        case MessageKind.END if all(alert.is_unwatched for alert in message.alerts):
            return f'No longer watched: {said}{because}'
        case MessageKind.END:
            return f'Resolved after {span(lasted(message))}: {said}{because}'


def lasted(message: Message) -> timedelta:
    """Return how long it was so, from the first beginning to the last end."""
    since = min(alert.fact.since for alert in message.alerts)
    ends = [alert.ended_at for alert in message.alerts if alert.ended_at is not None]
    return max(max(ends, default=message.at) - since, timedelta())


def document_of(
    message: Message, site: str | None, acknowledge_link: str | None = None
) -> AlertMessageDocument:
    """Return a message as a webhook gets it."""
    told = text_of(message, site, acknowledge_link)
    return AlertMessageDocument(
        version=VERSION,
        key=message.key,
        kind=message.kind.value,
        alert=message.rule,
        group=message.group,
        severity=message.severity.word,
        at=message.at.isoformat(),
        title=told.title,
        text=told.text,
        cause=_optional(message.cause),
        count=len(message.alerts),
        reminder=message.number,
        link=told.link,
        acknowledge_link=acknowledge_link,
        alerts=[_alert_document(alert, site) for alert in message.alerts[:DOCUMENT_MAX]],
    )


def _alert_document(alert: Alert, site: str | None) -> ToldAlertDocument:
    fact = alert.fact
    return ToldAlertDocument(
        number=alert.number,
        condition=fact.kind.value,
        severity=fact.severity.word,
        subject=_line(fact.subject, _SUBJECT_LENGTH_MAX),
        process=fact.process,
        since=fact.since.isoformat(),
        ended_at=None if alert.ended_at is None else alert.ended_at.isoformat(),
        why=_optional(fact.why),
        holds_up=_optional(fact.holds_up),
        helps=_optional(fact.helps),
        link=_link(site, fact.address),
    )


def _said(alerts: Sequence[Alert]) -> str:
    """Return what some alerts say, those of one condition together."""
    counts = Counter(alert.fact.kind for alert in alerts)
    first = {alert.fact.kind: alert for alert in reversed(alerts)}
    parts = []
    for kind, count in counts.items():
        condition = CONDITIONS[kind]
        if count == 1:
            subject = _line(first[kind].fact.subject, _SUBJECT_LENGTH_MAX)
            parts.append(condition.said.replace('{subject}', subject))
        else:
            parts.append(condition.said_of_many.replace('{count}', f'{count:,}'))
    return '; '.join(parts)


def _capital(said: str, alerts: Sequence[Alert]) -> str:
    """Return what is said as a sentence, unless it begins with a name."""
    is_name = CONDITIONS[alerts[0].fact.kind].said.startswith('{')
    return said if is_name else said[:1].upper() + said[1:]


def _body(message: Message, site: str | None) -> Sequence[str]:
    if len(message.alerts) == 1:
        return _details(message.alerts[0], message.at)
    lines = []
    for alert in message.alerts[:SHOWN_MAX]:
        link = _link(site, alert.fact.address)
        lines.append(
            f'- {_said([alert])}, {_since(alert, message.at)}{"" if link is None else f": {link}"}'
        )
    if (more := len(message.alerts) - SHOWN_MAX) > 0:
        lines.append(f'- and {more:,} more')
    roots = [alert for alert in message.alerts if alert.fact.subject == message.cause]
    for root in roots[:1]:
        lines += ['', *_details(root, message.at)[1:]]
    return lines


def _details(alert: Alert, now: datetime) -> Sequence[str]:
    fact = alert.fact
    lines = [f'{_capital(_said([alert]), [alert])}, {_since(alert, now)}']
    pairs = (('Why', fact.why), ('It holds up', fact.holds_up), ('What helps', fact.helps))
    lines += [f'{word}: {_line(text, _TEXT_LENGTH_MAX)}' for word, text in pairs if text]
    return lines


def _since(alert: Alert, now: datetime) -> str:
    fact = alert.fact
    if fact.is_moment:
        return f'at {with_utc(fact.since, UTC)}'
    if alert.ended_at is not None:
        return f'from {with_utc(fact.since, UTC)} to {with_utc(alert.ended_at, UTC)}'
    return f'since {with_utc(fact.since, UTC)} ({span(now - fact.since)})'


def _link(site: str | None, address: str) -> str | None:
    if site is None:
        return None
    return site.rstrip('/') + quote(address[:_ADDRESS_LENGTH_MAX], safe=_IN_ADDRESSES)


def _optional(text: str | None) -> str | None:
    return None if text is None else _line(text, _TEXT_LENGTH_MAX)


def _line(text: str, length: int) -> str:
    """Return a text from outside on one line, without secrets, and not too long."""
    # Cut before only where nothing of it is shown anyway: a secret that is cut is not recognized.
    text = text[: length + _LOOKED_AT]
    shown = printable(' '.join(redacted_text(text).split()))
    return shown if len(shown) <= length else f'{shown[: length - 1]}…'
