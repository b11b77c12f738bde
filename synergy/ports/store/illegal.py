"""Rows that somebody made illegal, as lists name them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from synergy.ports.rows import IllegalRow


class IllegalRows(Protocol):
    """What the other roles have left out."""

    def illegal_rows(self) -> Sequence[IllegalRow]:
        """Return the rows that could not be read since the last `forget_illegal_rows`.

        Every method here leaves out a row that somebody made illegal, reports it once, and returns
        the others; a page of a list is as long as if it were not there.
        """
        ...

    def forget_illegal_rows(self) -> None:
        """Forget which rows could not be read: `illegal_rows` is about what is read from now on."""
        ...
