"""How long runs usually take, and when it is said that they take longer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from synergy.core.states import UnitState
from synergy.ports.store import EndedRun
from synergy.view.usual import Durations, Usual, slow_since
from tests.builders import instant, key

BEGIN = instant('202611220000')
PROCESSED = UnitState.PROCESSED


def durations(lengths: Sequence[int], failed: Sequence[int] = ()) -> Durations:
    """Return runs of so many seconds, of one hour after the other. failed: numbers of those."""
    first = key('SiteHourly@2026110100')
    runs = [
        EndedRun(
            key=first._replace(timeperiod=first.timeperiod.shift(number)),
            run=1,
            state=UnitState.DEAD if number in failed else PROCESSED,
            started_at=BEGIN,
            finished_at=BEGIN + timedelta(seconds=length),
        )
        for number, length in enumerate(lengths)
    ]
    return Durations(runs=runs, usual=Usual(timedelta(seconds=10), timedelta(seconds=12)))


def test_a_clock_that_was_set_back_makes_no_run_shorter_than_nothing() -> None:
    (run,) = durations([-5]).runs

    assert run.took == timedelta(0)


def test_many_slow_runs_in_a_row_are_told_from_their_first_one_on() -> None:
    found = slow_since(durations([10] * 20 + [15] * 9))

    assert len(found) == 9
    assert str(found[0].key.timeperiod) == '2026110120'


def test_failures_among_slow_runs_do_not_end_the_row() -> None:
    found = slow_since(durations([10] * 20 + [15] * 4 + [1] + [15] * 5, failed=[24]))

    assert len(found) == 9


def test_few_slow_runs_or_such_as_are_hardly_slower_are_no_matter() -> None:
    assert not slow_since(durations([10] * 20 + [15] * 7))
    assert not slow_since(durations([10] * 20 + [11] * 20))
    assert not slow_since(durations([10] * 20 + [15] * 9 + [10]))


def test_nothing_is_slow_before_it_is_known_what_is_usual() -> None:
    known = durations([99] * 20)

    assert not slow_since(Durations(runs=known.runs, usual=Usual(None, None)))
