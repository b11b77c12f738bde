"""What a leader remembers of its rings: for a unit under one fence, while it waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from synergy.core.effects import Announce
from synergy.core.records import Unit, UowId
from synergy.core.states import UnitState
from synergy.core.structs import replace
from synergy.scheduler.rings import Rings
from tests.builders import first_unit, instant, key

NOW = instant('2026112312')
RUNG_AT = NOW - timedelta(seconds=20)
UNIT = first_unit(key('SiteHourly@2026112201'), NOW)


@pytest.fixture
def rings() -> Rings:
    made = Rings()
    made.note([Announce(UNIT.id, UNIT.process)], RUNG_AT)
    return made


def test_a_unit_that_waits_is_seen_as_announced_when_it_was_rung_for(rings: Rings) -> None:
    other = first_unit(key('SiteHourly@2026112202'), NOW)

    seen = rings.see([UNIT, other])

    assert seen == {UNIT.id: replace(UNIT, announced_at=RUNG_AT), other.id: other}
    rings.note([Announce(UNIT.id, UNIT.process)], NOW)
    assert rings.see([UNIT])[UNIT.id].announced_at == NOW


@pytest.mark.parametrize(
    'later',
    [
        replace(UNIT, fence=1),
        replace(UNIT, state=UnitState.IN_PROGRESS),
        replace(UNIT, state=UnitState.IN_PROGRESS, fence=1, announced_at=NOW),
    ],
)
def test_what_has_become_of_a_unit_since_is_not_announced_by_it(rings: Rings, later: Unit) -> None:
    assert rings.see([later]) == {later.id: later}
    assert rings.see([UNIT]) == {UNIT.id: UNIT}, 'nor is it remembered'
    assert rings.unmarked(NOW) == {}


def test_what_is_not_live_any_more_is_forgotten(rings: Rings) -> None:
    rings.see([])

    assert rings.see([UNIT]) == {UNIT.id: UNIT}


def test_a_ring_is_marked_once(rings: Rings) -> None:
    assert rings.unmarked(RUNG_AT - timedelta(seconds=1)) == {}
    assert rings.unmarked(RUNG_AT) == {UNIT.id: RUNG_AT}

    rings.marked([UNIT.id])

    assert rings.unmarked(NOW) == {}
    assert rings.see([UNIT])[UNIT.id].announced_at == RUNG_AT
    rings.note([Announce(UNIT.id, UNIT.process)], NOW)
    assert rings.unmarked(NOW) == {UNIT.id: NOW}


def test_what_was_answered_is_forgotten(rings: Rings) -> None:
    rings.forget([UNIT.id, UowId('other')])

    assert rings.unmarked(NOW) == {}
