"""An address that is itself a secret: whoever has it can use it. It is never shown as a whole."""

from __future__ import annotations

from urllib.parse import urlsplit

from synergy.core.structs import Struct
from synergy.core.uri import MASK


class SecretUrl(Struct, frozen=True):
    """An address over http or https. url: is asked, and never shown or stored."""

    url: str

    @property
    def shown(self) -> str:
        """Return it as people see it: its scheme and its host."""
        try:
            parts = urlsplit(self.url)
            host = parts.hostname or ''
        except ValueError:
            return MASK
        is_plain = parts.scheme in ('http', 'https') and host.isprintable() and len(host) <= 253
        return f'{parts.scheme}://{host}/{MASK}' if is_plain and host else MASK

    def __repr__(self) -> str:
        """Return it without its secrets: values end up in logs and messages of errors."""
        return f'SecretUrl({self.shown})'

    def __str__(self) -> str:
        """Return it as people see it."""
        return self.shown


def secret_url(value: object) -> SecretUrl:
    """Return the address that a text is; raise ValueError, which does not repeat it."""
    problem = 'give an address, as in https://example.com/ping'
    if not isinstance(value, str) or not value.isprintable() or len(value) > 2_048:
        raise ValueError(problem)
    try:
        parts = urlsplit(value.strip())
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise ValueError(problem) from error
    if parts.scheme not in ('http', 'https') or not host or port == 0 or parts.fragment:
        raise ValueError(problem)
    if any(character.isspace() for character in value.strip()):
        raise ValueError(problem)
    return SecretUrl(value.strip())
