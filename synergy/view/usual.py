"""How long runs of a process usually take, and since when they take longer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from synergy.core.records import ProcessName
from synergy.core.states import UnitState
from synergy.core.structs import Struct
from synergy.core.timeperiod import Timeperiod
from synergy.ports.store import EndedRun, UnitReader

#: Newest runs that are looked at, and how many of them it takes to say anything.
DURATION_SAMPLES: Final = 200
_SAMPLES_MIN: Final = 5
#: Runs in a row, each longer than usual, that are not chance: one in 256 by itself.
_SLOW_COUNT_MIN: Final = 8
#: How much longer half of them take at least; less does not concern a person.
_SLOW_RATIO_MIN: Final = 1.25


class Usual(Struct, frozen=True):
    """How long runs of a process take, from its newest ones; None while too few are known."""

    p50: timedelta | None
    p95: timedelta | None


class Durations(Struct, frozen=True, kw_only=True):
    """Runs of a process, by interval and run, and how long they usually take."""

    runs: Sequence[EndedRun]
    usual: Usual


def usual_of(store: UnitReader, process: ProcessName) -> Usual:
    """Return how long the newest runs of `process` took."""
    return durations_of(store, process).usual


def durations_of(
    store: UnitReader, process: ProcessName, before: Timeperiod | None = None
) -> Durations:
    """Return the newest runs of `process`, or those of intervals earlier than `before`."""
    runs = store.ended_runs(process, DURATION_SAMPLES, before)[::-1]
    return Durations(runs=runs, usual=_usual([run.took for run in runs]))


def slow_since(durations: Durations) -> Sequence[EndedRun]:
    """Return the newest runs that did their work, if all took clearly longer than usual."""
    p50 = durations.usual.p50
    if p50 is None:
        return ()
    # Failures and runs that found nothing to do say little about how long the work takes.
    done = [run for run in durations.runs if run.state is UnitState.PROCESSED]
    count = next((n for n, run in enumerate(reversed(done)) if run.took <= p50), len(done))
    slow = done[len(done) - count :]
    if count < _SLOW_COUNT_MIN or _median([run.took for run in slow]) < p50 * _SLOW_RATIO_MIN:
        return ()
    return slow


def _usual(lengths: Sequence[timedelta]) -> Usual:
    if len(lengths) < _SAMPLES_MIN:
        return Usual(None, None)
    return Usual(_median(lengths), sorted(lengths)[len(lengths) * 95 // 100])


def _median(lengths: Sequence[timedelta]) -> timedelta:
    return sorted(lengths)[len(lengths) // 2]
