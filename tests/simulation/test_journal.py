"""The journal where commits break off: what they leave out is added, and mutants are found."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection

import pytest

from synergy.adapters.sqlite import saves
from synergy.adapters.sqlite.journal import add_page
from synergy.core import effects
from synergy.core.effects import AddPage, Save
from synergy.core.journal import JournalPage
from synergy.core.journal_pages import lines_of
from synergy.scheduler.journal import Journaling
from synergy.simulation.monitor import Monitor
from synergy.simulation.runs import simulate

#: A mutant must be found within so many histories.
SEEDS_FOR_MUTANTS = 20


def test_lines_that_torn_commits_have_left_out_are_added(monkeypatch: pytest.MonkeyPatch) -> None:
    causes: list[str] = []
    check = Monitor.check_journal

    def counting(self: Monitor) -> None:
        check(self)
        for page in self.store.journal_pages(0, 10_000):
            causes.extend(line.cause.kind.name for line in lines_of(page))

    monkeypatch.setattr(Monitor, 'check_journal', counting)

    assert [simulate(seed).broken for seed in range(3)] == [None] * 3

    assert causes.count('REPAIR') > 0
    assert causes.count('UNIT') > 100


def nobody_repairs(patch: pytest.MonkeyPatch) -> None:
    """Leave out what a torn commit has left out."""
    patch.setattr(Journaling, '_missing', lambda *_: ())


def a_number_is_used_twice(patch: pytest.MonkeyPatch) -> None:
    """Write over the last page, now and then, as two leaders would without a condition."""

    def write_over(connection: Connection, page: JournalPage) -> bool:
        connection.execute('DELETE FROM journal WHERE first >= ?', (page.first,))
        return add_page(connection, page)

    patch.setattr(saves, 'add_page', write_over)
    added = Journaling.added

    def forgetful(self: Journaling, last: int, count: int) -> None:
        added(self, last, 0 if last % 50 == 7 else count)

    patch.setattr(Journaling, 'added', forgetful)


def lines_come_first(patch: pytest.MonkeyPatch) -> None:
    """Write a page before what it tells, which may then be refused."""
    stage = effects._stage
    patch.setattr(effects, '_stage', lambda save: -1 if isinstance(save, AddPage) else stage(save))


def some_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    """Commit without a page, now and then."""
    with_page = Journaling.with_page

    def forgetful(self: Journaling, changed: list[Save], *rest: object) -> object:
        return (changed, 0) if len(changed) == 5 else with_page(self, changed, *rest)  # type: ignore[arg-type]

    patch.setattr(Journaling, 'with_page', forgetful)


@pytest.mark.parametrize(
    'mutate', [nobody_repairs, a_number_is_used_twice, lines_come_first, some_are_forgotten]
)
def test_a_mutant_of_the_journal_is_found(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    mutate(monkeypatch)

    broken = next(filter(None, (simulate(seed).broken for seed in range(SEEDS_FOR_MUTANTS))), None)

    assert broken is not None, 'the simulation did not notice'
    assert broken.startswith('I10 '), broken
