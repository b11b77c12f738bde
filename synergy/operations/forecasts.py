"""Asking what is to be expected of the hours ahead."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

from synergy.core.deadline import parse as parse_time
from synergy.core.hierarchy import Hierarchy
from synergy.core.nearest import nearest
from synergy.core.records import ProcessName
from synergy.core.timetable import Timetable
from synergy.operations.freezes import instant_meant
from synergy.operations.refusal import OperationRefused, RefusalKind, malformed
from synergy.ports.store import Reader
from synergy.view.forecast import (
    LENGTH,
    LENGTH_MAX,
    ForecastDocument,
    encode_forecast,
    forecast_of,
    situation_of,
)

#: How an instant ahead is written.
BY: Final = (
    'a time of day or an instant in UTC, as in 06:00 or 2026-11-30T06:00, or a length from now, as '
    'in "+12 hours"'
)
_TIME: Final = re.compile('[0-9]{1,2}:[0-9]{2}')


def length_until(text: str | None, now: datetime) -> timedelta:
    """Return how far ahead is looked; None: a day. Raise OperationRefused."""
    if text is None:
        return LENGTH
    until = _instant_of(text.strip(), now)
    if until <= now:
        raise malformed(f'{until:%Y-%m-%d %H:%M} UTC is not ahead of now', f'give {BY}')
    if until > now + LENGTH_MAX:
        raise malformed(
            f'{until:%Y-%m-%d %H:%M} UTC is more than {LENGTH_MAX.days} days ahead',
            'look less far; for plans without what is under way: ./launch.py simulate --days N',
        )
    return until - now


def _instant_of(text: str, now: datetime) -> datetime:
    unread = f'{text!r:.60} cannot be read'
    if not _TIME.fullmatch(text):
        return instant_meant(text, now, unread, BY)
    try:
        time = parse_time(text)
    except ValueError as error:
        raise malformed(f'{text} {error}', f'give {BY}') from error
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + timedelta(minutes=time.minute)
    return at if at > now else at + timedelta(days=1)


def foresee(
    timetable: Timetable,
    store: Reader,
    now: datetime,
    vanished_after: timedelta,
    by: str | None = None,
    process: str | None = None,
) -> ForecastDocument:
    """Return what is to be expected. timetable: is taken over. by, process: as typed; or all."""
    length = length_until(by, now)
    names = None if process is None else {known_process(process, timetable.hierarchy)}
    situation = situation_of(timetable, store, now, vanished_after)
    return encode_forecast(forecast_of(situation, length), names)


def known_process(name: str, hierarchy: Hierarchy) -> ProcessName:
    """Return the name of a managed process; raise OperationRefused for any other."""
    if name not in hierarchy.nodes:
        raise OperationRefused(
            RefusalKind.UNKNOWN,
            f'{name!r:.80} is not a managed process{nearest(name, hierarchy.nodes)}',
            './launch.py list names them',
        )
    return ProcessName(name)
