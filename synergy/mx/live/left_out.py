"""Which processes the Scheduler leaves out, for all pages: their level or zone has changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from synergy.core.changed_levels import RefusedLevel, left_out
from synergy.core.hierarchy import Hierarchy
from synergy.core.records import ProcessName
from synergy.ports.clock import Clock
from synergy.ports.store import ContextReader

#: After so long it is looked again, while none is: the context that was led may be long.
_LOOKED_SECONDS: Final = 15.0


class LeftOut:
    """The processes that are left out, by name, as of the last look."""

    def __init__(self, defined: Hierarchy, clock: Clock) -> None:
        """Know of none. defined: the context of the dashboard."""
        self.found: Mapping[ProcessName, RefusedLevel] = {}
        self._defined = defined
        self._clock = clock
        self._looked_at = float('-inf')

    def has_changed(self, store: ContextReader, *, is_due: bool) -> bool:
        """Look, unless that was done a while ago and there was none; tell whether it is others.

        is_due: at once, for another Scheduler leads.
        """
        now = self._clock.monotonic()
        if not is_due and not self.found and now - self._looked_at < _LOOKED_SECONDS:
            return False
        self._looked_at = now
        found = left_out(self._defined, store.led_context())
        has_changed = found != self.found
        self.found = found
        return has_changed
