"""The index rebuilt from snapshots and journal is the one that was there; mutants are found."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from synergy.core import past
from synergy.core.journal_pages import PackedLines
from synergy.core.past import PastTimetable, Rebuilding
from synergy.core.structs import replace
from synergy.scheduler.index_snapshots import IndexSnapshots
from synergy.simulation.past import Compared, RecordingWorld, Wanted
from synergy.simulation.runs import simulate
from synergy.view.past import past_at
from tests.depth import deep

SEEDS = deep(1)
INSTANTS = 80
KINDS: list[dict[str, bool]] = [
    {},
    {'with_contexts': True},
    {'with_recuts': True},
    {'with_precedence': True},
]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # So few that one recut takes several commits.
    monkeypatch.setattr('synergy.core.recut.ROWS_PER_BATCH_MAX', 7)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def played(seed: int, kind: dict[str, bool], instants: int = INSTANTS) -> Compared:
    """Play one history, and rebuild its index as of instants drawn by chance."""
    found: list[Compared] = []
    wanted = Wanted(count=instants, rebuild=past_at, done=found.append)
    history = simulate(
        seed,
        world_of=partial(RecordingWorld, wanted=wanted),
        **kind,  # type: ignore[arg-type]
    )
    assert history.broken is None, history
    return found[0]


@pytest.mark.parametrize('kind', KINDS, ids=lambda kind: '-'.join(kind) or 'plain')
def test_what_is_rebuilt_is_what_was_there(kind: dict[str, bool]) -> None:
    found = [played(seed, kind) for seed in range(1, 1 + SEEDS)]

    assert [told for item in found for told in item.differing] == []
    assert sum(item.count for item in found) == SEEDS * INSTANTS


def a_line_is_dropped(patch: pytest.MonkeyPatch) -> None:
    take = Rebuilding.take

    def forgetful(self: Rebuilding, packed: PackedLines, first: int, stop: int) -> None:
        take(self, packed, first, stop - (stop - first > 3))

    patch.setattr(Rebuilding, 'take', forgetful)


def the_snapshot_is_off_by_one(patch: pytest.MonkeyPatch) -> None:
    take = Rebuilding.take

    def hasty(self: Rebuilding, packed: PackedLines, first: int, stop: int) -> None:
        mark = self._opened.mark.number
        take(self, packed, first + (packed.opened.page.first + first == mark + 1), stop)

    patch.setattr(Rebuilding, 'take', hasty)


def held_jobs_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    job_of = past.job_of
    patch.setattr(past, 'job_of', lambda line, **how: job_of(replace(line, is_held=False), **how))


def resets_are_taken_for_fresh(patch: pytest.MonkeyPatch) -> None:
    stand = PastTimetable.stand
    patch.setattr(
        PastTimetable, 'stand', lambda self, job: stand(self, replace(job, request_id=None))
    )


def another_context_makes_no_snapshot(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(IndexSnapshots, 'begin', lambda *_: None)


@pytest.mark.parametrize(
    'mutate',
    [
        a_line_is_dropped,
        the_snapshot_is_off_by_one,
        held_jobs_are_forgotten,
        resets_are_taken_for_fresh,
        another_context_makes_no_snapshot,
    ],
)
@pytest.mark.heavy
def test_a_mutant_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)
    histories = ((seed, kind) for seed in (1, 2) for kind in reversed(KINDS))

    assert any(played(seed, kind, 100).differing for seed, kind in histories)
