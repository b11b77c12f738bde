"""Which requests are offered about many jobs: what would be refused for all of them is not."""

from __future__ import annotations

from itertools import combinations

import pytest

from synergy.core.commands import JOB_KINDS, CommandKind, Only
from synergy.core.states import JobState
from synergy.view.conditions import (
    FAILED,
    FINAL_RUN,
    HELD,
    NOOP,
    PROCESSED,
    QUEUED,
    REPORTED,
    RESTING,
    RETRYING,
    RUNNING,
    SKIPPED,
)
from synergy.view.offers import is_offered, is_within, offers
from synergy.view.standing import Wanted

EMBRYO = JobState.EMBRYO
EVERY: tuple[Wanted, ...] = (
    EMBRYO, RUNNING, FINAL_RUN, QUEUED, RETRYING, REPORTED, RESTING, HELD, FAILED, SKIPPED, NOOP,
    PROCESSED,
)  # fmt: skip


@pytest.mark.parametrize(
    ('found', 'offered'),
    [
        ({}, {}),
        ({EMBRYO: 3}, {'skip': 3}),
        ({SKIPPED: 3}, {'reprocess': 3, 'mark_done': 3}),
        ({FAILED: 3}, {'reprocess': 3, 'mark_done': 3}),
        ({HELD: 3}, {'reprocess': 3, 'skip': 3, 'mark_done': 3}),
        ({HELD: 1, FAILED: 2}, {'reprocess': 3, 'skip': 1, 'mark_done': 3}),
        ({PROCESSED: 3}, {'reprocess': 3}),
        ({NOOP: 3}, {'reprocess': 3}),
        ({RUNNING: 1, QUEUED: 1, RETRYING: 1}, {'cancel': 3}),
        ({REPORTED: 3}, {}),
        ({RESTING: 3}, {'skip': 3}),
        ({PROCESSED: 95, SKIPPED: 3, EMBRYO: 2}, {'reprocess': 98, 'skip': 2}),
        ({PROCESSED: 95, RUNNING: 5}, {'reprocess': 100, 'cancel': 5}),
        ({EMBRYO: 5, QUEUED: 2}, {'cancel': 2, 'skip': 7}),
    ],
)
def test_what_is_offered_follows_from_what_was_found(
    found: dict[Wanted, int], offered: dict[str, int]
) -> None:
    assert {offer.kind.value: offer.count for offer in offers(found)} == offered


@pytest.mark.parametrize('size', [1, 2, 3])
def test_what_is_offered_changes_something_and_no_more_than_was_found(size: int) -> None:
    for standings in combinations(EVERY, size):
        found = offers(dict.fromkeys(standings, 2))

        assert all(0 < offer.count <= 2 * size for offer in found)
        assert {offer.kind for offer in found} <= JOB_KINDS
        # What is final is not skipped, what has not begun is not run again.
        if set(standings) <= {SKIPPED, FAILED, PROCESSED, NOOP}:
            assert CommandKind.SKIP not in {offer.kind for offer in found}
        if set(standings) == {EMBRYO}:
            assert [offer.kind for offer in found] == [CommandKind.SKIP]


@pytest.mark.parametrize('only', list(Only))
def test_skipped_ones_alone_are_not_offered_to_be_skipped(only: Only) -> None:
    assert is_offered(CommandKind.SKIP, only) == (only is not Only.SKIPPED)
    assert is_offered(CommandKind.REPROCESS, only)


def test_an_ordinal_is_looked_for_in_ranges() -> None:
    runs = [range(2, 4), range(7, 8)]

    assert [at for at in range(10) if is_within(runs, at)] == [2, 3, 7]
    assert not is_within([], 3)
