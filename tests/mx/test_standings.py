"""Numbers of a process are asked for again when it may stand otherwise, and not too often."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta
from typing import cast

import pytest

from synergy.core.node import Node
from synergy.core.records import ProcessName
from synergy.mx.live.read_model import ReadModel
from synergy.mx.live.standings import BUSY_KEPT, Standing, Standings, kept_while_busy
from tests.builders import instant, two_trees

NOW = instant('2026112500')
LATER = NOW + timedelta(days=9)
NODE = two_trees().nodes[ProcessName('SiteHourly')]


class Model:
    """As much of the read model as standings ask for."""

    is_busy = False
    epoch = 0
    version = 0

    def __init__(self) -> None:
        """Have drawn nothing."""
        self.kept: dict[Hashable, tuple[Hashable, int]] = {}

    def stamp(self, processes: Iterable[ProcessName | None]) -> Hashable:
        """Return what differs once one of `processes` has changed."""
        return self.epoch, *(self.version for _ in processes)

    def drawn(self, what: Hashable, stamp: Hashable, draw: Callable[[], int]) -> int:
        """Return what was drawn; drawn again if the stamp has changed."""
        if self.kept.get(what, (None, 0))[0] != stamp:
            self.kept[what] = (stamp, draw())
        return self.kept[what][1]


class Asked:
    """Standings, and how many times numbers were asked for."""

    def __init__(self) -> None:
        """Know nothing."""
        self.model = Model()
        self.count = 0
        self._standings = Standings()

    def at(self, now: datetime) -> int:
        """Look at an instant; return how many times numbers were asked for until then."""
        standing = self._standings.of(cast('ReadModel', self.model), NODE, now, self._make)
        assert standing.late <= self.count
        return self.count

    def _make(self, _node: Node) -> tuple[Standing, datetime]:
        self.count += 1
        return Standing(late=self.count, blocked=0, is_blocked_least=False, failed=0), LATER


@pytest.mark.parametrize('is_busy', [False, True])
def test_numbers_are_kept_until_something_changes_or_their_time_is_over(is_busy: bool) -> None:
    asked = Asked()
    asked.model.is_busy = is_busy

    assert asked.at(NOW) == 1
    assert asked.at(LATER - timedelta(seconds=1)) == 1
    assert asked.at(LATER) == 2
    # The clock was set back.
    assert asked.at(NOW) == 3


def test_of_a_busy_system_a_change_is_counted_a_moment_later() -> None:
    asked = Asked()
    asked.at(NOW)
    asked.model.version += 1
    asked.model.is_busy = True

    assert asked.at(NOW + BUSY_KEPT - timedelta(milliseconds=1)) == 1
    assert asked.at(NOW + BUSY_KEPT) == 2

    asked.model.version += 1
    assert asked.at(NOW + BUSY_KEPT) == 2
    asked.model.is_busy = False
    assert asked.at(NOW + BUSY_KEPT) == 3


def test_what_changes_everything_is_seen_at_once_of_a_busy_system_too() -> None:
    asked = Asked()
    asked.model.is_busy = True
    asked.at(NOW)
    asked.model.epoch += 1

    assert asked.at(NOW) == 2


def test_what_waits_is_looked_through_for_each_page_but_not_of_a_busy_system() -> None:
    model, made = Model(), iter(range(100))

    def ask(now: datetime, what: str = 'a', stamp: int = 0) -> int:
        return kept_while_busy(cast('ReadModel', model), what, stamp, now, lambda: next(made))

    assert [ask(NOW), ask(NOW)] == [0, 1]
    model.is_busy = True
    assert [ask(NOW), ask(NOW + BUSY_KEPT - timedelta(milliseconds=1))] == [2, 2]
    assert ask(NOW + BUSY_KEPT) == 3
    assert ask(NOW + BUSY_KEPT, what='b') == 4
    assert ask(NOW + BUSY_KEPT, stamp=1) == 5, 'an operator has paused it'
    model.epoch += 1
    assert ask(NOW + BUSY_KEPT, stamp=1) == 6
    model.is_busy = False
    assert ask(NOW + BUSY_KEPT, stamp=1) == 7
