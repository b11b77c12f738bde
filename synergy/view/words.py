"""Spans, instants and filters as people read them, on pages and in terminals alike."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from synergy.view.clock import with_utc

_UNITS: Final = (
    (365 * 86400, 'y', 86400, 'd'),
    (86400, 'd', 3600, 'h'),
    (3600, 'h', 60, 'min'),
    (60, 'min', 1, 's'),
)


def span(length: timedelta | None) -> str:
    """Return a length of time in at most two units: `3 h 22 min`."""
    if length is None:
        return ''
    seconds = max(length.total_seconds(), 0.0)
    for size, word, small_size, small_word in _UNITS:
        if seconds >= size:
            small = int(seconds % size // small_size)
            return f'{int(seconds // size)} {word}' + (f' {small} {small_word}' if small else '')
    if seconds < 1:
        return f'{seconds * 1000:.0f} ms'
    return f'{seconds:.1f} s' if seconds < 10 else f'{seconds:.0f} s'


def ago(instant: datetime | None, now: datetime) -> str:
    """Return the distance of an instant from now: `in 5 min`, `3 h ago`."""
    if instant is None:
        return ''
    return f'in {span(instant - now)}' if instant > now else f'{span(now - instant)} ago'


def at(instant: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    """Return an instant with its distance from now: `2026-11-23 09:00:00 UTC (in 5 min)`.

    zone: whose clock is read first, as in `2026-11-23 10:00:00 CET, 09:00:00 UTC (in 5 min)`.
    """
    return f'{with_utc(instant, zone)} ({ago(instant, now)})'


def filters_said(filters: Mapping[str, object]) -> str:
    """Return the filters that are set: `process 'SiteHourly' and error 'refused'`; '' for none."""
    said = [
        f'{name} {value!r:.80}' for name, value in filters.items() if value not in (None, '', False)
    ]
    return ' and '.join(said)


def unmatched(what: str, filters: Mapping[str, object]) -> str | None:
    """Return that a list is empty because of its filters; None where none of them is set.

    what: one of what is listed, as in `dead letter`.
    """
    said = filters_said(filters)
    return f'no {what} matches {said}' if said else None
