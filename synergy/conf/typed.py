"""Read values of settings: from Python or from text, refusing what is no such value.

Each reader returns the value and raises ValueError that says what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from synergy.core.timeperiod import Qualifier, parse

_FILES: Final = ('sqlite', 'embedded')
_USER: Final = re.compile(r':[^/]*@')


def text(value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError('expected a text that is not empty')
    return value


def optional_text(value: object) -> str | None:
    """Return the same, or None."""
    return None if value is None else text(value)


def optional_address(value: object) -> str | None:
    """Return the IP address of a machine, or None."""
    return None if value is None else str(ip_address(text(value)))


def switch(value: object) -> bool:
    """Return true or false."""
    words = {'true': True, '1': True, 'yes': True, 'false': False, '0': False, 'no': False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError('expected True or False')


def whole(least: int) -> Callable[[object], int]:
    """Return a reader of whole numbers from `least` on."""

    def read(value: object) -> int:
        if isinstance(value, str) and value.strip().isdecimal():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f'expected a whole number of {least} or more')
        return value

    return read


def seconds(least: float) -> Callable[[object], float]:
    """Return a reader of seconds, from `least` on."""
    return number(least, 'seconds')


def number(least: float, unit: str) -> Callable[[object], float]:
    """Return a reader of numbers from `least` on, in `unit`."""

    def read(value: object) -> float:
        try:
            number = float(value) if isinstance(value, int | float | str) else float('nan')
        except ValueError:
            number = float('nan')
        if isinstance(value, bool) or not least <= number < float('inf'):
            raise ValueError(f'expected a number of {unit}, {least:g} or more')
        return number

    return read


def one_of(*words: str) -> Callable[[object], str]:
    """Return a reader of one of `words`, in capitals or not."""

    def read(value: object) -> str:
        if isinstance(value, str) and value.upper() in words:
            return value.upper()
        raise ValueError(f'expected one of {", ".join(words)}')

    return read


def words(value: object) -> tuple[str, ...]:
    """Return names: a list, or a text in which commas part them."""
    found = value.split(',') if isinstance(value, str) else value
    if not isinstance(found, list | tuple) or not all(isinstance(word, str) for word in found):
        raise ValueError('expected names, as a list or separated by commas')
    return tuple(word.strip() for word in found if word.strip())


def hour(value: object) -> str:
    """Return a timeperiod of an hour, as text."""
    parse(Qualifier.HOURLY, text(value))
    return str(value)


def optional_hour(value: object) -> str | None:
    """Return the same, or None."""
    return None if value is None else hour(value)


def uri(*schemes: str) -> Callable[[object], str | None]:
    """Return a reader of URIs that begin with one of `schemes`; None stays None."""

    def read(value: object) -> str | None:
        if value is None:
            return None
        parts = urlsplit(text(value))
        if parts.scheme not in schemes:
            raise ValueError(f'expected a URI that begins with {" or ".join(schemes)}')
        if parts.scheme in _FILES and _USER.search(parts.netloc + parts.path):
            # It would become a folder of that name.
            raise ValueError(
                f'{parts.scheme} has no user; expected {parts.scheme}:///ABSOLUTE/PATH'
            )
        return str(value)

    return read
