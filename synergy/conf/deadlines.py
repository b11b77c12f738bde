"""Read until when the jobs of an entry are to be done, or those of all entries of a tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from synergy.conf.mistyped import MISSING
from synergy.conf.model import ManagedEntry
from synergy.core import readers
from synergy.core.deadline import ByClock, Deadline, Within, least, of_tree
from synergy.core.jitter import phase
from synergy.core.records import ProcessName, Tree
from synergy.core.structs import replace
from synergy.core.timeperiod import Qualifier

_REMEDY: Final = "give a later time, or days behind it, as in '06:00 +1d', or a shorter lag_minutes"
_MINUTE: Final = timedelta(minutes=1)
#: Processes of one tree that are named with a problem.
_NAMED_MAX: Final = 5


def deadline_of(
    fields: Mapping[str, Any],
    read: Callable[[str, readers.Reader[Any], Any], Any],
    refuse: Callable[[str, str], None],
    level: Qualifier,
) -> Deadline | None:
    """Return the deadline of an entry with `fields`; note what is wrong with it.

    read: returns what a field means, or notes what is wrong with it and returns the third argument.
    refuse: notes what is wrong with a field. level: of its intervals.
    """
    lag = fields['lag_minutes']
    lag_minutes = lag if isinstance(lag, int | float) and lag > 0 else 0
    length = read(
        'deadline_minutes', readers.optional(readers.duration('minutes', lag_minutes)), None
    )
    by_clock: ByClock | None = read('deadline', readers.optional(readers.deadline), None)
    if all(fields[field] not in (None, MISSING) for field in ('deadline', 'deadline_minutes')):
        refuse('deadline', 'deadline_minutes is given, too; keep one of them')
    # What an unknown level would leave is not known either.
    elif by_clock is not None and fields['time_qualifier'] == level.value:
        waits = timedelta(minutes=min(lag_minutes, readers.REAL_MAX))
        if problem := _too_soon(by_clock, level, waits):
            refuse('deadline', f'{problem}; {_REMEDY}')
    return by_clock if length is None else Within(length=length)


def give_deadline(
    given: ByClock | None,
    tree: Tree,
    managed: dict[ProcessName, ManagedEntry],
    refuse: Callable[[str], None],
) -> None:
    """Give the deadline of a tree to those of its processes that have none; note what is wrong."""
    if given is None:
        return
    problems = []
    for name in tree.levels:
        if name not in managed or managed[name].process.deadline is not None:
            continue
        process = managed[name].process
        deadline = of_tree(given, process.qualifier)
        waits = process.lag - phase(name, process.jitter)
        if problem := _too_soon(deadline, process.qualifier, waits):
            problems.append(f'for {name} {problem}')
        managed[name] = replace(managed[name], process=replace(process, deadline=deadline))
    if problems:
        more = len(problems) - _NAMED_MAX
        told = '; '.join(problems[:_NAMED_MAX]) + (f'; and {more:,} more' if more > 0 else '')
        refuse(f'{told}; {_REMEDY}, or give these a deadline of their own')


def _too_soon(deadline: ByClock, level: Qualifier, lag: timedelta) -> str | None:
    """Return what is wrong where jobs may start only after their deadline; None: nothing is."""
    left = least(deadline, level)
    if lag <= left:
        return None
    return (
        f'it may come {left / _MINUTE:,.10g} min after the end of an interval, which waits '
        f'{lag / _MINUTE:,.10g} min before it may start (lag_minutes)'
    )
