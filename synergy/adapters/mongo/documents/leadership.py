"""The document that says who leads."""

from __future__ import annotations

from datetime import datetime

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields
from synergy.core.records import Leadership
from synergy.ports.rows import Malformed as Malformed


def leadership_of(document: Document) -> Leadership:
    """Return the leadership that a document says; raise Malformed."""
    owner, term, until = lease_of(document)
    return Leadership(owner=owner, term=term, until=until)


def lease_of(document: Document) -> tuple[str, int, datetime]:
    """Return owner, term and end of a lease; raise Malformed."""
    fields = Fields(document)
    return fields.text('owner'), fields.number('term'), fields.instant('lease_until')
