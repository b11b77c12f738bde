"""Documents of the copy of the dense index."""

from __future__ import annotations

import zlib
from datetime import datetime

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields
from synergy.core.index_pages import IndexPage
from synergy.core.records import ProcessName
from synergy.core.timeperiod import Qualifier
from synergy.ports import rows
from synergy.ports.rows import Malformed as Malformed


def page_document(page: IndexPage) -> Document:
    """Return the document of one page of the copy of the index."""
    return {
        '_id': page.process,
        'time_qualifier': page.qualifier.value,
        'first': page.first,
        'codes': zlib.compress(page.codes, 1),
    }


def page_of(document: Document) -> IndexPage:
    """Return the page of a document; raise Malformed."""
    fields = Fields(document)
    codes = rows.unpacked(document.get('codes'))
    return IndexPage(
        process=ProcessName(fields.text('_id')),
        qualifier=fields.word('time_qualifier', Qualifier),
        first=fields.number('first'),
        codes=codes,
    )


def as_of(document: Document) -> datetime:
    """Return the date of the copy of the index; raise Malformed."""
    return Fields(document).instant('as_of')
