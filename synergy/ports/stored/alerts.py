"""What is remembered of alerts, deliveries and requests, each as one text.

What is remembered is read and written as a whole, once per change. Fields that a newer version has
added are passed over. What cannot be read is not guessed at:
whoever reads it begins with nothing, and tells of what is wrong once more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from synergy.core.alert_outbox import Delivery
from synergy.core.alert_records import Alerts
from synergy.core.alert_requests import AlertRequest
from synergy.core.watching import AlertMemory
from synergy.ports import rows

T = TypeVar('T')

FIELD: Final = 'text'
#: Some hundred thousand alerts.
_LENGTH_MAX: Final = 100_000_000
#: Of a delivery, whose document tells 100 alerts at most, or of a request.
_ROW_LENGTH_MAX: Final = 2_000_000
_decode: Final = msgspec.json.Decoder(Alerts).decode
_delivery: Final = msgspec.json.Decoder(Delivery).decode
_request: Final = msgspec.json.Decoder(AlertRequest).decode


def encode(alerts: Alerts) -> str:
    """Return it as a text."""
    return msgspec.json.encode(alerts).decode()


def decode(text: object) -> Alerts:
    """Return what was encoded; raise Malformed for anything else."""
    if not isinstance(text, str) or len(text) > _LENGTH_MAX:
        raise rows.malformed(FIELD, text, f'a text of at most {_LENGTH_MAX:,} characters')
    try:
        found = _decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise rows.malformed(FIELD, text, 'what is remembered of alerts') from error
    instants = [alert.fact.since for alert in found.alerts]
    instants += [told.at for told in found.told]
    if any(instant.tzinfo is None for instant in instants):
        raise rows.malformed(FIELD, text, 'what is remembered of alerts, with zones')
    return found


def memory_of(rev: object, text: object) -> AlertMemory:
    """Return what is remembered, or that it cannot be read."""
    number = rev if isinstance(rev, int) and not isinstance(rev, bool) else 0
    try:
        return AlertMemory(rev=number, alerts=decode(text))
    except rows.Malformed as error:
        return AlertMemory(rev=number, problem=str(error))


def encode_row(row: Delivery | AlertRequest) -> str:
    """Return a delivery or a request as a text."""
    return msgspec.json.encode(row).decode()


def delivery_of(text: object) -> Delivery:
    """Return what was encoded; raise Malformed for anything else."""
    found = _row(text, _delivery, 'a delivery')
    return _with_zones(found, text, found.made_at, found.next_at, found.ended_at)


def request_of(text: object) -> AlertRequest:
    """Return what was encoded; raise Malformed for anything else."""
    found = _row(text, _request, 'a request about alerts')
    return _with_zones(found, text, found.at, found.until, found.ended_at)


def _row(text: object, decode_row: Callable[[str], T], what: str) -> T:
    if not isinstance(text, str) or len(text) > _ROW_LENGTH_MAX:
        raise rows.malformed(FIELD, text, f'a text of at most {_ROW_LENGTH_MAX:,} characters')
    try:
        return decode_row(text)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise rows.malformed(FIELD, text, what) from error


def _with_zones(row: T, text: object, *instants: datetime | None) -> T:
    if any(instant is not None and instant.tzinfo is None for instant in instants):
        raise rows.malformed(FIELD, text, 'instants with zones')
    return row
