"""URIs as people may see them."""

from __future__ import annotations

from urllib.parse import urlsplit


def without_password(uri: str) -> str:
    """Return a URI without user and password, for logs, errors and pages."""
    parts = urlsplit(uri)
    if '@' not in parts.netloc:
        return uri
    return parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl()
