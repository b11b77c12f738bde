"""What is remembered of the context: how it was led, and what operators have changed of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from synergy.core.led_context import LedContext
from synergy.core.pool_record import PoolOverride
from synergy.core.records import Override


class ContextReader(Protocol):
    """The context that was led, and the overrides; a commit writes both."""

    def led_context(self) -> LedContext | None:
        """Return the context that the store was last led with; None: none was ever remembered.

        Of one that somebody made illegal nothing is left but its rev.
        """
        ...

    def overrides(self) -> Sequence[Override]:
        """Return what operators have changed of managed processes, by name; few rows."""
        ...

    def pool_overrides(self) -> Sequence[PoolOverride]:
        """Return the sizes of pools that operators have set, by name; few rows."""
        ...
