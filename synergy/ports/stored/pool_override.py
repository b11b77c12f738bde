"""The size of a pool as an operator has set it, as one text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from synergy.core.pool_record import PER_MINUTE_MAX, SLOTS_MAX, PoolName, PoolOverride
from synergy.ports import rows

FIELD: Final = 'text'


def encode(override: PoolOverride) -> str:
    """Return it as a text, without its name and rev."""
    return json.dumps(
        {
            'slots': override.slots,
            'per_minute': override.per_minute,
            'at': override.at.isoformat(),
            'by': override.by,
            'definition': override.definition,
        }
    )


def decode(name: object, rev: object, text: object) -> PoolOverride:
    """Return what was encoded; raise Malformed for anything else."""
    found = rows.json_object(FIELD, rows.json_text(FIELD, text) if text is None else text)
    slots, per_minute = found.get('slots'), found.get('per_minute')
    return PoolOverride(
        pool=PoolName(rows.text('pool', name)),
        slots=None if slots is None else rows.count(FIELD, slots, SLOTS_MAX),
        per_minute=None if per_minute is None else rows.count(FIELD, per_minute, PER_MINUTE_MAX),
        at=_instant(found.get('at')),
        by=rows.text(FIELD, found.get('by')),
        definition=rows.text(FIELD, found.get('definition')),
        rev=rows.count('rev', rev),
    )


def _instant(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(rows.text(FIELD, value))
    except ValueError as error:
        raise rows.malformed(FIELD, value, 'an instant') from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
