"""Where the intervals of a process begin since its old ones were put away (`launch.py recut`).

A process whose level, time zone or week start has changed keeps its name by that: its rows go to
the archive of the store under its old definition, and intervals by the new one begin at a start
that an operator has given.
"""

from __future__ import annotations

from datetime import datetime

from synergy.core.structs import Struct
from synergy.core.timeperiod import Qualifier, Timeperiod


class Cut(Struct, frozen=True, kw_only=True):
    """The start that holds over that of the tree, for one level in one zone and no other.

    request: the command that has put the old rows away. runs: how many runs of one such interval
    are among all that were put away, at most: later runs count on, for what still runs of them
    holds their ids. others: the same of other levels, for the process may be of them again.
    """

    request: str
    qualifier: Qualifier
    zone: str
    first: int
    runs: int = 0
    others: tuple[tuple[Qualifier, int], ...] = ()
    at: datetime
    by: str

    def is_of(self, qualifier: Qualifier, zone: str) -> bool:
        """Tell whether it holds for intervals of this level on the clock of this zone."""
        return self.qualifier is qualifier and self.zone == zone

    def runs_of(self, qualifier: Qualifier) -> int:
        """Return how many runs of one interval of a level were put away, at most."""
        return self.runs if qualifier is self.qualifier else dict(self.others).get(qualifier, 0)

    @property
    def start(self) -> Timeperiod:
        """Return the first interval."""
        return Timeperiod(self.qualifier, self.first)
