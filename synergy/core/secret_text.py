"""Texts that are secrets: a key, headers. They are used, and never shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote

from synergy.core.structs import Struct
from synergy.core.uri import MASK

_LENGTH_MAX: Final = 8_192
_NAME: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")


class SecretText(Struct, frozen=True):
    """A key. value: is sent, and never shown or stored."""

    value: str

    def __repr__(self) -> str:
        """Return it without the secret."""
        return f'SecretText({MASK})'

    def __str__(self) -> str:
        """Return it as people see it."""
        return MASK


class SecretHeaders(Struct, frozen=True):
    """Headers of requests, of which some are secrets: only their names are shown."""

    headers: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        """Return it without the secrets."""
        return f'SecretHeaders({self})'

    def __str__(self) -> str:
        """Return it as people see it."""
        return ','.join(f'{name}={MASK}' for name, _ in self.headers)


def secret_text(value: object) -> SecretText:
    """Return the key that a text is; raise ValueError, which does not repeat it."""
    if not isinstance(value, str) or not _is_plain(value.strip()) or not value.strip():
        raise ValueError('give a key: a text of printable ASCII')
    return SecretText(value.strip())


def secret_headers(value: object) -> SecretHeaders:
    """Return the headers that a text, or a mapping, names; raise ValueError without their values.

    A text is as OpenTelemetry writes headers: `name=value`, more behind commas, and percent signs.
    """
    problem = "give headers as in 'x-api-key=KEY,x-tenant=blue'"
    pairs: list[tuple[object, object]]
    if isinstance(value, Mapping):
        pairs = [*value.items()]
    elif isinstance(value, str):
        pairs = []
        for item in filter(None, map(str.strip, value.split(','))):
            name, sign, text = item.partition('=')
            if not sign:
                raise ValueError(problem)
            pairs.append((name.strip().lower(), unquote(text.strip())))
    else:
        raise ValueError(problem)
    found: dict[str, str] = {}
    for given, said in pairs:
        if not isinstance(given, str) or not isinstance(said, str) or not _is_plain(said):
            raise ValueError(problem)
        if not given or not _NAME.issuperset(given.lower()):
            raise ValueError(problem)
        found[given.lower()] = said
    if not found:
        raise ValueError(problem)
    return SecretHeaders(tuple(found.items()))


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and len(text) <= _LENGTH_MAX
