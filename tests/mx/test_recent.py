"""The newest changes: many alike are one line, the rare ones are seen."""

from __future__ import annotations

from datetime import timedelta

from synergy.mx.live.read_model import Change
from synergy.mx.live.recent import ALIKE_MAX, folded_changes
from synergy.view.conditions import HELD, PROCESSED, RESTING, Condition
from tests.builders import instant, key

NOW = instant('2026112312')


def change(number: int, process: str, mark: Condition, reason: str | None = None) -> Change:
    at = NOW + timedelta(seconds=number)
    return Change(number, key(f'{process}@2026112312'), at, reason, mark)


def test_runs_of_a_live_interval_do_not_drown_a_failure() -> None:
    failure = change(1, 'SiteHourly', HELD, 'host 7 is away')
    rests = [change(number, 'LiveHourly', RESTING) for number in range(2, 60)]

    lines = folded_changes(reversed([failure, *rests]), 20)

    assert [(line.change, line.more) for line in lines] == [(rests[-1], 57), (failure, 0)]
    assert lines[0].since == rests[0].at


def test_a_few_alike_and_failures_for_different_reasons_stay_apart() -> None:
    few = [change(number, 'SiteHourly', PROCESSED) for number in range(ALIKE_MAX)]
    failures = [
        change(9 + number, 'SiteHourly', HELD, reason)
        for number, reason in enumerate(['host 1 is away', 'disk is full', 'host 2 is away'])
    ]

    lines = folded_changes(reversed([*few, *failures]), 20)

    assert [line.change for line in lines] == [*reversed(failures), *reversed(few)]
    assert len(folded_changes(reversed([*few, *failures]), 4)) == 4
