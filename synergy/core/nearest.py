"""The nearest known name, for messages about unknown ones."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

#: A longer name resembles none.
_LENGTH_MAX: Final = 200


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)`, or an empty string when nothing known resembles `name`."""
    found = nearest_name(name, known)
    return '' if found is None else f' (did you mean {found!r}?)'


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` resembles most; None when it resembles none."""
    if len(name) > _LENGTH_MAX:
        return None
    names = list(known)
    matches = get_close_matches(name, names, n=1, cutoff=0.6)
    # `trigger` for `trigger_frequency`: a beginning, if it is of one name only.
    matches = matches or [item for item in names if len(name) > 2 and item.startswith(name)]
    return matches[0] if len(matches) == 1 else None
