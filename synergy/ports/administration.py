"""Port: what an operator does to a store as a whole: look at it, bring it up to date, empty it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from synergy.core.changed_levels import RowsByLevel
from synergy.core.led_context import LedContext
from synergy.core.records import Leadership
from synergy.core.structs import Struct


class Findings(Struct, frozen=True, kw_only=True):
    """What a store is like.

    found: what is in it. changes: what an update changes, or has changed; empty when it is up to
    date. problems: what an update cannot take over and leaves as it is, with what to do. notes:
    what would behave differently afterwards.
    """

    found: Sequence[str] = ()
    changes: Sequence[str] = ()
    problems: Sequence[str] = ()
    notes: Sequence[str] = ()


class FormerProcess(Struct, frozen=True, kw_only=True):
    """A process or free run as Synergy 2.x last ran it. name: of a free run, `Process::entry`.

    said: what it was told, by the parameters of context.py: `trigger_frequency`, `time_qualifier`.
    """

    name: str
    is_on: bool
    said: Mapping[str, str]


class Administration(Protocol):
    """One store, whatever its version.

    All methods may raise StoreUnavailable, and StoreUnusable when the store is newer than this
    program or damaged.
    """

    @property
    def place(self) -> str:
        """Return what it is and where, for messages."""
        ...

    def check(self) -> Findings:
        """Look, and change nothing. Cost: one pass over what another version wrote."""
        ...

    def rows_by_level(self) -> RowsByLevel:
        """Return how many job rows each process has at each level, whatever version wrote them.

        Cost: one pass over the keys of all job rows. Nothing is made or changed.
        """
        ...

    def led_context(self) -> LedContext | None:
        """Return the context that the store was last led with; None: none was ever remembered."""
        ...

    def update(self) -> Findings:
        """Bring it up to date; may be repeated, and goes on where it broke off."""
        ...

    def former(self) -> Sequence[FormerProcess]:
        """Return what Synergy 2.x ran, until the first Scheduler has led here; by name."""
        ...

    def reset(self) -> None:
        """Drop everything and make an empty store."""
        ...

    def leader(self) -> Leadership | None:
        """Return the Scheduler whose lease holds now, if any."""
        ...

    def close(self) -> None:
        """Release everything held; safe to call twice."""
        ...
