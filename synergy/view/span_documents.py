"""The shapes of when an interval is, and until when it is to be done."""

from __future__ import annotations

from typing import Annotated, TypedDict

from synergy.view.why_documents import At


class SpanDocument(TypedDict):
    """[start, end) of an interval, in UTC and by the clock of its tree."""

    start: At | None
    end: At | None
    time_zone: Annotated[str, 'of its tree']
    local_start: Annotated[str, 'what its clock reads then: ISO 8601, with its distance from UTC']
    local_end: Annotated[str, 'what its clock reads then: ISO 8601, with its distance from UTC']


class DueDocument(TypedDict):
    """Until when an interval is to be done."""

    deadline: Annotated[
        str | None,
        '06:00 +1d by the clock of its tree, or 90 min after its end; null: once the next interval '
        'is over, too',
    ]
    late_at: Annotated[At, 'from then on it is late unless it is done']
