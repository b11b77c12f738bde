"""The nearest known name, for messages about unknown ones."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

#: A longer name resembles none.
_LENGTH_MAX: Final = 200


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)`, or an empty string when nothing known resembles `name`."""
    if len(name) > _LENGTH_MAX:
        return ''
    matches = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f' (did you mean {matches[0]!r}?)' if matches else ''
