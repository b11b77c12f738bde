"""The document that says who leads."""

from __future__ import annotations

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields
from synergy.core.records import Leadership
from synergy.ports.rows import Malformed as Malformed


def leadership_of(document: Document) -> Leadership:
    """Return the leadership that a document says; raise Malformed."""
    fields = Fields(document)
    return Leadership(
        owner=fields.text('owner'),
        term=fields.number('term'),
        until=fields.instant('lease_until'),
    )
