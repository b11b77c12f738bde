"""Instants as people write them: as an interval, which means its beginning, or to the second.

To the second, or with its distance from UTC, is how documents and lines have one, to be copied:
`2026-11-29T04:00:07.25Z`, `2026-11-29 05:00:07+01:00`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from synergy.core.timeperiod import YEAR_MAX, YEAR_MIN
from synergy.core.written_timeperiod import instant_at

#: In a query, + is a blank.
_EXACT: Final = re.compile(
    '([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,6})?)?)'
    ' ?([Zz]|(?i:utc)|[+ -][0-9]{2}:?[0-9]{2})?'
)


def instant_written(text: str, now: datetime) -> datetime:
    """Return the instant that a text means; raise ValueError, or UnreadTimeperiod, which is one.

    now: that words are counted from.
    """
    plain = text.strip()
    if (exact := _EXACT.fullmatch(plain)) is not None:
        return _exact(*exact.groups())
    return instant_at(plain.removesuffix('Z').removesuffix('UTC').strip(), now)


def _exact(day: str, time: str, zone: str | None) -> datetime:
    if zone is None or zone.upper() in {'Z', 'UTC'}:
        zone = '+00:00'
    try:
        written = datetime.fromisoformat(f'{day}T{time}{zone.replace(" ", "+")}')
        found = written.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f'{day} is too far away') from error
    if not YEAR_MIN <= found.year <= YEAR_MAX:
        raise ValueError(f'year {found.year} is too far away')
    return found
