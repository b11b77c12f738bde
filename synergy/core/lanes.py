"""The lanes of a process, what each may start, and whose turn it is.

Intervals that end from an instant on (`LaneStart.live_from`) are live; what lay there before, or
was missed while nothing could start, is history; what a request has reset is a rerun. While several
lanes have work each gets its share of the starts (stride scheduling: the lane goes first that has
had the least of its share), so none starves another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum, StrEnum
from math import lcm
from typing import Final

from synergy.core.structs import Struct, replace

SHARE_MAX: Final = 1000


class Lane(Enum):
    """What sort of work a start is, in the order in which equal ones are asked."""

    LIVE = 'live'
    HISTORY = 'history'
    RERUN = 'rerun'

    __hash__ = object.__hash__


_LANES: Final = tuple(lane.value for lane in Lane)


class LaneShares(Struct, frozen=True, kw_only=True):
    """How many starts each lane gets of `live + history + rerun` while all of them have work."""

    live: int = 4
    history: int = 1
    rerun: int = 4

    def of(self, lane: Lane) -> int:
        """Return the share of one lane."""
        return {Lane.LIVE: self.live, Lane.HISTORY: self.history, Lane.RERUN: self.rerun}[lane]

    def __str__(self) -> str:
        """Return it as settings have it."""
        return f'live={self.live} history={self.history} rerun={self.rerun}'


def lane_shares(value: object) -> LaneShares:
    """Return the shares that a mapping or a text such as `live=4 history=1` says.

    What it leaves out is as by default; raises ValueError.
    """
    if isinstance(value, LaneShares):
        return value
    if isinstance(value, str):
        value = dict(_named(word) for word in value.replace(',', ' ').split())
    if not isinstance(value, Mapping) or not value:
        raise ValueError("give shares by lane, such as {'live': 4, 'history': 1, 'rerun': 4}")
    for name, share in value.items():
        if name not in _LANES:
            raise ValueError(f'{name!r:.50} is not a lane; there are {", ".join(_LANES)}')
        if isinstance(share, bool) or not isinstance(share, int) or not 1 <= share <= SHARE_MAX:
            raise ValueError(f'the share of {name} is a whole number from 1 to {SHARE_MAX}')
    return LaneShares(**value)


def _named(word: str) -> tuple[str, object]:
    name, _, share = word.partition('=')
    is_number = share.isdecimal() and len(share) <= len(str(SHARE_MAX))
    return name, int(share) if is_number else share


class CatchUp(StrEnum):
    """What becomes of history.

    IN_ORDER: it and live intervals are one lane, earliest first. NEWEST_FIRST, BESIDE: a lane
    beside live intervals, from the newest back or earliest first. NONE: what lay there before the
    first start is not run.
    """

    IN_ORDER = 'in_order'
    NEWEST_FIRST = 'newest_first'
    BESIDE = 'beside'
    NONE = 'none'

    @property
    def words(self) -> str:
        """Return what it means, for people."""
        return _WORDS[self]


_WORDS: Final[Mapping[CatchUp, str]] = {
    CatchUp.IN_ORDER: 'in order, before what ends from now on',
    CatchUp.NEWEST_FIRST: 'from the newest back, beside what ends from now on',
    CatchUp.BESIDE: 'earliest first, beside what ends from now on',
    CatchUp.NONE: 'not at all, what lies before the first start is left out',
}


class LaneStart(Struct, frozen=True, kw_only=True):
    """Where history of a process ends, as its Scheduler remembers it.

    first_at: its first start; None: it was never on. live_from: what may start before then is
    history. is_on: whether it was on when it was led last. left_out_before: what may start before
    then, and has no row, is left out (`CatchUp.NONE`). answered_at: when an operator has said so;
    None: context.py does.
    """

    first_at: datetime | None
    live_from: datetime
    is_on: bool = True
    left_out_before: datetime | None = None
    answered_at: datetime | None = None


class LaneWork(Struct, frozen=True):
    """The embryos of one lane: those of one code among some ordinals."""

    code: int
    ordinals: range
    is_newest_first: bool = False

    def behind(self, ordinal: int) -> LaneWork:
        """Return what is left of it behind an interval."""
        return self.until(ordinal - 1 if self.is_newest_first else ordinal + 1)

    def before(self, ordinal: int) -> LaneWork:
        """Return what comes before an interval of it."""
        if self.is_newest_first:
            return replace(self, ordinals=range(ordinal + 1, self.ordinals.stop))
        return replace(self, ordinals=range(self.ordinals.start, ordinal))

    def until(self, ordinal: int) -> LaneWork:
        """Return what is left of it from an interval on, in its direction."""
        if self.is_newest_first:
            return replace(self, ordinals=range(self.ordinals.start, ordinal + 1))
        return replace(self, ordinals=range(ordinal, self.ordinals.stop))


class Turns:
    """Whose turn it is among the lanes of one process; as much memory as there are lanes."""

    def __init__(self, shares: LaneShares) -> None:
        """Let no lane have had anything yet."""
        whole = lcm(*map(shares.of, Lane))
        self._stride = {lane: whole // shares.of(lane) for lane in Lane}
        self._had = dict.fromkeys(Lane, 0)

    def order(self, lanes: Iterable[Lane]) -> list[Lane]:
        """Return lanes, the one that has had the least of its share first."""
        return sorted(lanes, key=self._had.__getitem__)

    def took(self, lane: Lane) -> None:
        """Let a lane have had a start.

        One that could have had it, and had nothing to start, saves nothing up: it goes on from
        where this one was.
        """
        had = self._had[lane]
        self._had = {other: max(count - had, 0) for other, count in self._had.items()}
        self._had[lane] = self._stride[lane]
