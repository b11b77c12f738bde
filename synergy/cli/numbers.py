"""Numbers on the command line: as they are written, within a range, else refused with the range."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from typing import Final, TypeVar

from synergy.core import readers
from synergy.core.bounded import shortened

N = TypeVar('N', int, float)

#: More of anything is a mistake.
MANY: Final = 10**9


def whole(least: int, most: int = MANY) -> Callable[[str], int]:
    """Return the `type` of an option that is a whole number within [least, most]."""
    return _option(readers.whole(least, most))


def real(least: float, most: float) -> Callable[[str], float]:
    """Return the `type` of an option that is a number within [least, most]."""
    return _option(readers.real(least, most))


def _option(read_number: readers.Reader[N]) -> Callable[[str], N]:
    read_spelled = readers.spelled(read_number)

    def read(text: str) -> N:
        try:
            return read_spelled(text)
        except ValueError as error:
            raise ArgumentTypeError(f'{shortened(text)}: {error}') from error

    return read
