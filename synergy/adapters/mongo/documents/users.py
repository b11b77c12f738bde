"""Documents of users and tokens."""

from __future__ import annotations

from synergy.adapters.mongo.connection import Document
from synergy.adapters.mongo.documents.fields import Fields
from synergy.core.users import ApiToken, Role, User
from synergy.ports.rows import Malformed as Malformed


def user_of(document: Document) -> User:
    """Return the record of a document; raise Malformed."""
    fields = Fields(document)
    return User(
        name=fields.text('_id'),
        role=fields.word('role', Role),
        password_hash=fields.text('password_hash'),
        serial=fields.number('serial'),
        created_at=fields.instant('created_at'),
    )


def token_of(document: Document) -> ApiToken:
    """Return the record of a document; raise Malformed."""
    fields = Fields(document)
    return ApiToken(
        id=fields.text('_id'),
        user=fields.text('user_name'),
        role=fields.word('role', Role),
        digest=fields.text('digest'),
        label=fields.said('label'),
        created_at=fields.instant('created_at'),
        expires_at=fields.instant_or_none('expires_at'),
    )
