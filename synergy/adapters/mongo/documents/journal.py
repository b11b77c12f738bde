"""Documents of the journal, of its followers and of snapshots of the index."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeAlias

from synergy.core.index_snapshot import SnapshotMark
from synergy.core.journal import JournalPage
from synergy.core.records import ProcessName
from synergy.ports.rows import count, malformed, some
from synergy.ports.store.journal import PAGE_LINES_MAX

Document: TypeAlias = dict[str, Any]


def page_document(page: JournalPage) -> Document:
    """Return the document of a page: its id is the number of its first line."""
    return {
        '_id': page.first,
        'count': page.count,
        'term': page.term,
        'until': page.until,
        'names': list(page.names),
        'body': page.body,
    }


def page_of(document: Document) -> JournalPage:
    """Return the page of a document; raise Malformed."""
    names, body, until = document.get('names'), document.get('body'), document.get('until')
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise malformed('names', names, 'a list of names')
    if not isinstance(body, bytes):
        raise malformed('body', body, 'a page')
    if not isinstance(until, datetime):
        raise malformed('until', until, 'an instant')
    return JournalPage(
        first=count('_id', document.get('_id')),
        count=some('count', document.get('count'), PAGE_LINES_MAX),
        term=count('term', document.get('term')),
        until=until,
        names=tuple(map(ProcessName, names)),
        body=body,
    )


def mark_of(document: Document) -> SnapshotMark:
    """Return which snapshot the first part of one is; raise Malformed."""
    at = document.get('at')
    if not isinstance(at, datetime):
        raise malformed('at', at, 'an instant')
    number = count('number', document.get('number'))
    return SnapshotMark(number, at, count('context_rev', document.get('context_rev')))
