"""Numbers on the command line: as they are written, within a range, else refused with the range."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Final

from synergy.core.bounded import OutOfBounds, real_of, whole_of

#: More of anything is a mistake.
MANY: Final = 10**9


def whole(least: int, most: int = MANY) -> Callable[[str], int]:
    """Return the `type` of an option that is a whole number within [least, most]."""

    def read(text: str) -> int:
        try:
            return whole_of(text, least, most)
        except OutOfBounds as error:
            raise ArgumentTypeError(str(error)) from error

    return read


def real(least: float, most: float) -> Callable[[str], float]:
    """Return the `type` of an option that is a number within [least, most]."""

    def read(text: str) -> float:
        try:
            return real_of(text, least, most)
        except OutOfBounds as error:
            raise ArgumentTypeError(str(error)) from error

    return read
