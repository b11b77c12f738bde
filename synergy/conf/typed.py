"""Read values of settings: from Python or from text, refusing anything else.

Each reader returns the value and raises ValueError that says what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final, cast
from urllib.parse import urlsplit

from synergy.core.bounded import OutOfBounds, check_text, real_of, whole_of
from synergy.core.timeperiod import Qualifier, parse

#: Longest text of a setting, and most names of one.
TEXT_LENGTH_MAX: Final = 4_096
WORDS_MAX: Final = 1_000
#: Greatest whole number: bytes of a log file are among them.
WHOLE_MAX: Final = 10**15
#: Thirty years; of hours and days, more than anybody keeps.
SECONDS_MAX: Final = 1e9
_FILES: Final = ('sqlite', 'embedded')
_USER: Final = re.compile(r':[^/]*@')


def text(value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError('expected a text that is not empty')
    if len(value) > TEXT_LENGTH_MAX:
        raise ValueError(f'expected a text of at most {TEXT_LENGTH_MAX} characters')
    check_text(value)
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


def umask(value: object) -> int:
    """Return a mask of rights: a text in octal digits, or a number."""
    if isinstance(value, str) and value and not value.strip('01234567'):
        value = int(value, 8)
    # The owner keeps his rights: otherwise nothing that is made could be used.
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 0o077:
        raise ValueError("expected octal digits from '000' to '077', as in '027'")
    return value


def whole(least: int, most: int = WHOLE_MAX) -> Callable[[object], int]:
    """Return a reader of whole numbers within [least, most]."""
    wanted = f'{least} or more' if most == WHOLE_MAX else f'{least} to {most}'

    def read(value: object) -> int:
        if isinstance(value, str):
            try:
                value = whole_of(value.strip(), least, most)
            except OutOfBounds:
                value = None
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not least <= cast('int', value) <= most:
            raise ValueError(f'expected a whole number of {wanted}')
        return cast('int', value)

    return read


def seconds(least: float) -> Callable[[object], float]:
    """Return a reader of seconds, from `least` on."""
    return number(least, 'seconds')


def number(least: float, unit: str, most: float = SECONDS_MAX) -> Callable[[object], float]:
    """Return a reader of numbers within [least, most], in `unit`."""

    def read(value: object) -> float:
        found: object = value
        if isinstance(value, str):
            try:
                found = real_of(value.strip(), least, most)
            except OutOfBounds:
                found = None
        is_number = isinstance(found, int | float) and not isinstance(found, bool)
        if not is_number or not least <= cast('float', found) <= most:
            raise ValueError(f'expected a number of {unit}, {least:g} or more, at most {most:g}')
        return float(cast('float', found))

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
    if len(found) > WORDS_MAX:
        raise ValueError(f'expected at most {WORDS_MAX} names')
    return tuple(text(word.strip()) for word in found if word.strip())


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
