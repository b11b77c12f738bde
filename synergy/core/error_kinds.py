"""Which errors are the same one: an error with its digits and ids folded, within one process.

Two thousand intervals that failed because one host was away are one trouble. Their errors differ in
what names the interval, the address or the moment, so those are left out: numbers, instants and
versions, ids in hexadecimal or of letters and digits mixed. What is left is the kind of the error.
Whoever puts errors together asks here: pages and commands that list them, and the Scheduler that
pauses a process which fails for one reason again and again.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from synergy.core.late_pattern import late_pattern
from synergy.core.records import ProcessName, Unit

#: What stands for everything that was folded.
FOLDED: Final = '#'
#: Characters of an error that are looked at, and of a kind that are kept: of longer ones the
#: beginning says what it is. The first is the larger, for what is folded may have been long.
LOOKED_AT_MAX: Final = 4000
KIND_LENGTH_MAX: Final = 500

_SPACES: Final = late_pattern(r'\s+')
_WHOLE: Final = late_pattern(
    r'\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b'  # UUIDs.
    r'|\b\d+(?:\.\d+)?e[-+]?\d+\b',
    re.IGNORECASE,
)
_WORD: Final = late_pattern(r'[^\W_]+')
#: A word is an id if it is hexadecimal with a digit, or has digits in more than one place.
_ID: Final = late_pattern(
    r'0[xX][0-9a-fA-F]+|(?=\D*\d)[0-9a-fA-F]{6,}|(?=.{8})[^\W\d]*\d+[^\W\d]+\d.*'
)
#: The Z of an instant goes with it.
_DIGITS: Final = late_pattern(r'\d+Z?$|\d+')
#: What was folded side by side is one: instants, addresses, versions, ids in parts, lists; a sign
#: belongs to its number, a hyphen within a word does not.
_SIDE_BY_SIDE: Final = late_pattern(r'(?:(?<![-+\w#])[-+]+)?#(?:[-+.,:/_T ]*#)*')


class ErrorKind(NamedTuple):
    """Errors of one process that are the same one. error: folded; empty where nothing was said."""

    process: ProcessName
    error: str


def error_kind(unit: Unit) -> ErrorKind:
    """Return of which kind the error of a unit is."""
    return ErrorKind(unit.process, folded(unit.error))


def folded(error: str | None) -> str:
    """Return an error without what tells one case of it from the next.

    To fold once more changes nothing.
    """
    text = _SPACES.sub(' ', (error or '')[:LOOKED_AT_MAX]).strip()
    text = _WORD.sub(_without_digits, _WHOLE.sub(FOLDED, text))
    return _SIDE_BY_SIDE.sub(FOLDED, text)[:KIND_LENGTH_MAX].rstrip()


def _without_digits(found: re.Match[str]) -> str:
    word = found.group()
    return FOLDED if _ID.fullmatch(word) else _DIGITS.sub(FOLDED, word)
