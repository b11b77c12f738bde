"""Fields as Synergy 2.x wrote them: texts for dates, missing numbers, whatever people typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from bson import ObjectId

from synergy.adapters.mongo.connection import Document
from synergy.core.timeperiod import Qualifier, Timeperiod, parse
from synergy.ports.rows import Malformed
from synergy.ports.store import EVENTS_PER_JOB_MAX

_DATE: Final = '%Y-%m-%d %H:%M:%S'


def has_object_id(document: Document) -> bool:
    """Tell whether the id of a document can be that of a unit."""
    return ObjectId.is_valid(str(document['_id']))


def text_of(instant: object) -> str:
    """Return an instant as 2.x wrote it, whether it is a text or a date."""
    return instant.strftime(_DATE) if isinstance(instant, datetime) else str(instant or '')


def date_of(document: Document, name: str) -> datetime | None:
    """Return a date; None when there is none, or when it cannot be read."""
    value = document.get(name)
    if isinstance(value, datetime):
        return value
    try:
        return datetime.strptime(str(value), _DATE).replace(tzinfo=UTC)
    except ValueError:
        return None


def events_of(document: Document) -> list[list[Any]]:
    """Return the history with dates for texts, newest first; lines without a date are dropped."""
    events: list[list[Any]] = []
    for item in document.get('event_log') or []:
        if isinstance(item, list) and len(item) == 2:
            at = date_of({'at': item[0]}, 'at')
            if at is not None:
                events.append([at, str(item[1])])
    return events[:EVENTS_PER_JOB_MAX]


def number_of(document: Document, name: str) -> int:
    """Return a number; 0 when there is none, or when it cannot be one."""
    value = document.get(name) or 0
    return value if isinstance(value, int) and value > 0 else 0


def arguments_of(document: Document) -> dict[str, Any]:
    """Return arguments; none when they cannot be read."""
    value = document.get('arguments')
    return value if isinstance(value, dict) else {}


def state_of(document: Document, words: Callable[[str], Any]) -> Any:
    """Return a state; raise Malformed."""
    try:
        return words(str(document.get('state')))
    except ValueError as error:
        raise Malformed(f"field 'state': {error}") from error


def timeperiod_of(qualifier: Qualifier, text: str) -> Timeperiod:
    """Return an interval; raise Malformed."""
    try:
        return parse(qualifier, text)
    except ValueError as error:
        raise Malformed(f"field 'timeperiod': {error}") from error


def timeperiod_or(qualifier: Qualifier, value: object, default: Timeperiod) -> Timeperiod:
    """Return an interval, or the default when it cannot be read."""
    try:
        return parse(qualifier, str(value))
    except ValueError:
        return default
