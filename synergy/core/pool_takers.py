"""One process or free run that takes of pools: what it takes, and when it is asked."""

from __future__ import annotations

from typing import Final

from synergy.core.pool_record import PRIORITY_MAX, Demand
from synergy.core.records import ProcessName

#: Turns fit below it.
_TURN_BITS: Final = 48


class Taker:
    """What a start takes, and its place among those who wait: the lowest order is asked first.

    order: by priority, then those for whom room is kept, then who was kept from starting longest.
    may_be_passed: others can find room where it does not, for it takes more than one slot of one
    pool. passed: how many starts of others have passed it while it waited.
    """

    __slots__ = (
        '_turn',
        'is_kept_for',
        'may_be_passed',
        'name',
        'order',
        'passed',
        'priority',
        'shares',
    )

    def __init__(self, name: ProcessName, demand: Demand) -> None:
        """Have had no turn yet."""
        self.name = name
        self.shares = demand.shares
        self.priority = demand.priority
        self.may_be_passed = len(demand.shares) > 1 or any(n > 1 for _, n in demand.shares)
        self.passed = 0
        self.is_kept_for = False
        self._turn = 0
        self.order = 0
        self._place()

    def has_turn(self, turn: int) -> None:
        """Come behind all others of the same priority that had theirs before."""
        self._turn = turn
        self._place()

    def keep_room(self, *, is_kept: bool) -> None:
        """Let room be kept, or not any more, and so come before all others of the priority."""
        self.is_kept_for = is_kept
        self._place()

    def _place(self) -> None:
        rank = 2 * (PRIORITY_MAX - self.priority) + (not self.is_kept_for)
        self.order = rank << _TURN_BITS | self._turn
