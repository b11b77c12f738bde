"""Rows of the index as they lie in a store, put together to what the index takes over at once.

Stores keep a row for each interval, in the order of their names, and the next row is mostly that of
the next interval, by its name. So most rows are taken by comparing a few values. The others are
read in full: the first of each month, and whatever is out of the ordinary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final, TypeAlias

from synergy.core.index_codes import CODE_BY_STATE
from synergy.core.index_pages import IndexStretch
from synergy.core.records import ProcessName
from synergy.core.states import JobState
from synergy.core.timeperiod import Measure, Timeperiod

#: A row as it is stored: process, name of the interval, its level, state, and the whole of it.
StoredRow: TypeAlias = tuple[Any, Any, Any, Any, Any]
#: Rows of one stretch, or some more: whoever reads millions has other things to do in between.
STRETCH_MAX: Final = 10_000
#: Equals no name, whatever somebody has written where one should be.
_NOTHING: Final = object()
#: Every month has so many days; what comes after the last of them has to be read.
_DAYS: Final = 28


def stretches(
    rows: Iterable[StoredRow],
    state_by_stored: Mapping[Any, JobState],
    read: Callable[[StoredRow], tuple[ProcessName, Timeperiod, JobState] | None],
    named: Callable[[Iterable[int]], Iterable[Any]] = iter,
) -> Iterator[IndexStretch]:
    """Yield rows as stretches, in their order.

    state_by_stored: of states that need no `read`. read: of one row; None for one that names no
    interval. named: names of intervals, such as 2026010100, as they stand in rows.
    """
    code_of = {stored: CODE_BY_STATE[state] for stored, state in state_by_stored.items()}.get
    codes = bytearray()
    begun: tuple[ProcessName, Timeperiod] | None = None
    known_process: Any = None
    known_level: Any = None
    following: Any = _NOTHING
    names: Iterator[Any] = iter(())
    for row in rows:
        stored_process, name, level, stored, _ = row
        if (
            name == following
            and stored_process == known_process
            and level == known_level
            and (code := code_of(stored)) is not None
        ):
            codes.append(code)
        else:
            if (found := read(row)) is None:
                continue
            process, timeperiod, state = found
            if begun is not None and (
                len(codes) >= STRETCH_MAX
                or (process, timeperiod) != (begun[0], begun[1].shift(len(codes)))
            ):
                yield IndexStretch(*begun, bytes(codes))
                codes.clear()
                begun = None
            begun = begun or (process, timeperiod)
            codes.append(CODE_BY_STATE[state])
            known_process, known_level = stored_process, level
            names = iter(named(names_after(timeperiod, int(name))))
        following = next(names, _NOTHING)
    if begun is not None:
        yield IndexStretch(*begun, bytes(codes))


def names_after(timeperiod: Timeperiod, name: int) -> Iterable[int]:
    """Return the names of the next intervals, as numbers, as far as counting leads to them."""
    match timeperiod.qualifier.measure:
        case Measure.MINUTE:
            minutes = timeperiod.qualifier.minutes
            hours = chain((name // 100,), _hours_after(name // 100))
            all_of_them = (range(hour * 100, hour * 100 + 60, minutes) for hour in hours)
            return chain.from_iterable(
                range(name + minutes, item.stop, minutes) if name in item else item
                for item in all_of_them
            )
        case Measure.HOUR:
            return _hours_after(name)
        case Measure.DAY:
            return range(name + 100, name // 10_000 * 10_000 + _DAYS * 100 + 1, 100)
        case Measure.MONTH:
            return range(name + 10_000, name // 1_000_000 * 1_000_000 + 120_001, 10_000)
        case _:
            return ()


def _hours_after(name: int) -> Iterable[int]:
    day = name // 100
    later = range(day + 1, day // 100 * 100 + _DAYS + 1)
    return chain(
        range(name + 1, day * 100 + 24),
        chain.from_iterable(range(at * 100, at * 100 + 24) for at in later),
    )
