"""What must not be seen: values that go by a secret's name, and passwords within URIs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

MASK: Final = '•••'
_SECRET: Final = re.compile(
    r'passw(or)?d|passphrase|secret|token|api_?key|private_?key|credential', re.I
)
_SHORT_SECRET: Final = re.compile(r'(^|_)(key|pwd|auth)$', re.I)
_URI_PASSWORD: Final = re.compile(r'(\b[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s@/]+@', re.I)


def masked(value: Any, name: str = '') -> Any:
    """Return a value of JSON with every secret replaced; `name` is the key it stands under."""
    if name and value not in (None, '') and is_secret(name):
        return MASK
    if isinstance(value, Mapping):
        return {key: masked(item, str(key)) for key, item in value.items()}
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, Sequence):
        return [masked(item) for item in value]
    return value


def unmasked(value: Any, before: Any) -> Any:
    """Return `value` with every mask replaced by what stood there `before`."""
    if value == MASK:
        return before
    if isinstance(value, Mapping):
        known = before if isinstance(before, Mapping) else {}
        return {key: unmasked(item, known.get(key)) for key, item in value.items()}
    if isinstance(value, list):
        known_list = before if isinstance(before, list) else []
        padded = [*known_list, *[None] * len(value)]
        return [unmasked(item, padded[number]) for number, item in enumerate(value)]
    return value


def masked_text(text: str | None) -> str:
    """Return a text whose URIs have no password; nothing stays empty."""
    return '' if text is None else _URI_PASSWORD.sub(rf'\1{MASK}@', text)


def is_secret(name: str) -> bool:
    """Tell whether what goes by `name` is to be hidden."""
    return bool(_SECRET.search(name) or _SHORT_SECRET.search(name))
