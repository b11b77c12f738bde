"""What is remembered of alerts, as one text: it is read and written as a whole, once per change.

Fields that a newer version has added are passed over. What cannot be read is not guessed at:
whoever reads it begins with nothing, and tells of what is wrong once more.
"""

from __future__ import annotations

from typing import Final

import msgspec

from synergy.core.alert_records import Alerts
from synergy.ports import rows

FIELD: Final = 'text'
#: Some hundred thousand alerts.
_LENGTH_MAX: Final = 100_000_000
_decode: Final = msgspec.json.Decoder(Alerts).decode


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
